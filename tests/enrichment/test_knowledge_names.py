# ruff: noqa: E501 (look-alike letters and long lines of names are the data)
"""One key for all spellings of a person's name, and never one key for two people."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrichment.linking.given_names import ARABIC, SLAVIC
from services.enrichment.linking.person_names import LONGEST, person_key, surname_key
from services.enrichment.linking.transliterate import is_cyrillic, latin

SPELLINGS = """
Alexander Lukashenko | Aleksandr Lukashenko | Aleksander Łukaszenka | Alyaksandr Lukashenka | Aljaksandr Łukašenka | Александр Лукашенко | Аляксандр Лукашэнка | Олександр Лукашенко
Volodymyr Zelensky | Volodymyr Zelenskyy | Vladimir Zelenskiy | Volodymyr Zelenskyi | Wolodymyr Zelenskyj | Володимир Зеленський | Владимир Зеленский
Vladimir Putin | Wladimir Putin | Vladimir Poutine | Vladimir Vladimirovich Putin | Владимир Путин | Putin, Vladimir
Mikhail Gorbachev | Mikhail Gorbachov | Mikhail Gorbachyov | Michail Gorbatschow | Mikhaïl Gorbatchev | Михаил Горбачёв | Михаил Горбачев
Nikita Khrushchev | Nikita Chruschtschow | Nikita Khrouchtchev | Никита Хрущёв
Viktor Yanukovych | Viktor Yanukovich | Wiktor Janukowytsch | Viktor Ianoukovitch | Віктор Янукович
Sergei Lavrov | Sergey Lavrov | Sergej Lawrow | Sergueï Lavrov | Сергей Лавров
Sergei Shoigu | Sergey Shoygu | Сергей Шойгу
Yevgeny Prigozhin | Evgeny Prigozhin | Yevgeniy Prigozhin | Евгений Пригожин
Dmytro Kuleba | Dmitry Kuleba | Дмитро Кулеба
Arseniy Yatsenyuk | Arseni Yatseniuk | Arseniy Iatseniouk | Арсеній Яценюк
Petro Poroshenko | Pyotr Poroshenko | Piotr Poroszenko | Petro Poroschenko | Петро Порошенко
Yulia Tymoshenko | Yuliya Timoshenko | Julija Tymoschenko | Юлія Тимошенко
Alexei Navalny | Alexey Navalny | Aleksei Navalnyy | Aleksej Nawalny | Алексей Навальный
Dmitry Medvedev | Dmitri Medvedev | Dmitrij Medwedew | Дмитрий Медведев
Dmitry Peskov | Dmitri Peskov | Dmitrij Peskow | Дмитрий Песков
Maria Zakharova | Mariya Zakharova | Maria Zaharova | Мария Захарова
Valery Gerasimov | Valeriy Gerasimov | Waleri Gerasimow | Валерий Герасимов
Ramzan Kadyrov | Рамзан Кадыров
Oleksandr Syrskyi | Alexander Syrsky | Oleksandr Syrskyy | Олександр Сирський
Valerii Zaluzhnyi | Valeriy Zaluzhny | Valery Zaluzhnyy | Валерій Залужний
Vasyl Maliuk | Vasily Maliuk | Василь Малюк
Andriy Yermak | Andrii Yermak | Andrey Ermak | Андрій Єрмак
Oleksii Reznikov | Oleksiy Reznikov | Alexei Reznikov | Олексій Резніков
Mykhailo Podolyak | Mikhail Podolyak | Михайло Подоляк
Vitali Klitschko | Vitaly Klichko | Witali Klitschko | Віталій Кличко
Viktor Medvedchuk | Viktor Medvedčuk | Віктор Медведчук
Leonid Kravchuk | Leonid Kravčuk | Leonid Krawczuk | Леонід Кравчук
Leonid Kuchma | Leonid Kutschma | Leonid Kučma
Viktor Yushchenko | Wiktor Juschtschenko | Wiktor Juszczenko | Viktor Iouchtchenko | Віктор Ющенко
Sergei Tikhanovsky | Siarhei Tikhanovski | Sergey Tikhanovskiy
Maria Kolesnikova | Mariya Kolesnikova | Мария Колесникова
Viktor Babariko | Viktar Babariko | Виктор Бабарико
Vladimir Makei | Uladzimir Makei | Vladimir Makey | Владимир Макей
Roman Golovchenko | Roman Golowtschenko | Роман Головченко
Natalia Kochanova | Natallia Kochanova
Andrei Gromyko | Andrey Gromyko | Андрей Громыко
Leonid Brezhnev | Leonid Brežnev | Леонид Брежнев
Yuri Andropov | Yury Andropov | Jurij Andropow | Юрий Андропов
Konstantin Chernenko | Konstantin Tschernenko | Константин Черненко
Boris Nemtsov | Boris Nemtzov | Борис Немцов
Mikhail Khodorkovsky | Mikhail Khodorkovskiy | Михаил Ходорковский
Anatoly Chubais | Anatoliy Chubais | Анатолий Чубайс
Sergei Kiriyenko | Sergey Kirienko | Сергей Кириенко
Vyacheslav Volodin | Viacheslav Volodin | Вячеслав Володин
Valentina Matviyenko | Valentina Matvienko | Валентина Матвиенко
Igor Sechin | Igor Setschin | Игорь Сечин
Oleg Deripaska | Oleh Deripaska | Олег Дерипаска
Anton Vaino | Антон Вайно
Mikhail Mishustin | Michail Mischustin | Михаил Мишустин
Pavel Durov | Pawel Durow | Павел Дуров
Garry Kasparov | Garry Kasparow
Anatoly Karpov | Anatoli Karpow | Анатолий Карпов
Bashar al-Assad | Bashar Assad | Bashar Al Assad | Bachar al-Assad | Baschar al-Assad
Hassan Rouhani | Hasan Rouhani | Hassan Ruhani
Nouri al-Maliki | Nuri al-Maliki | Nuri Maliki
Mohammed Morsi | Mohamed Morsi
Omar al-Bashir | Umar al-Bashir | Omar Bashir
Mohammad Javad Zarif | Mohammed Javad Zarif
Muammar Gaddafi | Moammar Gaddafi
Ibrahim Raisi | Ebrahim Raisi
Abdullah Hamdok | Abdulla Hamdok | Abdallah Hamdok
Alexis Tsipras | Αλέξης Τσίπρας
Kyriakos Mitsotakis | Κυριάκος Μητσοτάκης
Kim Jong-un | Kim Jong Un | Kim Jong-Un
François Hollande | Francois Hollande
Recep Tayyip Erdoğan | Recep Tayyip Erdogan
Lech Wałęsa | Lech Walesa
Ned Price | Mr. Ned Price | Ned  Price | NED PRICE
Angela Merkel | Chancellor Angela Merkel | Merkel, Angela
"""
GROUPS = [[name.strip() for name in line.split("|")] for line in SPELLINGS.strip().splitlines()]
FURTHER_APART = [
    ("Mohammed Morsi", "Muhammad Mursi"),
    ("Natalia Kochanova", "Natallia Kachanava"),
    ("Muammar Gaddafi", "Moammar Qaddafi"),
    ("Boris Nemtsov", "Boris Nemcov"),
    ("Ramzan Kadyrov", "Ramsan Kadyrow"),
    ("Denys Shmyhal", "Денис Шмигаль"),
    ("Mikhail Khodorkovsky", "Michail Chodorkowski"),
    ("Garry Kasparov", "Гарри Каспаров"),
    ("Abdullah Hamdok", "Abdalla Hamdoc"),
]
"""One person each, by spellings that two people might have: keys don't unite them. Those of
well-known people are in the table, as aliases."""


def test_there_are_sixty_groups_of_spellings() -> None:
    assert len(GROUPS) >= 60


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0])
def test_spellings_of_one_name_have_one_key(group: list[str]) -> None:
    keys = {name: person_key(name) for name in group}
    assert len(set(keys.values())) == 1, keys


@pytest.mark.parametrize(("one", "other"), FURTHER_APART)
def test_precision_comes_first(one: str, other: str) -> None:
    assert person_key(one) != person_key(other)


def test_no_two_of_these_people_have_one_key() -> None:
    keys = [person_key(group[0]) for group in GROUPS]
    assert len(set(keys)) == len(keys)


TWO_PEOPLE = [
    ("Martin Novak", "Martina Novak"),
    ("John Smith", "Jon Smyth"),
    ("John Smith", "John Smyth"),
    ("John Smith", "Joan Smith"),
    ("Ivan Petrov", "Ivana Petrova"),
    ("Alexei Ivanov", "Alexei Ivanova"),
    ("Sergei Ivanov", "Svetlana Ivanova"),
    ("Volodymyr Zelensky", "Olena Zelenska"),
    ("Vladimir Zelensky", "Vladimir Zelenska"),
    ("Alexander Petrov", "Alexandra Petrova"),
    ("Alexander Petrov", "Alexandra Petrov"),
    ("Bryan Kaminsky", "Brian Kaminsky"),
    ("Hassan Khan", "Hassan Han"),
    ("Victor Wang", "Victor Vang"),
    ("Alexander Wang", "Alexander Vang"),
    ("Erik Hansen", "Erik Hanson"),
    ("Anders Larsen", "Anders Larson"),
    ("Li Wei", "Lee Wei"),
    ("Kim Jong-un", "Kim Jong-il"),
    ("George Bush", "Georgia Bush"),
    ("Stephen Reed", "Steven Reed"),
    ("Stuart Brown", "Stewart Brown"),
    ("Ann Clark", "Anne Clarke"),
    ("Catherine Jones", "Katherine Jones"),
    ("Michael Meyer", "Michael Meier"),
    ("Anna Müller", "Hanna Müller"),
    ("Salem Haddad", "Salim Haddad"),
    ("Ali Hassan", "Ali Hussein"),
    ("Gabriel Moreau", "Gabrielle Moreau"),
    ("Michel Martin", "Michele Martin"),
    ("Nicholas Scott", "Nicolas Scott"),
    ("Viktor Orban", "Viktor Urban"),
    ("Dmitry Peskov", "Dmitry Pesk"),
    ("Mikhail Kasyanov", "Mikhail Kasatkin"),
    ("Pavel Durov", "Nikolai Durov"),
    ("James John", "John James"),
    ("Xi Jinping", "Xi Jinpin"),
    ("Park Geun-hye", "Park Geun-ho"),
    ("Juan Carlos", "Juana Carlos"),
    ("Frank Bauer", "Franka Bauer"),
    ("Yuri Andropov", "Yulia Andropova"),
    ("Mark Rutte", "Marko Rutte"),
    ("Daniel Ortega", "Daniela Ortega"),
    ("Louis Michel", "Louise Michel"),
    ("Simon Harris", "Simone Harris"),
    ("Christian Berg", "Christiane Berg"),
]


@pytest.mark.parametrize(("one", "other"), TWO_PEOPLE)
def test_two_people_have_two_keys(one: str, other: str) -> None:
    assert person_key(one) != person_key(other)


def test_an_ordinary_name_is_its_own_key() -> None:
    assert person_key("Ned Price") == "ned price"
    assert person_key("Keir Starmer") == "keir starmer"


@pytest.mark.parametrize(
    "name",
    ["Dr. Maria Lind", "Maria K. Lind", "maria lind", "MARIA LIND", "Lind, Maria", "María Lind"],
)
def test_titles_initials_case_order_with_a_comma_and_marks_make_no_difference(name: str) -> None:
    assert person_key(name) == "maria lind"


def test_a_suffix_after_a_comma_is_not_a_first_name() -> None:
    assert person_key("Martin Oakes, Jr.") == person_key("Martin Oakes Jr.")


def test_a_patronymic_between_the_names_is_left_out_and_a_surname_like_one_is_not() -> None:
    assert person_key("Boris Nikolayevich Yeltsin") == person_key("Boris Yeltsin")
    assert person_key("Milos Petrovich") == "milos petrovich"


def test_surnames_compare_whatever_the_first_name_is() -> None:
    assert surname_key("Łukaszenka") == surname_key("Alexander Lukashenko") == "lukashenko"


def test_a_name_without_letters_has_no_key() -> None:
    assert person_key("") == person_key("12 / 7") == surname_key("--") == ""


def test_no_spelling_stands_in_two_groups() -> None:
    """Else one first name would mean two."""
    for names in (SLAVIC, ARABIC):
        commons = set(names.values())
        assert all(names[common] == common for common in commons)
    assert not SLAVIC.keys() & ARABIC.keys()


def test_the_same_letter_reads_by_the_language_of_its_word() -> None:
    assert latin("Гомель") == "gomel"
    assert latin("Гриць Їжак") == "hryts yizhak"
    assert latin("Σόφια") == "sofia"
    assert latin("Łukaszenka") == "Łukaszenka"
    assert is_cyrillic("Минск")
    assert not is_cyrillic("Σόφια")


@given(st.text(max_size=200))
def test_a_key_is_stable_and_plain(name: str) -> None:
    key = person_key(name)
    assert key == person_key(name)
    assert key == key.strip()
    assert len(key) <= 8 * LONGEST  # one letter becomes a few at most
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} for char in key)


def test_megabytes_of_a_name_take_no_time() -> None:
    """Only the beginning is looked at."""
    assert person_key("Ivanov " * 200_000) == person_key(("Ivanov " * 200_000)[:LONGEST])
