"""What two articles' wording has to do with each other: how much in common, which came of which."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from schemas.annotations import NearDuplicate
from services.bus.kinship import DuplicateRule, Fingerprint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from schemas.article import RawArticle
    from services.bus.kinship import Alike
    from services.enrichment.kin.sketch import Sketch

RULE = DuplicateRule(least=5, share=0.3, full=64, common=24, told=32)
"""``share``: nlp.md's; copies with every sixth word edited keep 0.5, unrelated articles on one
subject have under 0.05.  ``least``: eight words in a row of a short text are chance, or a
quotation.  ``full`` bounds the work for a text in wide use; ``common``: more reprints of one
article than a desk sees of most, so that what is in as many different ones is boilerplate."""

FEWEST_WORDS = 8
"""Words below which a text isn't compared: it has fewer grams than two must have in common."""

MOST_NAMED = 20
"""Near-duplicates named in an article: who wants all of hundreds of reprints asks the store."""

SHARE_DIGITS = 2
"""The share is an estimate from some dozens of hashes."""

_WHOLE = 0.95
"""Share from which a text counts as being in the other one whole: sampling, and the grams that
are lost where paragraphs meet anew, take some hundredths."""

_LENGTH_NOISE = 0.02
"""Part of its length by which a text may differ and count as equally long where it is in the
other one whole: a byline, a place line."""

_LENGTH_OF_REWORDED = 0.15
"""The same where it was reworded: editing adds and drops words too."""

_PROVIDER_BYTES = 120
_HEAD = struct.Struct(">dIQ")
_LATEST = 24 * 3600.0
"""Seconds after its receipt that a published time may lie, for zones and clocks that are wrong;
a later one is a mistake, and the time of receipt is taken."""

Direction = Literal["same", "shortened", "extended", "corrected"]


def seconds_of(article: RawArticle) -> float:
    """When the article came out, in seconds since 1970: published, else received.

    A published time of more than a day after the receipt, or of 1970, is a mistake.
    """
    received = article.drop.received_at.timestamp()
    if article.published_at is None:
        return received
    published = article.published_at.timestamp()
    # 1970 and before is a machine that knew no better.
    return published if 0 < published <= received + _LATEST else received


@dataclass(frozen=True, slots=True)
class Wording:
    """What is told of an article to those that share its wording.

    ``words``: of its body; ``bag``: equal for the same words in any order.
    """

    at: float
    words: int
    bag: int
    provider: str | None

    def packed(self) -> bytes:
        """As kept in the index: 20 bytes and the provider's name."""
        name = (self.provider or "").encode("utf-8", "replace")
        # A longer name isn't cut: half a name would be another one.
        return _HEAD.pack(self.at, self.words, self.bag) + (
            name if len(name) <= _PROVIDER_BYTES else b""
        )

    @classmethod
    def unpacked(cls, info: bytes) -> Wording:
        """Raises ``ValueError`` for what isn't ours."""
        try:
            at, words, bag = _HEAD.unpack_from(info)
        except struct.error as error:
            raise ValueError(f"not the notes of an article: {error}") from error
        return cls(at, words, bag, info[_HEAD.size :].decode("utf-8", "replace") or None)


def wording_of(article: RawArticle, sketch: Sketch) -> Wording:
    """What is told of this article."""
    return Wording(seconds_of(article), sketch.words, sketch.bag, article.provider)


def fingerprint(article: RawArticle, sketch: Sketch, wording: Wording) -> Fingerprint:
    """What the index notes of this article."""
    info = wording.packed()
    digest = hashlib.blake2b(sketch.hashes.tobytes() + info, digest_size=8).digest()
    return Fingerprint(
        article_id=article.article_id,
        revision=article.revision,
        at=wording.at,
        digest=digest,
        info=info,
        level=sketch.level,
        sizes=sketch.sizes,
        hashes=list(zip(sketch.hashes.tolist(), sketch.depths, strict=True)),
    )


def direction(mine: Wording, other: Wording, share: float) -> Direction:
    """What the one text is to the other; ``share``: of the shorter one's wording, in the longer.

    The same words in any order are the same text.  One that is in the other whole is
    shortened, the other extended; of equal length they are the same where two houses
    print them (a byline's difference) and a correction within one house.  Reworded
    texts are corrected where their lengths are about equal, else shortened or extended.
    """
    if mine.bag == other.bag:
        return "same"
    length = mine.words / max(other.words, 1) - 1
    noise = _LENGTH_NOISE if share >= _WHOLE else _LENGTH_OF_REWORDED
    if length > noise:
        return "extended"
    if length < -noise / (1 + noise):
        return "shortened"
    return "same" if share >= _WHOLE and mine.provider != other.provider else "corrected"


def near_duplicate(mine: Wording, found: Alike) -> NearDuplicate:
    """The contract's form of a find."""
    other = Wording.unpacked(found.info)
    share = found.common / found.of
    return NearDuplicate(
        article_id=found.article_id,
        share=round(share, SHARE_DIGITS),
        direction=direction(mine, other, share),
        provider=other.provider,
    )


def earliest(mine: Wording, own_id: UUID, found: Sequence[Alike]) -> Alike | None:
    """The one that came out first, if before this article; of two at once the lower id."""
    first = min(
        found, key=lambda one: (Wording.unpacked(one.info).at, one.article_id.bytes), default=None
    )
    if first is None or (Wording.unpacked(first.info).at, first.article_id.bytes) > (
        mine.at,
        own_id.bytes,
    ):
        return None
    return first
