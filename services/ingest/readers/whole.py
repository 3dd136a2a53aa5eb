"""What readers of one-article text files share: the bytes within limits, and the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ingest.readers import sniff
from services.ingest.readers.base import Limits, Source, Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.ingest.readers.lines import Line

_MIB = 1024 * 1024


def load(source: Source, limits: Limits) -> bytes:
    """All bytes of ``source``, which are text.

    Raises :class:`Unreadable` if it is empty, larger than ``limits.article_bytes`` or
    binary, and ``OSError`` if the file is not as long as it was said to be: it is being
    written or replaced, and the caller comes again.
    """
    data = load_any(source, limits)
    sniff.refuse_binary(data)
    sniff.refuse_markup(data[: sniff.HEAD_BYTES])
    return data


def load_any(source: Source, limits: Limits) -> bytes:
    """All bytes of ``source``, text or not; raises as :func:`load` otherwise does."""
    if source.size is not None:
        _refuse_size(source.size, limits)
    with source.open() as stream:
        data = stream.read(limits.article_bytes + 1)
    if source.size is None:
        _refuse_size(len(data), limits)
    elif len(data) != source.size:
        raise OSError(f"changed while it was read: {source.size} bytes expected, {len(data)} found")
    return data


def _refuse_size(size: int, limits: Limits) -> None:
    if size == 0:
        raise Unreadable("the file is empty", "Drop it again with its text.")
    if size > limits.article_bytes:
        raise Unreadable(
            f"too large for one article: {size} bytes ({size / _MIB:.1f} MiB), the limit is "
            f"{limits.article_bytes} bytes ({limits.article_bytes / _MIB:.1f} MiB)",
            "Split it into its articles, or raise WIREDESK_MAX_ARTICLE_BYTES.",
        )


def refuse_blank(lines: Sequence[Line]) -> None:
    """Raise :class:`Unreadable` for a text without a visible character."""
    if not lines:
        raise Unreadable(
            "there is no text in it, only white space or markup", "Drop it again with its text."
        )
