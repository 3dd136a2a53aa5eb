"""What spaCy's transition parser would do at each token, for all tokens at once.

The parser reads from left to right and takes the best legal action at each token: it
begins an entity of some label (B), goes on with it (I), ends it (L), takes the token as
one by itself (U) or passes over it (O).  Its scores depend on three state features:
the token, the open entity's first token, and the token before if an entity is open.
So two things hold:

* while no entity is open, the best action depends on the token alone;
* while one is open, only I and L of its label are legal, and which is better depends
  on the token and on where the entity began, not on the way between.

Hence the best first action of all tokens is one matrix product, and all entities that
begin anywhere can be extended together, one token a step, until L wins.  A walk over
those that the parser would really have come to gives the entities.

Source of truth: ``pipeline/_parser_internals/ner.pyx`` (which action is legal when),
``_state.pxd`` (state features), ``ml/parser_model.pyx`` (scores; of equal ones the
first), ``ml/_precomputable_affine.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from services.enrichment.decode.weights import Network

TOLERANCE = 1e-4
"""A choice by less than this is spaCy's to make. Its sums run in another order (BLIS there, another
BLAS here) and the differences of scores were seen to differ by up to 1.4e-5 over 15,000 tokens
of news and noise; what is seven times that can't turn out otherwise. Below it is about one token of
200,000; ten times as much let one article in thirty be read twice."""

LOCKSTEP = 12
"""Tokens after its first by which entities are extended together; the few longer ones go on
alone, and only if the parser would come to them, so that time stays linear in a text of
nothing but capitals."""

OUTSIDE = 0
"""A move: no entity here. ``label + 1`` begins one, ``-(label + 1)`` is one of a single token."""


class NotFiniteError(ArithmeticError):
    """The weights or vectors gave something that isn't a number: the model is broken."""


def _require_numbers(scores: NDArray[np.float32]) -> None:
    if not np.isfinite(scores).all():
        raise NotFiniteError("the model's scores are not finite numbers")


class Transitions:
    """The parser's decisions, from the vectors of tokens (one a row)."""

    def __init__(self, network: Network) -> None:
        actions = network.actions
        moves = [(number, label + 1) for label, number in enumerate(actions.begin)]
        moves += [(number, -label - 1) for label, number in enumerate(actions.unit)]
        moves += [(actions.out, OUTSIDE)]
        # By rising number: argmax then takes the first of equal ones, as the parser does.
        moves.sort()
        numbers = [number for number, _ in moves]
        self._moves = np.array([move for _, move in moves], np.int32)
        self._begins = np.flatnonzero(self._moves > OUTSIDE)
        self._entities = np.flatnonzero(self._moves != OUTSIDE)
        self._upper = np.ascontiguousarray(network.upper[numbers].T)
        self._upper_bias = network.upper_bias[numbers]
        self._token, self._first, self._before = (
            np.ascontiguousarray(feature.T) for feature in network.lower
        )
        self._closed_bias = network.lower_bias + network.missing[1] + network.missing[2]
        self._open_bias = network.lower_bias
        self._pieces = network.pieces
        inside, last = list(actions.inside), list(actions.last)
        self._goes_on = network.upper[inside] - network.upper[last]
        self._goes_on_bias = network.upper_bias[inside] - network.upper_bias[last]

    def first_moves(
        self, tokens: NDArray[np.float32], closing: NDArray[np.bool_], space: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """The move at each token while no entity is open, and whether it is too near to call.

        ``closing``: an entity may not go beyond this token (the last of its document, or
        the next starts a sentence).  ``space``: no entity may start here.  Raises
        :class:`NotFiniteError`.
        """
        hidden = self._hidden(tokens @ self._token, self._closed_bias)
        scores = hidden @ self._upper
        scores += self._upper_bias
        scores[np.ix_(np.flatnonzero(closing), self._begins)] = -np.inf
        scores[np.ix_(np.flatnonzero(space), self._entities)] = -np.inf
        every = np.arange(len(scores))
        best = scores.argmax(axis=1)
        highest = scores[every, best]
        _require_numbers(highest)
        scores[every, best] = -np.inf
        return self._moves[best], highest - scores.max(axis=1) < TOLERANCE

    def _hidden(
        self, features: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Maxout: the highest of a unit's pieces, which stand in blocks side by side."""
        features += bias
        units = features.shape[1] // self._pieces
        best = features[:, :units]
        for piece in range(1, self._pieces):
            best = np.maximum(best, features[:, piece * units : (piece + 1) * units])
        return best

    def _go_on(
        self,
        tokens: NDArray[np.float32],
        first: NDArray[np.intp],
        at: NDArray[np.intp],
        labels: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """By how much I is better than L at token ``at`` of an entity that began at ``first``.

        Raises :class:`NotFiniteError`.
        """
        features = tokens[at] @ self._token
        features += tokens[first] @ self._first
        features += tokens[at - 1] @ self._before
        hidden = self._hidden(features, self._open_bias)
        better: NDArray[np.float32] = np.einsum("ij,ij->i", hidden, self._goes_on[labels])
        better += self._goes_on_bias[labels]
        _require_numbers(better)
        return better

    def extend(
        self, tokens: NDArray[np.float32], moves: NDArray[np.int32], closing: NDArray[np.bool_]
    ) -> tuple[dict[int, int], set[int]]:
        """The last token of each entity that some token begins, and those too near to call.

        Those longer than :data:`LOCKSTEP` tokens after their first are missing: see
        :meth:`extend_alone`.
        """
        first = np.flatnonzero(moves > OUTSIDE)
        labels = moves[first] - 1
        ends: dict[int, int] = {}
        unsure: set[int] = set()
        for step in range(1, LOCKSTEP + 1):
            if not len(first):
                break
            at = first + step
            better = self._go_on(tokens, first, at, labels)
            forced = closing[at]
            near = ~forced & (np.abs(better) < TOLERANCE)
            unsure.update(first[near].tolist())
            stops = forced | (better <= 0)
            ends.update(zip(first[stops].tolist(), at[stops].tolist(), strict=True))
            first, labels = first[~stops], labels[~stops]
        return ends, unsure

    def extend_alone(
        self, tokens: NDArray[np.float32], start: int, label: int, closing: NDArray[np.bool_]
    ) -> tuple[int, bool]:
        """The last token of the long entity that begins at ``start``; whether it is near.

        Looks at twice as many tokens each time, since what is decided at one doesn't depend on the
        others.
        """
        begin, count = start + LOCKSTEP + 1, LOCKSTEP
        near = False
        while True:
            at = np.arange(begin, min(begin + count, len(tokens)))
            labels = np.full(len(at), label, np.int32)
            better = self._go_on(tokens, np.full(len(at), start), at, labels)
            forced = closing[at]
            stops = np.flatnonzero(forced | (better <= 0))
            seen = slice(None, stops[0] + 1 if len(stops) else None)
            near = near or bool((~forced & (np.abs(better) < TOLERANCE))[seen].any())
            if len(stops):
                return int(at[stops[0]]), near
            begin, count = begin + count, count * 2
