"""First names that newspapers spell in many ways, each with its common form.

Our own lists.  A line holds one name in its Russian, Ukrainian, Belarusian and Polish dress and
romanisations, or one Arabic name; never a name of the other sex, never an English pet form,
never two names that are only alike (Salem and Salim, Anna and Hanna).
"""

from __future__ import annotations

_SLAVIC = """
alexander aleksandr aleksander aliaksandr alyaksandr aljaksandr alaksandr oleksandr alexandr
+ olexandr alexandre oleksander
alexei aleksei alexey aleksey alexej aleksej aliaksei alyaksey aliaksey oleksii oleksiy oleksij
+ olexiy
alexandra aleksandra oleksandra aliaksandra
vladimir volodymyr uladzimir wladimir wolodymyr volodimir uladzimer
sergei sergey serhiy serhii siarhei syarhey sergej serguei serghei siarhej serhij
mikhail mykhailo mikhailo mykhaylo mihail michail mikhajlo mikhaylo
nikolai nikolay mykola mikalai nikolaj
dmitry dmitri dmitriy dmytro dzmitry dmitrij dimitri dmitrii
yevgeny evgeny yevgeni evgeni yevgeniy evgeniy evgenii yevhen yevhenii yauhen jewgeni evgueni
+ jevgenij yevgenii
andrei andrey andriy andrii andrej andrij
viktor victor viktar wiktor
yuri yury yuriy yurii iurii juri jurij iouri
igor ihor ihar
oleg oleh aleh
pavel pavlo paval
pyotr petr petro piotr pyatro
vasily vasiliy vasili vasyl vasilii vassili wassili vasil vasilij
grigory grigoriy grigori hryhoriy hryhorii ryhor grigorij
anatoly anatoliy anatoli anatolii anatol anatolij
valery valeriy valeri valerii valeryi valerij
vitaly vitaliy vitali vitalii witali vitalij
gennady gennadiy gennadi hennadiy henadz gennadij
arseniy arseny arsenii arseni arsenij
vyacheslav viacheslav wjatscheslaw vyachaslau
stanislav stanislau stanislaw
svyatoslav sviatoslav
yaroslav iaroslav jaroslav jaroslaw yaraslau
konstantin kostiantyn kanstantsin kostyantyn constantin
leonid leanid leonyd
maksim maxim maksym
denis denys dzianis
artem artyom artsiom
ilya illia illya ilia
yegor egor yehor jegor
fyodor fedor fjodor fiodor
iosif yosif josif
svetlana sviatlana svitlana swetlana svjatlana
natalia natalya nataliya nataliia natallia natalja
tatiana tatyana tetiana tatsiana tatjana
yelena elena olena jelena
yekaterina ekaterina kateryna katsiaryna jekaterina
maria mariya mariia maryia marija
yulia yuliya iuliia julija yuliia iulia
anastasia anastasiya anastasiia nastassia
ksenia ksenija kseniya xenia
olga olha volha
irina iryna irena
darya daria dariya dariia
"""

_ARABIC = """
mohammed muhammad mohammad mohamed muhammed mohamad
ahmed ahmad
mahmoud mahmud mehmood mahmood
mustafa mostafa moustafa
hussein husein hussain husain husayn hossein
hassan hasan
khaled khalid
youssef yusuf yousef yousuf yussef
ibrahim ebrahim ibraheem brahim
omar umar
osama usama
saeed said
abdullah abdulla abdallah
abdulaziz abdelaziz
nouri nuri
bashar bachar baschar
muammar moammar mouammar
rashid rachid
faisal faysal feisal
karim kareem
tariq tarek tareq tarik
"""

INTERNATIONAL = frozenset(
    {"alexander", "alexandre", "alexandra", "viktor", "victor", "maxim", "konstantin", "maria"}
    | {"constantin", "natalia", "olga", "irena", "daria", "elena", "denis", "petr"}
    | {"alexandr", "andrej", "pavel", "stanislaw", "jaroslaw", "mihail", "xenia", "irina"}
)
"""Spellings that bearers of other nations have too: they don't show that a surname was
romanised."""


def _common_forms(groups: str) -> dict[str, str]:
    forms: dict[str, str] = {}
    for line in groups.replace("\n+", "").strip().splitlines():
        common, *others = line.split()
        forms |= dict.fromkeys((common, *others), common)
    return forms


SLAVIC: dict[str, str] = _common_forms(_SLAVIC)
ARABIC: dict[str, str] = _common_forms(_ARABIC)
"""Folded spelling to the common form."""
