"""The vocabularies of invented news: names, most of them rare, and six subjects to write about.

All people and events are invented.  Places and organisations that are listed first are in many
articles (:func:`tests.bench.news_texts.cast_of`), the later ones in few.  In braces: what
:class:`tests.bench.news_texts.Story` puts there.
"""

from __future__ import annotations

from dataclasses import dataclass


def words_of(text: str) -> tuple[str, ...]:
    """The words of ``text``."""
    return tuple(text.split())


def lines_of(text: str) -> tuple[str, ...]:
    """The lines of ``text`` that aren't empty."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


SYLLABLES = words_of("ba den kor lun mar nes ol per rin sal tor ul ven wick zan hol")
"""None begins with another, so that what is made of them says which ones."""

FIRST_NAMES = words_of(
    "Ana John Maria Wen Erik Fatima Pavel Grace Tomas Aisha Henrik Lucia Samuel Ingrid Omar Rachel "
    "Dmitri Claire Kofi Hannah Mateo Yuki Patrick Elena David Sofia Michael Laura Peter Nadia "
    "Thomas Julia Daniel Amina Andrew Katarina Robert Mei Martin Olga Joseph Leila Simon Astrid "
    "Anthony Camille Stefan Priya Gabriel Helen Viktor Rosa Benjamin Noor Lars Beatriz Philip "
    "Zuzana Edward Miriam Jakub Esther Hugo Sanne George Irina Carlos Brigitte Matthew Yasmin "
    "Oscar Teresa Nikolai Alice Ibrahim Monika Richard Valentina Arjun Catherine Felix Dorota "
    "Kwame Susan Emil Haruka Louis Margaret Tariq Agnes Adrian Bronwen"
)
SURNAMES = words_of(
    "Petrova Whitfield Okafor Liu Lindqvist Haddad Novak Mensah Kowalski Rahman Larsen Moretti "
    "Brennan Solberg Farouk Adler Volkov Dubois Asante Weiss Herrera Tanaka Doyle Marin Ashworth "
    "Bergström Castellano Dvorak Eriksen Fitzgerald Grigoriev Hoffmann Ivanova Jankowski Kaplan "
    "Lefebvre McAllister Nakamura Oyelaran Papadakis Quintero Rasmussen Schneider Thorne Ueda "
    "Vasquez Wetherby Yilmaz Zielinski Abbott Baranov Chaudhry Delacroix Engel Fonseca Gallagher "
    "Harrington Isaksen Jovanovic Kirchner Leclerc Mahmood Nyström Osei Pellegrini Reinhardt "
    "Sandoval Trevelyan Ulrich Vermeulen Wojcik Yamada Zhang Aldridge Bellamy Cardoso Drummond "
    "Esposito Falk Gustafsson Hakimi Ibsen Jensen Kamau Lombardi Mbeki Nowak Oliveira Prescott "
    "Rossi Sorensen Takahashi Underwood Vogel Winkler Yusuf Zimmermann Achterberg Blackwood "
    "Corrigan Demir Eastwood Ferrari Grant Horvath Iqbal Jimenez Kovac Lambert Molnar Nilsson "
    "Odhiambo Pereira Romero Stanković Teixeira Vance Wallace Ziegler Amundsen Bianchi Cavanagh "
    "Duarte Egger Forsyth Gruber Hassan Ionescu Janssen Kessler Lindgren Mazur Navarro Orlov "
    "Pritchard Rahimi Sato Torres Vinter Wagner Yeboah Zeman Arslan Bakker Costa Dahl Ellingsen "
    "Fournier Garrido Hussain Ilic Joubert Karlsson Lopes Mitchell Ng Ozturk Popescu Rousseau "
    "Santoro Toivonen Visser Westwood Young Zoltan Ahlberg Bonnet Clarke Dimitrov Eze Fischer "
    "Goncalves Hansen Inoue Jarvis Koroma Laurent Mancini Nagy Owusu Pavlov Ricci Schwarz Thapa "
    "Urban Varga Whelan Yildiz Zhou Aguilar Becker Chikwanha Danso Ebner Ferreira Goldberg Hartley "
    "Ismail Juhasz Kimura"
)
SURNAME_BEGINNINGS = words_of(
    "Ash Birk Black Brad Bren Brook Cald Carl Cran Dal Den Dun Ek Elm Fair Fern Fors Gold Grön Hag "
    "Hal Har Haw Heid Holm Hor Kell King Kirk Klein Lang Lar Lind Lock Lun Mal Mar Mel Mor Nord "
    "Oak Öst Pem Quar Rad Rams Red Rosen Rot Rud Sand Schön Sel Shel Silver Stan Stein Sten Stock "
    "Strand Sund Sut Thorn Tor Under Val Vester Wal War Wes Whit Win Wood Wyn Yar"
)
SURNAME_ENDINGS = words_of(
    "berg beck borg bourne bury by combe croft dahl dale den don feld field ford gaard gren ham "
    "hart hausen haven heim holt hurst kamp land leigh ley low lund man mark mere more mouth ner "
    "quist ridge rup sen shaw sjö son stad stead sted ston strom stow thorpe ton vall vik wall "
    "ward way well wick wold wood worth"
)
FIRM_ENDINGS = words_of("Group Holdings Logistics Partners Foundation Institute Foods Energy Media")

THING_BEGINNINGS = words_of(
    "apple ash barge barley bark barn beech bell birch bird boat bone brick bridge bull candle "
    "canal cart cattle chalk church clay cloth coal copper cork corn cotton cross dairy deer drift "
    "drum duck dust eel elm farm fern ferry field fire fish flax flint flour ford fox fruit gallow "
    "garden glass goat gold goose grain grass gravel hare hay hemp herb herring hop horn horse ice "
    "iron ivy kelp lamb lamp lark lead leather lime linen maple marble marsh meal milk moor moss "
    "mule nail oar oat ox paint paper peat pine pitch plough quill rail rope rush salt sand seed "
    "sheep silk slate soap spice steam straw sugar swan tar thatch tide tile tin toll turf wagon "
    "wax wheat willow wine wool yarn"
)
THING_ENDINGS = words_of(
    "bank barn basin bed bench bridge brook cellar chute cottage court crane croft dam depot dock "
    "ditch field garden gate ground hall heap hill hoist house hut lane ledge lift line loft lot "
    "market meadow mill mound office path pen pier pit platform pool post press quay rack ramp "
    "ridge road room row shed shelter shop silo stall station stone store tower track trough "
    "tunnel vault walk wall warehouse way well wharf works yard"
)
KINDS = words_of(
    "old new small large narrow abandoned rented public private empty crowded modern wooden "
    "disused temporary famous forgotten half-finished modest noisy quiet grey shabby splendid "
    "draughty whitewashed listed derelict windowless flooded rusting restored unheated municipal "
    "isolated spacious damp dusty fenced floodlit gabled guarded haunted heated hired improvised "
    "landlocked leaky leased makeshift mortgaged mossy neglected oblong overgrown padlocked "
    "panelled picturesque planked prefabricated refurbished remote roofless rotting sagging "
    "scorched secluded shuttered sloping smoky soot-blackened squat stately sunlit tarred "
    "terraced thatched tiled tumbledown unlit vacant vandalised vaulted ventilated weathered"
)
"""With what two ways of making them have, most words of all texts are in few: as in news."""

CITIES = words_of(
    "London Paris Berlin Brussels Beijing Moscow Rome Madrid Vienna Warsaw Tokyo Geneva Cairo "
    "Chicago Amsterdam Athens Istanbul Delhi Sydney Toronto Stockholm Lisbon Prague Dublin Oslo "
    "Nairobi Seoul Budapest Copenhagen Helsinki Hamburg Milan Barcelona Boston Singapore Jakarta "
    "Lagos Mumbai Shanghai Kyiv Bucharest Belgrade Zagreb Sofia Munich Rotterdam Marseille Naples "
    "Lyon Valencia Glasgow Ottawa Melbourne Johannesburg Bangkok Manila Karachi Houston Seattle "
    "Denver Miami Lima Bogota Santiago Caracas Montevideo Accra Tunis Casablanca Dhaka Hanoi Osaka "
    "Auckland Montreal Vancouver Zurich Cologne Turin Seville Porto Gdansk Krakow Riga Tallinn "
    "Vilnius Bergen Gothenburg Antwerp Aberdeen Cardiff Belfast Leeds Bristol Trieste Salzburg "
    "Tampere Utrecht Bordeaux Nantes Lille Dresden Leipzig"
)
_COUNTRIES = words_of(
    "China France Germany Russia Italy Spain Poland India Japan Ukraine Turkey Canada Brazil "
    "Australia Egypt Norway Sweden Greece Portugal Ireland Mexico Nigeria Kenya Hungary Austria "
    "Denmark Finland Belgium Indonesia Argentina Romania Chile Morocco Pakistan Thailand Vietnam "
    "Croatia Serbia Bulgaria Estonia Latvia Lithuania Ghana Tunisia Colombia Peru"
)
_NATIONS = words_of(
    "Chinese French German Russian Italian Spanish Polish Indian Japanese Ukrainian Turkish "
    "Canadian Brazilian Australian Egyptian Norwegian Swedish Greek Portuguese Irish Mexican "
    "Nigerian Kenyan Hungarian Austrian Danish Finnish Belgian Indonesian Argentine Romanian "
    "Chilean Moroccan Pakistani Thai Vietnamese Croatian Serbian Bulgarian Estonian Latvian "
    "Lithuanian Ghanaian Tunisian Colombian Peruvian"
)
COUNTRIES = tuple(zip(_COUNTRIES, _NATIONS, strict=True))
"""Each with its adjective."""

REGIONS = lines_of("""
    Europe
    the Baltic Sea
    Africa
    the North Sea
    Asia
    the Alps
    the Mediterranean
    the Danube
    Scandinavia
    the Rhine
    South America
    the Adriatic
    the Carpathians
    the Black Sea
""")
DAYS = words_of("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = words_of("January February March April June July August September October November")
ORGANISATIONS = lines_of("""
    Reuters
    the European Commission
    the United Nations
    the World Bank
    Associated Press
    the Red Cross
    the European Central Bank
    the European Parliament
    the International Monetary Fund
    the World Health Organization
    Bloomberg
    Greenpeace
    Agence France-Presse
    Amnesty International
    the World Trade Organization
    Human Rights Watch
    Der Spiegel
    Le Monde
    Oxfam
""")
"""Of news about anything."""

MORE_SENTENCES = lines_of("""
    {org} has learned that {person} and {person} had met twice in {city}, the second time in the presence of a {nation} observer.
    {person} will travel from {city} to {city} by way of a {kind} {thing} and is to speak to {nation} colleagues there{aside}.
    In {country}, where {number} people work for a {thing} or for firms that depend on {city}, the news was taken calmly{aside}.
    The {nation} side has said little so far, and {person} did not answer questions that {org} had sent from {city}.
    It is not the first dispute over a {thing} between {country} and {country}: in {year} a similar one ended only after {person} had stepped in.
    {person}, who grew up beside a {thing} in {village} and studied in {city}, has dealt with {country} for most of a long career{aside}.
    Neighbours of a {kind} {thing} in {village} told {org} that they had seen {person} there more than once, together with {nation} guests.
    A survey by {org} in {country} and {country} found that {percent} percent had never heard of {person} before{aside}.
    {person} left the {thing} in the evening and flew back to {country}, leaving {person} to explain in {city} what had been agreed with the {nation} delegation.
    Papers that {org} has seen show that {city} was warned in {year}, and that {country} was told much later{aside}.
    Across {region}, from {country} to {country}, others are now looking closely at what {person} has tried in {city}.
    For {nation} families in {city} little will change at first, as {person} pointed out, and neither will it for the people of {village}.
    {org} keeps a list of such cases from here to {region}, and {country} is on it {few} times, more often than {country} or {country}.
    The letter, written by {person} and signed by {number} others, is addressed to the {nation} embassy, to {org} and to the newspapers of {city}{aside}.
    There had been signs of it at the {thing}, among them a {nation} memorandum that {person} carried from {city} to {city} past the {kind} {thing}{aside}.
    What happens next will be decided in {city} in {month}, when {person} is expected to meet the {nation} side again{aside}.
""")  # noqa: E501  # a sentence is a line
"""Of news about anything."""

FORMS = lines_of("""
    “{say},” said {person}{aside}.
    “{say},” {person} told {nation} reporters in {city}.
    {person} said: “{say}. {say}.”
    “{say},” {person} said. “{say}. {say}.”
    “{say},” said {person}, who had come from {country}.
    {person} called the {nation} answer “{scare}” and promised to speak to {city} again.
    “{say}. {say}. {say},” said {person}, whom {org} reached in {city}.
    The talks between {person} and {person} in {city} were “{scare}”, according to {org}{aside}.
    Asked about {country}, {person} added: “{say}.”
    “{say}, and {person} knows it,” {person} told {org}{aside}.
""")
"""Of what somebody says."""

SAYS = lines_of("""
    Nobody in {country} has asked us what we need
    What happened in {village} must not happen in {city}
    We have waited and waited, and nobody from {city} has called us
    I can only say that we have done what we could, and that we would do it again
    It would be wrong to blame {country} for something that was decided in {city}
    There is a lot of talk, and very little of it is about the people at the {thing}
    If {city} can do it, {country} can do it as well
    The {nation} proposal is a beginning, no more than that
    I have known {person} for years and I don't believe a word of it
    Ask me again in {month}, when we have seen the figures
    My mother worked in a {kind} {thing} and said that a promise is a debt, and this one is overdue
    We will look at every {thing} and every {thing}, and then we will decide
    They told us in {city} that the {thing} was in order, and in {village} we see what that meant
    Look at the {kind} {thing} over there and tell me that nobody knew
    We don't want pity from {country}, we want an answer
    For the {nation} public this will be hard to understand
""")
"""Of anybody about anything."""

SCARES = lines_of("""
    a good beginning
    open and at times difficult
    an insult to everybody who took part
    very much as expected
    a step that leaves many questions open
    neither wise nor necessary
    the best that could be had
    a matter of trust between neighbours
    useful as far as it went
    longer than any of us would have liked
""")
"""Words of somebody within a sentence."""

ASIDES = lines_of("""
    , though the figures from the {thing} are not final
    , a step that the owners of the {thing} had long asked for
    , after a night in which few of those involved slept
    , which came as a surprise even to those who had prepared it
    , and more is expected before the end of the week
    , according to two people who were in the {thing}
    , despite doubts that had been voiced from the start
    , something that would have been unthinkable a generation ago
    , while others left for the {kind} {thing} in protest
    , without giving any reasons
    , but the mood in the {thing} and the {kind} {thing} remained cautious
    , not far from the {kind} {thing} that has been argued about for months
    , in a {kind} {thing} that had been cleared for the purpose
    , as had been hinted at in a letter
    , the first time that this has been said in public
    , adding that there was no cause for alarm
    , and nobody is quite sure who will pay for it
    , although a note on the {thing} had said the opposite
""")
"""What a sentence may end in."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an article is about."""

    roles: tuple[str, ...]
    organisations: tuple[str, ...]
    headlines: tuple[str, ...]
    leads: tuple[str, ...]
    """First sentences: each names the village that only this article has."""

    sentences: tuple[str, ...]
    says: tuple[str, ...]
