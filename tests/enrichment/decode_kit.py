"""Pipelines to compare: as spaCy made them, and with the fast decoder in its place."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import spacy

from services.enrichment.decode import accelerate
from services.enrichment.models import find_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.vectors import Vectors  # type: ignore[import-not-found]  # ships no types for it

    from services.enrichment.decode.decoder import Decoder

ONLY_NAMES = ("tok2vec", "tagger", "morphologizer", "parser", "attribute_ruler", "lemmatizer")
"""What a model's recogniser doesn't need."""

OF_TOKEN: list[int | str] = ["ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "ENT_ID"]


@cache
def stock(model: str) -> Language:
    """The recogniser of ``model`` as spaCy has it."""
    return spacy.load(find_model(model), exclude=ONLY_NAMES)


@cache
def fast(model: str) -> Language:
    """The same with the fast decoder."""
    nlp = spacy.load(find_model(model), exclude=ONLY_NAMES)
    assert accelerate(nlp) is None
    return nlp


def decoder(nlp: Language) -> Decoder:
    """What is inside the fast component."""
    component: Any = nlp.get_pipe("ner")
    inside: Decoder = component._sources[1]
    return inside


def named(document: Doc) -> tuple[list[tuple[str, str]], list[list[int]]]:
    """All that a recogniser sets: entities, and what each token says of its own."""
    entities = [(span.text, span.label_) for span in document.ents]
    return entities, document.to_array(OF_TOKEN).tolist()


def differences(
    one: Language, other: Language, texts: Sequence[str], batch_size: int = 8
) -> list[str]:
    """The texts in which the two pipelines don't set exactly the same."""
    pairs = zip(
        one.pipe(texts, batch_size=64), other.pipe(texts, batch_size=batch_size), strict=True
    )
    return [ours.text for theirs, ours in pairs if named(theirs) != named(ours)]


SMALL: dict[str, Any] = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "extra_state_tokens": False,
    "hidden_width": 10,
    "maxout_pieces": 2,
    "use_upper": True,
    "nO": None,
}
EMBED: dict[str, Any] = {
    "@architectures": "spacy.MultiHashEmbed.v2",
    "width": 12,
    "attrs": ["NORM", "PREFIX", "SHAPE"],
    "rows": [50, 20, 30],
    "include_static_vectors": False,
}
ENCODE: dict[str, Any] = {
    "@architectures": "spacy.MaxoutWindowEncoder.v2",
    "width": 12,
    "depth": 2,
    "window_size": 1,
    "maxout_pieces": 2,
}


def _without_none(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if value is not None}


def untaught(
    model: dict[str, Any] | None = None,
    *,
    embed: dict[str, Any] | None = None,
    encode: dict[str, Any] | None = None,
    factory: str = "ner",
    vectors: Vectors | None = None,
    seed: int = 1,
) -> Language:
    """A small pipeline with weights at random: its names mean nothing, but it has some.

    ``model``, ``embed`` and ``encode`` change its configuration; a None takes a key away.
    """
    nlp = spacy.blank("en")
    if vectors is not None:
        nlp.vocab.vectors = vectors
    tok2vec = {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": _without_none(EMBED | (embed or {})),
        "encode": _without_none(ENCODE | (encode or {})),
    }
    recogniser: Any = nlp.add_pipe(
        factory, name="ner", config={"model": {**SMALL, "tok2vec": tok2vec, **(model or {})}}
    )
    for label in ("PERSON", "GPE", "LAW"):
        recogniser.add_label(label)
    chance = np.random.default_rng(seed)
    nlp.initialize()
    for layer in recogniser.model.walk():
        for name in layer.param_names:
            shape = layer.get_param(name).shape
            layer.set_param(name, chance.normal(scale=0.7, size=shape).astype("float32"))
    return nlp
