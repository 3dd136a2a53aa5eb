"""Which stored articles a run of ``wiredesk reenrich`` takes: by who made their annotations."""

from __future__ import annotations

import re
from itertools import dropwhile
from typing import TYPE_CHECKING, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from schemas.article import KIN_BLOCKS
from schemas.base import UtcDatetime
from services.indexer.store.base import Query
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.article import EnrichedArticle, Provenance

MAX_IDS = 1000
"""Ids of one run at most: they are kept with its position, which is written for each page."""

DEFAULT_BLOCK = "entities"
"""The block whose model and knowledge are meant where none is named: spaCy's pipeline, and the
table of entities, which are what one exchanges."""

BLOCKS = frozenset(Settings.model_fields["annotators"].default)
"""Every block; one that an article has no provenance of was never made."""

_PARTS = re.compile(r"\d+|[a-z]+")


class BadChoice(ValueError):  # noqa: N818  (named for what is wrong, not for where)
    """Conditions that can't be meant; the message says what to write."""


class Choice(BaseModel):
    """The conditions of a run; all that are given must hold.

    ``model``, ``annotator`` and ``knowledge``: each ``NAME=VERSION``, where NAME is a block or
    the name of a model or annotator; an article is taken whose version of it is older.
    """

    model_config = ConfigDict(frozen=True)

    model: tuple[str, ...] = ()
    annotator: tuple[str, ...] = ()
    knowledge: tuple[str, ...] = ()
    source: str | None = None
    since: UtcDatetime | None = None
    until: UtcDatetime | None = None
    ids: tuple[UUID, ...] = ()
    everything: bool = False

    def checked(self) -> Self:
        """Itself; ``BadChoice`` where it can't be meant."""
        if self == type(self)():
            raise BadChoice(
                "which articles? give --model-older-than, --annotator-older-than, "
                "--knowledge-older-than, --source, --ids, --since or --until; or --all"
            )
        if self.ids and self.query != type(self)().query:
            raise BadChoice("--ids says which; leave --source, --since and --until out")
        if len(self.ids) > MAX_IDS:
            raise BadChoice(f"at most {MAX_IDS:,} ids at once; --source and --since take more")
        for text in (*self.model, *self.knowledge):
            _named(text, DEFAULT_BLOCK)
        for text in self.annotator:
            _named(text, None)
        return self

    @property
    def query(self) -> Query:
        """The search that finds what may be meant."""
        return Query(source=self.source, since=self.since, until=self.until, order="newest")

    def takes(self, article: EnrichedArticle) -> bool:
        """Whether an article (that ``query`` finds) is older than every version that was given."""
        blocks = article.provenance
        return (
            all(_older(blocks, *_named(text, DEFAULT_BLOCK), _model) for text in self.model)
            and all(_older(blocks, *_named(text, DEFAULT_BLOCK), _known) for text in self.knowledge)
            and all(_older(blocks, *_named(text, None), _annotator) for text in self.annotator)
        )

    def said(self) -> str:
        """The conditions as a person reads them."""
        parts = [
            *(f"model older than {text}" for text in self.model),
            *(f"annotator older than {text}" for text in self.annotator),
            *(f"knowledge older than {text}" for text in self.knowledge),
        ]
        if self.source is not None:
            parts.append(f"source {self.source}")
        if self.since is not None:
            parts.append(f"since {self.since:%Y-%m-%d %H:%M}")
        if self.until is not None:
            parts.append(f"until {self.until:%Y-%m-%d %H:%M}")
        if self.ids:
            parts.append("1 id" if len(self.ids) == 1 else f"{len(self.ids):,} ids")
        return ", ".join(parts) or "all articles"


def _named(text: str, default: str | None) -> tuple[str, str]:
    """Name and version out of ``NAME=VERSION``, or ``VERSION`` where a name is understood."""
    name, equals, version = text.rpartition("=")
    name, version = name.strip() if equals else default or "", version.strip()
    if not name:
        raise BadChoice(f"write NAME=VERSION, e.g. topics.linear=2, not '{text}'")
    if not _PARTS.findall(version.lower()):
        raise BadChoice(f"'{text}' names no version")
    if name in KIN_BLOCKS:
        raise BadChoice(
            f"'{name}' is found among the articles of its time, and stays: it isn't made again"
        )
    return name, version


def _older(
    blocks: Sequence[Provenance],
    name: str,
    version: str,
    of: Callable[[Provenance], tuple[str | None, str | None]],
) -> bool:
    """Whether what ``name`` made is older than ``version``; what it failed at or never made is.

    What it skipped isn't: it would skip it again.
    """
    known = [(block, *of(block)) for block in blocks]
    meant = [(block, made) for block, called, made in known if name in {block.block, called}]
    if not meant:
        return name in BLOCKS
    return any(
        block.status == "failed" or (made is not None and is_older(made, version))
        for block, made in meant
    )


def _model(block: Provenance) -> tuple[str | None, str | None]:
    return block.model, block.model_version


def _annotator(block: Provenance) -> tuple[str | None, str | None]:
    return block.annotator, None if block.status == "skipped" else block.version


def _known(block: Provenance) -> tuple[str | None, str | None]:
    return block.annotator, block.knowledge_version


def is_older(version: str, than: str) -> bool:
    """Whether a version comes before another: numbers by their value, words by the alphabet.

    Works for ``3.8.0`` (the same as 3.8), for dates such as 2026-09-14, and for ``medtop 2025``.
    """
    return _ordered(version) < _ordered(than)


def _ordered(version: str) -> list[tuple[bool, int, str]]:
    parts = [
        (part.isdigit(), int(part) if part.isdigit() else 0, "" if part.isdigit() else part)
        for part in _PARTS.findall(version.lower())
    ]
    return list(dropwhile(lambda part: part == (True, 0, ""), reversed(parts)))[::-1]
