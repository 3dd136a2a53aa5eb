"""The enricher: batches in, the same articles with blocks and their provenance out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, ClassVar

import pytest

from schemas.article import EnrichedArticle, Entity, Language, Mention, RawArticle, Topic
from services.bus.errors import StopWorking
from services.enrichment.annotators.base import Annotator, Block, Draft, Maker
from services.enrichment.pipeline import MAX_REASON_CHARS, Enricher
from services.settings import Settings
from tests.enrichment.kit import annotator, seed_beijing, seed_ties
from tests.factories import article_id, make_raw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


@dataclass
class Fake(Annotator):
    """Makes what it is told to; raises on articles whose text holds ``bad``."""

    name: str = "language"
    make: Callable[[Draft], Block] = lambda _draft: Block()
    bad: str = "poison"
    batches: list[int] = field(default_factory=list)
    block: ClassVar[str] = "fake"

    @property
    def maker(self) -> Maker:
        return Maker(annotator=self.name, version="7", knowledge_version="tables 1")

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        self.batches.append(len(drafts))
        if any(self.bad in draft.article.text for draft in drafts):
            raise ValueError(f"can't stand {self.bad}\x1b[31m")
        return [self.make(draft) for draft in drafts]


def enrich(
    articles: Sequence[RawArticle], *annotators: Annotator, step: float = 0.0
) -> list[EnrichedArticle]:
    """Enriched with a clock that goes on by ``step`` seconds each time it is read."""
    ticks = count()
    enricher = Enricher(
        Settings(), annotators=annotators, now=lambda: NOW, clock=lambda: next(ticks) * step
    )
    results = enricher.enrich(articles)
    assert all(isinstance(result, EnrichedArticle) for result in results)
    return [result for result in results if isinstance(result, EnrichedArticle)]


def entity(text: str) -> Entity:
    mention = Mention(start=0, end=len(text), text=text)
    return Entity(key=f"org:{text.lower()}", name=text, type="ORG", mentions=(mention,))


# --- What comes out ---------------------------------------------------------------------------


def test_an_article_keeps_all_it_had_and_gains_the_blocks() -> None:
    article = make_raw(credits=("Photo: ©",), later_field={"kept": [1]})
    topic = Topic(code="medtop:15000000", name="sport", score=0.5, assigned_by="model")
    makes = Block(language=Language(code="en", confidence=1), topics=(topic,))
    (out,) = enrich([article], Fake(make=lambda _: makes))
    before, after = article.model_dump(), out.model_dump()
    assert {name: after[name] for name in before} == before
    assert out.detected_language.code == "en"
    assert out.topics == (topic,)
    assert out.enriched_at == NOW


def test_articles_come_out_in_the_order_they_came_in() -> None:
    articles = [make_raw(article_id=article_id(number)) for number in range(5)]
    out = enrich(articles, Fake())
    assert [article.article_id for article in out] == [a.article_id for a in articles]


def test_an_empty_batch_gives_an_empty_result() -> None:
    assert enrich([], Fake()) == []


def test_later_annotators_see_what_earlier_ones_made() -> None:
    seen: list[tuple[Language | None, int]] = []

    def look(draft: Draft) -> Block:
        seen.append((draft.language, len(draft.entities)))
        return Block()

    english = Language(code="en", confidence=1)
    first = Fake(make=lambda _: Block(language=english))
    second = Fake(make=lambda draft: Block(entities=(entity(draft.article.text[:3]),)))
    (out,) = enrich([make_raw()], first, second, Fake(make=look))
    assert seen == [(english, 1)]
    assert out.entities == (entity(make_raw().text[:3]),)


def test_without_a_language_block_the_language_is_unknown() -> None:
    (out,) = enrich([make_raw()], Fake())
    assert out.detected_language == Language(code="und", confidence=0.0)


# --- Provenance -------------------------------------------------------------------------------


def test_each_block_says_who_made_it_when_and_how_long_it_took() -> None:
    first, second = enrich([make_raw(), make_raw()], Fake(), step=0.5)
    (origin,) = first.provenance
    assert (origin.block, origin.annotator, origin.version) == ("fake", "language", "7")
    assert origin.knowledge_version == "tables 1"
    assert (origin.status, origin.reason, origin.at) == ("done", None, NOW)
    assert origin.duration_ms == 250.0  # half of the batch's 0.5 s
    assert second.provenance == first.provenance


def test_a_skipped_block_keeps_its_reason() -> None:
    (out,) = enrich([make_raw()], Fake(make=lambda _: Block(status="skipped", reason="no text")))
    assert (out.provenance[0].status, out.provenance[0].reason) == ("skipped", "no text")


# --- Failures ---------------------------------------------------------------------------------


def test_only_the_article_that_an_annotator_cannot_stand_loses_the_block() -> None:
    english = Block(language=Language(code="en", confidence=1))
    fake = Fake(make=lambda _: english)
    articles = [make_raw(text="good one"), make_raw(text="poison"), make_raw(text="good two")]
    out = enrich(articles, fake)
    assert fake.batches == [3, 1, 1, 1]
    assert [article.provenance[0].status for article in out] == ["done", "failed", "done"]
    assert [article.detected_language.code for article in out] == ["en", "und", "en"]


def test_a_failure_leaves_the_other_blocks_of_the_article_alone() -> None:
    english = Block(language=Language(code="en", confidence=1))
    bad, good = Fake(name="bad"), Fake(name="good", bad="nothing", make=lambda _: english)
    (out,) = enrich([make_raw(text="poison")], bad, good)
    assert [origin.status for origin in out.provenance] == ["failed", "done"]
    assert out.detected_language.code == "en"


def test_a_failures_reason_names_the_error_and_is_harmless_and_short() -> None:
    fake = Fake(bad="x" * 5000)
    (out,) = enrich([make_raw(text="x" * 5000)], fake)
    reason = out.provenance[0].reason
    assert reason is not None
    assert reason.startswith("ValueError: can't stand xxx")
    assert len(reason) <= MAX_REASON_CHARS
    (short,) = enrich([make_raw(text="poison")], Fake())
    assert short.provenance[0].reason == r"ValueError: can't stand poison\x1b[31m"


def test_an_annotator_that_loses_an_article_has_failed() -> None:
    class Loses(Fake):
        def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
            return [Block() for _ in drafts[1:]]

    (out,) = enrich([make_raw()], Loses())
    assert out.provenance[0].status == "failed"
    assert out.provenance[0].reason == "RuntimeError: 0 blocks for 1 articles"


def test_a_stop_is_not_a_failed_block() -> None:
    def stop(_draft: Draft) -> Block:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enrich([make_raw()], Fake(make=stop))


# --- The real annotators ----------------------------------------------------------------------

EVERY = ("language", "entities", "topics")
MIXED = (
    "Ana Petrova closed the harbour of Riverton on Monday, the port authority said.",
    "Die Bürgermeisterin hat den Hafen am Montag wegen Bauarbeiten geschlossen.",
    "",
    "Kyiv",
    "The European Union and Ukraine signed a trade agreement in Brussels on Friday.",
)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_same_articles_give_the_same_bytes_in_batches_of_any_size(size: int) -> None:
    articles = [seed_beijing(), *(make_raw(text=text) for text in MIXED), seed_ties()]
    every = [annotator(name) for name in EVERY]
    whole = enrich(articles, *every)
    parts = [
        article
        for start in range(0, len(articles), size)
        for article in enrich(articles[start : start + size], *every)
    ]
    assert [a.model_dump_json() for a in parts] == [a.model_dump_json() for a in whole]


def test_other_languages_are_named_and_the_rest_left_out_with_a_reason() -> None:
    (out,) = enrich([make_raw(text=MIXED[1])], *(annotator(name) for name in EVERY))
    assert out.detected_language.code == "de"
    assert (out.entities, out.topics) == ((), ())
    assert [(p.block, p.status, p.reason) for p in out.provenance] == [
        ("language", "done", None),
        ("entities", "skipped", "no model for language 'de'"),
        ("topics", "skipped", "no model for language 'de'"),
    ]


# --- Settings ---------------------------------------------------------------------------------


def test_the_settings_say_which_blocks_are_made_in_which_order() -> None:
    enricher = Enricher(Settings(annotators=("topics", "language")))
    (out,) = enricher.enrich([make_raw()])
    assert isinstance(out, EnrichedArticle)
    assert [origin.block for origin in out.provenance] == ["topics", "language"]


def test_an_unknown_annotator_stops_the_service_and_names_the_known_ones() -> None:
    with pytest.raises(StopWorking, match=r"no annotator .sense.. Known: language, entities"):
        Enricher(Settings(annotators=("language", "sense")))


def test_an_annotator_named_twice_stops_the_service() -> None:
    with pytest.raises(StopWorking, match="twice"):
        Enricher(Settings(annotators=("language", "language")))


def test_a_missing_model_stops_the_service() -> None:
    with pytest.raises(StopWorking, match="no_such_model"):
        Enricher(Settings(annotators=("entities",), spacy_model="no_such_model"))


CHILD = """
import os, sys
from services.enrichment.pipeline import Enricher
from services.settings import Settings
assert "numpy" not in sys.modules, "limits for threads would come too late"
Enricher(Settings(annotators=("language", "topics")))
assert os.environ["OMP_NUM_THREADS"] == sys.argv[1], os.environ["OMP_NUM_THREADS"]
assert "spacy" not in sys.modules and "thinc" not in sys.modules
"""


@pytest.mark.parametrize(("given", "used"), [({}, "1"), ({"OMP_NUM_THREADS": "3"}, "3")])
def test_spacy_is_not_imported_without_entities_and_threads_are_limited(
    given: dict[str, str], used: str
) -> None:
    command = [sys.executable, "-W", "error", "-c", CHILD, used]
    child = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stderr) == (0, "")
