"""The policy for XML from strangers, and where an XML file's items start and end."""

from __future__ import annotations

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from services.ingest.readers import xml
from services.ingest.readers.base import Unreadable
from services.ingest.readers.feed_frames import Text
from services.ingest.readers.notes import MAX_CHARS, MAX_NOTES, Notes
from services.ingest.readers.xml_items import Item, Scanner
from services.ingest.readers.xml_text import flow, plain_paragraphs, spaced_text
from tests.readers.xml_kit import Trickle

ATOM = "http://www.w3.org/2005/Atom"


# --- The root ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "root"),
    [
        ("<nitf>", ("", "nitf")),
        ("<nitf/>", ("", "nitf")),
        ("  \n<nitf\n>", ("", "nitf")),
        (f"<feed xmlns='{ATOM}'>", (ATOM, "feed")),
        (f"<a:feed b='<' xmlns:a='{ATOM}'>", ("", "feed")),
        (f'<a:feed b="1" xmlns:a = "{ATOM}" >', (ATOM, "feed")),
        (f'<?xml version="1.0"?><?x y?><!-- <rss> - -- > --><feed xmlns="{ATOM}">', (ATOM, "feed")),
        ('<!DOCTYPE nitf PUBLIC "-//x>y//" "[">\n<nitf>', ("", "nitf")),
        ("<!DOCTYPE nitf [<!ENTITY a ']>'><!-- ]> ' --><?x ]> ?>]><nitf>", ("", "nitf")),
        ("<!doctype NITF><nitf>", ("", "nitf")),
        ("<nitf", None),
        ("<", None),
        ("", None),
        ("</nitf>", None),
        ("text <nitf>", None),
        ("<1nitf>", None),
        ("<!-- <nitf>", None),
        ("<?xml <nitf>", None),
        ('{"nitf": 1}', None),
    ],
)  # fmt: skip
def test_the_root_of_a_head(head: str, root: tuple[str, str] | None) -> None:
    assert xml.root_of(head.encode()) == root
    assert xml.root_of(b"\xef\xbb\xbf" + head.encode()) == root


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "cp1252"]
)
def test_the_root_is_found_in_any_encoding(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><feed xmlns="{ATOM}" title="é">'
    assert xml.root_of(text.encode(encoding)) == (ATOM, "feed")


def test_a_head_that_ends_in_mid_tag_or_mid_character_still_names_its_root() -> None:
    whole = f'<nitf:nitf xmlns:nitf="{ATOM}" title="Fähre'.encode()
    assert xml.root_of(whole[:-1]) == (ATOM, "nitf")
    assert xml.root_of(whole[:-4]) == (ATOM, "nitf")
    assert xml.root_of(whole.decode().encode("utf-16")[:-3]) == (ATOM, "nitf")
    assert xml.root_of(b"<nitf title='" + b"x" * 8000) == ("", "nitf")


def test_a_doctype_that_fills_the_head_names_the_root() -> None:
    assert xml.root_of(b"<!DOCTYPE nitf [" + b"<!ENTITY a 'b'>" * 1000) == ("", "nitf")


@pytest.mark.parametrize(
    "head", ["<!DOCTYPE :", "<!DOCTYPE", "<!DOCTYPE a:", "<:>", "<a:>", "<a: b='1'>"]
)
def test_a_root_without_a_name_is_none(head: str) -> None:
    assert xml.root_of(head.encode()) is None


@given(st.one_of(st.binary(max_size=200), st.text("<>!?-[]'\"=:/ aDOCTYPE", max_size=80)))
@settings(deadline=None, max_examples=500)
def test_looking_for_a_root_never_raises(head: bytes | str) -> None:
    root = xml.root_of(head if isinstance(head, bytes) else head.encode())
    assert root is None or root[1]


@pytest.mark.parametrize(
    "part", ["<!--", "<?", "<!-- -", "<a b='1' ", "<", "&", "<!DOCTYPE a [<", "<!DOCTYPE a '", " "]
)
def test_a_hostile_head_is_given_up_at_once(part: str) -> None:
    started = time.monotonic()
    xml.root_of((part * 8192)[:8192].encode())
    assert time.monotonic() - started < 1


# --- Repair and parsing --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("&amp;&lt;&gt;&quot;&apos;", "&amp;&lt;&gt;&quot;&apos;"),
        ("&eacute;&nbsp;&euro;", "&#233;&#160;&#8364;"),
        ("&AMP;&LT;", "&#38;&#60;"),
        ("&#233;&#xE9;", "&#233;&#233;"),
        ("&#150;&#x93;", "&#8211;&#8220;"),
        ("R&D, AT& T, a&&b", "R&amp;D, AT&amp; T, a&amp;&amp;b"),
        ("&#0;&#8;&#xD800;&#x110000;&#99999999;", ""),
        ("a\x00b\x0bc", "abc"),
        ("&notit;", ""),
        ("<![CDATA[R&D &nbsp; &x; \x00]]>&x;", "<![CDATA[R&D &nbsp; &x; ]]>"),
        ("<!-- & &x; -->&", "<!-- & &x; -->&amp;"),
    ],
)
def test_references_are_resolved_or_dropped(text: str, repaired: str) -> None:
    assert xml.repair(text).text == repaired


def test_what_was_dropped_is_counted_by_name() -> None:
    found = xml.repair("&house; &house; &other; & &#1;")
    assert found.dropped == {"house": 2, "other": 1}
    assert list(found.warnings()) == [
        "3 references to entities dropped, which are not resolved: &house;, &other;",
        "1 bare & taken as the sign",
        "1 characters dropped that XML doesn't allow",
    ]


@given(st.text("&;#xamp<>!-[]CDAT 0\x00\ufffe", max_size=60))
@settings(deadline=None, max_examples=500)
def test_repaired_text_has_no_entity_left(text: str) -> None:
    """Whatever is still refused is refused for its tags."""
    try:
        root = xml.parse(f"<a>{xml.repair(text).text}</a>")
    except etree.XMLSyntaxError as error:
        assert "entity" not in str(error.msg).lower()  # noqa: PT017  (not every text is refused)
    else:
        assert all(isinstance(node.tag, str) for node in root.iter())


@pytest.mark.parametrize(
    "text",
    ["", "a", "<a>", "<a><b></a></b>", "<a/><b/>", "<a x=1/>", "<a x='1' x='2'/>", "<a>]]></a>"],
)
def test_what_is_not_well_formed_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(xml.XMLSyntaxError) as error:
        xml.parse(text)
    assert error.value.lineno == 1


def test_a_prefix_that_nothing_declares_is_no_error() -> None:
    assert xml.parse("<x:a y:b='1'/>").tag == "x:a"


def test_markup_behind_a_prolog() -> None:
    assert (
        xml.without_prolog("<?xml version='1.0'?><!DOCTYPE a [ <!ENTITY b ']>'> ]> <a/>") == "<a/>"
    )
    with pytest.raises(xml.XMLSyntaxError):
        xml.without_prolog("<!DOCTYPE a [")


# --- Items ---------------------------------------------------------------------------

FILE = b"""\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE m SYSTEM "x" [<!ENTITY a "<i>]]>">]>
<m xmlns="urn:a"><h a=">">x &lt; y</h><s>
<i n='1'>one <!-- </i> --> <![CDATA[ </i> ]]><? </i> ?></i>
<p:i n='2'><p:i/><q:i-x></q:i-x></p:i>
<i n='3'/>
<i n='4'>no end
<i n='5'>five</i></s><s><i>six</i></s></m>
<m><i>seven</i></m>"""


def scanner(data: bytes, limit: int = 10_000, *, nested: bool = False) -> Scanner:
    return Scanner(Text(io.BytesIO(data)), frozenset({"i"}), limit, nested=nested)


def items(data: bytes, limit: int = 10_000, *, nested: bool = False) -> list[Item]:
    return list(scanner(data, limit, nested=nested).items())


def test_items_are_cut_out_whole() -> None:
    found = items(FILE)
    assert [item.data for item in found] == [
        b"<i n='1'>one <!-- </i> --> <![CDATA[ </i> ]]><? </i> ?></i>",
        b"<p:i n='2'><p:i/><q:i-x></q:i-x></p:i>",
        b"<i n='3'/>",
        b"<i n='4'>no end\n",
        b"<i n='5'>five</i>",
        b"<i>six</i>",
        b"<i>seven</i>",
    ]
    assert [item.line for item in found] == [4, 5, 6, 7, 8, 8, 9]
    assert [item.number for item in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [item.fault for item in found if item.fault] == [
        "it has no end: the next <i> begins on line 8"
    ]


def test_an_item_knows_what_it_is_in() -> None:
    first, *_, sixth, seventh = items(FILE)
    assert [tag.local for tag in first.around] == ["m", "s"]
    assert first.around[0].attributes == b' xmlns="urn:a"'
    assert first.label == "utf-8"
    assert first.doctype.startswith('<!DOCTYPE m SYSTEM "x"')
    assert [tag.local for tag in sixth.around] == ["m", "s"]
    assert [tag.local for tag in seventh.around] == ["m"]
    assert seventh.doctype == ""


def test_items_within_items_are_part_of_them_where_a_standard_has_such() -> None:
    data = b"<m><i>a<i>b<i/></i>c</i><i>d</i></m>"
    assert [item.data for item in items(data, nested=True)] == [
        b"<i>a<i>b<i/></i>c</i>",
        b"<i>d</i>",
    ]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("step", [1, 3, 7, 64])
def test_where_chunks_end_does_not_matter(step: int, nested: bool) -> None:  # noqa: FBT001  (a parameter of the test)
    stream = Trickle(FILE, step)
    found = Scanner(Text(stream), frozenset({"i"}), 10_000, nested=nested)  # type: ignore[arg-type]  # (all that a BinaryIO must do here)
    assert list(found.items()) == items(FILE, nested=nested)


def test_a_checkpoint_leads_to_its_place() -> None:
    whole = items(FILE)
    for k, item in enumerate(whole):
        behind, at = scanner(FILE), scanner(FILE)
        behind.go_on(item.after)
        assert list(behind.items()) == whole[k + 1 :]
        at.go_on(item.before)
        assert list(at.items()) == whole[k:]


def test_an_item_above_the_limit_is_counted_and_not_kept() -> None:
    long, short = items(b"<m><i>" + b"x" * 500 + b"</i><i>y</i></m>", limit=100)
    assert (long.data, long.size) == (b"", 507)
    assert short.data == b"<i>y</i>"


def test_more_than_the_limit_between_items_ends_the_reading() -> None:
    with pytest.raises(Unreadable, match=r"no <i> in \d+ bytes and \d+ tags up to line 1"):
        items(b"<m><i>a</i>" + b"x" * 500 + b"<i>b</i></m>", limit=100)


def test_elements_around_items_may_not_nest_without_end() -> None:
    with pytest.raises(Unreadable, match="more than 64 elements within each other on line 1"):
        items(b"<a>" * 100 + b"<i/>")


@pytest.mark.parametrize("end", ["", "</m", "<!-- ", "<b c='"])
def test_a_file_that_ends_within_an_element_is_unfinished(end: str) -> None:
    cut = scanner(b"<m><i>a</i>" + end.encode())
    assert [item.data for item in cut.items()] == [b"<i>a</i>"]
    assert cut.unfinished


def test_an_item_whose_start_tag_is_broken_is_an_item_all_the_same() -> None:
    broken, good = items(b"<m><i a='<'>x</i><i>y</i></m>")
    assert broken.data == b"<i a='<'>x</i>"
    assert good.data == b"<i>y</i>"


# --- Text ----------------------------------------------------------------------------


def shown(markup: str) -> list[str]:
    return flow(xml.parse(f"<body>{markup}</body>")).texts()


@pytest.mark.parametrize(
    ("markup", "paragraphs"),
    [
        ("a <b>b</b>c<p>d</p>e", ["a bc", "d", "e"]),
        ("<p>a<br/>b</p>", ["a", "b"]),
        ("<div><p>a</p>b<ul><li>c</li><li><p>d</p></li></ul></div>", ["a", "b", "c", "d"]),
        ("<table><tr><th>a</th><td>b<p>c</p></td></tr></table>", ["a | b c"]),
        ("<table><tr><td/><td>d</td></tr></table>", ["d"]),
        ("<tr><td><table><tr><td>a</td><td>b</td></tr></table></td><td>c</td></tr>", ["a b | c"]),
        ("<pre>one\ntwo</pre>", ["one", "two"]),
        ("<p>a</p><script>b</script>c<style>d</style>", ["a", "c"]),
        ("<P>a</P><SCRIPT>b</SCRIPT>", ["a"]),
        ("<p> </p><p>\u200b</p>", []),
        ("<tr/>", []),
    ],
)  # fmt: skip
def test_paragraphs_of_markup(markup: str, paragraphs: list[str]) -> None:
    assert shown(markup) == paragraphs


def test_deep_and_wide_markup_takes_linear_time() -> None:
    deep = "<b>" * 240 + "a" + "</b>" * 240
    started = time.monotonic()
    assert len(shown(f"<p>{deep}</p>" * 400)) == 400
    assert shown("<table><tr>" + "<td>x</td>" * 50_000 + "</tr></table>")[0].count("|") == 49_999
    assert time.monotonic() - started < 10


def test_a_plain_text_that_was_wrapped_is_joined() -> None:
    text = (
        "The council has voted to build the new bridge over the river Tarn, which\n"
        "is to be finished within three years and will cost the town forty-one\n"
        "million.\n\nThe old one is closed.\n"
    )
    joined = (
        "The council has voted to build the new bridge over the river Tarn, which is to be"
        " finished within three years and will cost the town forty-one million."
    )
    assert plain_paragraphs(text) == [joined, "The old one is closed."]


def test_the_lines_of_a_head_keep_a_space_and_their_signs() -> None:
    element = xml.parse("<a>By <b>Ines Varga</b><c>desk</c>, <d>AP</d>.</a>")
    assert spaced_text(element) == "By Ines Varga desk, AP."
    assert spaced_text(None) == ""


# --- Notes ---------------------------------------------------------------------------


def test_warnings_are_bounded_and_the_rest_is_counted() -> None:
    notes = Notes()
    notes.add(*(f"{n} {'x' * 500}" for n in range(50)))
    notes.add("0 " + "x" * 500)
    warnings = notes.warnings()
    assert len(warnings) == MAX_NOTES
    assert all(len(text) <= MAX_CHARS for text in warnings)
    assert warnings[-1] == "31 more warnings"
