"""Short articles of our own writing with the Media Topics that an editor would give them.

``first`` are the first-level topics (two digits) of which the best one found must be one;
``second`` the second-level ones that are right; anything else of that level is wrong.
"""

from __future__ import annotations

from typing import NamedTuple


class Labelled(NamedTuple):
    """A text and its right topics."""

    first: str
    second: str
    text: str


_BLOCKS = """
01|20000002
Orchestra returns to the old opera house. The orchestra opened its season with a new opera; the
composer and two singers were applauded for ten minutes.

01|20000002
Novelist wins over readers with a debut about lighthouse keepers. The novel has sold a million
copies and a film director has bought the rights.

01|20000045
Regional newspaper closes after a century. The newspaper will print its last edition in May; its
newsroom of thirty journalists moves to a news website run by a broadcaster.

01|20000038,20000002
Museum shows treasures from the wreck. The maritime museum put coins and a carved monument on
show, part of the cultural heritage of the coast.

02|20000082,20000106
Man found guilty of murder. A jury convicted the gardener of the murder of his landlord after a
trial of three weeks; the judge will pass sentence on Friday.

02|20000082,20000129
Police arrest four over warehouse robbery. Detectives arrested three men and a woman suspected of
a robbery in which a guard was stabbed.

02|20000106
Supreme court strikes down parking law. The supreme court ruled that the law breaks the
constitution; the plaintiff had filed the lawsuit in 2021.

02|20000082,20000106
Accountant jailed for fraud. Prosecutors said the fraud and money laundering went on for nine
years. The court sentenced him to four years.

03|20000148,20000168
Earthquake shakes hill towns. An earthquake of magnitude 6.1 destroyed two hundred houses;
rescuers search the rubble after an aftershock.

03|20000139,20000168
Ferry capsizes in storm. A ferry capsized off the cape and eleven people drowned; the coastguard
rescued sixty passengers with a lifeboat.

03|20000148,20000168
Wildfire forces thousands from their homes. The wildfire burned four thousand hectares,
firefighters said, and villages were evacuated.

03|20000139
Two trains collide near junction. A collision of a goods train and a commuter train injured forty
people; four coaches derailed.

04|20000344
Inflation falls for a third month. Consumer prices rose by two percent, and economists expect the
central bank to cut its interest rate.

04|20000170
Brewery agrees to takeover. Shareholders of the brewery accepted an offer of 900 million dollars;
the merger gives a company with a revenue of two billion.

04|20000385,20000344
Shares slide on weak orders. The stock market fell three percent, the oil price dropped and bond
yields rose as investors feared a recession.

04|20000170
Airline posts record quarterly profit. The airline's net profit doubled to 80 million euros, its
chief executive told shareholders.

05|20000400,20000416,20000415
Rural schools short of teachers. Every fifth school in the valley has no teacher of physics, the
education ministry said; pupils travel to the next town.

05|20000415,20000400
Students occupy lecture hall over tuition fees. Students at the university protest against higher
tuition fees and the cost of student housing on campus.

05|20000412,20000416,20000400
New curriculum brings coding to primary schools. The curriculum will teach programming from the
third year; teachers ask for training and textbooks.

05|20000413,20000415,20000400
Exam results improve. Pupils did better in their final exams than last year, the exam board said,
and more of them will go to university.

06|20000418
Climate summit ends with a pledge. Governments promised at the climate summit to cut greenhouse
gas emissions by half; activists called it too little against global warming.

06|20000420,20000441
Beavers return to the marsh. Conservationists released thirty beavers into a nature reserve;
biodiversity in the wetland habitat has grown.

06|20000424
Oil spill blackens beaches. An oil spill from a tanker polluted forty kilometres of coast and
killed seabirds; volunteers clean the beaches.

06|20000430,20000441,20000420
Loggers push deeper into the rainforest. Deforestation rose by a third this year, satellite
pictures show, and the habitat of rare monkeys shrinks.

07|20000446,20001358,20000464
Measles outbreak spreads. Doctors count ninety cases of measles, most of them children without
vaccination; the outbreak began in a nursery.

07|20000464,20000446
New drug slows Alzheimer's disease. In a clinical trial the drug slowed dementia by a year;
patients with mild symptoms gained the most.

07|20000461,20000485
Hospital opens children's ward. The hospital ward has forty beds; nurses and doctors were hired
from three countries.

07|20001358,20000446,20000464
Flu vaccine free for all over sixty. The public health agency offers the influenza vaccination in
pharmacies before the winter epidemic.

08|20000499,20001238
Village celebrates the oldest woman in the country. She turned 112 on her birthday and says
porridge and gossip kept her alive; she is now the oldest living person in Europe.

08|20000503
Lottery winner gives it all away. The bus driver won a lottery jackpot of nine million and shared
it with his village.

08|20000503
Message in a bottle found after fifty years. A fisherman found the message in a bottle on the
beach and reunited it with the woman who wrote it as a girl.

08,14|20000505,20000504
Pop star and her duke marry in secret. The celebrity couple fled the paparazzi and married on an
island; fans sent flowers.

09|20000524,20000536
Dock workers vote for strike action. The trade union called the strike ballot after pay talks with
employers failed; picket lines go up on Monday.

09,04|20000509
Steelmaker to cut two thousand jobs. The layoffs hit three plants; workers who are laid off get a
year's salary, the company said.

09,04|20000533,20000523
Unemployment at a ten-year low. The number of jobless people fell by forty thousand; the labor
market is short of electricians.

09|20000531,20000536
Workers march against higher retirement age. Unions brought a hundred thousand workers to the
streets against the pension reform, which raises the retirement age to 66.

10|20000565
Bake this plum cake on Sunday. The chef's recipe needs six plums, butter and patience; forty
minutes in the oven will do.

10|20000538
Islands ask tourists to stay away. Tourism brings two million tourists a year to the islands;
hotels are full and hiking paths are worn.

10|20001339
Why mornings belong to yoga. Ten minutes of yoga and meditation bring more calm than coffee, our
wellness columnist says.

10,01|20000565,20000002
Fashion week brings back the wide trouser. Designers showed linen and velvet on the runway; the
wardrobe of next summer is green.

11|20000574,20000593,20000649
Voters choose a new parliament. Polling stations opened at seven; opinion polls give the
opposition party a lead of four points in the election.

11|20000638
Foreign ministers meet over border. The foreign minister received his counterpart at the embassy;
both countries want better bilateral relations and will send ambassadors.

11|20000593,20000647,20000649
Government falls after no-confidence vote. The prime minister lost the vote in parliament and will
hand in his resignation; the coalition government lasted eight months.

11|20000587
Activists demand release of political prisoners. Human rights groups say forty political prisoners
are held without charge; freedom of speech is in danger.

12|20000703,20000657
Pope names twelve cardinals. The pope announced the new cardinals after mass on Sunday; two are
bishops from Africa.

12|20000690,20000697,20000696
Muslims mark the end of Ramadan. Thousands of worshippers came to the mosque for prayers and
shared sweets at the festival.

12|20000697,20000657,20000703
Cathedral reopens after restoration. The bishop blessed the cathedral's new altar; the church had
been closed since the fire.

12|20000703,20000657
Synod votes on women priests. The Anglican church will ordain women as priests, the archbishop
said; conservative bishops objected.

13|20000717
Telescope sees clouds on a distant planet. Astronomers found water in the air of an exoplanet with
a new telescope; the galaxy may have many like it.

13|20000756
Chipmaker shows a faster processor. The semiconductor runs software for artificial intelligence
with half the power, engineers said.

13|20000717,20000735
Fossil turns out to be a new dinosaur. Palaeontologists described a feathered dinosaur from a
fossil that lay in a drawer for decades.

13|20000710,20000735
Scientists edit genes of rice. Researchers used gene editing to make a rice that needs less water;
the genome was changed in two places.

14,11|20000771
More asylum seekers arrive on the islands. Reception centres for refugees are full; immigration
officials moved two hundred migrants to the mainland.

14|20000770,20000780
Birth rate falls to a record low. The census office expects a smaller, ageing population; fewer
couples marry and have children.

14|20000775
Study finds racism in rental market. Applicants with foreign names met discrimination in every
third case; tenants' groups want fines for racist landlords.

14|20000802,20000817,20000799
City counts its homeless. Two thousand homeless people sleep in the streets; charities ask for
shelters and say poverty grows.

15|20000822,20001108
Late header sends Rovers to cup final. The striker scored in added time and the goalkeeper saved a
penalty kick in the semi-final.

15|20000822,20001108
Teenager wins first grand slam title. The tennis player beat the champion in three sets in the
tournament's final at Wimbledon.

15|20001104,20000822,20001108
Cyclist banned for doping. The rider tested positive for a banned steroid and loses his Tour de
France stage; the anti-doping agency wants four years.

15|20001148,20000822
Midfielder joins City for record transfer fee. The football club paid 70 million in the transfer
window; he signed for five years.

16|20000056
Artillery hits villages near the front line. Shelling killed four soldiers and two rebels
overnight; the army said it pushed back an offensive.

16|20000053
Suicide bomber attacks market. A suicide bomber killed nineteen people; the terrorist group
claimed the bomb attack.

16|20000073,20000056
Ceasefire holds on first day. Peacekeepers saw no fighting after the truce began at midnight;
peace talks between the rebels and the army go on.

16|20000070
Soldiers seize power in coup. The junta dissolved parliament after the coup and closed the
airport; troops patrol the capital.

17,03|20001129,20001128
Snow closes mountain roads. Forecasters expect more snow and a cold snap until Thursday, the
weather service said.

17|20001130,20001129
Hottest day since records began. The thermometer showed 42.3 degrees, a record temperature; the
heat wave will last until Sunday, meteorologists said.

17|20001131,20001128,20001129
Storm warning for the north coast. The weather office issued its highest warning: gales of 130
kilometres an hour and heavy rain.

17,03|20001129
Drought ends with days of rain. The rainfall filled the reservoirs after a dry spring; farmers
danced, and the forecast promises more.
"""


def _labelled(block: str) -> Labelled:
    topics, *lines = block.splitlines()
    first, second = topics.split("|")
    return Labelled(first, second, " ".join(lines))


TEXTS: tuple[Labelled, ...] = tuple(_labelled(block) for block in _BLOCKS.strip().split("\n\n"))
