"""What invented news is about: six subjects, each with its own people, firms and sentences."""
# ruff: noqa: E501  # a sentence is a line

from __future__ import annotations

from tests.bench.news_words import Subject, lines_of

COURTS = Subject(
    roles=lines_of("""
        prosecutor
        defence lawyer
        Judge
        former banker
        witness
        chief inspector
        accountant
        legal historian
    """),
    organisations=lines_of("""
        the Supreme Court
        Deutsche Bank
        Interpol
        HSBC
        the International Court of Justice
        Lakeside Insurance
        Barclays
        Meridian Trust
        Harlow and Finch
    """),
    headlines=lines_of("""
        Trial over {nation} accounts opens in {city} with a plea of not guilty
        {city} court hears of missing ledgers as {country} waits for a verdict
        Judges in {country} free banker whom {city} wanted to see in prison
        Witness from {village} changes the course of fraud trial in {city}
    """),
    leads=lines_of("""
        A court in {city} has begun to hear the case of {person}, whose {nation} customers say that their savings vanished in {village}.
        The trial of {person} for fraud opened in {city} on {day} with the story of a burned ledger, found in the town of {village}.
    """),
    sentences=lines_of("""
        {person} told the court in {city} on {day} that {org} had known about the {nation} accounts from the beginning{aside}.
        The judges in {city} must now decide whether the case, which began in {country} in {year}, can be heard together with that of {person}.
        Investigators from {country} and {country} searched a {thing} and {number} offices in {city} and took away the papers of {org}.
        {person} denies all the charges and moved to {village} shortly after the {nation} authorities had asked for the arrest of {person}.
        According to the indictment, {person} and {person} met in {city} to divide {sum} that {nation} customers had paid.
        A witness from {country} said that {person} had burned the ledgers of the {nation} branch in a {kind} {thing} in {village}{aside}.
        {org} wants the money back, and its lawyers have asked a court in {country} to freeze what {person} owns in {city}.
        If convicted, {person} faces a long time in a {nation} prison; a ruling of {org} is expected in {month}.
    """),
    says=lines_of("""
        The court will see that the money never left {country}
        My client has answered every question that the {nation} police asked
        A signature is a signature, in {city} as in {village}
        The victims deserve to hear a verdict and not another adjournment
        We will appeal, and if we must we will appeal again
    """),
)

SPORT = Subject(
    roles=lines_of("""
        coach
        striker
        captain
        goalkeeper
        midfielder
        club president
        referee
        team doctor
    """),
    organisations=lines_of("""
        FIFA
        UEFA
        Liverpool
        Ajax
        Benfica
        the International Olympic Committee
        Harbour Rovers
        Northgate Athletic
        Lakeside Rangers
    """),
    headlines=lines_of("""
        Late goal in {city} keeps {nation} hopes alive
        {country} beat {country} in {city} after a goalless first half
        Captain from {village} to miss the final in {city}
        {city} celebrates as {nation} champions lose at home
    """),
    leads=lines_of("""
        {person}, who learned to play in the streets of {village}, scored twice in {city} on {day} as {country} beat {country} in front of {number} spectators.
        A goal in the last minute by {person}, the youngest player ever to come from {village}, has sent {country} to the final in {city}.
    """),
    sentences=lines_of("""
        {person} headed the equaliser after a corner from {person}, the ball came back from the roof of a {thing}, and the {nation} supporters who had come from {city} fell silent{aside}.
        The {nation} team, unbeaten so far, will meet {country} in {city} on {day} without {person}, whose knee is still swollen.
        {org} offered {sum} for {person} in {month}, but the club wants the {nation} international to stay until {year}.
        In the second half {country} had most of the play, hit the post twice and lost {person} to a second yellow card.
        {person}, born in {village}, played for {org} in {city} until {year} and has since worked with {nation} juniors{aside}.
        The defeat leaves {country} {few} points behind {country}, with only the match in {city} still to play.
        {org} will look into the scenes in {city}, where {nation} fans threw flares at a {thing} and {number} seats were torn out.
        It was the {few}th title for {person}, who had lost finals in {city} and, as a player, against {country}.
    """),
    says=lines_of("""
        We played like {country} in the first half and like a school team in the second
        The lads gave everything, and {city} was behind us from the first minute
        I saw the ball late, I stretched out a leg, and then everybody was shouting
        {person} is the best {nation} player I have ever trained
        One match is nothing, we have lost in {city} before and come back
    """),
)

ECONOMY = Subject(
    roles=lines_of("""
        chief executive
        economist
        analyst
        finance minister
        union leader
        central banker
        shareholder
        plant manager
    """),
    organisations=lines_of("""
        Siemens
        Airbus
        Volkswagen
        Renault
        Allianz
        Baltic Shipyards
        Corvane Steel
        Samsung
        Nokia
    """),
    headlines=lines_of("""
        Plant in {village} to close as {nation} orders fall
        {country} raises rates for the third time, markets in {city} shrug
        Shares slide in {city} after warning from {country}
        {nation} exports recover, but {city} doubts that it will last
    """),
    leads=lines_of("""
        {org} will close its works in {village} in {month} and move production to {country}, {person} told investors in {city} on {day}.
        Prices in {country} rose by {percent} percent in {month}, more than {person} had forecast, and the market square of {village} shows what that means.
    """),
    sentences=lines_of("""
        Shares of {org} fell by {percent} percent in {city} on {day}, a loss that {person} described to {nation} investors as temporary.
        {person} expects {country} to grow by {percent} percent next year, half as fast as {country}, if exports to {region} recover{aside}.
        The {nation} government has put aside {sum} for firms like {org}, which employs {number} people in {city} and around {village}.
        Rates in {country} have been rising for a while, and {person} sees no reason for {city} to change course{aside}.
        Workers from {village} blocked the {thing} and the {kind} {thing} until {person} had promised that {org} would look for a {nation} buyer.
        {org} had bought the {nation} works from {person} in {year} for {sum} and never made a profit with it{aside}.
        Trade between {country} and {country} is worth {sum} a year, most of it from a {thing} here and a {thing} there, and shipped through {city}.
        In {city}, {person} and {person} could not agree on how the {nation} losses of {org} were to be shared.
    """),
    says=lines_of("""
        Nobody builds a factory in {country} for a single year
        The {nation} economy is stronger than its currency looks today
        We cannot sell at these prices, and we cannot buy at them either
        {city} has got used to cheap money, and that time is over
        Half of our young people have left for {country} already
    """),
)

WEATHER = Subject(
    roles=lines_of("""
        mayor
        fire chief
        forecaster
        farmer
        hydrologist
        rescue worker
        governor
        teacher
    """),
    organisations=lines_of("""
        the Met Office
        the Coast Guard
        Harbour Union
        the Civil Protection Agency
        Northern Ferries
        Save the Children
        the Alpine Rescue Service
        Lowland Water
        the Mountain Club
    """),
    headlines=lines_of("""
        Storm cuts off {village}, ferries to {country} cancelled
        Worst flood since {year} reaches {city}
        {nation} helpers arrive in {city} as rivers keep rising
        Snow closes roads from {city} to {country} for a third day
    """),
    leads=lines_of("""
        The storm that struck {country} on {day} has cut off {village}, damaged {number} houses and left parts of {city} without water, {person} said.
        Rivers kept rising in {country} on {day}, and in {village}, whose bridge is gone, {person} spoke of the worst flood since {year}.
    """),
    sentences=lines_of("""
        Nobody was hurt in {city}, but {number} ferries between {country} and {country} were cancelled, {org} said.
        According to {person}, the repairs will take until {month} and cost {sum}, twice as much as after the {nation} floods of {year}.
        {person} met families from {village} in a {kind} {thing} in {city}, where {nation} volunteers were handing out blankets{aside}.
        Winds of {number} kilometres an hour tore the roof from a {kind} {thing} in {village} and toppled a crane in {city}{aside}.
        {country} has offered {number} pumps and {country} two helicopters, which {person} said were needed most in the hills above {village}.
        Over {region} the low will weaken on {day}, {person} expects, but rain will go on in {country} and reach {city}.
        {org} had warned {city} that the {nation} dykes were too low, a warning that {person} says never arrived.
        The road from {city} to {village} will stay closed, and {person} asked drivers from {country} to turn back at {city}.
    """),
    says=lines_of("""
        The water came at four in the morning, and by five the street was gone
        We carried the old people out of {village} on our backs
        {city} has pumps, {country} has pumps, and we have buckets
        I have farmed here all my life and have never seen anything like it
        Stay at home, and if you must go to {city}, go by train
    """),
)

ELECTIONS = Subject(
    roles=lines_of("""
        Prime Minister
        opposition leader
        President
        pollster
        party spokesman
        Foreign Minister
        election observer
        political scientist
    """),
    organisations=lines_of("""
        NATO
        the Election Commission
        OECD
        the Labour Party
        the Green Party
        the Constitutional Court
        the Farmers' League
        the Civic Alliance
        the Liberal Union
    """),
    headlines=lines_of("""
        {nation} voters go to the polls with {city} undecided
        Opposition in {country} claims victory, {city} counts again
        Minister from {country} resigns after speech in {city}
        {country} and {country} recall ambassadors before {nation} vote
    """),
    leads=lines_of("""
        {country} votes on {day}, and nowhere is the outcome as open as in {village}, where {person} lost by {few} votes in {year}.
        {person} has claimed victory in the {nation} election, although {city} is still counting and the ballot boxes of {village} have not been opened.
    """),
    sentences=lines_of("""
        {person} won {percent} percent of the votes in {city}, fewer than in {year}, while {person} was ahead in most of {country}.
        The {nation} parliament must elect {person} by {day}, or {country} will vote once more{aside}.
        Observers from {country} saw {number} people waiting at a {thing} in {village} when the doors of the polling station were closed{aside}.
        In a debate that {org} broadcast from a {kind} {thing} in {city}, {person} accused {person} of having taken {sum} from {nation} donors.
        {country} has been governed by {person} since {year}, and {country} and {city} would like it to stay so.
        {org} asked for a recount in {city} on {day}, saying that {number} {nation} citizens abroad had received no papers.
        The {nation} embassy in {city} called {person} “{scare}”, words that {country} wants to have withdrawn{aside}.
        Without the votes of {org}, {person} would need the support of {person}, who has ruled out a coalition with {nation} nationalists.
    """),
    says=lines_of("""
        The {nation} people have spoken, and they have spoken clearly
        Every vote in {village} counts as much as every vote in {city}
        We will talk to everybody who respects the constitution, and to nobody else
        {person} promised {country} the moon, and we are still waiting for a ladder
        We are good friends of {country} and we intend to remain so
    """),
)

TRANSPORT = Subject(
    roles=lines_of("""
        transport minister
        train driver
        project manager
        safety expert
        harbour master
        engineer
        pilot
        passenger spokesman
    """),
    organisations=lines_of("""
        Boeing
        the Port Authority
        Deutsche Bahn
        the Ministry of Transport
        Network Rail
        Toyota
        Harbour Union
        Northern Ferries
        Lakeside Airways
    """),
    headlines=lines_of("""
        New railway from {city} to {country} delayed again
        Strike stops trains between {city} and {city}
        {nation} inspectors close bridge at {village}
        Airport of {city} reopens after three days of chaos
    """),
    leads=lines_of("""
        The railway from {city} to {country} will not be opened before {month}, {person} said on {day} at the unfinished station of {village}.
        {nation} inspectors have closed the bridge at {village}, on the only line from {city} to {country}, after {person} found {number} cracks.
    """),
    sentences=lines_of("""
        Trains between {city} and {city} stopped at midnight, and {person} does not expect the {nation} drivers to return before {day}.
        {org} has ordered {number} carriages from {country}, but the first, shown to {person} in {city}, were too wide.
        The tunnel below the {thing} of {village} has cost {sum} so far, of which {country} paid half and {country} nothing{aside}.
        {person} and {person} inspected the {nation} cranes in {city}, which {org} had not looked at since {year}.
        A ferry from {country} waited for {number} hours at a {thing} outside {city} because {person} would not let the {nation} crew go ashore.
        These days every lorry that leaves {country} for {country} is weighed in {village}{aside}.
        {org} found {number} cracks in the {nation} bridge, and {person} had it closed without asking {city}.
        The airport in {city} handled {number} flights on {day}, half of them to {region}, and {person} spoke of a {nation} record.
    """),
    says=lines_of("""
        Nobody should have to wait in {city} for {few} hours with two small children
        The {nation} signals and ours do not speak the same language
        A bridge does not ask whether you come from {country} or from {village}
        We drive at night, we sleep in the cab, and {city} counts the minutes
        The line will be finished, but I am not going to name a day
    """),
)

SUBJECTS = (COURTS, SPORT, ECONOMY, WEATHER, ELECTIONS, TRANSPORT)
