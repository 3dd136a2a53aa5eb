"""NewsML-G2's ways of naming things: QCodes, URIs and literals, catalogs, names in languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.ingest.readers.lines import clean
from services.ingest.readers.xml_reader import LANG
from services.ingest.readers.xml_text import flow, spaced_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml import etree

_MEDIA_TOPICS: Final = "cv.iptc.org/newscodes/mediatopic"


def one_text(element: etree._Element | None) -> str:
    """The text of ``element``, whose inline markup (``a``, ``span``, ``br``) shows nothing."""
    return spaced_text(element) if element is not None and len(element) else _own(element)


def _own(element: etree._Element | None) -> str:
    return "" if element is None else clean(element.text or "")


def texts(element: etree._Element) -> list[str]:
    """The paragraphs of a description, which may have line breaks and blocks."""
    return flow(element).texts()


class Names:
    """Reads codes and names of one item, by its own catalog and in its own language."""

    def __init__(self, root: etree._Element, language: str | None) -> None:
        self._language = (language or "").lower()
        self._schemes = {
            clean(scheme.get("alias") or ""): clean(scheme.get("uri") or "")
            for scheme in root.iterfind("catalog/scheme")
        }

    def identifier(self, element: etree._Element) -> tuple[str | None, str | None]:
        """The code and its vocabulary as given, ``qcode`` or ``uri``; a ``literal`` is a name.

        An alias that the item's catalog declares for Media Topics is one of them, however
        it is called.
        """
        qcode = clean(element.get("qcode") or "")
        if qcode:
            alias, colon, code = qcode.partition(":")
            if colon and _MEDIA_TOPICS in self._schemes.get(alias, ""):
                return f"medtop:{code}", alias
            return qcode, alias if colon else None
        if uri := clean(element.get("uri") or ""):
            return uri, uri.rpartition("/")[0] or None
        return None, None

    def code(self, element: etree._Element | None) -> str:
        """The code without its vocabulary, in lower case: ``stat:usable`` is ``usable``."""
        if element is None:
            return ""
        given = element.get("qcode") or element.get("uri") or element.get("literal") or ""
        return clean(given).lower().rpartition(":")[2].rpartition("/")[2]

    def chosen(self, elements: Sequence[etree._Element]) -> etree._Element | None:
        """The one in the item's language, else in English or in none, else the first."""
        for wanted in (self._language, self._language.partition("-")[0], "en", ""):
            for element in elements:
                tag = (element.get(LANG) or "").lower()
                if wanted in (tag, tag.partition("-")[0]):
                    return element
        return elements[0] if elements else None

    def name(self, element: etree._Element) -> str | None:
        """What the thing is called."""
        names = element.findall("name")
        preferred = [n for n in names if "full" in (n.get("role") or "")]
        found = self.chosen(preferred or names)
        return one_text(found) or clean(element.get("literal") or "") or None

    def party(self, element: etree._Element | None) -> str:
        """A person's or an organisation's name; its code where it has none."""
        if element is None:
            return ""
        code = (element.get("qcode") or "").partition(":")[2]
        return self.name(element) or clean(code) or clean(element.get("uri") or "") or _own(element)

    def is_organisation(self, element: etree._Element) -> bool:
        """Whether a creator is declared to be no person."""
        kind = (element.get("type") or element.get("typeuri") or "").lower()
        return "organisation" in kind or "organization" in kind
