"""What invented news is made of: kinds of happenings, words, sentences, notices of houses."""

from __future__ import annotations

from dataclasses import dataclass


def words_of(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@dataclass(frozen=True, slots=True)
class Kind:
    """What all events of a kind are told with: nouns, verbs (past), adjectives, sentences."""

    name: str
    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    adjectives: tuple[str, ...]
    facts: tuple[str, ...]
    headlines: tuple[str, ...]


KINDS = (
    Kind(
        "earthquake",
        words_of(
            "tremor rubble aftershock survivor building hospital tent bridge village shelter crack "
            "wall excavator helicopter blanket volunteer landslide hillside generator epicentre"
        ),
        words_of("shook collapsed buried damaged flattened toppled rescued evacuated searched dug"),
        words_of(
            "strong shallow injured homeless frightened collapsed cracked remote cold trapped"
        ),
        (
            "A magnitude {decimal} quake struck near {place} on {day}, killing {count} people",
            "Rescuers in {place} pulled {small} survivors from the rubble, {person} of {org} said",
            "The quake damaged {count} houses in {place} and in neighbouring {other}",
            "{person}, who leads {org}, asked for tents and blankets for {other}",
            "Seismologists at {org} measured {small} aftershocks around {place}",
        ),
        (
            "Earthquake kills {count} near {place}",
            "Rescuers search the rubble of {place}",
            "{place} quake: {person} asks for help",
        ),
    ),
    Kind(
        "election",
        words_of(
            "ballot vote candidate coalition parliament seat campaign poll turnout opposition "
            "party "
            "majority constituency observer recount manifesto voter district debate mandate"
        ),
        words_of("voted campaigned conceded promised won lost counted rejected endorsed governed"),
        words_of(
            "narrow conservative liberal undecided rural disputed outgoing early rival popular"
        ),
        (
            "{person} won the election in {place} with {small} percent of the vote",
            "Turnout in {place} and {other} reached {count} thousand, {org} said",
            "{second} conceded defeat to {person} on {day}",
            "{org} takes {small} seats in the parliament of {place}",
            "Observers in {other} reported {small} complaints about the count",
        ),
        (
            "{person} wins the vote in {place}",
            "{place} goes to the polls",
            "{second} concedes to {person}",
        ),
    ),
    Kind(
        "match",
        words_of(
            "goal penalty striker keeper midfield referee stadium supporter trophy season "
            "coach bench "
            "corner header defender whistle dressing-room league substitute crossbar"
        ),
        words_of("scored saved headed passed tackled equalised dribbled shot missed celebrated"),
        words_of("unbeaten late brilliant tired visiting injured noisy crowded decisive early"),
        (
            "{person} scored {small} minutes before the end as {org} beat {rival} in {place}",
            "{rival} had led through {second} at half time",
            "{person} of {org} was named player of the match before {count} hundred supporters",
            "{org} now meet {other} in the quarterfinal on {day}",
            "{second} missed a penalty for {rival} in {place}",
        ),
        (
            "{org} beat {rival} in {place}",
            "{person} sends {org} into the quarterfinal",
            "{rival} go out after a penalty by {second}",
        ),
    ),
    Kind(
        "trial",
        words_of(
            "court judge jury witness lawyer prosecutor verdict defendant evidence sentence fraud "
            "appeal bribe invoice testimony prison charge document indictment accountant"
        ),
        words_of(
            "testified pleaded charged sentenced denied appealed acquitted accused bribed argued"
        ),
        words_of("guilty forged secret offshore former senior suspended key federal corrupt"),
        (
            "A court in {place} gave {person} {small} years in prison for fraud at {org}",
            "{second}, once the accountant of {org}, testified against {person}",
            "Prosecutors said that {person} had moved {count} million through {other}",
            "The lawyer of {person} will appeal, he said in {place} on {day}",
            "{org} lost {count} million in the affair",
        ),
        (
            "{person} gets {small} years for fraud at {org}",
            "Court in {place} hears {second}",
            "Verdict against {person} of {org}",
        ),
    ),
    Kind(
        "merger",
        words_of(
            "share merger bid takeover board profit shareholder regulator debt market bank revenue "
            "investor quarter dividend factory brand premium chief analyst"
        ),
        words_of("offered bought sold rejected raised financed merged valued approved invested"),
        words_of(
            "hostile listed profitable indebted cautious rival quarterly global cheap friendly"
        ),
        (
            "{org} offered {count} million for {rival}, the maker from {place}",
            "{person}, chief executive of {org}, called the price fair on {day}",
            "Shares of {rival} rose {small} percent in {other}",
            "{second} of {rival} told shareholders to reject the bid",
            "Regulators in {place} will look at the takeover of {rival}",
        ),
        (
            "{org} bids for {rival}",
            "{rival} rejects {org}",
            "{person} defends the takeover of {rival}",
        ),
    ),
    Kind(
        "strike",
        words_of(
            "union wage strike worker picket depot railway driver timetable negotiation employer "
            "overtime pension contract commuter platform tram shift walkout arbitration"
        ),
        words_of(
            "walked demanded negotiated stopped cancelled picketed refused bargained paid marched"
        ),
        words_of("striking stranded indefinite unpaid angry weekly nightly regional packed bitter"),
        (
            "Drivers of {org} stopped work in {place} on {day} over {small} months of overtime",
            "{person} of the union demanded {small} percent more for {count} workers",
            "{second}, who speaks for {org}, called the walkout in {other} irresponsible",
            "Trains between {place} and {other} were cancelled for {count} thousand commuters",
            "Talks of {org} with {person} failed after {small} hours",
        ),
        (
            "Strike stops {org} in {place}",
            "{person}: {count} workers walk out at {org}",
            "Talks at {org} fail",
        ),
    ),
)

NOUNS = words_of(
    "morning question answer report neighbour street letter family school teacher farmer "
    "harvest river "
    "engine kitchen garden window history lesson meeting office number picture promise reason "
    "result "
    "signal silence story summer winter theatre ticket travel trouble voice weather weekend "
    "writer yard "
    "anniversary archive balcony bakery candle carpet ceiling corridor curtain festival ladder "
    "lantern "
    "library market mirror museum orchard parcel pavement pharmacy pillow postcard queue "
    "rainbow recipe "
    "rooftop satchel shelf staircase suitcase thunder umbrella valley violin waiter warehouse "
    "whistle"
)
VERBS = words_of(
    "described remembered explained expected welcomed criticised ignored repaired noticed avoided "
    "discussed repeated measured followed collected supported doubted prepared mentioned compared "
    "praised questioned postponed published examined translated recalled admired cleaned counted"
)
ADJECTIVES = words_of(
    "old small quiet local narrow wooden heavy bright empty public private distant familiar gentle "
    "patient nervous careful cheerful curious deep dusty eager faint famous fragile grey "
    "hollow humble "
    "idle modest muddy northern odd pale plain proud rough rusty shallow shy silver sleepy "
    "southern steep "
    "sturdy tall thin tidy vast wet young"
)
ADVERBS = words_of(
    "slowly quickly openly quietly later again meanwhile eventually reluctantly carefully "
    "briefly twice "
    "rarely gladly loudly almost nearly often suddenly firmly"
)
DAYS = words_of("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
FIRST = words_of(
    "Ana Boris Clara Dimitri Elsa Farid Greta Hugo Irena Jonas Katya Luis Mira Nils Olga Pavel "
    "Rosa "
    "Stefan Tara Viktor Wanda Yusuf Zora Emil"
)
SYLLABLES = words_of(
    "ba den kor lun mar nes ol per rin sal tor ul ven wick zan hol fri gar tes mil bor quen "
    "dra sho "
    "vel nim cra pul"
)
ORGS = ("{0} Institute", "{0} Union", "{0} Group", "{0} Agency", "{0} United", "{0} Railways")
PATTERNS = (
    "The {adj} {noun} {verb} the {knoun} of the {adj2} {noun2} {adv}",
    "{adv}, a {kadj} {knoun} {kverb} near the {noun} that {person} {verb}",
    "Nobody {verb} the {kadj} {knoun} before the {adj} {noun} {kverb}",
    "{person} {adv} {verb} how the {knoun} {kverb} behind a {adj} {noun}",
    "A {noun} and a {adj} {noun2} {verb} {small} {knoun} reports, {second} said",
    "“The {knoun} {kverb} our {adj} {noun},” {person} told {org}, “and a {noun2}.”",
    "In {place} the {kadj} {knoun} {verb} every {noun} and {adv} the {adj} {noun2}",
    "It was the {small}th {knoun} that {org} {adv} {verb} for a {adj} {noun}",
    "What {second} {verb} as a {adj} {noun} was {adv} a {kadj} {knoun}",
    "Those who {verb} the {noun} in {other} {kverb} a {adj2} {knoun2} and a {noun2}",
)


BOILERPLATE = (
    "Sign up for our morning letter and get the five stories that matter in your inbox every day.",
    "All rights reserved. This material may not be published, broadcast, rewritten or passed on.",
    "Read more: what we know so far. Follow our reporters and share this page with your friends.",
    "Our journalism is paid for by readers like you; support us from three euros a month.",
    "The views expressed are the author's own and not necessarily those of the publisher.",
    "Additional reporting by our correspondents; editing by the night desk.",
)
