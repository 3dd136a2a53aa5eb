"""Texts that nobody wrote for us: each gets an enriched article, and what was left out is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import make_raw
from tests.golden.gold import enricher

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle

MIB = 1024 * 1024
SIX_LANGUAGES = """\
The minister met her colleagues in Geneva on Tuesday.
Le ministre a rencontré ses collègues à Genève mardi.
Der Minister traf seine Kollegen am Dienstag in Genf.
El ministro se reunió con sus colegas en Ginebra el martes.
Министр встретился с коллегами в Женеве во вторник.
部长周二在日内瓦会见了同事。
"""  # noqa: RUF001 (Russian and Chinese letters are meant)
STORY = "President Xi Jinping met Vladimir Putin in Moscow on Tuesday. "

TEXTS = {
    "one word": "Earthquake",
    "one letter": "x",
    "white space": " \n\t \u2003 ",
    "six languages": SIX_LANGUAGES,
    "capitals": (STORY * 5).upper(),
    "no spaces": (STORY * 400).replace(" ", ""),
    "control characters": "\x00".join(STORY) + "\x1b[31m\x07\x7f\u200b\ufeff",
    "combining marks": "e" + "\u0301" * 5000 + STORY,
    "right to left": "\u202e" + STORY + "\u202c" + "מוסקבה " * 50,
    "emoji": "🙂👩‍👩‍👧‍👦🇧🇾" * 500 + STORY,
    "quotation marks": '"' * 5001 + "“" * 5000 + STORY,
    "full stops": "." * 20_000 + STORY,
    "numbers": "$1 2023 " * 5000,
    "a table": "Price | Hope | May | 41,220 | $3m\n" * 500,
    "astral": "\U0001d54f\U0001d556 " * 2000 + STORY,
}


def enriched(text: str) -> EnrichedArticle:
    (made,) = enricher().enrich([make_raw(text=text, sections=(), published_at=None)])
    return made  # type: ignore[return-value]  # nothing is rejected


def failures(article: EnrichedArticle) -> list[str]:
    return [f"{p.block}: {p.reason}" for p in article.provenance if p.status == "failed"]


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_makes_an_annotator_fail(name: str) -> None:
    article = enriched(TEXTS[name])
    assert failures(article) == []
    assert article.text == TEXTS[name]
    for entity in article.entities:
        for mention in entity.mentions:
            assert article.text[mention.start : mention.end] == mention.text


@pytest.mark.timeout(120)  # a worker counts as stalled after 300 s
@pytest.mark.parametrize(
    "unit",
    [
        "Ana Petrova met Boris Kolar in Riverton on Tuesday and paid $3.5 million. ",
        "“Yes,” Ana Petrova said. ",
        "a",
        "A. ",
        "\n",
    ],
)
def test_five_megabytes_are_read_in_bounds_and_what_was_left_out_is_said(unit: str) -> None:
    text = (unit * (5 * MIB // len(unit) + 1))[: 5 * MIB]
    article = enriched(text)
    assert failures(article) == []
    reasons = {p.block: p.reason for p in article.provenance}
    assert reasons["entities"] is not None
    assert len(article.model_dump_json()) < 4 * len(text)
