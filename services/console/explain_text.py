"""An article's text with its entities marked where they stand: in colour, or by type in brackets.

The text may be hostile: each piece of it goes through ``printable`` on its own, so that
offsets stay true, and into ``Text``, where rich's markup means nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from schemas.article import EnrichedArticle, Entity, EntityType

STYLES: dict[EntityType, str] = {
    "PERSON": "bold bright_yellow",
    "ORG": "bold bright_magenta",
    "GPE": "bold bright_green",
    "LOC": "green",
    "FAC": "bold green",
    "NORP": "bright_cyan",
    "EVENT": "bold bright_red",
    "PRODUCT": "bright_blue",
    "WORK_OF_ART": "italic magenta",
    "LAW": "red",
    "LANGUAGE": "cyan",
    "DATE": "underline blue",
    "MONEY": "underline yellow",
}
"""People, organisations and places, which matter most, are the brightest; values are
underlined, so that they differ without colours too."""

MAX_SHOWN = 20_000
"""Characters of text shown: a very long article's.  More would push everything else off the
screen; ``--json`` has it whole."""


class Place(NamedTuple):
    """``text[start:end]`` names something of this type."""

    start: int
    end: int
    type: EntityType


def has_colours(console: Console) -> bool:
    """Whether colours reach the reader: not through a pipe, not with NO_COLOR."""
    return console.color_system is not None and not console.no_color


def places(entities: Iterable[Entity]) -> list[Place]:
    """Where entities stand, in order and without overlaps; of those that overlap the longest."""
    every = sorted(
        (Place(mention.start, mention.end, entity.type) for entity in entities
         for mention in entity.mentions),
        key=lambda place: (place.start - place.end, place),
    )  # fmt: skip
    return sorted(_apart(every))


def _apart(every: Sequence[Place]) -> Iterator[Place]:
    """Those that don't overlap with an earlier one of ``every``."""
    taken: set[int] = set()
    for place in every:
        span = range(place.start, place.end)
        if taken.isdisjoint(span):
            taken.update(span)
            yield place


def legend(entities: Iterable[Entity]) -> Text:
    """The types that occur, each in its colour."""
    present = {entity.type for entity in entities}
    return Text(" ").join(Text(kind, style=STYLES[kind]) for kind in STYLES if kind in present)


def marked_paragraphs(article: EnrichedArticle, *, colours: bool) -> Iterator[Text]:
    """The text line by line with its entities marked, empty lines left out; cut if very long."""
    marks = places(article.entities)
    position = 0
    for section in article.sections:
        end = min(section.end, MAX_SHOWN)
        start = max(section.start, position)
        if start >= end:
            continue
        style = {"headline": "bold", "standfirst": "italic"}.get(section.role, "")
        yield from _lines(article.text, start, end, marks, style, colours=colours)
        position = end
    left = len(article.text) - MAX_SHOWN
    if left > 0:
        yield Text(f"… {left:,} more characters (--json has them)", style="dim")


def _lines(
    text: str, start: int, end: int, marks: Sequence[Place], style: str, *, colours: bool
) -> Iterator[Text]:
    line = Text(style=style)
    for piece, kind in _pieces(text, start, end, marks):
        first, *others = piece.split("\n")
        _append(line, first, kind, colours=colours)
        for other in others:
            if line.plain.strip():
                yield line
            line = Text(style=style)
            _append(line, other, kind, colours=colours)
    if line.plain.strip():
        yield line


def _pieces(
    text: str, start: int, end: int, marks: Sequence[Place]
) -> Iterator[tuple[str, EntityType | None]]:
    """The text cut where entities begin and end, each piece with its entity's type."""
    for mark in marks:
        if mark.start < start or mark.end > end:
            continue
        yield text[start : mark.start], None
        yield text[mark.start : mark.end], mark.type
        start = mark.end
    yield text[start:end], None


def _append(line: Text, piece: str, kind: EntityType | None, *, colours: bool) -> None:
    shown = printable(piece)
    if kind is None or not shown:
        line.append(shown)
    elif colours:
        line.append(shown, style=STYLES[kind])
    else:
        line.append(f"[{shown}|{kind}]")
