"""The quotes block: words between marks, who says them, and by which verb."""

from __future__ import annotations

import gc
import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.article import Entity, Language, Mention
from services.enrichment.annotators.base import Block, Draft
from services.enrichment.annotators.pieces import MAX_READ
from services.enrichment.annotators.quotes import LONGEST, MAX_QUOTES, QuoteFinder
from tests.enrichment.quoted_sentences import EVERY
from tests.factories import make_raw

FINDER = QuoteFinder()
ENGLISH = Language(code="en", confidence=1.0)
_MARKED = re.compile(r"\[([A-Z_]+) ([^\]]+)\]")


def named(marked: str) -> tuple[str, tuple[Entity, ...]]:
    """The plain text, and the entities that are marked in it; surnames join full names."""
    plain, position = "", 0
    found: dict[tuple[str, str], list[Mention]] = {}
    for mark in _MARKED.finditer(marked):
        plain += marked[position : mark.start()]
        kind, name, position = mark[1], mark[2], mark.end()
        known = [key for key in found if key[0] == kind and f" {key[1]}".endswith(f" {name}")]
        mention = Mention(start=len(plain), end=len(plain) + len(name), text=name)
        found.setdefault(known[0] if known else (kind, name), []).append(mention)
        plain += name
    return plain + marked[position:], tuple(_entity(*key, *found[key]) for key in found)


def _entity(kind: str, name: str, *mentions: Mention) -> Entity:
    fields = {"key": f"{kind.lower()}:{name.lower()}", "name": name, "type": kind}
    return Entity.model_validate({**fields, "mentions": mentions})


def block(marked: str, language: str = "en") -> Block:
    text, entities = named(marked)
    told = Language(code=language, confidence=1.0)
    (made,) = FINDER.annotate([Draft(make_raw(text=text), language=told, entities=entities)])
    return made


def shown(made: Block) -> list[str]:
    return [
        f"{quote.text} | {'=' if quote.speaker else ''}{quote.speaker_name or '-'}"
        f" | {quote.verb or '-'}"
        for quote in made.quotes
    ]


@pytest.mark.parametrize(("marked", "expected"), EVERY.values(), ids=EVERY.keys())
def test_a_quote_has_its_words_speaker_and_verb(marked: str, expected: list[str]) -> None:
    assert shown(block(marked)) == expected


def test_there_are_at_least_a_hundred_cases_and_many_that_are_no_quotes() -> None:
    assert len(EVERY) >= 100
    assert sum(1 for _, expected in EVERY.values() if not expected) >= 12


def test_the_speaker_is_the_entitys_key() -> None:
    (quote,) = block("“The quay is safe,” [PERSON Ana Petrova] said.").quotes
    assert (quote.speaker, quote.speaker_name) == ("person:ana petrova", "Ana Petrova")


@pytest.mark.parametrize("marked", [marked for marked, _ in EVERY.values()], ids=EVERY.keys())
def test_offsets_are_those_of_the_words_between_the_marks(marked: str) -> None:
    text, _ = named(marked)
    for quote in block(marked).quotes:
        assert text[quote.start : quote.end] == quote.text
        assert text[quote.start - 1] in "\"“”„«'‘"


def test_the_headline_is_not_quoted() -> None:
    body = ("“The quay is safe again,” Ana Petrova said.",)
    article = make_raw(headline="Petrova: “The quay is safe again”", standfirst=None, body=body)
    (made,) = FINDER.annotate([Draft(article, language=ENGLISH)])
    assert [quote.start for quote in made.quotes] == [article.text.index("\n\n“") + 3]


def test_without_entities_speakers_are_as_written() -> None:
    text = "“The quay is safe,” said Ana Petrova."
    (made,) = FINDER.annotate([Draft(make_raw(text=text), language=ENGLISH)])
    assert shown(made) == ["The quay is safe, | Ana Petrova | said"]


@pytest.mark.parametrize("code", ["fr", "de", "und"])
def test_other_languages_have_quotes_without_speakers_and_the_block_says_so(code: str) -> None:
    made = block("« Le port est fermé depuis lundi », said [PERSON Ana Petrova].", code)
    assert shown(made) == ["Le port est fermé depuis lundi | - | -"]
    assert made.status == "done"
    assert made.reason is not None
    assert made.reason.startswith("no speakers: ")


def test_a_chinese_quotation_is_counted_by_its_characters() -> None:
    assert shown(block("市長は「港は長い間閉まっている」と述べた。「港」", "ja")) == [
        "港は長い間閉まっている | - | -"
    ]


def test_a_text_of_white_space_is_skipped() -> None:
    made = block(" \n ")
    assert (made.status, made.reason) == ("skipped", "no text")


def test_what_is_left_out_of_a_long_text_is_said() -> None:
    made = block("“We will not go there,” [PERSON Ana Petrova] said.\n\n" * (MAX_QUOTES + 1))
    assert len(made.quotes) == MAX_QUOTES
    assert made.reason == f"the first {MAX_QUOTES} quotes only"
    long = block("x " * (MAX_READ // 2) + "\n\n“We will not go there,” a witness said.")
    assert long.quotes == ()
    assert long.reason == f"quotes of the first {MAX_READ} characters only"


def test_a_whole_text_between_two_lost_marks_is_no_quote() -> None:
    assert block("“" + "word " * (LONGEST // 4) + "” he said.").quotes == ()


def test_entities_may_not_even_fit_the_text() -> None:
    entity = _entity("PERSON", "Ana", Mention(start=500, end=503, text="Ana"))
    draft = Draft(make_raw(text="“We will see,” Ana said."), language=ENGLISH, entities=(entity,))
    (made,) = FINDER.annotate([draft])
    assert shown(made) == ["We will see, | Ana | said"]


PIECES = st.sampled_from(
    (
        *("“", "”", '"', "'", "‘", "’", "«", "»", "„", " ", "\n\n", ", ", ". ", ": ", "said", "he"),
        *("Ana Petrova", "the ministry", "according to", "adding", "and", "who", "told"),
        "We will not go",
    )
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_any_mixture_of_marks_verbs_and_names_gives_quotes_in_order(parts: list[str]) -> None:
    text = "".join(parts)
    marked = text.replace("Ana Petrova", "[PERSON Ana Petrova]")
    quotes = block(marked).quotes
    assert all(one.end <= other.start for one, other in pairwise(quotes))
    assert all(text[q.start : q.end] == q.text == q.text.strip() != "" for q in quotes)


HOSTILE = {
    "opening marks": "“",
    "straight marks": '"',
    "straight marks apart": '" ',
    "single marks": " 'a",
    "quotations": "“a b c d e,” he said. ",
    "paragraphs that stay open": "“a\n\n",
    "verbs": "said ",
    "quoted verbs": "said “a b c d” ",
    "pronouns": "“we will not go,” he said.\n\n",
    "open brackets": "“a b c d e,” said (",
    "commas": "“a b c d e,” x, ",
    "letters": "x",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_time_is_linear_in_the_text(unit: str) -> None:
    def seconds(size: int) -> float:
        # Going through all that other tests left behind would take a second by itself.
        gc.disable()
        try:
            started = time.process_time()
            block(unit * (size // len(unit)))
            return time.process_time() - started
        finally:
            gc.enable()

    # Quadratic time would be a hundred times the smaller one's: minutes, not seconds.
    assert seconds(80_000) < 20 * seconds(8_000) + 0.5
