"""XML from strangers: parsed without DTDs, entities, network or unbounded depth.

One policy for every XML reader.  What libxml2 is given has no document type declaration, so that
there is nothing to load and nothing to expand: a reference to an entity that HTML knows
(``&nbsp;``, ``&eacute;``: NITF's DTD takes them in) is replaced by its characters beforehand, any
other is dropped and counted, a bare ``&`` is taken as the sign it shows.  Depth and text size stay
within libxml2's own limits (10 MB a text node), since ``huge_tree`` is off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from html.entities import html5
from typing import TYPE_CHECKING, Final

from lxml import etree
from lxml.etree import XMLSyntaxError as XMLSyntaxError  # noqa: PLC0414  (callers catch it)

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TAGS: Final = 400_000
"""Tags of one article: libxml2 takes some 120 bytes for each element, so about 50 MB. The longest
tables that newsrooms send (election results, stock lists) have some ten thousand."""

_NAME: Final = r"[A-Za-z_:\x80-\U0010ffff][\w.:\-\xb7]{0,299}+"
_SKIPPED: Final = re.compile(
    r"(?>\s++|<\?(?>[^?]|\?(?!>))*+\?>|<!--(?>[^-]|-(?!->))*+-->)*+", re.DOTALL
)
"""Blanks, processing instructions and comments before a root."""

_DOCTYPE: Final = re.compile(rf"<!DOCTYPE\s++(?P<name>{_NAME})", re.IGNORECASE)
_DOCTYPE_PART: Final = re.compile(
    r"""[^"'<>\[\]]++|"[^"]*+"|'[^']*+'|<!--(?>[^-]|-(?!->))*+-->|<\?(?>[^?]|\?(?!>))*+\?>|[<>\[\]]"""
)
_START: Final = re.compile(rf"<(?P<name>{_NAME})(?P<rest>[\s/>].*)?", re.DOTALL)
_ATTRIBUTE: Final = re.compile(
    r"""\s++(?P<name>[^\s=<>"'/]{1,300}+)\s*+=\s*+(?:"(?P<double>[^"<]*+)"|'(?P<single>[^'<]*+)')"""
)

_WIDE: Final = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\x00<\x00", "utf-16-be"),
)
_WIDE_LE: Final = re.compile(rb"<\x00[^\x00]\x00")

_FOREIGN: Final = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)"
    r"|&(?:(?P<reference>#[0-9]{1,9}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z_][\w.\-]{0,63});)?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]",
    re.DOTALL,
)
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no XML document may hold, however it is written."""

_PREDEFINED: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})


def head_text(head: bytes) -> str:
    """The text that ``head`` starts, for looking at its markup; what can't be decoded is "?"."""
    wide = next((name for mark, name in _WIDE if head.startswith(mark)), None)
    if wide is None and _WIDE_LE.match(head):
        wide = "utf-16-le"
    text = head.decode(wide or "utf-8", "replace")
    return text.removeprefix("\ufeff")


def root_of(head: bytes) -> tuple[str, str] | None:
    """Namespace (or '') and local name of the root element of the XML that ``head`` starts.

    Blanks, comments and a document type declaration may stand before it; where the declaration
    fills all of ``head``, its name is the root's.  None for what is no XML, or has no root
    within ``head``.  Never raises.
    """
    text = head_text(head)
    at, declared = _root_start(text)
    if at is None:
        local = declared.rpartition(":")[2]
        return ("", local) if local else None
    start = _START.match(text, at)
    if start is None or start["rest"] is None:
        return None
    prefix, _, local = start["name"].rpartition(":")
    if not local:
        return None
    key = f"xmlns:{prefix}" if prefix else "xmlns"
    return attributes(start["rest"]).get(key, ""), local


def without_prolog(text: str) -> str:
    """``text`` from its root element on; raises ``etree.XMLSyntaxError`` where it has none."""
    at, _ = _root_start(text)
    if at is None:
        raise XMLSyntaxError("the document type declaration has no end", 0, 1, 1)
    return text[at:]


def _root_start(text: str) -> tuple[int | None, str]:
    """Where the root starts (None: behind ``text``), and the name that a DOCTYPE gives it."""
    at = _after(_SKIPPED, text, 0)
    declared = _DOCTYPE.match(text, at)
    if not declared:
        return at, ""
    end = _end_of_doctype(text, declared.end())
    return None if end is None else _after(_SKIPPED, text, end), declared["name"]


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _end_of_doctype(text: str, at: int) -> int | None:
    """Where the declaration ends whose name ends at ``at``; None where that isn't in ``text``."""
    depth = subset = 0
    while part := _DOCTYPE_PART.match(text, at):
        at = part.end()
        sign = part[0]
        if sign == ">" and not depth and not subset:
            return at
        subset += (sign == "[") - (sign == "]")
        depth += (sign == "<") - (sign == ">")
    return None


def attributes(tag: str) -> dict[str, str]:
    """The attributes of a start tag, given from behind its name, as written (not unescaped)."""
    found: dict[str, str] = {}
    at = 0
    while part := _ATTRIBUTE.match(tag, at):
        at = part.end()
        value = part["double"] if part["double"] is not None else part["single"]
        found.setdefault(part["name"], value)
    return found


@dataclass(slots=True)
class Repaired:
    """Text that libxml2 takes, and what had to be done for it."""

    text: str
    dropped: dict[str, int] = field(default_factory=dict)
    """References to entities that are not resolved, by name."""

    bare: int = 0
    forbidden: int = 0

    def warnings(self) -> Iterator[str]:
        """What became of references and characters, in words for a receipt."""
        if self.dropped:
            names = ", ".join(f"&{name};" for name in list(self.dropped)[:5])
            count = sum(self.dropped.values())
            yield f"{count} references to entities dropped, which are not resolved: {names}"
        if self.bare:
            yield f"{self.bare} bare & taken as the sign"
        if self.forbidden:
            yield f"{self.forbidden} characters dropped that XML doesn't allow"


def repair(text: str) -> Repaired:
    """``text`` (of elements, without a document type declaration) with no entities left."""
    repaired = Repaired(text)

    def replace(match: re.Match[str]) -> str:
        found = match[0]
        if found.startswith("<"):
            return _FORBIDDEN.sub("", found)
        if not found.startswith("&"):
            repaired.forbidden += 1
            return ""
        return _reference(match["reference"], repaired)

    repaired.text = _FOREIGN.sub(replace, text)
    return repaired


def _reference(name: str | None, repaired: Repaired) -> str:
    if name is None:
        repaired.bare += 1
        return "&amp;"
    if name in _PREDEFINED:
        return f"&{name};"
    if name.startswith("#"):
        # As HTML reads them: 128 to 159 are Windows' signs, which many exports mean.
        characters = _FORBIDDEN.sub("", unescape(f"&{name};").replace("\ufffd", ""))
        repaired.forbidden += not characters
    else:
        characters = html5.get(f"{name};", "")
        if not characters:
            repaired.dropped[name] = repaired.dropped.get(name, 0) + 1
    return "".join(f"&#{ord(character)};" for character in characters)


def parse(text: str) -> etree._Element:
    """The root of ``text``, which has neither a declaration nor entities (see :func:`repair`).

    Raises ``etree.XMLSyntaxError`` (with ``lineno``) where it isn't well-formed.  A prefix that
    nothing declares is no such error.
    """
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        recover=True,
    )
    root = etree.fromstring(text.encode("utf-8"), parser)
    for entry in parser.error_log:
        if entry.domain != etree.ErrorDomains.NAMESPACE and entry.level >= etree.ErrorLevels.ERROR:
            raise XMLSyntaxError(entry.message, entry.type, entry.line, entry.column)
    if root is None:
        raise XMLSyntaxError("there is no element", 0, 1, 1)
    return root
