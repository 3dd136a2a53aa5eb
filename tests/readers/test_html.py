"""Web pages: what goes before what in their metadata, and what hostile ones do (nothing)."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.addresses import canonical_url
from services.ingest.readers import html_body
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Source, Unreadable
from services.ingest.readers.html_metadata import language_tag
from services.ingest.readers.html_people import authors_of
from services.ingest.readers.html_reader import HtmlReader
from services.ingest.readers.registry import reader_for
from tests.readers.html_pages import (
    BODY,
    FETCHED,
    PARAGRAPHS,
    SAMPLES,
    attempt,
    page,
    read,
    refused,
    with_ld,
)

if TYPE_CHECKING:
    from pathlib import Path

LD = '{"@type":"NewsArticle","headline":"The last tram"%s}'

# --- Which pages are HTML ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "name", "claimed"),
    [
        (b"<!doctype html><p>x", "a.txt", True),
        (b"\xef\xbb\xbf\n <HTML>", "a", True),
        (b"<!-- a --><!-- b -->\n<html lang=en>", "a.txt", True),
        (b'<?xml version="1.0"?><!DOCTYPE html><html>', "a.xml", True),
        (b"<?php session(); ?>\n<!DOCTYPE HTML PUBLIC", "a", True),
        ("<html><body>x".encode("utf-16"), "a", True),
        ("<html><body>x".encode("utf-16-be"), "a", True),
        (b"<p>A fragment.</p>", "a.html", True),
        (b"<p>A fragment.</p>", "a.txt", False),
        (b"The ferry sails.", "a.html", False),
        (b"\xff\xd8\xff\xe0<html>", "a.html", False),
        (b'<?xml version="1.0"?><rss version="2.0">', "a.html", False),
        (b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">', "a", False),
        (b'<?xml version="1.0"?><nitf><head/><body/></nitf>', "a.html", False),
        (b"<htmlish>", "a", False),
        (b"<!-- " * 1600, "a", False),
        (b"", "a.html", False),
    ],
)
def test_a_page_is_recognised_by_its_start(head: bytes, name: str, claimed: bool) -> None:  # noqa: FBT001  (the table's column)
    assert HtmlReader(Limits()).claims(head, name) is claimed


def test_feeds_and_other_xml_are_left_to_their_readers() -> None:
    for root in (b"<rss version='2.0'><channel/></rss>", b"<nitf><body/></nitf>"):
        with_declaration = b'<?xml version="1.0"?>' + root
        try:
            reader = reader_for(with_declaration, "a.html", Limits()).name
        except Unreadable:
            continue
        assert reader != "html"


def test_a_stream_that_cannot_be_sought_and_has_no_known_size() -> None:
    class OneWay(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_args: object) -> int:
            raise io.UnsupportedOperation

    given_source = Source("a", None, lambda: OneWay(page().encode()))
    (record,) = HtmlReader(Limits()).read(given_source)
    assert isinstance(record, ReadArticle)
    assert record.body == PARAGRAPHS


# --- Encoding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "charset", "encoding"),
    [
        ("é".encode("cp1252"), "windows-1252", "cp1252"),
        ("Я".encode("koi8-r"), '"KOI8-R"', "koi8_r"),
        ("é".encode(), "iso-8859-1", "utf-8"),
        ("é".encode("utf-16"), "iso-8859-1", "utf-16-le"),
        (b"\xef\xbb\xbf" + "é".encode(), "windows-1252", "utf-8"),
        ("é".encode(), "no-such-charset", "utf-8"),
        ("é".encode(), "rot13", "utf-8"),
        ("é".encode(), "", "utf-8"),
    ],
)
def test_what_http_says_goes_before_a_guess_and_after_a_mark(
    data: bytes, charset: str, encoding: str
) -> None:
    wide = encoding.startswith("utf-16")
    filler = f"<html><body>{BODY}"
    mark = filler.encode("utf-16") if wide else filler.encode()
    body = mark + data[2:] if wide else data + mark if data[:1] == b"\xef" else mark + data
    assert read(body, charset=charset).info.encoding == encoding


def test_http_goes_before_meta_and_meta_where_http_is_wrong() -> None:
    cyrillic = f"<html><meta charset=koi8-r><title>Паром снова ходит</title>{BODY}"
    article = read(cyrillic.encode("cp1251"), charset="windows-1251")
    assert article.headline == "Паром снова ходит"
    japanese = f"<html><meta charset=shift_jis><title>北の島へ</title>{BODY}"
    assert read(japanese.encode("cp932"), charset="utf-8").headline == "北の島へ"


def test_a_few_broken_bytes_are_shown_as_browsers_show_them_and_said() -> None:
    data = page(title="Café naïve", body=f"<p>Rôle à part, déjà vu à Évry.</p>{BODY}").encode()
    broken = data.replace("ï".encode(), b"\xff", 1)
    article = read(broken)
    assert article.headline == "Café na\ufffdve"
    assert "1 characters are not valid UTF-8" in article.info.warnings[0]


def test_a_page_in_no_encoding_is_refused() -> None:
    noise = bytes(range(0x80, 0x100)) * 40
    record = refused(b"<html><meta charset=utf-8><body><p>" + noise)
    assert "not valid" in record.reason or "not text" in record.reason


# --- Headline ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "head", "expected"),
    [
        ("Trams end | Valley Courier", '<meta property="og:site_name" content="Valley Courier">',
         "Trams end"),
        ("Trams end - Transport - Valley Courier",
         '<meta property="og:title" content="Trams end">', "Trams end"),
        ("Valley Courier: Trams end", '<meta name="application-name" content="valley courier">',
         "Valley Courier: Trams end"),
        ("Valley Courier | Trams end", '<meta name="application-name" content="valley courier">',
         "Trams end"),
        ("Trams - buses - and us", "", "Trams - buses - and us"),
        ("Trams end &amp;#8211; at last", "", "Trams end – at last"),
        ("Trams end for the BBC", '<meta property="og:site_name" content="BBC">',
         "Trams end for the BBC"),
        ("In praise of Valley Courier", '<meta property="og:site_name" content="Valley Courier">',
         "In praise of Valley Courier"),
    ],
)  # fmt: skip
def test_the_site_s_name_is_no_part_of_a_headline(title: str, head: str, expected: str) -> None:
    assert read(page(head, title=title)).headline == expected


def test_json_ld_goes_before_open_graph_and_that_before_the_title() -> None:
    og = '<meta property="og:title" content="From OpenGraph">'
    script = '<script type="application/ld+json">%s</script>'
    ld = script % '{"@type":"Article","headline":"From JSON-LD"}'
    assert read(page(ld + og)).headline == "From JSON-LD"
    assert read(page(og)).headline == "From OpenGraph"
    assert read(page(body=f"<h1>From the heading</h1>{BODY}")).headline == "From the heading"
    assert read(page()).headline == "The last tram"


def test_a_headline_that_search_engines_had_cut_is_made_whole() -> None:
    whole = "The last tram leaves the depot at four with eleven passengers and a brass band"
    cut = '{"@type":"NewsArticle","headline":"The last tram leaves the depot at four…"}'
    assert read(with_ld(cut, f"<h1>{whole}</h1>{BODY}")).headline == whole


def test_the_standfirst_is_no_repeat_of_the_text() -> None:
    def standfirst(text: str) -> str | None:
        return read(page(f'<meta name="description" content="{text}">')).standfirst

    assert standfirst("A city says goodbye to its rails.") == "A city says goodbye to its rails."
    assert standfirst(PARAGRAPHS[0]) is None
    assert standfirst(PARAGRAPHS[0][:90] + "…") is None
    assert standfirst("The last tram") is None
    assert standfirst("x " * 900) is None


# --- JSON-LD --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        LD % "",
        "[" + LD % "" + "]",
        '{"@graph":[{"@type":"WebPage"},' + LD % "" + "]}",
        '{"@type":"WebPage","mainEntity":' + LD % "" + "}",
        "<!--\n" + LD % "" + "\n-->",
        "//<![CDATA[\n" + LD % "" + "\n//]]>",
        (LD % "").replace('"', "&quot;"),
        (LD % "").replace("}", ",}"),
        LD % "" + ";",
        LD % "" + '{"@type":"Person"}',
        LD % "" + " and then rubbish",
        (LD % "").replace("NewsArticle", "http://schema.org/ReportageNewsArticle"),
        (LD % "").replace('"NewsArticle"', '["WebPage","BlogPosting"]'),
        (LD % "").replace("last tram", "last\ttram"),
    ],
)
def test_an_article_is_found_however_its_json_is_wrapped(text: str) -> None:
    assert read(with_ld(text, title="Something else entirely")).headline == "The last tram"


def test_the_article_of_the_page_is_told_from_others_by_its_address() -> None:
    other = '{"@type":"NewsArticle","headline":"Another","url":"https://valleycourier.example/b"}'
    own = f'{{"@type":"NewsArticle","headline":"Ours","mainEntityOfPage":"{FETCHED}#top"}}'
    assert read(with_ld(f"[{other},{own}]"), url=FETCHED).headline == "Ours"
    assert read(with_ld(f"[{other},{LD % ''}]")).headline == "Another"


def test_articles_in_lists_of_related_ones_are_not_the_page_s() -> None:
    listed = '{"@type":"WebPage","relatedLink":[{"@type":"NewsArticle","headline":"Another"}]}'
    assert read(with_ld(listed)).headline == "The last tram"


@pytest.mark.parametrize(
    "value",
    [
        "null", "1", "true", '""', "[]", "{}", '[null,{"name":null}]', '{"name":{"name":"x"}}',
        '{"@id":"#none"}', '"\\ud800"', '"\\u0000"', "1e400", '[[["x"]]]', '{"@value":["x"]}',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "name",
    [
        "headline", "author", "datePublished", "image", "publisher", "keywords", "about", "license",
        "description", "articleSection", "articleBody", "hasPart", "isAccessibleForFree", "@type",
        "mainEntityOfPage", "inLanguage", "liveBlogUpdate", "contentLocation", "wordCount", "@id",
    ],
)  # fmt: skip
def test_any_value_anywhere_is_survived(name: str, value: str) -> None:
    text = f'{{"@type":"NewsArticle","headline":"The last tram","{name}":{value}}}'
    article = read(with_ld(text))
    assert article.body == PARAGRAPHS
    assert article.headline


def test_a_text_that_only_json_ld_has_is_taken_and_said() -> None:
    """A page that a script would build."""
    body = "\\n\\n".join(PARAGRAPHS)
    article = read(with_ld(LD % f',"articleBody":"{body}"', body="<div id=app></div>"))
    assert article.body == PARAGRAPHS
    assert "taken from the page's JSON-LD" in article.info.warnings[0]


# --- Times, people, languages, addresses ----------------------------------------------------


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2025-03-14T06:30:00Z", datetime(2025, 3, 14, 6, 30, tzinfo=UTC)),
        ("2025-03-14T07:30:00+01:00", datetime(2025, 3, 14, 6, 30, tzinfo=UTC)),
        ("2025-03-14 07:30:00.123 +0100", datetime(2025, 3, 14, 6, 30, 0, 123000, tzinfo=UTC)),
        ("Fri, 14 Mar 2025 06:30:00 GMT", datetime(2025, 3, 14, 6, 30, tzinfo=UTC)),
        ("1741933800", datetime(2025, 3, 14, 6, 30, tzinfo=UTC)),
        ("1741933800000", datetime(2025, 3, 14, 6, 30, tzinfo=UTC)),
        ("2025-03-14", None),
        ("2025-03-14T06:30:00", None),
        ("soon", None),
        ("9999999999999999", None),
    ],
)
def test_times_are_taken_with_their_zone_or_not_at_all(
    written: str, moment: datetime | None
) -> None:
    article = read(with_ld(LD % f',"datePublished":"{written}"'))
    assert article.published_at == moment
    assert (moment is None) == any("published:" in text for text in article.info.warnings)


def test_a_date_without_a_time_leaves_room_for_a_better_one() -> None:
    head = '<meta property="article:published_time" content="2025-03-14T06:30:00Z">'
    dated = LD % ',"datePublished":"2025-03-14"'
    text = f'<script type="application/ld+json">{dated}</script>'
    article = read(page(head + text))
    assert article.published_at == datetime(2025, 3, 14, 6, 30, tzinfo=UTC)
    assert article.info.warnings == ()


def test_the_result_does_not_depend_on_the_day() -> None:
    """A date in the future is what the page says, and no date is made of its text."""
    article = read(with_ld(LD % ',"datePublished":"2031-01-01T00:00:00Z"'))
    assert article.published_at == datetime(2031, 1, 1, tzinfo=UTC)
    assert read(page(body=f"<p>On 3 May 2024 it rained.</p>{BODY}")).published_at is None


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["Ines Varga"], ("Ines Varga",)),
        (["By Ines Varga and Tom Lund"], ("Ines Varga", "Tom Lund")),
        (["Ines Varga, Tom Lund & Ada Osei"], ("Ines Varga", "Tom Lund", "Ada Osei")),
        (["Von Jonas Petersen und Mareike Thoms"], ("Jonas Petersen", "Mareike Thoms")),
        (["Par Claire Vasseur et Luc Obin"], ("Claire Vasseur", "Luc Obin")),
        (["José Ortega y Gasset"], ("José Ortega y Gasset",)),
        (["von Trapp Maria"], ("von Trapp Maria",)),
        (["Ferenc Puskás Jr., Reuters"], ("Ferenc Puskás Jr.",)),
        (["ليلى حداد"], ("ليلى حداد",)),
        (["村瀬由紀"], ("村瀬由紀",)),
        (["The Editorial Board"], ("The Editorial Board",)),
        (["Ines Varga", "INES VARGA"], ("Ines Varga",)),
        (["https://www.facebook.com/ines"], ()),
        (["@ines", "admin", "", "-", "x" * 200], ()),
        (["Ines Varga (ines@courier.example)"], ("Ines Varga",)),
    ],
)
def test_names_of_authors(values: list[str], names: tuple[str, ...]) -> None:
    assert authors_of(values) == names


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("en", "en"), ("EN-gb", "en-GB"), ("en_US", "en-US"), ("zh-hans-cn", "zh-Hans-CN"),
        ("sr-Latn", "sr-Latn"), ("de-1996", "de-1996"), ("English", None), ("", None),
        ("und", None), ("x", None), ("e1", None),
    ],
)  # fmt: skip
def test_language_tags(text: str, tag: str | None) -> None:
    assert language_tag(text) == tag


@pytest.mark.parametrize(
    ("head", "url"),
    [
        ('<link rel="canonical" href="/news/tram">', "https://valleycourier.example/news/tram"),
        ('<link rel="canonical" href="https://valleycourier.example/">', FETCHED),
        ('<link rel="canonical" href="http://[">', FETCHED),
        ('<link rel="canonical" href="javascript:void(0)">', FETCHED),
        ('<meta property="og:url" content="https://valleycourier.example/og">',
         "https://valleycourier.example/og"),
        ('<base href="https://cdn.example/x/"><link rel="canonical" href="y">',
         "https://cdn.example/x/y"),
        ("", FETCHED),
    ],
)  # fmt: skip
def test_the_page_s_own_address(head: str, url: str) -> None:
    assert read(page(head), url=FETCHED).url == url


def test_a_page_of_nowhere_has_no_address() -> None:
    assert read(page('<link rel="canonical" href="/news/tram">')).url is None
    article = read(with_ld(LD % f',"url":"{FETCHED}"'))
    assert article.url == FETCHED


def test_amp_and_full_page_are_one_article() -> None:
    amp = read(page('<link rel="canonical" href="https://m.valleycourier.example/a/amp/?amp=1">'))
    full = read(page('<link rel="canonical" href="http://www.valleycourier.example/a">'))
    assert amp.url is not None
    assert full.url is not None
    assert canonical_url(amp.url) == canonical_url(full.url)


# --- Body -------------------------------------------------------------------------------


def test_where_no_article_is_found_all_paragraphs_are_taken_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(*_args: object, **_kwargs: object) -> None:
        raise RecursionError

    monkeypatch.setattr(html_body, "_extract", failing)
    article = read(page(body=f"<nav>Menu</nav>{BODY}"))
    assert article.body == PARAGRAPHS
    assert "body not found by rule: RecursionError" in article.info.warnings
    assert "no article found by rule: all paragraphs of the page taken" in article.info.warnings


def test_paragraphs_stay_apart_on_a_short_page() -> None:
    """As a last resort everything is made one paragraph, by trafilatura that is."""
    article = read("<html><body><h1>Tram</h1><div>One line.<br><br>Two lines.</div><p>Three.</p>")
    assert article.body == ("One line.", "Two lines.", "Three.")


def test_a_page_after_another_is_read_as_if_alone() -> None:
    """No memory of what came before: the same paragraphs twice are no duplicates."""
    assert read(page()) == read(page())


def test_what_is_set_apart_has_its_line_in_the_source() -> None:
    body = "\n".join((*(f"<p>{text}</p>" for text in PARAGRAPHS), "<p>Photo: Ada Osei/Reuters</p>"))
    article = read(page(body=f"\n{body}\n"))
    assert [(line.kind, line.line) for line in article.set_apart] == [("photo_credit", 5)]
    assert article.credits == ("Ada Osei/Reuters",)


# --- Hostile pages --------------------------------------------------------------------------


def sentences(count: int) -> str:
    return "".join(
        f"<p>Paragraph {n} says that ferry {n * 7} sails again.</p>" for n in range(count)
    )


HOSTILE = {
    "eight MiB of paragraphs": page(body=sentences(110_000)),
    "one paragraph of seven MB": page(body="<p>" + "The ferry sails again. " * 300_000),
    "50,000 open divs": page(body="<div>" * 50_000 + sentences(20)),
    "50,000 nested tables": page(body="<table><tr><td>" * 50_000 + sentences(20)),
    "100,000 open forms": page(body="<form>" * 100_000 + sentences(20)),
    "an attribute of seven MB": page(body=f"<p title='{'x' * 7_000_000}'>a</p>" + sentences(20)),
    "a tag that never closes": page(body=sentences(20) + "<a " + "x=y " * 500_000),
    "200,000 line breaks": page(body=sentences(20) + "<p>" + "x<br>" * 200_000),
    "a million brackets": page(body=sentences(20) + "<" * 1_000_000),
    "entities within entities": page(
        "<!DOCTYPE x [<!ENTITY a '&b;&b;'><!ENTITY b '&c;&c;'>]>", body=sentences(20) + "&a;"
    ),
    "an external entity": page(
        "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>", body=sentences(20) + "&a;"
    ),
    "JSON of 300,000 brackets": with_ld("[" * 300_000, sentences(20)),
    "JSON with a number of 9,000 digits": with_ld(f'{{"a":{"9" * 9000}}}', sentences(20)),
    "50,000 articles in JSON-LD": with_ld(f"[{(LD % '') + ','}{LD % ''}]" * 25_000, sentences(20)),
    "20,000 authors": page('<meta name="author" content="A B and C D">' * 20_000, sentences(20)),
    "a title of separators": page(body=sentences(20), title="a | " * 3_000),
    "60,000 figures": page(body=sentences(20) + "<figure><figcaption>c</figcaption>" * 60_000),
    "control characters": page(body=sentences(20) + "\x00\x07\x1b[31m\x85\u202e\ufffe"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_give_an_article_in_time(name: str) -> None:
    """Sentences among what is meant to hurt are still found; no file is read, none waited for."""
    started = time.process_time()
    article = read(HOSTILE[name])
    assert time.process_time() - started < 60
    text = " ".join(article.body)
    assert "ferry" in text
    assert "root:" not in text
    for string in (*article.body, article.headline or "", *article.info.warnings):
        assert "\x00" not in string
        string.encode("utf-8")
    assert len(article.info.warnings) <= 20


def test_a_page_nested_too_deep_is_read_and_said() -> None:
    article = read(HOSTILE["50,000 open divs"])
    assert article.body[0] == "Paragraph 0 says that ferry 0 sails again."
    assert len(article.body) == 20
    assert "nested too deep: read without its containers" in article.info.warnings


def test_a_page_above_the_limit_is_refused_with_both_numbers() -> None:
    record = attempt(page(), limits=Limits(article_bytes=100))
    assert isinstance(record, BadRecord)
    assert f"{len(page())} bytes" in record.reason
    assert "100" in record.reason


def test_binary_content_is_refused_by_what_it_is() -> None:
    assert "a JPEG image" in refused(b"\xff\xd8\xff\xe0 picture").reason
    assert "there is nothing" in refused(b"").reason
    assert "there is nothing" in refused(b"<!-- only this -->").reason


def test_position_locator_and_checkpoint_are_handed_through() -> None:
    for data in (page().encode(), b""):
        from services.ingest.readers.html_page import read_page  # noqa: PLC0415  (as archives do)

        record = read_page(
            data,
            url=None,
            charset=None,
            position=7,
            locator="a.warc record 7",
            limits=Limits(),
            checkpoint="4711",
        )
        assert (record.position, record.locator) == (7, "a.warc record 7")
        assert record.checkpoint == "4711"


SMALL = [path.read_bytes() for path in sorted(SAMPLES.iterdir())]


@given(
    base=st.sampled_from(SMALL),
    cuts=st.lists(
        st.tuples(
            st.integers(0, 6000),
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from([b"<", b">", b'"', b"<div>", b"</script>", b"&#0;", b"{", b"\xff"]),
            ),
            st.integers(0, 200),
        ),
        max_size=8,
    ),
    charset=st.sampled_from([None, "utf-8", "utf-16", "shift_jis", "latin-1", "x"]),
)
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_pages_give_an_article_or_a_refusal(
    base: bytes, cuts: list[tuple[int, bytes, int]], charset: str | None
) -> None:
    for at, junk, gone in cuts:
        base = base[:at] + junk + base[at + gone :]
    record = attempt(base, charset=charset, url=FETCHED)
    if isinstance(record, BadRecord):
        assert record.reason
        assert record.advice
    else:
        assert record.headline or record.body
        assert all(text == " ".join(text.split()) for text in record.body)
        assert record == replace(record, position=1)


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_text_in_any_place_is_survived(text: str) -> None:
    quoted = text.replace("<", "").replace('"', "")
    head = "".join(
        f'<meta property="{name}" content="{quoted}">'
        for name in ("og:title", "og:url", "author", "article:published_time", "keywords")
    )
    for given_page in (page(head), page(body=text), page(title=text), with_ld(text), text):
        attempt(given_page.encode("utf-8", "surrogatepass"))


def samples_of(folder: Path) -> int:
    return len(list(folder.iterdir()))


def test_there_are_good_and_bad_pages_of_each_kind() -> None:
    kinds = [type(attempt(data)) for data in SMALL]
    assert len(kinds) == samples_of(SAMPLES) >= 25
    assert kinds.count(BadRecord) >= 10
    assert kinds.count(ReadArticle) >= 15
