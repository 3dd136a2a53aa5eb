"""What holds for the reader of every XML news standard: streaming, going on, hostile files."""

from __future__ import annotations

import io
import socket
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Source, Unreadable
from services.ingest.readers.registry import READERS
from tests.readers.contract import assert_contract, attempt
from tests.readers.xml_kit import (
    NITF,
    STANDARDS,
    Standard,
    articles,
    bad,
    gathered,
    one,
    plain_source,
    read_all,
    read_until_refused,
    resumed,
    stream_source,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

every_standard = pytest.mark.parametrize("standard", STANDARDS, ids=lambda s: s.name)
every_sample = pytest.mark.parametrize(
    ("standard", "path"),
    [(standard, path) for standard in STANDARDS for path in standard.samples()],
    ids=lambda value: getattr(value, "stem", getattr(value, "name", "")),
)
SAMPLES = [(standard, path.read_bytes()) for standard in STANDARDS for path in standard.samples()]

PARAGRAPH = "<p>The ferry sails again.</p>"


# --- Recognition ---------------------------------------------------------------------


@every_sample
def test_exactly_its_own_reader_claims_a_sample(standard: Standard, path: Path) -> None:
    head = path.read_bytes()[: sniff.HEAD_BYTES]
    claiming = [kind.name for kind in READERS if kind(Limits()).claims(head, "story.jpg")]
    assert claiming == [standard.name]


@every_standard
def test_a_root_behind_comments_and_a_doctype_is_found(standard: Standard) -> None:
    data = standard.file(
        standard.item("Ferry", PARAGRAPH),
        declaration=(
            '\ufeff<?xml version="1.0"?>\n<!-- <html> -->\n'
            f'<!DOCTYPE {standard.doctype} SYSTEM "x>y" [<!-- ]> --><!ENTITY a "]>">]>\n'
        ),
    )
    assert standard.reader(Limits()).claims(data, "")
    assert one(standard, data).headline == "Ferry"


@every_standard
def test_other_xml_is_not_claimed(standard: Standard) -> None:
    for text in (
        "<html><body/></html>",
        "<rss version='2.0'/>",
        f"<{standard.doctype} xmlns='urn:other:vocabulary'/>",
        f"prose about <{standard.doctype}>",
        f"<{standard.doctype}x/>",
    ):
        assert not standard.reader(Limits()).claims(text.encode(), "story.xml")


@every_standard
def test_a_file_without_items_is_refused(standard: Standard) -> None:
    found, reason = read_until_refused(
        standard, f"<{standard.doctype}x>a</{standard.doctype}x>".encode()
    )
    assert not found
    assert reason is not None
    assert reason.startswith("there is no <")


# --- One bad item among good ones ----------------------------------------------------


@every_standard
@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("<p>no end", "not well-formed XML on line"),
        ("<p>crossed <b></p></b>", "not well-formed XML on line"),
        ('<p a="1" a="2">twice</p>', "not well-formed XML on line"),
        ("<p>" * 100_000 + "</p>" * 100_000, "Excessive depth"),
        ("<p/>" * 400_001, "tags in one article, the limit is 400000"),
        ('<!DOCTYPE x [<!ENTITY e "v">]>', "not well-formed XML on line"),
    ],
    ids=["unclosed", "crossed", "attribute twice", "deep", "many tags", "doctype within"],
)
def test_one_bad_item_does_not_cost_the_good_ones(
    standard: Standard, broken: str, reason: str
) -> None:
    data = standard.file(
        standard.item("First", PARAGRAPH),
        standard.item("Broken", broken),
        standard.item("Last", PARAGRAPH),
    )
    first, refused, last = read_all(standard, data)
    assert isinstance(first, ReadArticle)
    assert isinstance(refused, BadRecord)
    assert isinstance(last, ReadArticle)
    assert (first.headline, last.headline) == ("First", "Last")
    assert reason in refused.reason
    assert refused.locator.startswith("line ")
    assert refused.advice


@every_standard
def test_an_item_without_a_word_is_refused_and_the_next_is_read(standard: Standard) -> None:
    data = standard.file(standard.item("", ""), standard.item("Last", ""))
    refused, last = read_all(standard, data)
    assert isinstance(refused, BadRecord)
    assert "neither a headline nor text" in refused.reason
    assert isinstance(last, ReadArticle)


@every_standard
def test_an_item_in_another_encoding_costs_only_itself(standard: Standard) -> None:
    """What is no UTF-8 is guessed or refused within its item; the others stay as they are."""
    good = standard.item(
        "Grünau", "<p>Über die Brücke geht es nach Grünau, sagt die Bürgermeisterin.</p>"
    )
    broken = (
        standard.item("Broken", "<p>@@</p>")
        .encode()
        .replace(b"@@", b"\x81\x8d\x8f\x90\xc3\xa9\xff")
    )
    start, _, end = standard.file(good, "@@@@", good).partition(b"@@@@")
    first, _, last = read_all(standard, start + broken + end)
    assert isinstance(first, ReadArticle)
    assert isinstance(last, ReadArticle)
    assert (
        first.body
        == last.body
        == ("Über die Brücke geht es nach Grünau, sagt die Bürgermeisterin.",)
    )


@every_standard
def test_an_item_above_the_limit_is_refused_with_both_sizes(standard: Standard) -> None:
    data = standard.file(
        standard.item("Long", "<p>" + "word " * 30_000 + "</p>"), standard.item("Next", PARAGRAPH)
    )
    refused, following = read_all(standard, data, Limits(article_bytes=100_000))
    assert isinstance(refused, BadRecord)
    assert "too large for one article: 150" in refused.reason
    assert "100000 bytes" in refused.reason
    assert isinstance(following, ReadArticle)
    assert following.headline == "Next"


# --- Truncation ----------------------------------------------------------------------


@every_sample
def test_a_cut_file_gives_what_is_whole_and_says_where_it_ends(
    standard: Standard, path: Path
) -> None:
    data = path.read_bytes()
    whole = read_all(standard, data)
    for cut in range(0, len(data) - 40, max(1, len(data) // 60)):
        found, reason = read_until_refused(standard, data[:cut])
        complete = [record for record in found if "the file ends on line" not in _reason(record)]
        # A cut within several records of one item takes them all.
        assert [r.position for r in complete] == [r.position for r in whole[: len(complete)]]
        assert [_text(r) for r in complete] == [_text(r) for r in whole[: len(complete)]]
        between = data[:cut].rstrip().endswith((b"</nitf>", b"?>"))  # no document misses anything
        if len(complete) < len(whole) and not between:
            assert "line" in f"{reason} {' '.join(map(_reason, found))}"


def _reason(record: ReadArticle | BadRecord) -> str:
    return record.reason if isinstance(record, BadRecord) else ""


def _text(record: ReadArticle | BadRecord) -> object:
    return (record.headline, record.body if isinstance(record, ReadArticle) else record.reason)


@every_standard
def test_a_cut_within_an_item_is_a_bad_record_with_the_line(standard: Standard) -> None:
    data = standard.file(standard.item("First", PARAGRAPH), standard.item("Second", PARAGRAPH))
    found, reason = read_until_refused(standard, data[: data.index(b"Second") + 20])
    assert reason is None
    assert [a.headline for a in articles(found)] == ["First"]
    (cut,) = bad(found)
    line = data[: data.index(b"Second")].count(b"\n") + 1
    assert cut.reason.startswith(f"the file ends on line {line} before its </")


def test_a_cut_between_two_items_is_told_after_the_whole_ones() -> None:
    for standard in STANDARDS[1:]:
        data = standard.file(standard.item("First", PARAGRAPH), standard.item("Second", PARAGRAPH))
        found, reason = read_until_refused(standard, data[: data.index(b"Item>\n") + 6])
        assert [a.headline for a in articles(found)] == ["First"]
        assert reason is not None
        assert "before its last element does, after 1 items" in reason


@every_standard
def test_a_file_that_is_still_being_written_is_read_again_later(standard: Standard) -> None:
    data = standard.file(standard.item("First", PARAGRAPH))
    source = Source("story", len(data) + 100, lambda: io.BytesIO(data))
    with pytest.raises(OSError, match="changed while it was read"):
        list(standard.reader(Limits()).read(source))


# --- Going on ------------------------------------------------------------------------


@every_sample
def test_reading_goes_on_after_any_record(standard: Standard, path: Path) -> None:
    """Records of ``read`` are the first k and those of ``resume`` after k, for every k."""
    data = path.read_bytes()
    whole = read_all(standard, data)
    for source in (plain_source(data), stream_source(data)):
        assert gathered(standard.reader(Limits()).read(source)) == (whole, None)
        for k, record in enumerate(whole, start=1):
            assert record.checkpoint
            assert resumed(standard, source, record) == (whole[k:], None)


@every_sample
def test_a_record_that_brought_the_reader_down_is_passed_over(
    standard: Standard, path: Path
) -> None:
    data = path.read_bytes()
    whole = read_all(standard, data)
    for k in range(len(whole)):
        after = whole[k - 1] if k else None
        (refused, *rest), _ = resumed(standard, plain_source(data), after, "too much memory")
        assert isinstance(refused, BadRecord)
        assert (refused.position, refused.reason) == (k + 1, "too much memory")
        # An item that holds several is passed over with all of them.
        assert [_text(r) for r in rest] == [_text(r) for r in whole[len(whole) - len(rest) :]]
        assert len(rest) >= len(whole) - k - 2


@every_standard
def test_going_on_reads_nothing_of_what_was_before(standard: Standard) -> None:
    items = [standard.item(f"Story {n:05}", PARAGRAPH * 40) for n in range(2_000)]
    data = standard.file(*items)
    whole = read_all(standard, data)
    taken = 0

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal taken
            chunk = super().read(size)
            taken += len(chunk)
            return chunk

    source = Source("story", len(data), lambda: Counting(data))
    rest, reason = resumed(standard, source, whole[-3])
    assert (rest, reason) == (whole[-2:], None)
    assert taken < len(data) / 2


# --- Large files ---------------------------------------------------------------------


class _Endless(io.RawIOBase):
    """A file that is made while it is read: a start, one part many times, an end."""

    def __init__(self, start: bytes, part: bytes, times: int, end: bytes) -> None:
        super().__init__()
        self._parts = self._made(start, part, times, end)
        self._left = b""

    @staticmethod
    def _made(start: bytes, part: bytes, times: int, end: bytes) -> Iterator[bytes]:
        yield start
        for _ in range(times):
            yield part
        yield end

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size and (part := next(self._parts, b"")):
            self._left += part
        chunk, self._left = self._left[:size], self._left[size:]
        return chunk


def _peak_of(
    standard: Standard, start: bytes, part: bytes, times: int, end: bytes
) -> tuple[int, int]:
    """Records, and bytes of memory at the most, of a file that is read once."""
    source = Source("story", None, lambda: _Endless(start, part, times, end))  # type: ignore[arg-type,return-value]  # (all that a BinaryIO must do here)
    tracemalloc.start()
    try:
        count = sum(1 for _ in standard.reader(Limits()).read(source))
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@every_standard
def test_memory_does_not_grow_with_the_number_of_items(standard: Standard) -> None:
    """Items under one root, or (NITF) documents one after the other."""
    start, _, end = standard.file("@@@@").partition(b"@@@@")
    part = "".join(standard.item(f"Story {n}", PARAGRAPH * 100) for n in range(10)).encode()
    _, small = _peak_of(standard, start, part, 4, end)
    count, large = _peak_of(standard, start, part, 40, end)
    assert count == 400
    assert large < small + 1_000_000


@every_standard
def test_an_endless_item_is_passed_over_in_flat_memory(standard: Standard) -> None:
    """A line of 200 MB without an end tag: a bad record, not 200 MB of memory."""
    start, _, _ = standard.file(standard.item("First", PARAGRAPH), "@@@@").partition(b"@@@@")
    opening = standard.item("Endless", "<p>@@@@").encode().partition(b"@@@@")[0]
    count, peak = _peak_of(standard, start + opening, b"word " * 200_000, 200, b"")
    assert count == 2
    assert peak < 40_000_000


@every_standard
@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"<a b='" + b"x" * 9_000_000, id="attribute"),
        pytest.param(b"<!-- " * 2_000_000, id="comments"),
        pytest.param(b"<a>" * 3_000_000, id="tags"),
        pytest.param(b"<a/>" * 3_000_000, id="empty tags"),
        pytest.param(b"<" * 9_000_000, id="signs"),
        pytest.param(b"<?" * 5_000_000, id="instructions"),
        pytest.param(b"<![CDATA[" * 1_000_000, id="sections"),
        pytest.param(b"<!DOCTYPE x [" + b"<!ENTITY a 'b'>" * 800_000, id="subset"),
    ],
)
def test_a_head_that_never_ends_is_given_up_in_time(standard: Standard, junk: bytes) -> None:
    started = time.monotonic()
    _, reason = read_until_refused(standard, f"<{standard.doctype}x>".encode() + junk)
    assert reason
    assert time.monotonic() - started < 20  # a minute and more, were any step quadratic


# --- Hostile documents ---------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A port on the loopback, and who connected to it."""
    connected: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, address = server.accept()
            except OSError:
                return
            connected.append(address)
            client.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1], connected
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@every_standard
def test_nothing_outside_the_file_is_read_or_asked_for(
    standard: Standard, tmp_path: Path, listener: tuple[int, list[object]]
) -> None:
    """External entities, parameter entities, an external DTD, a style sheet, an inclusion."""
    port, connected = listener
    secret = tmp_path / "secret.txt"
    secret.write_text("the password is swordfish")
    web = f"http://127.0.0.1:{port}"
    doctype = (
        f'<?xml version="1.0"?><?xml-stylesheet href="{web}/style.xsl"?>\n'
        f'<!DOCTYPE {standard.doctype} SYSTEM "{web}/dtd" [\n'
        f'<!ENTITY file SYSTEM "{secret.as_uri()}"><!ENTITY net SYSTEM "{web}/entity">\n'
        f'<!ENTITY % parameter SYSTEM "{web}/parameter"> %parameter;\n'
        f"<!ENTITY % inner \"<!ENTITY made SYSTEM '{secret.as_uri()}'>\"> %inner;\n]>\n"
    )
    text = (
        "<p>a &file; b &net; c &made; d</p>"
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret.as_uri()}"/>'
    )
    article = one(standard, standard.file(standard.item("Ferry", text), declaration=doctype))
    assert article.body == ("a b c d",)
    assert "swordfish" not in repr(article)
    (dropped,) = [w for w in article.info.warnings if "entities" in w]
    assert dropped == (
        "3 references to entities dropped, which are not resolved: &file;, &net;, &made;"
    )
    assert not connected


@every_standard
def test_entity_bombs_do_not_go_off(standard: Standard) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    quadratic = "x" * 50_000
    doctype = (
        f'<!DOCTYPE {standard.doctype} [<!ENTITY l0 "lol">{laughs}<!ENTITY q "{quadratic}">]>\n'
    )
    text = f"<p>before &l9; {'&q;' * 20_000} after</p>"
    started = time.monotonic()
    article = one(standard, standard.file(standard.item("Ferry", text), declaration=doctype))
    assert article.body == ("before after",)
    assert time.monotonic() - started < 5
    assert any("20001 references to entities dropped" in w for w in article.info.warnings)


@every_standard
def test_a_huge_attribute_is_read_or_refused(standard: Standard) -> None:
    data = standard.file(
        standard.item("Huge", f'<p class="{"x" * 6_000_000}">text</p>'),
        standard.item("Next", PARAGRAPH),
    )
    assert [a.headline for a in articles(read_all(standard, data))][-1] == "Next"


@every_standard
def test_scripts_and_styles_are_no_text(standard: Standard) -> None:
    text = (
        "<script>alert('a')</script><style>p { color: red }</style><p onclick='x()'>Only this"
        "<script>document.write('b')</script>, and that.</p><iframe src='http://x.example'>no</iframe>"
    )
    assert one(standard, standard.file(standard.item("Ferry", text))).body == (
        "Only this, and that.",
    )


@every_standard
def test_names_that_html_knows_become_their_characters(standard: Standard) -> None:
    text = (
        "<p>Caf&eacute;&nbsp;&ldquo;Zur Br&uuml;cke&rdquo; &amp; Sohn &lt;GmbH&gt; &#150; R&D"
        " &nosuch;</p>"
    )
    article = one(standard, standard.file(standard.item("Ferry", text)))
    assert article.body == ("Café “Zur Brücke” & Sohn <GmbH> – R&D",)
    assert article.info.warnings == (
        "1 references to entities dropped, which are not resolved: &nosuch;",
        "1 bare & taken as the sign",
    )


@every_standard
def test_control_characters_and_wrong_references_are_dropped(standard: Standard) -> None:
    text = "<p>a\x00b\x07c&#0;d&#xD800;e&#xFFFFFFF;f\ufffeg\x1b[31mh\u202ei</p>"
    article = one(standard, standard.file(standard.item("Ferry", text)))
    (paragraph,) = article.body
    assert paragraph == "abcdefg[31mh\u202ei"


@every_standard
@pytest.mark.parametrize("prefix", ["x", "ns0.1", "_", "é"])
def test_any_prefix_will_do_and_even_an_undeclared_one(standard: Standard, prefix: str) -> None:
    item = standard.item("Ferry", PARAGRAPH)
    prefixed = item.replace("<", f"<{prefix}:").replace(f"<{prefix}:/", f"</{prefix}:")
    assert one(standard, standard.file(prefixed)).body == ("The ferry sails again.",)


@every_standard
@pytest.mark.parametrize(
    ("declared", "actual", "warns"),
    [
        ("utf-8", "utf-8", False),
        ("utf-16", "utf-16", False),
        ("utf-16", "utf-16-le", False),
        ("utf-32", "utf-32", False),
        ("iso-8859-1", "cp1252", False),
        ("windows-1252", "utf-8", True),
        ("utf-16", "utf-8", True),
        ("utf-7", "utf-8", True),
        ("no-such-encoding", "utf-8", True),
        ("rot13", "utf-8", True),
        ("iso-2022-jp", "iso2022_jp", False),
        ("shift_jis", "cp932", False),
        ("gb18030", "gb18030", False),
    ],
)
def test_declared_and_actual_encodings(
    standard: Standard,
    declared: str,
    actual: str,
    warns: bool,  # noqa: FBT001  (a column of the table)
) -> None:
    """What the bytes are goes before what they are declared to be, and is told."""
    text = "港の船" if actual in ("iso2022_jp", "cp932", "gb18030") else "Über “Grünau” – 20 Gäste"
    if actual == "cp1252":
        text = "Über Grünau, 20 Gäste"
    declaration = f'<?xml version="1.0" encoding="{declared}"?>\n'
    data = standard.file(standard.item("Ferry", f"<p>{text}</p>"), declaration=declaration)
    article = one(standard, data.decode().encode(actual))
    assert article.body == (text,)
    assert bool(article.info.warnings) is warns


@every_standard
def test_utf_7_is_not_decoded(standard: Standard) -> None:
    """``+ADw-script+AD4-`` stays the harmless letters that it is."""
    data = standard.file(
        standard.item("Ferry", "<p>+ADw-script+AD4-</p>"),
        declaration='<?xml version="1.0" encoding="utf-7"?>',
    )
    assert one(standard, data).body == ("+ADw-script+AD4-",)


@every_standard
def test_utf_16_that_ends_in_mid_character_gives_what_is_whole(standard: Standard) -> None:
    data = standard.file(standard.item("First", PARAGRAPH), standard.item("Next", PARAGRAPH))
    found, reason = read_until_refused(standard, data.decode().encode("utf-16")[:-61])
    assert [a.headline for a in articles(found)] == ["First"]
    assert bad(found) or reason


def test_a_title_s_line_breaks_are_spaces() -> None:
    article = one(NITF, NITF.file(NITF.item("Ferry\n   sails\tagain", PARAGRAPH)))
    assert article.headline == "Ferry sails again"


def test_nothing_at_all_is_refused() -> None:
    for standard in STANDARDS:
        with pytest.raises(Unreadable):
            read_all(standard, b"")


# --- Fuzz ----------------------------------------------------------------------------


@given(
    base=st.sampled_from(SAMPLES),
    cuts=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 60), st.binary(max_size=8)),
        min_size=1,
        max_size=6,
    ),
)
@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_samples_give_articles_or_a_typed_error(
    base: tuple[Standard, bytes], cuts: list[tuple[float, int, bytes]]
) -> None:
    standard, data = base
    for share, removed, junk in cuts:
        at = int(share * len(data))
        data = data[:at] + junk + data[at + removed :]
    assert_contract(attempt(standard.reader(Limits()), plain_source(data)))


TOKENS = [
    *("<", ">", "</", "/>", "&", ";", '"', "'", "=", "<!--", "-->", "<![CDATA[", "]]>", "<?", "?>"),
    *("<!DOCTYPE nitf [", "]>", "<nitf>", "</nitf>", "<newsItem>", "</newsItem>", "<NewsItem>"),
    *(
        "</NewsItem>",
        "<NewsML>",
        "<itemSet ",
        "a='b'",
        "xmlns:x='y'",
        "<x:newsItem ",
        "&amp;",
        "\n",
    ),
    *("<body.content>", "<p>", "</p>", "<DataContent>", "text", "\ufeff", "é", "<!ENTITY a 'b'>"),
]


@given(standard=st.sampled_from(STANDARDS), tokens=st.lists(st.sampled_from(TOKENS), max_size=60))
@settings(deadline=None, max_examples=400)
def test_any_order_of_markup_gives_articles_or_a_typed_error(
    standard: Standard, tokens: list[str]
) -> None:
    data = "".join(tokens).encode()
    assert_contract(attempt(standard.reader(Limits()), plain_source(data)))
    whole, reason = read_until_refused(standard, data)
    for record in whole:
        rest = resumed(standard, stream_source(data, 7), record)
        assert rest == (whole[record.position :], reason)
