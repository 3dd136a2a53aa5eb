"""What the components of a NewsML 1.x item say of the story: lines, people, rights, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.article import Place
from services.ingest.readers.lines import clean
from services.ingest.readers.subjects import subject
from services.ingest.readers.xml_story import Story, authors_of, language, rights
from services.ingest.readers.xml_text import spaced_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lxml import etree

    from services.ingest.readers.notes import Notes

_OLD_CODES: Final = "iptc"
"""The scheme of the IPTC's Subject Codes, where the item names none."""

_OLD_CODE_DIGITS: Final = 8
_PLACE_PARTS: Final = ("Sublocation", "City", "CountryArea", "Country")


def formal_name(element: etree._Element | None) -> str:
    """What a controlled value is called; empty where there is none."""
    return "" if element is None else clean(element.get("FormalName") or "")


def _each(components: Sequence[etree._Element], path: str) -> Iterable[etree._Element]:
    for component in components:
        yield from component.iterfind(path)


def _first(components: Sequence[etree._Element], path: str) -> str:
    return next(filter(None, map(spaced_text, _each(components, path))), "")


def read_lines(components: Sequence[etree._Element], found: Story) -> None:
    """Take the lines that are made to be shown; of each kind the outermost component's."""
    found.headline = _first(components, "NewsLines/HeadLine")
    found.standfirst = [_first(components, "NewsLines/SubHeadLine")]
    found.dateline = _first(components, "NewsLines/DateLine")
    lines = [spaced_text(line) for line in _each(components, "NewsLines/ByLine")]
    titles = [spaced_text(line) for line in _each(components, "NewsLines/ByLineTitle")]
    lines = list(dict.fromkeys(filter(None, lines)))
    found.authors = [name for line in lines for name in authors_of(line)]
    if lines and titles and titles[0]:
        lines[0] = f"{lines[0]}, {titles[0]}"
    found.byline = "; ".join(lines)
    found.credits = [spaced_text(line) for line in _each(components, "NewsLines/CreditLine")]
    slug = _first(components, "NewsLines/SlugLine")
    words = (spaced_text(line) for line in _each(components, "NewsLines/KeywordLine"))
    found.keywords = [slug, *words]
    found.rights = rights(
        None,
        _first(components, "NewsLines/CopyrightLine"),
        _first(components, "NewsLines/RightsLine"),
    )


def read_metadata(components: Sequence[etree._Element], found: Story, notes: Notes) -> None:
    """Take who made it, whose it is, what it is about and where it was made."""
    _read_people(components, found)
    _read_rights(components, found)
    for element in _each(components, "DescriptiveMetadata/Language"):
        found.language = found.language or language(formal_name(element), notes)
    for element in _each(components, "DescriptiveMetadata/SubjectCode/*"):
        _read_subject(element, found)
    for element in _each(components, "DescriptiveMetadata/Genre"):
        scheme = clean(element.get("Scheme") or element.get("Vocabulary") or "genre")
        found.subjects.append(subject(formal_name(element) or None, None, scheme))
    for element in _each(components, "DescriptiveMetadata/Location"):
        found.places.append(_place(element))


def _read_people(components: Sequence[etree._Element], found: Story) -> None:
    def parties(kind: str) -> list[str]:
        path = f"AdministrativeMetadata/{kind}/Party"
        return [name for p in _each(components, path) if (name := formal_name(p))]

    if not found.authors:
        # A creator is as often the agency; one that a name can be is the author.
        found.authors = [n for party in parties("Creator") for n in authors_of(party)]
    found.provider = found.provider or next(iter(parties("Provider") + parties("Source")), None)


def _read_rights(components: Sequence[etree._Element], found: Story) -> None:
    given = found.rights
    uses = _first(components, "RightsMetadata/UsageRights/UsageType")
    limits = _first(components, "RightsMetadata/UsageRights/Limitations")
    terms = "; ".join(filter(None, (uses, limits)))
    found.rights = rights(
        _first(components, "RightsMetadata/Copyright/CopyrightHolder"),
        given.notice if given else None,
        terms or (given.usage_terms if given else None),
    )


def _read_subject(element: etree._Element, found: Story) -> None:
    code = formal_name(element)
    if not code or str(element.tag) == "Property":
        return
    scheme = clean(element.get("Scheme") or element.get("Vocabulary") or "")
    if not scheme and code.isdigit() and len(code) == _OLD_CODE_DIGITS:
        scheme = _OLD_CODES
    found.subjects.append(subject(code, None, scheme or None))


def _place(element: etree._Element) -> Place:
    values = {formal_name(p): clean(p.get("Value") or "") for p in element.iterfind("Property")}
    country = values.get("Country", "")
    is_code = country.isupper() and len(country) in (2, 3)
    parts = [values.get(part, "") for part in _PLACE_PARTS]
    if is_code:
        parts[-1] = ""
    return Place(
        name=", ".join(filter(None, parts)) or formal_name(element) or None,
        code=country if is_code else None,
        scheme="Country" if is_code else None,
    )
