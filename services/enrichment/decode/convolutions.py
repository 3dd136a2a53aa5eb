"""The encoder: each token's vector in context, over all tokens of a batch at once.

Tokens stand in columns, so that what is done to one feature is done along memory
and a maximum over the pieces is one over whole blocks.  A batch is one row of tokens
with ``depth`` columns of zeros before, between and after its documents, as thinc has
them: farther than the layers can see.  It is worked through in chunks that fit
the cache; each takes in ``depth`` columns more on both sides and loses one at each layer.

Two neighbouring outputs share half of what they look at, so a layer computes them
together, with four products in the place of six (Winograd's F(2, 3): of inputs a, b, c, d
and weights f, g, h, the outputs ``fa + gb + hc`` and ``fb + gc + hd``)::

    both    = (f + g + h) / 2 · (b + c)         first  = f (a - c) + both + apart
    apart   = (f - g + h) / 2 · (c - b)         second = both - apart - h (b - d)

Hence columns go in pairs: the even ones of a chunk stand in one block, the odd in another.

Source of truth: ``MaxoutWindowEncoder`` in spaCy's ``ml/models/tok2vec.py``; thinc's
``layers/with_array.py`` and ``ops.flatten`` (padding), ``expand_window.py``,
``maxout.py``, ``layernorm.py``, ``residual.py``; S. Winograd, "Arithmetic Complexity of
Computations" (1980) (the products).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from services.enrichment.decode.weights import Convolution

CHUNK = 512
"""Columns worked on at once: 1.2 MB for the four products, near a core's second-level cache.
256 took a tenth longer; 1,024 took the same time and twice the memory."""

EPSILON = np.float32(1e-8)
"""What thinc's layer norm adds to the variance."""


def encode(
    vectors: NDArray[np.float32], convolutions: tuple[Convolution, ...]
) -> NDArray[np.float32]:
    """``vectors`` (features x 2 x pairs) in context; a pair less for each layer.

    The pairs' first and second columns are those of the even and odd columns.  A column is
    lost on both sides at each layer, so that it is an odd one that comes first then, and
    is called even.
    """
    for layer in convolutions:
        vectors = _convolved(vectors, layer)
    return vectors


def _convolved(vectors: NDArray[np.float32], layer: Convolution) -> NDArray[np.float32]:
    width, _, pairs = vectors.shape
    before, left = vectors[:, 0, :-1], vectors[:, 1, :-1]
    right, after = vectors[:, 0, 1:], vectors[:, 1, 1:]
    total = np.empty((width + 1, pairs - 1), np.float32)
    np.add(left, right, out=total[:width])
    total[width] = 1  # the bias' own
    both, apart = layer.both @ total, layer.apart @ (right - left)
    first = layer.before @ (before - right)
    first += both
    first += apart
    both -= apart
    both -= layer.after @ (left - after)
    best = np.empty((width, 2, pairs - 1), np.float32)
    for place, pieces in enumerate((first, both)):
        pieces.reshape(layer.pieces, width, -1).max(axis=0, out=best[:, place])
    _normalise(best.reshape(width, -1), layer)
    best[:, 0] += left
    best[:, 1] += right
    return best


def _normalise(values: NDArray[np.float32], layer: Convolution) -> None:
    """Layer norm over each column, in place."""
    mean = np.full(len(values), 1 / len(values), np.float32)
    values -= mean @ values
    variance = mean @ (values * values)
    variance += EPSILON
    values *= variance**-0.5
    values *= layer.scale
    values += layer.shift
