"""Happenings of one week as several houses tell them: invented, with the traps that stories have.

Two earthquakes, two elections, two matches; two affairs of one president on one day;
one fire and one flood in one country.  Each text is a headline, a blank line and a
body; names are what the entity block finds, countries marked as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from schemas.article import Entity
from services.enrichment.annotators.base import Draft
from tests.factories import NOON, article_id, drop_id, make_drop, make_raw, mentions

if TYPE_CHECKING:
    from schemas.article import EntityType

NAMES: dict[str, EntityType] = {
    "Marek Dolan": "PERSON",
    "Dolan": "PERSON",
    "Lena Quist": "PERSON",
    "Quist": "PERSON",
    "Aram Petrosyan": "PERSON",
    "Petrosyan": "PERSON",
    "Rosa Almeida": "PERSON",
    "Almeida": "PERSON",
    "Ivo Kanter": "PERSON",
    "Kanter": "PERSON",
    "Tomas Vesely": "PERSON",
    "Vesely": "PERSON",
    "Nadia Brandt": "PERSON",
    "Brandt": "PERSON",
    "Gyumri": "GPE",
    "Spitak": "GPE",
    "Yerevan": "GPE",
    "Arequipa": "GPE",
    "Camana": "GPE",
    "Lima": "GPE",
    "Brno": "GPE",
    "Oporto": "GPE",
    "Zagorje": "GPE",
    "Armenia": "GPE",
    "Peru": "GPE",
    "Norway": "GPE",
    "Portugal": "GPE",
    "Greece": "GPE",
    "Brussels": "GPE",
    "Red Cross": "ORG",
    "Reuters": "ORG",
    "Labour": "ORG",
    "Centre Alliance": "ORG",
    "Civic Union": "ORG",
    "Zbrojovka": "ORG",
    "Hajduk": "ORG",
    "Boavista": "ORG",
    "Leixoes": "ORG",
    "Constitutional Court": "ORG",
    "European Union": "ORG",
    "Evia": "LOC",
    "Thessaly": "LOC",
    "Larissa": "GPE",
    "Limni": "GPE",
}
COUNTRIES = {
    "Armenia": "AM",
    "Peru": "PE",
    "Norway": "NO",
    "Portugal": "PT",
    "Greece": "GR",
}

TEXTS: dict[str, tuple[str, ...]] = {
    "quake in Armenia": (
        """Earthquake in northern Armenia kills dozens

A strong earthquake struck northern Armenia early on Monday, flattening apartment blocks in Gyumri
and killing at least 48 people, officials said. The tremor, of magnitude 6.3, hit at 4:12 a.m.
with its epicentre near Spitak. Rescuers were digging through rubble with bare hands as
aftershocks shook the town. "We hear voices under the concrete," said Aram Petrosyan, who leads
the rescue service. Hospitals in Yerevan sent ambulances, and the Red Cross asked for blankets and
tents.""",
        """Rescue teams race to reach survivors in Gyumri

Teams with dogs searched collapsed houses in Gyumri on Tuesday, a day after the quake that killed
more than 50 people in Armenia. Aram Petrosyan told reporters that eleven people had been pulled
alive from the rubble overnight, among them a girl of four. Thousands spent a second night
outdoors in freezing temperatures, afraid of aftershocks. Roads between Spitak and Gyumri remain
blocked by landslides.""",
        """Schoolhouse in Spitak was "never inspected" before quake

Parents in Spitak want to know why a school built eight years ago fell within seconds when the
earthquake struck on Monday. Engineers who looked at the rubble found thin columns and little
steel. Armenia's parliament will hear the minister on Thursday. Petrosyan, the chief of the rescue
service, said his men had recovered nine bodies from the classrooms in Spitak, and none alive
since Gyumri's hospital closed.""",
    ),
    "quake in Peru": (
        """Powerful quake shakes southern Peru

A magnitude 6.9 earthquake shook southern Peru on Tuesday night, toppling adobe houses in Camana
and sending people into the streets of Arequipa. At least 12 people were killed and 140 injured,
the civil defence said. Landslides cut the highway along the coast. "My house is rubble," said a
fisherman in Camana. Rescuers reached the villages in the valley by helicopter, and the Red Cross
sent tents.""",
        """Peru counts its dead after earthquake in Arequipa

The number of people killed by the earthquake in the region of Arequipa rose to 19 on Wednesday as
rescuers found bodies under an adobe church in Camana. The government in Lima declared an
emergency. More than sixty aftershocks were felt, and hospitals are treating the injured in the
yard. Power is back in most of Arequipa, but Camana remains without water.""",
    ),
    "election in Norway": (
        """Quist's Centre Alliance wins in Norway

Lena Quist is set to become prime minister of Norway after her Centre Alliance won 31 percent of
the vote in Sunday's parliamentary election. Labour, in power for eight years, fell to 24 percent,
its worst result since the war. "Norway has chosen a new road," Quist told cheering supporters.
Turnout was 79 percent. Coalition talks with two smaller parties begin on Tuesday.""",
        """Labour concedes as Norway turns to Lena Quist

Labour conceded defeat in Norway's election late on Sunday, when nearly all votes were counted and
the Centre Alliance of Lena Quist led by seven points. The farmers' daughter will need partners
for a majority in parliament. Quist promised lower fuel taxes and a referendum on wind farms
during the campaign. Markets hardly moved.""",
    ),
    "election in Portugal": (
        """Almeida's Civic Union ahead in Portugal's vote

The Civic Union of Rosa Almeida won most seats in Portugal's parliamentary election on Sunday, but
no majority, according to near-final results. Turnout fell to 52 percent. "We will talk to
everybody," Almeida said in Oporto. The governing party conceded defeat before midnight. Coalition
talks may last weeks, analysts said, with the budget waiting in parliament.""",
        """Portugal faces weeks of talks after inconclusive election

Rosa Almeida, a former mayor of Oporto, began looking for partners on Monday after her Civic Union
came first in Portugal's election without a majority in parliament. Two small parties named their
conditions: higher pensions and an end to motorway tolls. Almeida ruled out governing with the far
right. The outgoing prime minister stays until a coalition is found.""",
    ),
    "match in Brno": (
        """Late goal by Vesely sends Zbrojovka through

Tomas Vesely scored in the 89th minute as Zbrojovka beat Hajduk 2-1 in Brno on Wednesday and
reached the quarterfinals. Hajduk had led at half time after a header. Vesely, a substitute, first
hit the crossbar and then turned a loose ball past the goalkeeper. "I closed my eyes," he said.
The visiting coach complained about a penalty that the referee didn't give.""",
        """Hajduk out of the cup after defeat in Brno

Hajduk's players lay on the grass in Brno after losing 2-1 to Zbrojovka, who go into the
quarterfinals thanks to a goal by Tomas Vesely one minute from time. The coach said that his team
deserved a penalty for a handball. Supporters of Zbrojovka sang in the stadium until midnight;
Hajduk fly home empty-handed.""",
    ),
    "match in Oporto": (
        """Boavista win derby with ten men

Boavista beat Leixoes 1-0 in Oporto on Wednesday although their goalkeeper was sent off in the
first half. Nadia Brandt, the first woman to referee the derby, gave a penalty after a foul on the
striker before half time. Boavista reached the quarterfinals of the cup. The coach of Leixoes
called the red card harsh and the defeat deserved.""",
        """Referee Brandt praised after heated derby

Nadia Brandt kept calm in a derby with a red card, a penalty and eleven minutes of added time, and
both coaches thanked her. Boavista won 1-0 against Leixoes in Oporto with ten men and go into the
quarterfinals. "She was the best on the pitch," said the goalkeeper whom Brandt had sent off.""",
    ),
    "Dolan and the court": (
        """Court strikes down Dolan's pension law

The Constitutional Court on Thursday struck down the pension law of President Marek Dolan, ruling
that raising the retirement age by decree went beyond his powers. The judges gave parliament until
June to write another. Dolan said he would respect the ruling. Unions that had brought the case
danced outside the courthouse. The law would have made two million people work longer.""",
        """Judges overturn decree on retirement age

Two million workers will retire at 63 after all: the Constitutional Court overturned the decree by
which President Marek Dolan had raised the retirement age. Only parliament may change pension law,
the judges wrote in a ruling of 90 pages. Unions called it a victory. The finance ministry must
now find four billion for pensions, and Dolan a majority.""",
    ),
    "Dolan and the pipeline": (
        """Dolan signs gas pipeline deal in Brussels

President Marek Dolan signed an agreement in Brussels on Thursday to build a gas pipeline of 900
kilometres to the coast. The European Union will pay a third of the cost. Construction is to begin
in spring and the first gas to flow in four years. Farmers along the route fear for their fields.
Dolan called the pipeline a guarantee against cold winters.""",
        """European Union to pay a third of new pipeline

A gas pipeline that nobody wanted to finance for ten years will be built after all, under an
agreement that Marek Dolan signed in Brussels with the European Union. It is to carry nine billion
cubic metres of gas a year. Environmental groups will sue over the route, which crosses a national
park; construction firms expect six thousand jobs.""",
    ),
    "fire on Evia": (
        """Wildfire on Evia forces thousands to flee

A wildfire on the Greek island of Evia forced thousands to leave their homes on Friday. Ferries
took people from the beach of Limni as flames came down the hills. Firefighters from four
countries fought the blaze with planes; the wind drove it through pine forest. Greece has had no
rain for two months. A volunteer firefighter was killed near Limni.""",
        """Ferries save hundreds from burning shore

More than eight hundred people were taken off the shore at Limni by ferries on Friday night while
pine forest burned behind them. The wildfire on Evia has destroyed 300 homes, the mayor said, and
firefighters could not stop it for the wind. Planes dropped water until dark. Greece asked its
neighbours for more firefighters.""",
    ),
    "flood in Thessaly": (
        """Floods cut off villages in Thessaly

Torrential rain flooded the plain of Thessaly on Friday, cutting off forty villages around
Larissa. Boats brought people from rooftops. A year's rain fell in a day, the weather service of
Greece said. Two bridges were swept away and a shepherd drowned. Cotton fields stood under two
metres of water, and farmers said the harvest was lost.""",
        """Army boats bring help to flooded plain near Larissa

Soldiers in boats brought bread and water to villages around Larissa that floods have cut off
since Friday. A shepherd drowned and three people are missing. The river burst its banks in nine
places, drowning cattle and cotton in the plain of Thessaly. Farmers in Greece ask who will pay
for the harvest; more rain is forecast.""",
    ),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An article and the happening that it tells of."""

    happening: str
    draft: Draft


def _entities(text: str) -> tuple[Entity, ...]:
    found: dict[str, list[str]] = {}
    for name in NAMES:
        full = next((one for one in NAMES if one.endswith(f" {name}") and one in text), name)
        found.setdefault(full, []).append(name)
    made = []
    for name, parts in found.items():
        places = mentions(text, name)
        if not places:
            places = tuple(one for part in parts for one in mentions(text, part))
        if places:
            lead = 2 if places[0].start < len(text) // 4 else 1
            made.append(
                Entity(
                    key=f"{NAMES[name].lower()}:{name.lower()}",
                    name=name,
                    type=NAMES[name],
                    mentions=places,
                    count=len(places),
                    salience=min(1.0, 0.1 * len(places) * lead),
                    iso_country=COUNTRIES.get(name),
                )
            )
    return tuple(made)


def told(first: int = 1) -> list[Told]:
    """All articles, numbered from ``first``, six hours apart within a happening."""
    made: list[Told] = []
    for happening, texts in TEXTS.items():
        for place, text in enumerate(texts):
            number = first + len(made)
            at = NOON + timedelta(hours=6 * place)
            headline, _, body = text.partition("\n\n")
            raw = make_raw(
                drop=make_drop(drop_id=drop_id(number), received_at=at),
                article_id=article_id(number),
                headline=headline,
                standfirst=None,
                body=(body.replace("\n", " "),),
                published_at=at,
            )
            made.append(Told(happening, Draft(raw, entities=_entities(raw.text))))
    return made
