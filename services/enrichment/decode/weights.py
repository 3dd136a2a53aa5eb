"""The arrays of a trained ``ner`` component, and whether it is one that we can decode.

What is known here is ``spacy.TransitionBasedParser.v2`` with ``state_type = "ner"``
over its own ``spacy.Tok2Vec.v2`` of ``MultiHashEmbed`` and ``MaxoutWindowEncoder``:
the models that spaCy publishes without a transformer.  Widths, depth, labels and
static vectors may differ; the shape of the network may not.

Source of truth: spaCy 3.8's ``ml/models/parser.py``, ``ml/models/tok2vec.py``,
``ml/tb_framework.py`` (what the network is made of), ``pipeline/_parser_internals/ner.pyx``
(its actions); thinc 8.3's ``layers``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from spacy.pipeline import EntityRecognizer
from thinc.api import NumpyOps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from thinc.api import Model

SPACY = "3.8."
"""The releases whose sources this package was written after."""

STATE_FEATURES = 3
"""The token, the open entity's first token, the token before: ``StateC.set_context_tokens``."""

_HASHED = r"with_array\(ints-getitem>>hashembed(?:\|ints-getitem>>hashembed)*\)"
_MIXED = "with_array(maxout>>layernorm>>dropout)"
_EMBED = re.compile(
    rf"extract_features>>list2ragged>>{_HASHED}(?:\|static_vectors)?"
    rf">>{re.escape(_MIXED)}>>ragged2list"
)
_CONVOLUTION = "residual(expand_window>>maxout>>layernorm>>dropout)"
_ENCODE = re.compile(rf"with_array\({re.escape(_CONVOLUTION)}(?:>>{re.escape(_CONVOLUTION)})*\)")


class UncoveredError(ValueError):
    """The model isn't one that this package can decode; the message says why."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """What makes a word's vector out of its attributes: thinc's own layers.

    ``columns`` are the attributes' names, ``hashed`` maps their values (uint64, one row
    a word) to the tables' rows side by side, ``mixed`` maps those (and the projected
    static vector behind them) to ``width`` numbers.
    """

    columns: tuple[str, ...]
    hashed: Model[Any, Any]
    projection: NDArray[np.float32] | None
    mixed: Model[Any, Any]
    width: int


@dataclass(frozen=True, slots=True)
class Convolution:
    """One layer of the encoder: maxout over a window of three tokens, then layer norm.

    ``before`` (for the token before) and ``after`` have the pieces one below the other
    (``pieces · width`` rows, ``width`` columns) and not interleaved as thinc has them, so that
    a maximum over the pieces is one over whole blocks.  ``both`` and ``apart`` are halves of
    the sum of all three tokens' and of the outer two's without the middle one's; ``both``
    has the bias as one column more.
    """

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    both: NDArray[np.float32]
    apart: NDArray[np.float32]
    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    pieces: int


@dataclass(frozen=True, slots=True)
class Actions:
    """The numbers of the transition system's actions: one each of B, I, L, U per label.

    ``labels`` are hashes in the pipeline's string store; ``begin[i]`` is the action that
    begins an entity of ``labels[i]``, and so on.
    """

    labels: tuple[int, ...]
    begin: tuple[int, ...]
    inside: tuple[int, ...]
    last: tuple[int, ...]
    unit: tuple[int, ...]
    out: int


@dataclass(frozen=True, slots=True)
class Network:
    """Everything that is needed to decode as one ``ner`` component would.

    ``lower`` maps a token's vector to its share of the hidden layer for each of the three
    state features (``3, pieces · hidden, width``; pieces one below the other), ``missing``
    is what a feature without a token gives instead.
    """

    embedding: Embedding
    convolutions: tuple[Convolution, ...]
    linear: NDArray[np.float32]
    linear_bias: NDArray[np.float32]
    lower: NDArray[np.float32]
    missing: NDArray[np.float32]
    lower_bias: NDArray[np.float32]
    pieces: int
    upper: NDArray[np.float32]
    upper_bias: NDArray[np.float32]
    actions: Actions


def read(ner: Any, strings: Any) -> Network:
    """The weights of ``ner``.

    ``strings`` is the pipeline's string store.  Raises :class:`UncoveredError` when the
    component isn't one that :mod:`services.enrichment.decode` knows.
    """
    installed = version("spacy")
    _require(installed.startswith(SPACY), f"spaCy {installed} isn't {SPACY}x")
    # Not isinstance: a class of its own may do otherwise in any method.
    _require(type(ner) is EntityRecognizer, f"it is a {type(ner).__name__}")
    model, cfg, moves = ner.model, ner.cfg, ner.moves
    _require(isinstance(model.ops, NumpyOps), f"it computes with {type(model.ops).__name__}")
    _require(cfg["beam_width"] == 1, "it searches a beam")
    _require(
        model.name == "parser_model" and bool(model.attrs["has_upper"]), "it has no upper layer"
    )
    _require(not model.attrs["unseen_classes"], "it has actions that it was never taught")
    _, lower, upper = model.layers
    (tok2vec, _, linear) = _named(model.layers[0], (None, "list2array", "linear"))
    owns = tok2vec.has_ref("embed") is True and tok2vec.has_ref("encode") is True
    _require(owns, "its tok2vec isn't its own")
    _require(lower.get_dim("nF") == STATE_FEATURES, f"it has {lower.get_dim('nF')} state features")
    _require(lower.get_dim("nP") > 1, "its lower layer has no pieces")
    _require(upper.get_dim("nO") == moves.n_moves, "its actions and its scores differ in number")
    return Network(
        embedding=_embedding(tok2vec.get_ref("embed")),
        convolutions=_convolutions(tok2vec.get_ref("encode")),
        linear=_array(linear, "W"),
        linear_bias=_array(linear, "b"),
        lower=_pieces_apart(_array(lower, "W"), axis=1),
        missing=_pieces_apart(_array(lower, "pad")[0], axis=1),
        lower_bias=_pieces_apart(_array(lower, "b"), axis=0),
        pieces=lower.get_dim("nP"),
        upper=_array(upper, "W"),
        upper_bias=_array(upper, "b"),
        actions=_actions(moves, strings),
    )


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 (reads as an assertion)
    if not holds:
        raise UncoveredError(otherwise)


def _named(chain: Model[Any, Any], names: Sequence[str | None]) -> Sequence[Model[Any, Any]]:
    """The layers of ``chain``, which must have these names (None: any)."""
    found = [layer.name for layer in chain.layers]
    fits = len(found) == len(names) and all(
        name in (None, layer) for name, layer in zip(names, found, strict=True)
    )
    _require(fits, f"unknown layers: {'>>'.join(found)}")
    return chain.layers


def _array(layer: Model[Any, Any], name: str) -> NDArray[np.float32]:
    array: Any = layer.get_param(name)
    _require(array.dtype == np.float32, f"the weights of {layer.name} are {array.dtype}")
    copied: NDArray[np.float32] = np.array(array)
    return copied


def _pieces_apart(array: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Axes ``axis`` (outputs) and the next (pieces) swapped and made one."""
    swapped = np.swapaxes(array, axis, axis + 1)
    shape = (*array.shape[:axis], -1, *array.shape[axis + 2 :])
    return np.ascontiguousarray(swapped).reshape(shape)


def _embedding(embed: Model[Any, Any]) -> Embedding:
    _require(_EMBED.fullmatch(embed.name) is not None, f"unknown embedding: {embed.name}")
    by_name = {layer.name: layer for layer in embed.walk()}
    vectors = by_name.get("static_vectors")
    (hashed,) = (layer for name, layer in by_name.items() if re.fullmatch(_HASHED, name))
    (mixed,) = by_name[_MIXED].layers
    return Embedding(
        columns=tuple(by_name["extract_features"].attrs["columns"]),
        hashed=hashed.layers[0],
        projection=None if vectors is None else _array(vectors, "W"),
        mixed=mixed,
        width=mixed.get_dim("nO"),
    )


def _convolutions(encode: Model[Any, Any]) -> tuple[Convolution, ...]:
    _require(_ENCODE.fullmatch(encode.name) is not None, f"unknown encoder: {encode.name}")
    (stack,) = encode.layers
    layers = [stack] if stack.name == _CONVOLUTION else stack.layers
    _require(encode.attrs["pad"] == len(layers), "its documents are padded otherwise")
    return tuple(_convolution(layer) for layer in layers)


def _convolution(residual: Model[Any, Any]) -> Convolution:
    by_name = {layer.name: layer for layer in residual.walk()}
    window = by_name["expand_window"].attrs["window_size"]
    _require(window == 1, f"its window is {window} tokens to each side")
    maxout, norm = by_name["maxout"], by_name["layernorm"]
    # Added up in 64 bits: rounded once.
    weights = _pieces_apart(_array(maxout, "W"), axis=0).astype(np.float64)
    bias = _pieces_apart(_array(maxout, "b"), axis=0)[:, None]
    before, token, after = np.split(weights, 3, axis=1)
    return Convolution(
        before=before.astype(np.float32),
        after=after.astype(np.float32),
        both=np.hstack(((before + token + after) / 2, bias)).astype(np.float32),
        apart=((before - token + after) / 2).astype(np.float32),
        scale=_array(norm, "G")[:, None],
        shift=_array(norm, "b")[:, None],
        pieces=maxout.get_dim("nP"),
    )


def _actions(moves: Any, strings: Any) -> Actions:
    """The actions by label; each label must have all four that an entity may need.

    The action of no label (``U-``, for tokens that were blocked beforehand) is never legal
    in a document without preset entities, which is all that is decoded here.
    """
    numbers = {moves.get_class_name(number): number for number in range(moves.n_moves)}
    _require("O" in numbers, "it has no action to pass over a token")
    numbers.pop("U-", None)
    labels = [name[2:] for name in numbers if name.startswith("B-")]
    wanted = {f"{move}-{label}" for move in "BILU" for label in labels}
    _require(wanted | {"O"} == set(numbers), "a label lacks one of the actions B, I, L, U")
    by_move = {move: tuple(numbers[f"{move}-{label}"] for label in labels) for move in "BILU"}
    return Actions(
        labels=tuple(strings.add(label) for label in labels),
        begin=by_move["B"],
        inside=by_move["I"],
        last=by_move["L"],
        unit=by_move["U"],
        out=numbers["O"],
    )
