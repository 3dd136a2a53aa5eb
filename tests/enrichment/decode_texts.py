"""Texts to compare two decoders on: like news, mutilated news, and what no newsroom wrote.

All are invented; the same number gives the same texts on every machine.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.bench.measure import DAYS, FIRST_NAMES, ORGANISATIONS, PLACES, SURNAMES, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TEMPLATES = (
    "{first} {last} told {org} on {day} that {place} owed {sum}.",
    "{place} ({org}) - Prime Minister {last} flew to {place} with {number} aides.",
    "Shares of {org} rose {number}% to {sum} after {first} {last} quit as chief executive.",
    "“We will not wait until {year},” said {first} van der {last}, {org}'s lawyer.",
    "The {year} Riverton Marathon was won by {first} {last} of {place} in {number} minutes.",
    "{org} v. {last}, decided under the Clean Harbours Act of {year}, cost {sum}.",
    "{last}: no comment",
    "Mr {last} and Mrs. {last} live at {number} Quay Street, {place}, {place}.",
    "{number} people, {number} of them Norwegian, speak Finnish in {place}, {org} reported.",
    "In last week's “Letters from {place}”, {first} {last}-{other} praised the Nova X{number}.",
    "{place} beat {place} {number}-3 on {day} night; {last} scored twice.",
    "WATCH: {first} {last} LIVE from {place} #{place} @{last} https://example.org/{number}",
    "- {first} {last}, {org}\n- {first} {other}, {place}\n- {number} others",
    "It didn't matter, they'd say; we're gonna leave at {number} a.m. on the 3rd of May {year}.",
    "From {place} to {place} it is {number} km along the Lower Lind River and Mount {last}.",
)
"""With one or more names each, of every type that the English models know."""

FOREIGN = words_of(
    "Минск Лукашенко встретился Владимир президент Київ Ἀθήνα Θεσσαλονίκη القاهرة الرئيس محمد "
    "北京 習近平 国家主席 東京タワー 서울특별시 대통령 กรุงเทพมหานคร नई दिल्ली प्रधानमंत्री "
    "ירושלים თბილისი Երևան Łódź Çeşme São Đà Zürich naïve İstanbul ŁUKASZENKA ĳsselmeer"
)
EMOJI = words_of("😀 🇺🇸 🇧🇾 👨‍👩‍👧‍👦 👍🏽 ❤️ 🔥🔥🔥 1️⃣ ™ ♥")
CONTROLS = (
    "\x00",
    "\x07",
    "\x1b[31m",
    "\x85",
    "\u200b",
    "\u200e",
    "\u2028",
    "\ufeff",
    "\ufffd",
    "\xad",
)
MARKS = ("\u0301", "\u0300\u0327", "\u20e3", "\u0489", "\u202e")
SPACES = (" ", "  ", "\n", "\n\n", "\t", "\u00a0", "\u3000", "\r\n", " \n ")
PUNCTUATION = words_of(
    ". , ; : ! ? ... — – - -- ( ) [ ] { } ' \" ` ’ “ ” « » / \\ | & * % $ € # @ ~ ^ _ = + < >"
)

ODD = ("", " ", "\n", "\t\t", "\u00a0", "\x00", ".", "I", "a", "U.S.", "Paris", "\u0301", "😀", "0")
"""One of each of the smallest."""


def sentence(chance: random.Random) -> str:
    """A sentence like those of the news."""
    return chance.choice(TEMPLATES).format(
        first=chance.choice(FIRST_NAMES),
        last=chance.choice(SURNAMES),
        other=chance.choice(SURNAMES),
        org=chance.choice(ORGANISATIONS),
        place=chance.choice(PLACES),
        day=chance.choice(DAYS),
        number=chance.choice((2, 17, 350, 4_000, 12.5)),
        year=chance.randint(1890, 2030),
        sum=chance.choice(("$3.56 billion", "€40", "£2,500", "70,000 roubles", "5 cents")),
    )


def news(chance: random.Random) -> str:
    """A sentence, of five texts one has two."""
    count = chance.choice((1, 1, 1, 1, 2))
    return chance.choice(SPACES[:4]).join(sentence(chance) for _ in range(count))


def _each(text: str, change: Callable[[str], str]) -> str:
    return " ".join(change(word) for word in text.split(" "))


def mutilated(chance: random.Random) -> str:
    """News with something wrong all over it."""
    text = sentence(chance)
    anywhere = chance.randrange(len(text) + 1)
    changes: Sequence[Callable[[], str]] = (
        text.upper,
        text.lower,
        text.title,
        text.swapcase,
        lambda: text[:anywhere],
        lambda: text[anywhere:],
        lambda: text.replace(" ", ""),
        lambda: _each(text, lambda word: word + chance.choice(SPACES)),
        lambda: _each(text, lambda word: chance.choice(PUNCTUATION) + word),
        lambda: text[:anywhere] + chance.choice(CONTROLS) * 3 + text[anywhere:],
        lambda: _each(text, lambda word: word + chance.choice(MARKS)),
        lambda: _each(text, lambda word: chance.choice((word, word, chance.choice(FOREIGN)))),
        lambda: _each(text, lambda word: chance.choice((word, word + chance.choice(EMOJI)))),
        lambda: _each(text, lambda word: "".join(chance.sample(word, len(word)))),
        lambda: chance.choice(SPACES) * 3 + text + chance.choice(SPACES) * 3,
        lambda: " ".join(chance.sample(text.split(), len(text.split()))),
    )
    return chance.choice(changes)()


def noise(chance: random.Random) -> str:
    """What isn't language, up to a dozen words of it."""
    sources: Sequence[Callable[[], str]] = (
        lambda: chr(chance.choice((chance.randint(1, 0x2FF), chance.randint(0x300, 0xD7FF)))),
        lambda: chance.choice(PUNCTUATION),
        lambda: chance.choice(EMOJI),
        lambda: chance.choice(CONTROLS) + chance.choice(MARKS),
        lambda: str(chance.randint(0, 10**9)),
        lambda: chance.choice(FOREIGN),
        lambda: "".join(chance.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ'-.", k=7)),
        lambda: chance.choice(SPACES),
        lambda: chance.choice(("A", "x", "W", "é")) * chance.randint(1, 40),
    )
    source = chance.choice(sources)
    joint = chance.choice((" ", "", "\n"))
    return joint.join(source() for _ in range(chance.randint(1, 12)))


def short_texts(count: int, seed: int = 4) -> list[str]:
    """``count`` texts of about 10 words: half like news, three of ten mutilated, the rest noise."""
    chance = random.Random(seed)  # noqa: S311 (texts, not secrets)
    makers = (news, news, news, news, news, mutilated, mutilated, mutilated, noise, noise)
    return [*ODD, *(chance.choice(makers)(chance) for _ in range(count - len(ODD)))]


def long_texts(seed: int = 4) -> list[str]:
    """A few of hundreds to thousands of tokens, more than fit one chunk of the decoder."""
    chance = random.Random(seed)  # noqa: S311
    article = "\n\n".join(news(chance) for _ in range(75))
    return [
        article,
        article.upper(),
        article.replace(" ", "  "),
        " ".join(chance.choices(SURNAMES, k=700)),
        " ".join(chance.choices(SURNAMES, k=300)).upper(),
        "the " * 600,
        "Bank of " * 400,
        " ".join(noise(chance) for _ in range(120)),
        "\n" * 700,
        " ".join(chance.choices(FOREIGN, k=400)),
        "$1,000,000 " * 150,
    ]
