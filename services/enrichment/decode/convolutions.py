"""The encoder: each token's vector in context, over all tokens of a batch at once.

Tokens stand in columns, so that what is done to one feature is done along memory
and a maximum over the pieces is one over whole blocks.  A batch is one row of tokens
with ``depth`` columns of zeros before, between and after its documents, as thinc has
them: farther than the layers can see.  It is worked through in chunks that fit
the cache; each takes in ``depth`` columns more on both sides and loses one at each layer.

Source of truth: ``MaxoutWindowEncoder`` in spaCy's ``ml/models/tok2vec.py``; thinc's
``layers/with_array.py`` and ``ops.flatten`` (padding), ``expand_window.py``,
``maxout.py``, ``layernorm.py``, ``residual.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from services.enrichment.decode.weights import Convolution

CHUNK = 512
"""Columns worked on at once: 1.2 MB for window and pieces, near a core's second-level cache.
256 took 11 % longer; 1,024 took 3 % less and twice the memory."""

EPSILON = np.float32(1e-8)
"""What thinc's layer norm adds to the variance."""


def encode(
    vectors: NDArray[np.float32], convolutions: tuple[Convolution, ...]
) -> NDArray[np.float32]:
    """``vectors`` (features x columns) in context; ``depth`` columns fewer on both sides."""
    for layer in convolutions:
        vectors = _convolved(vectors, layer)
    return vectors


def _convolved(vectors: NDArray[np.float32], layer: Convolution) -> NDArray[np.float32]:
    width, columns = vectors.shape
    window = np.empty((3 * width, columns - 2), np.float32)
    for place in range(3):
        window[place * width : (place + 1) * width] = vectors[:, place : columns - 2 + place]
    pieces = layer.weights @ window
    pieces += layer.bias
    best = pieces[:width]
    for piece in range(1, layer.pieces):
        np.maximum(best, pieces[piece * width : (piece + 1) * width], out=best)
    return _normalised(best, layer, vectors[:, 1:-1])


def _normalised(
    values: NDArray[np.float32], layer: Convolution, residual: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Layer norm over each column, in place, and the layer's input added."""
    mean = np.full(len(values), 1 / len(values), np.float32)
    values -= mean @ values
    variance = mean @ (values * values)
    variance += EPSILON
    values *= variance**-0.5
    values *= layer.scale
    values += layer.shift
    values += residual
    return values
