"""Amounts of money in sentences: what is marked, and how much of what it is."""

from __future__ import annotations

import pytest

from services.enrichment.values.amounts import FoundAmount, Market
from services.enrichment.values.money import find_money

SIGNS = """
They signed deals worth [$3.56 billion]. => USD:3560000000
It cost [$100,000]. => USD:100000
It cost [$1,234,567.89]. => USD:1234567.89
It cost [$5]. => USD:5
It cost [$0.50]. => USD:0.5
It cost [$1.5 trillion]. => USD:1500000000000
It cost [$1.2bn]. => USD:1200000000
It cost [$5m] a year. => USD:5000000
It cost [$5M]. => USD:5000000
It cost [$3B] to build. => USD:3000000000
It cost [$20k]. => USD:20000
It cost [$1.5-million]. => USD:1500000
It cost [$5 mln]. => USD:5000000
A [$50]-a-day habit. => USD:50
A [$5m]-rated player. => USD:5000000
It cost [US$5 million]. => USD:5000000
It cost [A$20]. => AUD:20
It cost [AU$93 million]. => AUD:93000000
It cost [C$1.2bn]. => CAD:1200000000
It cost [HK$100]. => HKD:100
It cost [NZ$7 million]. => NZD:7000000
It cost [S$4.50]. => SGD:4.5
It cost [NT$300]. => TWD:300
It cost [R$9 million]. => BRL:9000000
It cost [£20k]. => GBP:20000
It cost [£3.1m] there. => GBP:3100000
It cost [€5] there. => EUR:5
It cost [€1.234,56] there. => EUR:1234.56
It cost [1.234,56 €] there. => EUR:1234.56
It cost [500€] there. => EUR:500
It cost [500 €] there. => EUR:500
It cost [¥500] in Tokyo. => JPY:500
In Beijing it cost [¥500]. => CNY:500
In Tokyo and Beijing it cost [¥500]. => JPY:500
It cost [₹5 crore]. => INR:50000000
It cost [₹1,50,000] in all. => INR:150000
It cost [₽100]. => RUB:100
It cost [₴2 million]. => UAH:2000000
It cost [₩30 billion]. => KRW:30000000000
It cost [$3-4 million]. => USD:3000000/4000000
It cost [$3 to $4 million]. => USD:3000000/4000000
It cost [$3 million to $4 million]. => USD:3000000/4000000
It cost [$5m-$10m]. => USD:5000000/10000000
It cost [$100-$200]. => USD:100/200
It cost [$900,000 to $1.2 million]. => USD:900000/1200000
It cost [between $3 million and $4 million]. => USD:3000000/4000000
It cost [between €40 million and €45 million] a year. => EUR:40000000/45000000
It rose from [$3 million] to [$4 million]. => USD:3000000; USD:4000000
It cost [$1 500] in all. => USD:1500
It cost [$1,000]. => USD:1000
It cost ([$58.4 billion]). => USD:58400000000
It cost [$3.56 billion]. => USD:3560000000
"""

WORDS = """
It cost [3.56 billion dollars]. => USD:3560000000
It cost [a million dollars]. => USD:1000000
It cost [one and a half million dollars]. => USD:1500000
It cost [half a billion euros]. => EUR:500000000
It cost [five hundred and fifty dollars]. => USD:550
It cost [two hundred and fifty thousand US dollars]. => USD:250000
It cost [twenty-five dollars]. => USD:25
It cost [50 cents]. => USD:0.5
It cost [50 euro cents]. => EUR:0.5
It cost [20 pence]. => GBP:0.2
It cost [20 bucks]. => USD:20
It cost [20 quid]. => GBP:20
It cost [5m euros]. => EUR:5000000
It cost [5 million euros]. => EUR:5000000
It cost [EUR 5m]. => EUR:5000000
It cost [EUR5m]. => EUR:5000000
It cost [5 million EUR]. => EUR:5000000
It cost [2.2 billion Euros]. => EUR:2200000000
It cost [USD 3.5 billion]. => USD:3500000000
It cost [CHF 20 million]. => CHF:20000000
It cost [MAD 200 million]. => MAD:200000000
It cost [RM5 million]. => MYR:5000000
It cost [R5 million] to build. => ZAR:5000000
In India it cost [Rs 5 crore]. => INR:50000000
In Pakistan it cost [Rs. 5 crore]. => PKR:50000000
In Nepal it cost [300 rupees]. => NPR:300
In Sweden it cost [500 kr]. => SEK:500
In Norway it cost [9.5 billion crowns]. => NOK:9500000000
Shares rose to [212.50 Norwegian crowns]. => NOK:212.5
It cost [10 million yuan]. => CNY:10000000
It cost [10 million renminbi]. => CNY:10000000
It cost [1,000 yen]. => JPY:1000
It cost [5 million rubles]. => RUB:5000000
It cost [5 million roubles]. => RUB:5000000
In Minsk it cost [5 million rubles]. => BYN:5000000
It cost [5 million Belarusian rubles]. => BYN:5000000
It cost [5 million hryvnia]. => UAH:5000000
It cost [5 million hryvnias]. => UAH:5000000
It cost [300 Mexican pesos]. => MXN:300
It cost [300 Argentine pesos]. => ARS:300
It cost [90 Swedish kronor]. => SEK:90
It cost [3 million Swiss francs]. => CHF:3000000
It cost [200 Iraqi dinars]. => IQD:200
It cost [5 million Australian dollars]. => AUD:5000000
It cost [5 million New Zealand dollars]. => NZD:5000000
It cost [5 million Hong Kong dollars]. => HKD:5000000
It cost [5 million U.S. dollars]. => USD:5000000
It cost [10 million won]. => KRW:10000000
It cost [40 zlotys]. => PLN:40
It cost [156 million reais]. => BRL:156000000
It cost [40 Israeli shekels]. => ILS:40
It cost [2.5 million pounds]. => GBP:2500000
He paid [20 pounds] for it. => GBP:20
He paid [20 pounds sterling] for it. => GBP:20
It cost [300 Egyptian pounds]. => EGP:300
It cost [3 to 4 million dollars]. => USD:3000000/4000000
It cost [three to four million dollars]. => USD:3000000/4000000
It cost [between 3 and 4 million euros]. => EUR:3000000/4000000
It cost [5 000 euros] in all. => EUR:5000
A [100-dollar] bill. => USD:100
A [5-million-dollar] house. => USD:5000000
It cost [$5] and then [6 euros]. => USD:5; EUR:6
"""

NONE = """
He lost 20 pounds.
She bought 20 pounds of flour.
The catch was 2.5 million pounds of salmon.
A 10-pound baby was born.
The bag weighs 50 pounds.
He spent dozens of dollars, then tens of thousands of dollars.
He spent a few hundred dollars, several million dollars and a couple of million euros.
It was a million-dollar question.
It cost 50 pesos, 30 francs and 200 dinars.
The paper cost Rs 20.
A coffee is 40 kr.
Buy $AAPL and set $HOME to $x.
It rose 5% and 5 per cent.
The rapper 50 Cent and the Milwaukee Bucks were there.
The other 5 won their races.
COP 27 and COP27 were held, as was CUP 2022.
AMD 7000 and PHP 8 and TOP 10 and ALL 5 came.
NPR 1 said so, as SDG 5 asks.
It was won by 3 real men and 5 sol.
Look at x$5 and 3$x.
The price of $ is €.
It is worth its weight in gold, 5 gold medals.
"""


def cases(table: str) -> list[tuple[str, list[str], list[str]]]:
    """Text, marked words and values of each line."""
    made = []
    for line in filter(None, table.splitlines()):
        marked, _, values = line.partition(" => ")
        pieces = marked.replace("]", "[").split("[")
        made.append(("".join(pieces), pieces[1::2], values.split("; ")))
    return made


def amounts(text: str, **market: object) -> list[FoundAmount]:
    return list(find_money(Market(text, **market)))  # type: ignore[arg-type]  # the fields of Market


@pytest.mark.parametrize(
    ("text", "marked", "values"), cases(SIGNS + WORDS), ids=lambda part: str(part)[:60]
)
def test_amounts_are_marked_and_normalised(text: str, marked: list[str], values: list[str]) -> None:
    found = amounts(text)
    assert [text[one.start : one.end] for one in found] == marked
    assert [one.key.removeprefix("money:") for one in found] == values


@pytest.mark.parametrize("text", NONE.strip().splitlines())
def test_what_is_no_amount_or_of_no_sure_currency_is_left_alone(text: str) -> None:
    assert [text[one.start : one.end] for one in amounts(text)] == []


@pytest.mark.parametrize(
    "words",
    ["about", "nearly", "almost", "roughly", "more than", "up to", "at least", "some", "around"],
)
def test_what_is_said_to_be_inexact_is_about(words: str) -> None:
    assert [one.about for one in amounts(f"It cost {words} $5 million.")] == [True]
    assert [one.about for one in amounts(f"It cost {words} 5 million euros.")] == [True]
    assert [one.about for one in amounts("It cost them $5 million.")] == [False]


def test_the_sources_country_says_whose_dollar_it_is() -> None:
    assert [one.currency for one in amounts("It cost $5.", dollar="AUD")] == ["AUD"]
    assert [one.currency for one in amounts("It cost 5 dollars.", dollar="AUD")] == ["AUD"]
    assert [one.currency for one in amounts("It cost US$5.", dollar="AUD")] == ["USD"]
    assert [one.currency for one in amounts("It cost 5 cents.", dollar="CAD")] == ["CAD"]


@pytest.mark.parametrize(
    ("language", "text", "keys"),
    [
        ("de", "Es kostet 1.234,56 € im Jahr.", ["EUR:1234.56"]),
        ("de", "Es kostet 1.234 € im Jahr.", ["EUR:1234"]),
        ("de", "Es kostet 3,56 Milliarden € und € 3,5 Mrd.", []),
        ("fr", "Cela coûte 12 000 € par an.", ["EUR:12000"]),
        ("ru", "Это стоит 500 ₽, не 5 млн ₽ и $5 млрд.", ["RUB:500"]),
        ("zh", "价格为¥500。", ["JPY:500"]),
        ("zh", "价格为¥500万。", []),
        ("es", "Cuesta $500, o US$50, o €40.", ["USD:50", "EUR:40"]),
        ("de", "Es kostet 50 pounds und 20 dollars.", []),
    ],
)
def test_other_languages_have_signs_alone_and_no_magnitudes(
    language: str, text: str, keys: list[str]
) -> None:
    found = amounts(text, english=False, language=language)
    assert [one.key.removeprefix("money:") for one in found] == keys
