"""The entities of a batch of documents: their tokens in one row, decoded together."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from services.enrichment.decode.convolutions import CHUNK, encode
from services.enrichment.decode.embeddings import EMPTY, Embeddings
from services.enrichment.decode.transitions import OUTSIDE, Transitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from spacy.tokens import Doc

    from services.enrichment.decode.weights import Network

Spans = list[tuple[int, int, int]]
"""Entities of one document: first token, token after the last, hash of the label."""

_STATE = ("IS_SPACE", "SENT_START", "ENT_IOB", "ENT_TYPE", "ENT_KB_ID")
"""What is read of each token beside its word: what the actions' legality hangs on."""

_SPACE, _STARTS, _PRESET = 0, 1, slice(2, 5)


class Decoder:
    """Decodes as the ``ner`` component would whose ``network`` it is. Not thread safe.

    ``vocab`` is the pipeline's.  Raises :class:`UncoveredError` for static vectors that
    it can't look up.
    """

    def __init__(self, network: Network, vocab: Any) -> None:
        self._network = network
        self._labels = network.actions.labels
        self._embeddings = Embeddings(network.embedding, vocab)
        self._transitions = Transitions(network)
        self._read: list[Any] = [*self._embeddings.columns, *_STATE]

    def entities(self, documents: Sequence[Doc]) -> list[Spans | None]:
        """The entities of each document; None where spaCy itself must be asked.

        That is where entities were set beforehand, which bind the parser, and where two
        actions' scores are too near to each other to be told apart.  Raises
        :class:`NotFiniteError`.
        """
        attributes: list[Any] = [document.to_array(self._read) for document in documents]
        words = len(self._embeddings.columns)
        found: list[Spans | None] = [[] for _ in documents]
        ours = []
        for index, read in enumerate(attributes):
            if read[:, words:][:, _PRESET].any():
                found[index] = None
            elif len(read):
                ours.append(index)
        if ours:
            decoded = self._decoded([attributes[index] for index in ours])
            for index, spans in zip(ours, decoded, strict=True):
                found[index] = spans
        return found

    def _decoded(self, attributes: Sequence[NDArray[np.uint64]]) -> list[Spans | None]:
        gap = len(self._network.convolutions)
        lengths = [len(read) for read in attributes]
        # The column of each document's first token, and where the one after the last would be.
        starts = list(accumulate((length + gap for length in lengths), initial=gap))
        row = np.concatenate(attributes)
        words = len(self._embeddings.columns)
        of_word, state = np.ascontiguousarray(row[:, :words]), row[:, words:]
        columns = np.concatenate(
            [np.arange(start, start + n) for start, n in zip(starts, lengths, strict=False)]
        )
        total = starts[-1]
        rows = np.full(total, EMPTY, np.int32)
        rows[columns] = self._embeddings.rows(of_word)
        space = np.ones(total, np.bool_)  # between documents nothing starts, so nothing is found
        space[columns] = state[:, _SPACE] != 0
        closing = np.zeros(total, np.bool_)
        closing[columns - 1] = state[:, _STARTS] == 1
        closing[[end - gap - 1 for end in starts[1:]]] = True
        spans, unsure = self._walked(*self._scored(rows, closing, space, gap), closing)
        return list(_by_document(spans, unsure, starts))

    def _scored(
        self,
        rows: NDArray[np.int32],
        closing: NDArray[np.bool_],
        space: NDArray[np.bool_],
        gap: int,
    ) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.bool_]]:
        """Each column's vector for the parser, its first move, and whether that is near."""
        network = self._network
        tokens = np.zeros((len(rows), len(network.linear)), np.float32)
        moves = np.full(len(rows), OUTSIDE, np.int32)
        near = np.zeros(len(rows), np.bool_)
        for start in range(gap, len(rows) - gap, CHUNK):
            end = min(start + CHUNK, len(rows) - gap)
            here = slice(start, end)
            tokens[here] = self._in_context(rows[start - gap : end + gap])
            tokens[here] += network.linear_bias
            moves[here], near[here] = self._transitions.first_moves(
                tokens[here], closing[here], space[here]
            )
        return tokens, moves, near

    def _in_context(self, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """The parser's vectors (one a row) of the words in ``rows`` but ``gap`` on both sides."""
        network = self._network
        odd = len(rows) % 2  # then a column more makes a pair of the last one
        paired = np.append(rows, rows[-odd:]) if odd else rows
        words = self._embeddings.table[paired].reshape(len(paired) // 2, 2, -1)
        encoded = encode(np.ascontiguousarray(words.transpose(2, 1, 0)), network.convolutions)
        by_side = encoded.reshape(len(encoded), -1).T @ network.linear.T
        tokens = np.hstack(np.split(by_side, 2)).reshape(len(by_side), -1)
        return tokens[: len(tokens) - odd]

    def _walked(
        self,
        tokens: NDArray[np.float32],
        moves: NDArray[np.int32],
        near: NDArray[np.bool_],
        closing: NDArray[np.bool_],
    ) -> tuple[Spans, list[int]]:
        """The entities that the parser comes to, by column, and columns where it is unsure."""
        ends, unsure_entities = self._transitions.extend(tokens, moves, closing)
        spans: Spans = []
        unsure: list[int] = []
        free = 0
        stops = np.flatnonzero((moves != OUTSIDE) | near)
        for start, move in zip(stops.tolist(), moves[stops].tolist(), strict=True):
            if start < free:
                continue
            last, is_near = start, bool(near[start])
            if move > OUTSIDE:
                if start in ends:
                    last, doubtful = ends[start], start in unsure_entities
                else:
                    last, doubtful = self._transitions.extend_alone(
                        tokens, start, move - 1, closing
                    )
                is_near = is_near or doubtful
            if is_near:
                unsure.append(start)
            if move != OUTSIDE:
                spans.append((start, last + 1, self._labels[abs(move) - 1]))
            free = last + 1
        return spans, unsure


def _by_document(
    spans: Spans, unsure: Sequence[int], starts: Sequence[int]
) -> Iterator[Spans | None]:
    """``spans`` by columns as spans by tokens for each document; None for an unsure one."""
    place = doubt = 0
    for start, end in pairwise(starts):
        own: Spans = []
        while place < len(spans) and spans[place][0] < end:
            first, after, label = spans[place]
            own.append((first - start, after - start, label))
            place += 1
        is_sure = doubt == len(unsure) or unsure[doubt] >= end
        while doubt < len(unsure) and unsure[doubt] < end:
            doubt += 1
        yield own if is_sure else None
