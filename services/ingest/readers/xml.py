"""XML from strangers: parsed without DTDs, entities, network or unbounded depth.

One policy for every XML reader.  libxml2 is told to load nothing and to expand nothing; a
reference to an entity that HTML knows (``&nbsp;``, ``&eacute;``: NITF's DTD takes them in) is
replaced by its character, any other is dropped and counted.  Depth and text size stay within
libxml2's own limits (256 levels, 10 MB a text node), since ``huge_tree`` is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterator


def root_of(head: bytes) -> tuple[str, str] | None:
    """Namespace (or '') and local name of the root element of the XML that ``head`` starts.

    None for what is no XML, or has no root within ``head``.  Never raises.
    """
    parser = etree.XMLPullParser(
        events=("start",), resolve_entities=False, no_network=True, load_dtd=False
    )
    try:
        parser.feed(head.lstrip(b" \t\r\n"))
        for _, element in parser.read_events():
            name = etree.QName(element)
            return name.namespace or "", name.localname
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None


def parse(data: bytes) -> etree._Element:
    """The root of ``data``; raises ``etree.XMLSyntaxError`` (with ``lineno``) if it is no XML."""
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(data, parser)


def elements(stream: BinaryIO, *names: str) -> Iterator[etree._Element]:
    """Each element of these qualified names (``{namespace}local``) once it is complete.

    Memory stays flat: an element is cleared when the next is asked for.
    """
    found = etree.iterparse(
        stream,
        events=("end",),
        tag=names,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    for _, element in found:
        yield element
        element.clear()
        parent = element.getparent()
        while parent is not None and element.getprevious() is not None:
            del parent[0]
