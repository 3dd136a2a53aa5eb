"""First names that newspapers spell in many ways, each with its common form.

Our own list.  A group holds one name in Russian, Ukrainian, Belarusian and Polish dress and its
romanisations, or one Arabic name; never a name of the other sex, never an English pet form.
"""

from __future__ import annotations

_GROUPS = """
alexander aleksandr aleksander aliaksandr alyaksandr aljaksandr oleksandr alexandr olexandr alexandre oleksander
alexei aleksei alexey aleksey alexej aleksej aliaksei alyaksey aliaksey oleksii oleksiy oleksij olexiy alexy
alexandra aleksandra oleksandra aliaksandra
vladimir volodymyr uladzimir wladimir wolodymyr vladimír volodimir uladzimer
sergei sergey serhiy serhii siarhei syarhey sergej serguei serghei siarhej serhij
mikhail mykhailo mikhailo mykhaylo mihail michail mikhajlo mikhaylo
nikolai nikolay mykola mikalai nikolaj mikola nikolaï
dmitry dmitri dmitriy dmytro dzmitry dmitrij dimitri dmitrii dmitriï
yevgeny evgeny yevgeni evgeni yevgeniy evgeniy evgenii yevhen yevhenii yauhen jewgeni evgueni jevgenij yevgenii
andrei andrey andriy andrii andrej andriï andrij
viktor victor viktar wiktor
yuri yury yuriy yurii iurii juri jurij yuriï iouri
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
arseniy arseny arsenii arseni
vyacheslav viacheslav vjatscheslaw wjatscheslaw vyachaslau
stanislav stanislau stanislaw
svyatoslav sviatoslav
yaroslav iaroslav jaroslav jaroslaw yaraslau
konstantin kostiantyn kanstantsin kostyantyn constantin
leonid leanid leonyd
maksim maxim maksym
roman raman
ruslan
denis denys dzianis
artem artyom artsiom
ilya illia illya ilia
yegor egor yehor jegor
fyodor fedor fjodor fiodor
lev leo lew
iosif yosif josif
svetlana sviatlana svitlana swetlana svjatlana
natalia natalya nataliya nataliia natallia natalja
tatiana tatyana tetiana tatsiana tatjana
yelena elena olena alena jelena
yekaterina ekaterina kateryna katsiaryna jekaterina
maria mariya mariia maryia marija
yulia yuliya iuliia julija yuliia iulia
anastasia anastasiya anastasiia nastassia
ksenia ksenija kseniya xenia
olga olha volha
irina iryna irena
dariya daria darya dariia
marina maryna
anna hanna ganna
veronika veranika
mohammed muhammad mohammad mohamed muhammed mohamad mohamet mahomed muhamad
ahmed ahmad ahmet
mahmoud mahmud mehmood mahmood
mustafa mostafa moustafa
hussein husein hussain husain husayn hossein hussayn
hassan hasan hassane
khaled khalid
youssef yusuf yousef yousuf yussef joussef yusef
ibrahim ebrahim ibraheem brahim
omar umar
osama usama
said saeed saïd sayed
abdel abdul abdal
abdullah abdulla abdallah
abdulaziz abdelaziz
nouri nuri
bashar bachar baschar
muammar moammar mouammar mu'ammar
rashid rasheed rachid
salem salim
faisal faysal feisal
jamal gamal djamal
sheikh shaikh
karim kareem
nasser nasir nasr
tariq tarek tareq tarik
"""


def _common_forms() -> dict[str, str]:
    forms: dict[str, str] = {}
    for line in _GROUPS.strip().splitlines():
        common, *others = line.split()
        forms |= dict.fromkeys((common, *others), common)
    return forms


GIVEN_NAMES: dict[str, str] = _common_forms()
"""Folded spelling to the common form."""
