"""What the ``Annotator`` contract promises, on every annotator."""

from __future__ import annotations

import copy
import gc
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.article import EntityType, Language
from services.enrichment.annotators.base import Annotator, Block, Draft
from services.enrichment.registry import ANNOTATORS
from tests.enrichment.kit import annotator, seed_beijing, seed_ties
from tests.factories import make_raw

if TYPE_CHECKING:
    from collections.abc import Sequence

ENGLISH = Language(code="en", confidence=1.0)
HARD = {
    "empty": "",
    "white space": " \n\t\r\n \xa0 ",
    "one letter": "x",
    "one word": "Kyiv",
    "emoji": "😀🎉 👩‍👩‍👧 🇧🇾",
    "all capitals": "XI JINPING MET ALEXANDER LUKASHENKO IN BEIJING ON MONDAY, SAID THE STATE.",
    "no capitals": "xi jinping met alexander lukashenko in beijing on monday.",
    "control characters": "Ana\x00 Petrova\x1b[31m met\x07 Joe\u202e Biden\u200b in Paris\x85.",
    "combining marks": "Pe\u0301trova Z\u0351\u0343a\u0334l\u0321go met Joe Biden",
    "other scripts": "习近平会见卢卡申科 Лукашенко приехал в Пекин وصل لوكاشينكو",
    "marks": "... ,,, '' \"\" !!! ??? --- ((( ))) ’s 's ’",
    "markup": "<b>Ana Petrova</b> &amp; <a href='http://a.b/c?d=e'>Joe Biden</a>",
    "no spaces, 300 kB": "x" * 300_000,
    "marks without spaces, 300 kB": ".,'s" * 75_000,
    "emoji without spaces, 300 kB": "😀" * 75_000,
    "one long line": "Ana Petrova met Joe Biden in Paris and " * 800,
    "line breaks in names": "Ana\nPetrova\n\nmet Joe\r\nBiden",
}


@pytest.fixture(params=sorted(ANNOTATORS))
def each(request: pytest.FixtureRequest) -> Annotator:
    return annotator(request.param)


def draft(text: str, language: Language | None = ENGLISH) -> Draft:
    return Draft(make_raw(text=text), language=language)


def check(drafts: Sequence[Draft], blocks: Sequence[Block]) -> None:
    """All that must hold of any annotator's blocks."""
    assert len(blocks) == len(drafts)
    for one, block in zip(drafts, blocks, strict=True):
        assert block.status in {"done", "skipped"}
        if block.status == "skipped":
            assert block.reason
            assert (block.language, block.entities, block.topics) == (None, (), ())
        check_entities(one.article.text, block)
        scores = [topic.score for topic in block.topics]
        assert scores == sorted(scores, reverse=True)
        assert len({topic.code for topic in block.topics}) == len(scores)


def check_entities(text: str, block: Block) -> None:
    assert len({entity.key for entity in block.entities}) == len(block.entities)
    taken: list[tuple[int, int]] = []
    for entity in block.entities:
        assert entity.type in get_args(EntityType)
        assert entity.key.startswith((f"{entity.type.lower()}:", "wd:Q", "gn:"))
        assert entity.key.startswith(("wd:", "money:")) or entity.key == entity.key.lower()
        for mention in entity.mentions:
            assert text[mention.start : mention.end] == mention.text
            assert mention.text == mention.text.strip()
            assert "\n" not in mention.text
            taken.append((mention.start, mention.end))
    taken.sort()
    assert all(one[1] <= other[0] for one, other in pairwise(taken))


def test_it_says_who_it_is(each: Annotator) -> None:
    maker = each.maker
    assert maker.annotator.startswith(each.block)
    assert maker.version
    assert (maker.model is None) == (maker.model_sha256 is None)  # rules alone have no model
    assert maker.model_sha256 is None or len(maker.model_sha256) == 64
    assert each.maker == maker


def test_it_is_registered_under_its_blocks_name(each: Annotator) -> None:
    assert annotator(each.block) is each


def test_no_drafts_give_no_blocks(each: Annotator) -> None:
    assert list(each.annotate([])) == []


@pytest.mark.parametrize("text", HARD.values(), ids=HARD.keys())
@pytest.mark.parametrize("language", [ENGLISH, None], ids=["english", "untold"])
def test_hard_texts_are_annotated_or_skipped_with_a_reason(
    each: Annotator, text: str, language: Language | None
) -> None:
    drafts = [draft(text, language)]
    check(drafts, each.annotate(drafts))


@pytest.mark.parametrize("code", ["de", "zh", "und", "xx"])
def test_a_language_without_a_model_is_no_error(each: Annotator, code: str) -> None:
    drafts = [draft("Ein Text.", Language(code=code, confidence=0.9)), draft("Joe Biden spoke.")]
    check(drafts, each.annotate(drafts))


def test_one_block_for_each_draft_in_order_whatever_the_batch(each: Annotator) -> None:
    articles = [seed_beijing(), seed_ties()]
    drafts = [*(Draft(article, language=ENGLISH) for article in articles)]
    drafts += [draft(text) for name, text in HARD.items() if "300 kB" not in name]
    together = list(each.annotate(drafts))
    check(drafts, together)
    assert [each.annotate([one])[0] for one in drafts] == together
    assert list(reversed(each.annotate(drafts[::-1]))) == together


def test_the_same_drafts_give_the_same_blocks_again(each: Annotator) -> None:
    drafts = [Draft(seed_ties(), language=ENGLISH)]
    assert list(each.annotate(drafts)) == list(each.annotate(drafts))


def test_drafts_are_left_as_they_were(each: Annotator) -> None:
    drafts = [Draft(seed_beijing(), language=ENGLISH), draft("")]
    before = copy.deepcopy(drafts)
    each.annotate(drafts)
    assert drafts == before


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(max_size=200), told=st.booleans())
def test_any_text_is_annotated_or_skipped(each: Annotator, text: str, *, told: bool) -> None:
    drafts = [draft(text, ENGLISH if told else None)]
    check(drafts, each.annotate(drafts))


WORDS = st.sampled_from(
    (
        *("Ana", "Petrova", "PETROVA", "Joe", "Biden", "Biden's", "the", "The", "U.S.", "US"),
        *("Łukaszenka", "Lukashenko", "Alexander", "met", "said", ",", ".", "\n\n", "China"),
        *("President", "anti-Chinese", "Bank", "of", "(WHO)", "World", "Health", "Organization"),
        *("Kyiv", "Jordan"),
    )
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.lists(WORDS, max_size=60))
def test_any_mixture_of_names_is_annotated(each: Annotator, words: list[str]) -> None:
    drafts = [draft(" ".join(words))]
    check(drafts, each.annotate(drafts))


def test_no_objects_pile_up_over_many_articles(each: Annotator) -> None:
    """Counted, not timed: after the first rounds nothing more may stay."""
    drafts = [draft(f"Ana Petrova met Joe Biden in Paris for the {n}th time.") for n in range(8)]
    counts = []
    for _ in range(5):
        for _ in range(3):
            each.annotate(drafts)
        gc.collect()
        counts.append(len(gc.get_objects()))
    assert counts[-1] - counts[1] < 100
