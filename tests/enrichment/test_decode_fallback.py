"""What the fast decoder doesn't know it leaves to spaCy, and says so once; broken models fail."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.pipeline import EntityRecognizer
from spacy.vectors import Vectors  # type: ignore[import-not-found]  # ships no types for it
from structlog.testing import capture_logs

from services.enrichment.annotators.recogniser import SpacyRecogniser
from services.enrichment.decode import accelerate, weights
from services.enrichment.decode.component import FACTORY
from services.enrichment.decode.transitions import NotFiniteError
from tests.enrichment.decode_kit import decoder, fast, named, untaught

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from spacy.tokens import Doc

TEXT = "Ana Petrova met Joe Biden in Riverton on Monday."
SM = "en_core_web_sm"


def _beam() -> Language:
    return untaught(factory="beam_ner")


def _listener() -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "tok2vec"}
    parts = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 8,
        "maxout_pieces": 2,
        "use_upper": True,
        "tok2vec": listener,
    }
    recogniser: Any = nlp.add_pipe("ner", config={"model": parts})
    recogniser.add_label("PERSON")
    nlp.initialize()
    return nlp


class _Own(EntityRecognizer):  # type: ignore[misc]  # a compiled class
    """Somebody's recogniser that may do anything."""


@Language.factory("wiredesk_test_own_ner", default_config={"model": None})
def _own(nlp: Language, name: str, model: object) -> _Own:  # noqa: ARG001 (spaCy's signature)
    return _Own(nlp.vocab, untaught().get_pipe("ner").model, name=name)  # type: ignore[attr-defined]


def _of_another_class() -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("wiredesk_test_own_ner", name="ner")
    return nlp


def _with_an_action_never_taught() -> Language:
    nlp = untaught()
    nlp.get_pipe("ner").model.attrs["unseen_classes"].add(3)  # type: ignore[attr-defined]
    return nlp


def _in_double_precision() -> Language:
    nlp = untaught()
    upper = nlp.get_pipe("ner").model.get_ref("upper")  # type: ignore[attr-defined]
    upper.set_param("W", upper.get_param("W").astype(np.float64))
    return nlp


def _with_vectors_of_parts_of_words() -> Language:
    table = np.ones((20, 5), np.float32)
    floret = Vectors(mode="floret", data=table, hash_count=1, minn=1, maxn=2)
    return untaught(embed={"include_static_vectors": True}, vectors=floret)


def _without_some_action() -> Language:
    nlp = untaught()
    recogniser: Any = nlp.get_pipe("ner")
    recogniser.moves.add_action(1, "EVENT")  # B alone
    recogniser._resize()
    recogniser.model.attrs["unseen_classes"].clear()
    return nlp


UNKNOWN: dict[str, tuple[Callable[[], Language], str]] = {
    "six state features": (
        lambda: untaught({"extra_state_tokens": True}),
        "it has 6 state features",
    ),
    "no upper layer": (lambda: untaught({"use_upper": False}), "it has no upper layer"),
    "no pieces": (lambda: untaught({"maxout_pieces": 1}), "its lower layer has no pieces"),
    "a wider window": (lambda: untaught(encode={"window_size": 2}), "padded otherwise"),
    "another encoder": (
        lambda: untaught(
            encode={"@architectures": "spacy.MishWindowEncoder.v2", "maxout_pieces": None}
        ),
        "unknown encoder",
    ),
    "another embedding": (
        lambda: untaught(
            embed={
                "@architectures": "spacy.CharacterEmbed.v2",
                "nM": 4,
                "nC": 4,
                "rows": 20,
                "attrs": None,
            }
        ),
        "unknown embedding",
    ),
    "a beam": (_beam, "it searches a beam"),
    "a shared layer": (_listener, "its tok2vec isn't its own"),
    "another class": (_of_another_class, "it is a _Own"),
    "an action never taught": (_with_an_action_never_taught, "never taught"),
    "double precision": (_in_double_precision, "float64"),
    "floret vectors": (_with_vectors_of_parts_of_words, "vectors are of mode 'floret'"),
    "half a label": (_without_some_action, "a label lacks one of the actions"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_an_unknown_model_keeps_spacys_recogniser_and_one_warning_says_why(kind: str) -> None:
    make, reason = UNKNOWN[kind]
    nlp = make()
    before = list(nlp.pipeline)
    with capture_logs() as logs:
        told = accelerate(nlp)
    assert told is not None
    assert reason in told
    assert list(nlp.pipeline) == before
    assert logs == [
        {"event": "ner.stock", "log_level": "warning", "component": "ner", "reason": told}
    ]


def test_a_release_of_spacy_that_nobody_read_keeps_spacys_recogniser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weights, "version", lambda _: "3.9.0")
    assert accelerate(untaught()) == "spaCy 3.9.0 isn't 3.8.x"


def test_a_pipeline_without_the_component_is_left_alone() -> None:
    with capture_logs() as logs:
        assert "ner" in (accelerate(spacy.blank("en")) or "")
    assert [log["event"] for log in logs] == ["ner.stock"]


def test_it_is_put_in_place_once() -> None:
    nlp = untaught()
    assert accelerate(nlp) is None
    assert accelerate(nlp) == "it is a FastRecogniser"
    assert nlp.pipe_names == ["ner"]


def test_users_of_the_pipeline_see_nothing_new() -> None:
    nlp = untaught()
    before = nlp.pipe_names, nlp.pipe_labels, nlp.get_pipe_meta("ner").assigns
    nlp.add_pipe("sentencizer")
    assert accelerate(nlp) is None
    nlp.remove_pipe("sentencizer")
    assert (nlp.pipe_names, nlp.pipe_labels, nlp.get_pipe_meta("ner").assigns) == before


def test_it_keeps_its_place_among_other_components() -> None:
    nlp = untaught()
    nlp.add_pipe("sentencizer", first=True)
    nlp.add_pipe("merge_entities")
    assert accelerate(nlp) is None
    assert nlp.pipe_names == ["sentencizer", "ner", "merge_entities"]


def test_without_a_trained_component_it_says_how_it_is_made() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe(FACTORY, name="ner")
    with pytest.raises(AttributeError, match=r"made by accelerate\(\) only"):
        nlp(TEXT)


def test_it_cannot_be_saved_copied_or_pickled(tmp_path: Path) -> None:
    """A pipeline on disk without its weights would be found out only when it is loaded."""
    nlp = untaught()
    assert accelerate(nlp) is None
    component = nlp.get_pipe("ner")
    attempts: list[Callable[[], object]] = [
        lambda: nlp.to_disk(tmp_path),
        nlp.to_bytes,
        lambda: pickle.dumps(component),
        lambda: copy.deepcopy(component),
    ]
    for attempt in attempts:
        with pytest.raises(NotImplementedError, match="can't be saved"):
            attempt()


def _broken(value: float, layer: str, actions: str = "BILUO") -> Language:
    """With a weight that is no number in ``layer``; in the upper one, for these actions."""
    nlp = untaught()
    recogniser: Any = nlp.get_pipe("ner")
    part = recogniser.model.get_ref(layer)
    array = part.get_param("W").copy()
    if layer == "upper":
        names = [recogniser.moves.get_class_name(number) for number in range(len(array))]
        array[[name[0] in actions for name in names], 0] = value
    else:
        array[..., 0] = value
    part.set_param("W", array)
    assert accelerate(nlp) is None
    return nlp


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("layer", ["upper", "lower"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # what the broken weight gives
def test_a_broken_weight_is_an_error_and_no_finding(value: float, layer: str) -> None:
    """Left to itself, spaCy would go on and name every token after the first label."""
    with pytest.raises(NotFiniteError, match="not finite"):
        _broken(value, layer)(TEXT)
    with pytest.raises(NotFiniteError, match="not finite"):
        SpacyRecogniser(_broken(value, layer)).find([TEXT, TEXT])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_one_that_tells_only_within_an_entity_too() -> None:
    nlp = _broken(float("nan"), "upper", "IL")
    with pytest.raises(NotFiniteError, match="not finite"):
        nlp(" ".join(f"word{number}" for number in range(50)))


def test_an_error_goes_to_the_pipelines_own_handler() -> None:
    """As spaCy's components do it: who asked for errors to be passed over gets the rest."""
    nlp = untaught()
    assert accelerate(nlp) is None
    wanted = [named(doc) for doc in nlp.pipe(["one", "two"])]
    inside = decoder(nlp)
    failed: list[Doc] = []
    entities = inside.entities

    def failing(documents: list[Doc]) -> object:
        if any(doc.text == "bad" for doc in documents):
            raise ValueError("bad")
        return entities(documents)

    inside.entities = failing  # type: ignore[method-assign, assignment]

    def pass_over(_name: str, _component: object, docs: list[Doc], _error: Exception) -> None:
        failed.extend(docs)

    nlp.set_error_handler(pass_over)  # type: ignore[arg-type]  # typed as if it had to raise
    rest = [named(doc) for doc in nlp.pipe(["one", "bad", "two"], batch_size=1)]
    assert rest == wanted
    assert [doc.text for doc in failed] == ["bad"]


def test_after_an_error_it_goes_on() -> None:
    nlp = fast(SM)
    wanted = named(nlp(TEXT))
    with pytest.raises(ValueError, match="Expected a string"):
        nlp(17)  # type: ignore[arg-type]
    assert named(nlp(TEXT)) == wanted
