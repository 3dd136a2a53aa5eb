"""Invented news for near-duplicates and stories: events, articles on them, variants of a text.

Everything follows from a seed.  An :class:`Event` is a happening of one *kind* with
names and numbers of its own; :func:`article` tells it in its own words, so that two
articles of one event share names, numbers and vocabulary but hardly a phrase, and two
events of one kind share vocabulary alone.  ``VARIANTS`` are the ways in which one text
becomes another that is still the same piece of work.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from schemas.article import Entity, EntityType, RawArticle
from services.enrichment.annotators.base import Draft
from tests.factories import NOON, article_id, drop_id, make_drop, make_raw, mentions

if TYPE_CHECKING:
    from collections.abc import Callable


def _list(text: str) -> tuple[str, ...]:
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
        _list(
            "tremor rubble aftershock survivor building hospital tent bridge village shelter crack "
            "wall excavator helicopter blanket volunteer landslide hillside generator epicentre"
        ),
        _list("shook collapsed buried damaged flattened toppled rescued evacuated searched dug"),
        _list("strong shallow injured homeless frightened collapsed cracked remote cold trapped"),
        (
            "A magnitude {decimal} earthquake struck near {place} on {day}, killing at least "
            "{count} people",
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
        _list(
            "ballot vote candidate coalition parliament seat campaign poll turnout opposition "
            "party "
            "majority constituency observer recount manifesto voter district debate mandate"
        ),
        _list("voted campaigned conceded promised won lost counted rejected endorsed governed"),
        _list("narrow conservative liberal undecided rural disputed outgoing early rival popular"),
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
        _list(
            "goal penalty striker keeper midfield referee stadium supporter trophy season "
            "coach bench "
            "corner header defender whistle dressing-room league substitute crossbar"
        ),
        _list("scored saved headed passed tackled equalised dribbled shot missed celebrated"),
        _list("unbeaten late brilliant tired visiting injured noisy crowded decisive early"),
        (
            "{person} scored {small} minutes before the end as {org} beat {rival} in {place}",
            "{rival} had led through {second} at half time",
            "{person} of {org} was named player of the match in front of {count} hundred "
            "supporters",
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
        _list(
            "court judge jury witness lawyer prosecutor verdict defendant evidence sentence fraud "
            "appeal bribe invoice testimony prison charge document indictment accountant"
        ),
        _list(
            "testified pleaded charged sentenced denied appealed acquitted accused bribed argued"
        ),
        _list("guilty forged secret offshore former senior suspended key federal corrupt"),
        (
            "A court in {place} sentenced {person} to {small} years in prison for fraud at {org}",
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
        _list(
            "share merger bid takeover board profit shareholder regulator debt market bank revenue "
            "investor quarter dividend factory brand premium chief analyst"
        ),
        _list("offered bought sold rejected raised financed merged valued approved invested"),
        _list("hostile listed profitable indebted cautious rival quarterly global cheap friendly"),
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
        _list(
            "union wage strike worker picket depot railway driver timetable negotiation employer "
            "overtime pension contract commuter platform tram shift walkout arbitration"
        ),
        _list(
            "walked demanded negotiated stopped cancelled picketed refused bargained paid marched"
        ),
        _list("striking stranded indefinite unpaid angry weekly nightly regional packed bitter"),
        (
            "Drivers of {org} stopped work in {place} on {day} over {small} months of unpaid "
            "overtime",
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

NOUNS = _list(
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
VERBS = _list(
    "described remembered explained expected welcomed criticised ignored repaired noticed avoided "
    "discussed repeated measured followed collected supported doubted prepared mentioned compared "
    "praised questioned postponed published examined translated recalled admired cleaned counted"
)
ADJECTIVES = _list(
    "old small quiet local narrow wooden heavy bright empty public private distant familiar gentle "
    "patient nervous careful cheerful curious deep dusty eager faint famous fragile grey "
    "hollow humble "
    "idle modest muddy northern odd pale plain proud rough rusty shallow shy silver sleepy "
    "southern steep "
    "sturdy tall thin tidy vast wet young"
)
ADVERBS = _list(
    "slowly quickly openly quietly later again meanwhile eventually reluctantly carefully "
    "briefly twice "
    "rarely gladly loudly almost nearly often suddenly firmly"
)
DAYS = _list("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_FIRST = _list(
    "Ana Boris Clara Dimitri Elsa Farid Greta Hugo Irena Jonas Katya Luis Mira Nils Olga Pavel "
    "Rosa "
    "Stefan Tara Viktor Wanda Yusuf Zora Emil"
)
_SYLLABLES = _list(
    "ba den kor lun mar nes ol per rin sal tor ul ven wick zan hol fri gar tes mil bor quen "
    "dra sho "
    "vel nim cra pul"
)
_ORGS = ("{0} Institute", "{0} Union", "{0} Group", "{0} Agency", "{0} United", "{0} Railways")
_PATTERNS = (
    "The {adj} {noun} {verb} the {knoun} of the {adj2} {noun2} {adv}",
    "{adv}, a {kadj} {knoun} {kverb} near the {noun} that {person} {verb}",
    "Nobody {verb} the {kadj} {knoun} before the {adj} {noun} {kverb}",
    "{person} {adv} {verb} how the {knoun} {kverb} behind a {adj} {noun}",
    "A {noun} and a {adj} {noun2} {verb} {small} {knoun} reports, {second} said",
    "“The {knoun} {kverb} our {adj} {noun},” {person} told {org}, “and the {noun2} {verb} it "
    "{adv}.”",
    "In {place} the {kadj} {knoun} {verb} every {noun} and {adv} the {adj} {noun2}",
    "It was the {small}th {knoun} that {org} {adv} {verb} for a {adj} {noun}",
    "What {second} {verb} as a {adj} {noun} was {adv} a {kadj} {knoun}",
    "Those who {verb} the {noun} in {other} {kverb} a {adj2} {knoun2} and a {noun2}",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One happening. ``names``: what slot of a sentence is which name, and of what type."""

    kind: Kind
    names: dict[str, tuple[str, EntityType]]
    numbers: dict[str, str]
    at: datetime

    @property
    def fillings(self) -> dict[str, str]:
        """Names and numbers by slot."""
        return {slot: name for slot, (name, _) in self.names.items()} | self.numbers


@dataclass(frozen=True, slots=True)
class Piece:
    """An article: its words, and the names in it with their types."""

    number: int
    headline: str
    paragraphs: tuple[str, ...]
    names: tuple[tuple[str, EntityType], ...] = ()
    provider: str = "Example Wire"
    at: datetime = field(default=NOON)

    @property
    def words(self) -> int:
        """Words of the body."""
        return sum(len(paragraph.split()) for paragraph in self.paragraphs)

    def raw(self) -> RawArticle:
        """The article as ingest publishes it."""
        return make_raw(
            drop=make_drop(drop_id=drop_id(self.number), received_at=self.at),
            article_id=article_id(self.number),
            headline=self.headline,
            standfirst=None,
            body=self.paragraphs,
            provider=self.provider,
            published_at=self.at,
        )

    def draft(self) -> Draft:
        """The article with its names found, as the annotators of kin get it."""
        raw = self.raw()
        return Draft(raw, entities=_entities(raw.text, self.names))


def _entities(text: str, names: tuple[tuple[str, EntityType], ...]) -> tuple[Entity, ...]:
    found = [(name, kind, mentions(text, name)) for name, kind in names]
    whole = sum(len(places) for _, _, places in found) or 1
    return tuple(
        Entity(
            key=f"{kind.lower()}:{name.lower()}",
            name=name,
            type=kind,
            mentions=places,
            count=len(places),
            salience=round(len(places) / whole, 3),
        )
        for name, kind, places in sorted(found, key=lambda one: one[2][0].start if one[2] else 0)
        if places
    )


def chance_of(*seed: object) -> random.Random:
    """A source of chance that is the same for the same arguments, in every process."""
    return random.Random("|".join(map(str, seed)))  # noqa: S311  # no secret hangs on it


def _name(chance: random.Random, syllables: int = 3) -> str:
    return "".join(chance.choices(_SYLLABLES, k=syllables)).title()


def event(seed: int, kind: Kind | None = None, at: datetime = NOON) -> Event:
    """The ``seed``-th happening; of a kind by chance where none is given."""
    chance = chance_of("event", seed)
    org = chance.choice(_ORGS)
    return Event(
        kind=kind or chance.choice(KINDS),
        names={
            "person": (f"{chance.choice(_FIRST)} {_name(chance)}", "PERSON"),
            "second": (f"{chance.choice(_FIRST)} {_name(chance)}", "PERSON"),
            "place": (_name(chance, 2), "GPE"),
            "other": (_name(chance, 2), "GPE"),
            "org": (org.format(_name(chance, 2)), "ORG"),
            "rival": (org.format(_name(chance, 2)), "ORG"),
        },
        numbers={
            "decimal": f"{chance.randint(5, 8)}.{chance.randint(0, 9)}",
            "count": str(chance.randint(20, 900)),
            "small": str(chance.randint(2, 19)),
        },
        at=at,
    )


def _sentence(happening: Event, chance: random.Random, facts: list[str]) -> str:
    kind = happening.kind
    # A third are facts of the event, as long as there are any: news is mostly background.
    pattern = facts.pop() if facts and chance.random() < 0.35 else chance.choice(_PATTERNS)
    filled = pattern.format(
        **happening.fillings,
        day=chance.choice(DAYS),
        noun=chance.choice(NOUNS),
        noun2=chance.choice(NOUNS),
        adj=chance.choice(ADJECTIVES),
        adj2=chance.choice(ADJECTIVES),
        adv=chance.choice(ADVERBS),
        verb=chance.choice(VERBS),
        knoun=chance.choice(kind.nouns),
        knoun2=chance.choice(kind.nouns),
        kverb=chance.choice(kind.verbs),
        kadj=chance.choice(kind.adjectives),
    )
    return filled[0].upper() + filled[1:] + ("" if filled.endswith("”") else ".")


def article(happening: Event, number: int, words: int = 400, hours: float = 0.0) -> Piece:
    """The ``number``-th article of all, on this event, ``hours`` after it: at least ``words`` "
    "long.
    """
    chance = chance_of("article", number)
    facts = list(happening.kind.facts)
    chance.shuffle(facts)
    lead = facts.pop().format(**happening.fillings, day=chance.choice(DAYS)) + "."
    paragraphs, written = [lead], len(lead.split())
    while written < words:
        sentences = [_sentence(happening, chance, facts) for _ in range(chance.randint(1, 4))]
        paragraphs.append(" ".join(sentences))
        written += len(paragraphs[-1].split())
    return Piece(
        number=number,
        headline=chance.choice(happening.kind.headlines).format(**happening.fillings),
        paragraphs=tuple(paragraphs),
        names=tuple(happening.names.values()),
        provider=f"House {chance.randint(1, 9)}",
        at=happening.at + timedelta(hours=hours),
    )


def cut(piece: Piece, chance: random.Random) -> Piece:
    """Its first 35 to 80 percent, as editors cut from the end."""
    left = int(piece.words * chance.uniform(0.35, 0.8))
    kept: list[str] = []
    for paragraph in piece.paragraphs:
        words = paragraph.split()[:left]
        if not words:
            break
        kept.append(" ".join(words))
        left -= len(words)
    return replace(piece, paragraphs=tuple(kept))


def edited(piece: Piece, chance: random.Random) -> Piece:
    """5 to 15 percent of its words replaced, left out or followed by another one."""
    rate = chance.uniform(0.05, 0.15)

    def edit(word: str) -> list[str]:
        if chance.random() >= rate:
            return [word]
        new = chance.choice((*NOUNS, *ADJECTIVES, *ADVERBS))
        return chance.choice(([new], [new], [], [word, new]))

    def of(paragraph: str) -> str:
        return " ".join(new for word in paragraph.split() for new in edit(word))

    return replace(piece, paragraphs=tuple(map(of, piece.paragraphs)))


BOILERPLATE = (
    "Sign up for our morning letter and get the five stories that matter in your inbox every day.",
    "All rights reserved. This material may not be published, broadcast, rewritten or passed on.",
    "Read more: what we know so far. Follow our reporters and share this page with your friends.",
    "Our journalism is paid for by readers like you; support us from three euros a month.",
    "The views expressed are the author's own and not necessarily those of the publisher.",
    "Additional reporting by our correspondents; editing by the night desk. Corrections: see "
    "below.",
)


def boilerplate(piece: Piece, chance: random.Random) -> Piece:
    """Its house's notices above and below."""
    lines = chance.sample(BOILERPLATE, chance.randint(2, 4))
    return replace(piece, paragraphs=(lines[0], *piece.paragraphs, *lines[1:]))


def shuffled(piece: Piece, chance: random.Random) -> Piece:
    """Its paragraphs in another order."""
    order = list(piece.paragraphs)
    chance.shuffle(order)
    return replace(piece, paragraphs=tuple(order))


def extracted_again(piece: Piece, chance: random.Random) -> Piece:
    """As another extractor gives it: marks, spaces, ligatures, case and paragraphs differ."""
    swaps = {
        "“": '"',
        "”": '"',
        ",": chance.choice((",", " ,", ", ")),
        "fi": "ﬁ",
        "fl": "ﬂ",
        "'": "’",
    }

    def of(paragraph: str) -> str:
        for old, new in swaps.items():
            paragraph = paragraph.replace(old, new)
        paragraph = paragraph.replace(" ", chance.choice(("  ", "\u00a0", "\n", " ")))
        return paragraph.upper() if chance.random() < 0.2 else paragraph

    half = len(piece.paragraphs) // 2
    joined = (" ".join(piece.paragraphs[:half]), *piece.paragraphs[half:])
    return replace(piece, paragraphs=tuple(of(one) for one in joined if one))


def new_headline(piece: Piece, chance: random.Random) -> Piece:
    """Another house's headline and name, a byline in front."""
    headline = " ".join(chance.choices((*NOUNS, *ADJECTIVES), k=8)).capitalize()
    byline = f"By {chance.choice(_FIRST)} {_name(chance)}"
    return replace(
        piece,
        headline=headline,
        paragraphs=(byline, *piece.paragraphs),
        provider=f"Paper {chance.randint(1, 99)}",
    )


VARIANTS: dict[str, Callable[[Piece, random.Random], Piece]] = {
    "cut": cut,
    "edited": edited,
    "boilerplate": boilerplate,
    "shuffled": shuffled,
    "extracted again": extracted_again,
    "new headline": new_headline,
}


def variant(piece: Piece, name: str, number: int) -> Piece:
    """The article ``number``, made of ``piece`` in the way of that name, an hour later."""
    made = VARIANTS[name](piece, chance_of(name, piece.number, number))
    return replace(made, number=number, at=piece.at + timedelta(hours=1))
