"""NewsML 1.0 to 1.2: items of components within components.

Every NewsItem is one article, also one within another.  Its text is that of all its text
components, one of each set of equivalents; components that hold pictures give captions.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from services.ingest.readers import xml
from services.ingest.readers.base import BadRecord
from services.ingest.readers.lines import clean
from services.ingest.readers.newsml_1_components import Components
from services.ingest.readers.newsml_1_metadata import formal_name, read_lines, read_metadata
from services.ingest.readers.xml_reader import LANG, Parsed, Rejected, XmlReader
from services.ingest.readers.xml_story import Story, language, moment, urgency, version
from services.ingest.readers.xml_text import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml import etree

    from services.ingest.readers.base import ReadArticle

MAX_NAMED: Final = 5
"""Items of a package that its refusal names."""

MAX_NESTED: Final = 1_000
"""Items within one item: a package of a day's stories."""

_VERSION: Final = re.compile(r"newsml[ _-]?v?(\d(?:\.\d)?)", re.IGNORECASE)
_WITHDRAWN: Final = frozenset({"canceled", "cancelled", "withheld"})
_KNOWN_STATUS: Final = _WITHDRAWN | {"", "usable", "embargoed"}
_DELETION: Final = frozenset({"delete", "kill", "cancel"})


class NewsMl1Reader(XmlReader):
    """Reads the NewsItems of a NewsML file."""

    name = "newsml_1"
    version = "1"
    items: ClassVar[frozenset[str]] = frozenset({"NewsItem"})
    nested: ClassVar[bool] = True
    roots: ClassVar[frozenset[str]] = frozenset({"NewsML"})
    namespaces: ClassVar[re.Pattern[str]] = re.compile("newsml", re.IGNORECASE)

    def stories(self, parsed: Parsed) -> Sequence[ReadArticle | BadRecord]:
        """The article of the item, and those of the items within it."""
        found = list(parsed.root.iter("NewsItem"))
        if len(found) > MAX_NESTED:
            raise Rejected(
                f"{len(found)} items within one, the limit is {MAX_NESTED}",
                "Drop the items one by one.",
            )
        for inner in found[1:]:
            if (parent := inner.getparent()) is not None:
                parent.remove(inner)
        if len(found) > 1 and found[0].find(".//ContentItem") is None:
            del found[0]  # only a wrapper around its items
        return [
            self._one(Parsed(e, parsed.item, parsed.encoding, parsed.notes.copy())) for e in found
        ]

    def _one(self, parsed: Parsed) -> ReadArticle | BadRecord:
        line = parsed.line(parsed.root)
        own_line = str(line) if line != parsed.item.line else ""
        try:
            found = self._story(parsed)
        except Rejected as rejected:
            return BadRecord(0, rejected.reason, rejected.advice, locator=own_line)
        article = found.article(parsed.info(self, _recognised_as(parsed)))
        return replace(article, locator=own_line)

    def _story(self, parsed: Parsed) -> Story:
        root = parsed.root
        found = Story()
        _identify(root, found, parsed)
        _read_management(root, found, parsed)
        if (kind := _textless(root)) and not found.withdrawn:
            raise kind
        components = Components(root, parsed, self.limits)
        read_lines(components.told(), found)
        read_metadata(components.told(), found, parsed.notes)
        found.language = found.language or language(root.get(LANG), parsed.notes)
        components.read_content(found)
        if not found.has_text() and not found.withdrawn:
            raise Rejected(
                f"NewsItem {found.provider_id or 'without identifier'} has neither a headline nor "
                "text",
                "Ask the provider for the item with its content.",
            )
        return found


def _recognised_as(parsed: Parsed) -> str:
    around = (tag.attributes.decode("utf-8", "replace") for tag in parsed.item.around[:1])
    stated = next((xml.attributes(text).get("Version", "") for text in around), "")
    named = _VERSION.search(parsed.item.doctype)
    number = clean(stated)[:10] or (named[1] if named else "")
    return f"NewsML {number}" if number else "NewsML 1"


def _identify(root: etree._Element, found: Story, parsed: Parsed) -> None:
    identifier = root.find("Identification/NewsIdentifier")
    if identifier is None:
        parsed.notes.add("it has no NewsIdentifier: identified by its text")
        return
    provider, date, item, revision = (
        text_of(identifier.find(name))
        for name in ("ProviderId", "DateId", "NewsItemId", "RevisionId")
    )
    found.provider = provider
    found.version = version(revision, parsed.notes)
    public = text_of(identifier.find("PublicIdentifier"))
    if not public and provider and date and item:
        # As section 5.5 of the NewsML 1.2 specification forms it of the parts.
        public = ":".join(filter(None, ("urn:newsml", provider, date, item, revision)))
    found.provider_id = public or item


def _read_management(root: etree._Element, found: Story, parsed: Parsed) -> None:
    notes = parsed.notes
    management = root.find("NewsManagement")
    if management is None:
        notes.add("it has no NewsManagement: taken as usable")
        return
    found.published_at = moment(management.findtext("FirstCreated"), "FirstCreated", notes)
    found.updated_at = moment(
        management.findtext("ThisRevisionCreated"), "ThisRevisionCreated", notes
    )
    found.published_at = found.published_at or found.updated_at
    found.urgency = urgency(formal_name(management.find("Urgency")), notes)
    status = formal_name(management.find("Status")).lower().rpartition(":")[2]
    found.withdrawn = status in _WITHDRAWN
    if status not in _KNOWN_STATUS:
        notes.add(f"Status '{status[:40]}' is not known: taken as usable")
    _read_embargo(management, status, found, parsed)
    for instruction in management.iterfind("Instruction"):
        name = formal_name(instruction)
        found.withdrawn = found.withdrawn or name.lower() in _DELETION
        if name:
            notes.add(f"the provider says (Instruction): {name}")


def _read_embargo(management: etree._Element, status: str, found: Story, parsed: Parsed) -> None:
    change = management.find("StatusWillChange")
    if status != "embargoed":
        return
    when = None if change is None else change.findtext("DateAndTime")
    found.embargoed_until = moment(when, "StatusWillChange", parsed.notes)
    if found.embargoed_until is None:
        parsed.notes.add("embargoed until the provider says otherwise: no time is given")


def _textless(root: etree._Element) -> Rejected | None:
    """Why an item can't have a text, None where it may."""
    if root.find("Update") is not None:
        return Rejected(
            "it only says what to change in an earlier revision (Update)",
            "Ask the provider for the whole item in its new revision.",
        )
    if root.find("TopicSet") is not None:
        return Rejected(
            "it lists topics of a vocabulary (TopicSet) and holds no news text",
            "Nothing to do; drop NewsItems with a NewsComponent to have articles.",
        )
    references = [clean(r.get("NewsItem") or "") for r in root.iter("NewsItemRef")]
    if references and root.find(".//ContentItem") is None:
        return Rejected(
            f"it has no text of its own: it refers to {', '.join(references[:MAX_NAMED])}",
            "Drop the items that it names; the package itself isn't needed.",
        )
    return None
