"""The entities block as a whole: languages, keys, bounds, provenance, determinism."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas.article import Language
from services.enrichment.annotators.base import Draft
from services.enrichment.annotators.entities import MAX_MENTIONS, EntityFinder, resolve
from services.enrichment.annotators.gazetteer import Gazetteer
from services.enrichment.annotators.labels import known_type
from services.enrichment.annotators.recogniser import Found
from services.enrichment.linking import Knowledge
from services.enrichment.models import LoadedModel
from tests.enrichment.kit import gazetteer, is_linear, knowledge, marked, resolved, texts_of
from tests.factories import make_raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.enrichment.annotators.recogniser import Recogniser


class Scripted:
    """Finds, in every text, the names that it was told, with a label."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.texts: list[str] = []

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        self.texts += texts
        return [
            sorted(
                (
                    Found(text.index(name), text.index(name) + len(name), label)
                    for name, label in self.names.items()
                    if name in text
                ),
                key=lambda found: found.start,
            )
            for text in texts
        ]


def a_model(name: str) -> LoadedModel:
    return LoadedModel(nlp=None, name=name, version="1.0", sha256="0" * 64)  # type: ignore[arg-type]  # the script reads no model


def finder(**scripts: Scripted) -> EntityFinder:
    """An annotator of the languages, each with its script."""
    models = {language: a_model(f"{language}_script") for language in scripts}
    by_name = {f"{language}_script": script for language, script in scripts.items()}

    def make(model: LoadedModel) -> Recogniser:
        return by_name[model.name]

    return EntityFinder(models, knowledge(), recogniser=make)


def draft(text: str, code: str = "en") -> Draft:
    return Draft(make_raw(text=text), language=Language(code=code, confidence=1.0))


# --- Languages ------------------------------------------------------------------------------


def test_each_text_goes_to_the_model_of_its_language_and_blocks_keep_their_order() -> None:
    english, french = Scripted({"Ana Petrova": "PERSON"}), Scripted({"Zoé Dupin": "PER"})
    drafts = [draft("Zoé Dupin parle.", "fr"), draft("Ana Petrova spoke."), draft("Hm.", "de")]
    blocks = finder(en=english, fr=french).annotate(drafts)
    assert [[e.name for e in block.entities] for block in blocks] == [
        ["Zoé Dupin"],
        ["Ana Petrova"],
        [],
    ]
    assert english.texts == ["Ana Petrova spoke."]
    assert french.texts == ["Zoé Dupin parle."]
    assert [block.maker.model if block.maker else None for block in blocks] == [
        "fr_script",
        "en_script",
        None,
    ]


@pytest.mark.parametrize(
    ("code", "reason"),
    [("de", "no model for language 'de'"), ("und", "the language can't be told")],
)
def test_a_language_without_a_model_is_skipped_with_the_reason(code: str, reason: str) -> None:
    (block,) = finder(en=Scripted({})).annotate([draft("Ana Petrova.", code)])
    assert (block.status, block.reason) == ("skipped", reason)


def test_without_a_language_block_the_source_is_believed() -> None:
    english, french = Scripted({}), Scripted({})
    text = make_raw(text="Bonjour.", language="fr-CA")
    finder(en=english, fr=french).annotate([Draft(text)])
    assert (english.texts, french.texts) == ([], ["Bonjour."])


def test_six_languages_in_one_text_are_one_text() -> None:
    text = "Ana Petrova spoke. Elle a parlé. Sie sprach. Она сказала. 她说了。 قالت."
    (block,) = finder(en=Scripted({"Ana Petrova": "PERSON"})).annotate([draft(text)])
    assert [entity.name for entity in block.entities] == ["Ana Petrova"]


@pytest.mark.parametrize(
    ("label", "name", "kind"),
    [
        ("PER", "Ana Petrova", "PERSON"),
        ("LOC", "Russia", "GPE"),
        ("LOC", "Wobbly Hills", "LOC"),
        ("MISC", "Chinese", "NORP"),
        ("MISC", "Wobbly", None),
        ("DATE", "Monday", None),
        ("WORK_OF_ART", "Wobbly", "WORK_OF_ART"),
        ("", "Wobbly", None),
    ],
)
def test_labels_of_other_schemes_are_mapped(label: str, name: str, kind: str | None) -> None:
    assert known_type(label, name, gazetteer()) == kind


# --- Keys, links, relations -----------------------------------------------------------------


def keys(text: str, document: str) -> list[str]:
    plain, found = marked(text)
    return [entity.key for entity in resolve(plain, found, gazetteer(), document=document)]


def test_an_unknown_person_has_one_key_in_every_document_and_in_every_order() -> None:
    one = keys("[PERSON Ana Petrova] and [ORG Wobbly Works]", "one")
    two = keys("[ORG Wobbly Works] and [PERSON Dr. ANA PETROVA]", "two")
    assert sorted(one) == sorted(two) == ["org:wobbly works", "person:ana petrova"]


def test_a_person_known_by_one_name_is_somebody_of_this_document() -> None:
    one, two = keys("[PERSON Petrova] spoke", "one"), keys("[PERSON Petrova] spoke", "two")
    assert one == ["person:petrova~one"]
    assert two == ["person:petrova~two"]


def test_spellings_of_a_known_person_have_one_key_across_documents() -> None:
    names = ["Alexander Lukashenko", "Alyaksandr Lukashenka", "Aleksandr Łukaszenka"]
    names += ["Александр Лукашенко"]
    assert {keys(f"[PERSON {name}]", name)[0] for name in names} == {"wd:Q2866"}


def test_a_surname_that_two_people_of_the_document_bear_is_linked_to_nobody() -> None:
    found = resolved("[PERSON Jill Biden] met [PERSON Joe Biden]. [PERSON Biden] left.")
    assert found["person:biden"].wikidata is None
    assert found["wd:Q6279"].wikidata == "Q6279"


def test_a_surname_is_the_one_who_was_introduced_so_far() -> None:
    found = resolved(
        "[PERSON Jill Biden] came. [PERSON Biden] sat. "
        "[PERSON Joe Biden] came. [PERSON Biden] left."
    )
    assert texts_of(found["person:jill biden"]) == ["Jill Biden", "Biden"]
    assert texts_of(found["person:biden"]) == ["Biden"]


def test_a_capital_and_a_people_say_whose_they_are() -> None:
    found = resolved("[GPE Minsk] and the [NORP Belarusian] way")
    assert [(r.kind, r.key) for r in found["wd:Q2280"].relations] == [("capital_of", "wd:Q184")]
    assert [(r.kind, r.key) for r in found["norp:belarusian"].relations] == [
        ("demonym_of", "wd:Q184")
    ]


def test_only_a_country_has_a_country_code() -> None:
    found = resolved("[GPE Minsk] in [GPE Belarus]")
    assert found["wd:Q184"].iso_country == "BY"
    assert found["wd:Q2280"].iso_country is None
    assert found["wd:Q184"].link_confidence is not None
    assert resolved("[GPE Wobblyville]")["gpe:wobblyville"].link_confidence is None


def test_a_users_alias_links_from_the_next_article_on(tmp_path: Path) -> None:
    file = tmp_path / "aliases.yaml"
    file.write_text("[]\n")
    annotator = EntityFinder(
        {"en": a_model("m")},
        Knowledge.load(file),
        recogniser=lambda _model: Scripted({"the Lion of Minsk": "PERSON"}),
    )
    text = draft("Then the Lion of Minsk roared.")
    (before,) = annotator.annotate([text])
    file.write_text("- {alias: Lion of Minsk, means: 'wd:Q2866'}\n")
    (after,) = annotator.annotate([text])
    assert "wd:Q2866" not in [entity.key for entity in before.entities]
    assert [entity.key for entity in after.entities] == ["wd:Q2866"]
    assert before.maker is not None
    assert after.maker is not None
    assert before.maker.knowledge_version != after.maker.knowledge_version


# --- Bounds ---------------------------------------------------------------------------------


def test_more_mentions_than_the_bound_are_counted_and_said() -> None:
    text = "Ana Petrova met Wim Bakker. " * (MAX_MENTIONS // 2 + 50)
    script = Scripted({"Ana Petrova": "PERSON", "Wim Bakker": "PERSON"})
    (block,) = finder(en=script).annotate([draft(text)])
    assert sum(len(entity.mentions) for entity in block.entities) == MAX_MENTIONS
    assert [entity.count for entity in block.entities] == [MAX_MENTIONS // 2 + 50] * 2
    assert block.reason is not None
    assert f"first {MAX_MENTIONS} mentions" in block.reason


HOSTILE = {
    "one letter": "x",
    "one sign": "-",
    "white space": " ",
    "line breaks": "\n",
    "no spaces": "ChinaRussia",
    "hyphens": "China-Russia-",
    "capitals": "CHINA AND RUSSIA ",
    "points": "U.S. ",
    "brackets": "World Health Organization (WHO) ",
    "names": "Ana Petrova met ",
    "titles": "Mr. President Ana ",
    "list": "- Ana Petrova\n",
    "datelines": "MINSK (AP) - ",
    "controls": "Ana\x00\x1b[31m Petrova\x07 ",
    "marks": "A\u0301\u0334",
    "particles": "Ana von der ",
    "scores": "China 3-1 ",
    "possessives": "Putin's ",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_with_the_length_of_a_hostile_text(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        found = [Found(0, min(11, len(text)), "PERSON")]
        started = time.process_time()
        entities = resolve(text, found, gazetteer())
        for entity in entities:
            for mention in entity.mentions:
                assert text[mention.start : mention.end] == mention.text
        return time.process_time() - started

    assert is_linear(seconds, 8_000)


def test_hundreds_of_people_with_one_surname_take_linear_time() -> None:
    def seconds(count: int) -> float:
        names = [
            f"{chr(65 + n % 26)}a{'bcdefghij'[n // 26 % 9]}{'k' * (n // 234)} Petrova"
            for n in range(count)
        ]
        plain, found = marked(
            ", ".join(f"[PERSON {name}]" for name in names) + ". Petrova. " * count
        )
        started = time.process_time()
        resolve(plain, found, gazetteer())
        return time.process_time() - started

    assert is_linear(seconds, 200)


# --- Determinism ----------------------------------------------------------------------------

_PROGRAM = """
from tests.enrichment.kit import marked, gazetteer
from services.enrichment.annotators.entities import resolve
text = (
    "[PERSON Ana Petrova] of [ORG Wobbly Works Ltd] ([ORG WWL]) met [PERSON Petrova] and "
    "[PERSON Bo Petrova] in [GPE Chelsea], [GPE Jordan], China-Russia. [ORG Wobbly] won 3-1."
)
plain, found = marked(text)
print([entity.model_dump_json() for entity in resolve(plain, found, gazetteer())])
"""


def test_the_order_of_hashes_changes_nothing() -> None:
    """Sets of strings come in another order in each process; what is made of them doesn't."""
    said = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": "."},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(said) == 1
    assert b"wd:Q148" in said.pop()


def test_the_table_is_named_in_provenance() -> None:
    (block,) = finder(en=Scripted({})).annotate([draft("Nothing.")])
    assert block.maker is not None
    assert block.maker.knowledge_version == Gazetteer(knowledge()).version
    assert block.maker.annotator == "entities.spacy"
