"""RSS and Atom: what becomes which field, and what is said where something is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.article import Picture, Place, Subject
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Record, Unreadable
from services.ingest.readers.feeds import FeedReader
from services.ingest.readers.registry import READERS
from tests.readers.breaking_off import assert_resumable, forward_only
from tests.readers.support import source

SAMPLES = sorted((Path(__file__).parent / "samples" / "feeds").iterdir())
every_sample = pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)


def records(data: bytes | str) -> list[Record]:
    raw = data.encode() if isinstance(data, str) else data
    return list(FeedReader(Limits()).read(source(raw)))


def sample(name: str) -> list[Record]:
    return records((Path(__file__).parent / "samples" / "feeds" / name).read_bytes())


def article(record: Record) -> ReadArticle:
    assert isinstance(record, ReadArticle), record
    return record


def rss(items: str, head: str = "<title>Courier</title>", attributes: str = "") -> str:
    return f'<rss version="2.0" {attributes}><channel>{head}{items}</channel></rss>'


def one(item: str, head: str = "<title>Courier</title>", attributes: str = "") -> ReadArticle:
    """The article of a feed with this one item."""
    (found,) = records(rss(f"<item>{item}</item>", head, attributes))
    return article(found)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]  # year to second


# --- Whole samples -----------------------------------------------------------------------


@every_sample
def test_exactly_one_reader_claims_a_feed(path: Path) -> None:
    head = path.read_bytes()[:8192]
    claiming = [kind.name for kind in READERS if kind(Limits()).claims(head, "wrong.jpg")]
    assert claiming == ["feed"]


@every_sample
def test_reading_can_go_on_after_each_entry(path: Path) -> None:
    data = path.read_bytes()
    reader = FeedReader(Limits())
    seekable = assert_resumable(reader, source(data))
    assert assert_resumable(reader, forward_only(data)) == seekable


def test_a_full_rss_entry_fills_every_field() -> None:
    ferry, nets, election = map(article, sample("rss-2.0-full.xml"))
    assert ferry.headline == "Ferry to the Skarn islands sails again after eleven days"
    assert ferry.standfirst == "Three villages get their mail after eleven days without."
    assert ferry.body[0].startswith("The ferry to the Skarn islands sailed on Friday morning")
    assert ferry.body[1].endswith("About 60 passengers were on board.")
    assert ferry.body[2:] == ("Bread first", "Two tonnes of flour", "Eleven days of letters")
    assert ferry.extent == "full"
    assert ferry.authors == ("Ines Varga", "Tom van der Berg")
    assert ferry.published_at == at(2026, 11, 20, 8, 30)
    assert ferry.updated_at == at(2026, 11, 20, 10, 5)
    assert ferry.language == "en-GB"
    assert ferry.url == "https://courier.example/news/ferry-sails-again?utm_source=rss"
    assert ferry.provider == "The Valley Courier"
    assert ferry.provider_id == "courier-2026-11-20-0017"
    assert ferry.rights is not None
    assert ferry.rights.notice == "© 2026 The Valley Courier. All rights reserved."
    assert ferry.subjects == (
        Subject(code="medtop:20000337", scheme="http://cv.iptc.org/newscodes/mediatopic/"),
    )
    assert ferry.keywords == ("Transport", "Skarn islands", "Storms")
    assert ferry.places == (Place(name="Almvik"), Place(name="Skarn islands"))
    assert ferry.pictures == (
        Picture(
            caption='The ferry "Skarn II" leaves the harbour of Almvik.',
            credit="Olaf Brandvik / Courier",
            url="https://courier.example/img/ferry.jpg",
        ),
        Picture(
            caption="Flour is unloaded on Friday.",
            credit="Rosa Lindt",
            url="https://courier.example/img/flour.jpg",
        ),
    )
    assert ferry.info.format == "application/rss+xml 2.0"
    assert ferry.info.warnings == ()
    assert ferry.locator == "entry 1"
    assert nets.headline == "Council of Almvik & Sund votes for smaller nets"
    assert nets.authors == ("Petra Holm", "Jonas Eide")
    assert nets.byline == "Petra Holm and Jonas Eide"
    assert nets.provider == "Sund Observer"
    assert nets.standfirst is None, "the summary only repeats how the text begins"
    assert nets.rights is not None
    assert nets.rights.notice == "© Petra Holm"
    assert nets.pictures == (Picture(url="https://courier.example/img/nets.png"),)
    assert election.language == "de"
    assert election.published_at == at(2026, 11, 18, 8)


def test_a_full_atom_entry_fills_every_field() -> None:
    strike, french, court, killed, audio = map(article, sample("atom-1.0-full.xml"))
    assert strike.headline == "Glass makers of Lorne end nine-week strike"
    assert strike.body[1] == (
        "They return on Monday with four per cent more pay — and a promise of 5 < 6 shifts."
    )
    assert strike.standfirst == "Workers return on Monday with four per cent more."
    assert strike.authors == ("Amara Diallo", "Luc Peeters")
    assert strike.published_at == at(2026, 11, 20, 9)
    assert strike.updated_at == datetime(2026, 11, 20, 9, 30, 0, 500_000, tzinfo=UTC)
    assert strike.url == "https://northwire.example/world/glass-strike", "xml:base holds"
    assert strike.provider == "North Wire World"
    assert strike.provider_id == "tag:northwire.example,2026-11-20:glass:3"
    assert strike.subjects[0].code == "medtop:20000529"
    assert strike.subjects[0].name == "strike"
    assert strike.keywords == ("Glass industry", "lorne")
    assert strike.rights is not None
    assert strike.rights.usage_terms == "https://northwire.example/terms"
    assert strike.places == (Place(name="Lorne"),)
    assert strike.pictures == (Picture(url="https://northwire.example/img/glass.jpg"),)
    assert french.language == "fr"
    assert french.provider == "Le Fil du Nord"
    assert court.body[0].endswith("with 5 < 6 slices.")
    assert court.body[1] == "The baker will appeal."
    assert court.updated_at is None
    assert "it has no time zone" in court.info.warnings[0]
    assert killed.withdrawn
    assert killed.provider_id == "tag:northwire.example,2026-11-18:bridge"
    assert killed.updated_at == at(2026, 11, 20, 11, 45)
    assert killed.info.warnings == ("the provider's comment: Killed: the bridge did not close.",)
    assert audio.extent == "summary"
    assert audio.pictures[0].caption == "An oven at Lorne."


def test_rss_1_0_takes_the_date_of_dublin_core_as_that_of_publication() -> None:
    bridge, ferry = map(article, sample("rss-1.0.rdf"))
    assert bridge.info.format == "application/rss+xml 1.0"
    assert bridge.published_at == at(2026, 11, 20, 6)
    assert bridge.updated_at is None
    assert bridge.language == "nb"
    assert bridge.keywords == ("Samferdsel",)
    assert bridge.provider_id is None, "rdf:about is the page's address"
    assert ferry.provider_id == "urn:fjord:n:102"
    assert ferry.published_at is None


def test_summaries_are_said_to_be_summaries() -> None:
    dark, damage, bulletin, nothing, market = sample("rss-2.0-summaries.xml")
    assert article(dark).extent == "summary"
    assert article(dark).url == "https://sund.example/news/lighthouse-dark"
    assert article(dark).language == "en-GB"
    assert article(dark).info.warnings == (
        "the feed has no full content: the text is the entry's summary",
        "relative link resolved against https://sund.example/news/",
        "published: no time taken from '20 Nov 2026 08:15:00': it has no time zone",
    )
    assert article(damage).provider_id == "0019"
    assert article(damage).body == (
        "Insurers put the damage of the November storm at four million crowns.",
    )
    assert article(bulletin).headline == "Bulletin: school closed in Almvik on Monday"
    assert article(bulletin).body == ()
    assert article(bulletin).url is None
    assert isinstance(nothing, BadRecord)
    assert nothing.reason == "line 27: the entry has neither a title nor a text, only a link"
    assert article(market).headline is None


def test_a_single_atom_entry_is_a_feed_of_one() -> None:
    (dust,) = map(article, sample("atom-1.0-entry.xml"))
    assert dust.authors == ("Joan Wills",)
    assert dust.byline == "By Joan Wills"
    assert dust.language == "en-AU"


def test_atom_0_3_with_base64() -> None:
    (cranes,) = map(article, sample("atom-0.3.xml"))
    assert cranes.headline == "Cranes & gulls"
    assert cranes.body[0].startswith("Two cranes of the harbour stood still")
    assert cranes.published_at == at(2004, 5, 1, 7)
    assert cranes.info.format == "application/atom+xml 0.3"


def test_a_document_type_gives_nothing_and_is_said() -> None:
    (market,) = map(article, sample("rss-0.91-latin1-doctype.xml"))
    assert market.info.format == "application/rss+xml 0.91"
    assert market.headline == "Le marché de Noël ouvre à Almvik"
    assert market.body[0].endswith("avec quarante échoppes.")
    assert market.info.warnings[0].startswith("the document type declaration was passed over")


def test_utf_16_is_read() -> None:
    ferry, bridge = map(article, sample("rss-2.0-utf16.xml"))
    assert ferry.headline == "Паром снова ходит"
    assert ferry.info.encoding == "utf-16"
    assert bridge.body == ("Мост открыли утром.",)


def test_each_malformed_entry_is_read_as_far_as_possible() -> None:
    whole, bare, unclosed, after, section, last = map(article, sample("rss-2.0-malformed.xml"))
    assert not any("well-formed" in warning for warning in whole.info.warnings)
    assert bare.headline == "Farms & forests lose"
    assert bare.url == "https://hill.example/2?a=1&b=2"
    assert bare.body[0].endswith("its prefix was never declared.")
    assert any("not well-formed XML" in warning for warning in bare.info.warnings)
    assert unclosed.body == ("It ends where the next one starts.",)
    assert after.headline == "After the one that nobody closed"
    assert any("&thing;" in warning for warning in after.info.warnings)
    assert section.body == ("Nothing closes this section.",)
    assert last.body == ("It is read, although the section before it is open.",)


def test_a_cut_feed_gives_the_entries_before_the_cut() -> None:
    hay, cut = sample("rss-2.0-cut-off.xml")
    assert article(hay).headline == "Hay harvest begins early on the hill farms"
    assert isinstance(cut, BadRecord)
    assert cut.reason == (
        "the feed ends at line 11, in the middle of the entry that starts at line 10"
    )


# --- Single fields ------------------------------------------------------------------------


def test_a_feed_cut_between_entries_says_at_which_line() -> None:
    whole = rss("<item><title>One</title></item>\n")
    one_, cut = records(whole.removesuffix("</channel></rss>"))
    assert article(one_).headline == "One"
    assert isinstance(cut, BadRecord)
    assert cut.reason.startswith("the feed ends at line 2 without its end tag </rss>")


@pytest.mark.parametrize(
    ("guid", "provider_id"),
    [
        ('<guid isPermaLink="false">https://a.example/?p=7</guid>', "https://a.example/?p=7"),
        ("<guid>https://a.example/news/7/</guid>", None),
        ('<guid isPermaLink="true">https://a.example/?p=7</guid>', "https://a.example/?p=7"),
        ("<guid>a-7</guid>", "a-7"),
        ("", None),
    ],
)
def test_a_guid_is_an_id_unless_it_is_the_page_s_address(
    guid: str, provider_id: str | None
) -> None:
    """So that the page itself, saved from there, is the same article."""
    link = "https://a.example/news/7"
    found = one(f"<title>T</title><link>{link}</link>{guid}")
    assert (found.provider_id, found.url) == (provider_id, link)


def test_a_permanent_guid_is_the_link_where_there_is_no_other() -> None:
    found = one("<title>T</title><guid>https://a.example/news/7</guid>")
    assert (found.provider_id, found.url) == (None, "https://a.example/news/7")


def test_a_picture_s_description_is_not_taken_for_the_article_s_text() -> None:
    found = one(
        "<title>Ferry sails</title><description>The ferry sails.</description>"
        '<media:content url="https://a.example/p.jpg"><media:title>P</media:title>'
        "<media:description>A long description of the picture only.</media:description>"
        "<media:keywords>boat</media:keywords></media:content>",
        attributes='xmlns:media="http://search.yahoo.com/mrss/"',
    )
    assert found.headline == "Ferry sails"
    assert found.body == ("The ferry sails.",)
    assert found.extent == "summary"
    assert found.keywords == ()
    assert found.pictures == (
        Picture(caption="A long description of the picture only.", url="https://a.example/p.jpg"),
    )


@pytest.mark.parametrize(
    ("written", "authors", "byline"),
    [
        ("a@b.online (Ines Varga)", ("Ines Varga",), "Ines Varga"),
        ("a@b.example", (), None),
        ("Ines Varga and Tom Berg", ("Ines Varga", "Tom Berg"), "Ines Varga and Tom Berg"),
        ("By Ines Varga", ("Ines Varga",), "By Ines Varga"),
        ("Reuters", ("Reuters",), "Reuters"),
    ],
)
def test_an_author_is_a_name(written: str, authors: tuple[str, ...], byline: str | None) -> None:
    found = one(f"<title>T</title><author>{written}</author>")
    assert (found.authors, found.byline) == (authors, byline)


@pytest.mark.parametrize(
    ("written", "moment", "warning"),
    [
        ("Fri, 20 Nov 2026 09:30:00 -0500", at(2026, 11, 20, 14, 30), None),
        ("Fri, 20 Nov 2026 09:30:00 EST", at(2026, 11, 20, 14, 30), None),
        ("Fri, 20 Nov 2026 09:30:00", None, "it has no time zone"),
        ("Fri, 20 Nov 2026 09:30:00 CST", None, "CST is the name of several zones"),
        ("Fri, 20 Nov 26 09:30:00 GMT", None, "no time taken"),
        ("Fri, 31 Nov 2026 09:30:00 GMT", None, "day is out of range"),
        ("2026-11-20T09:30:00Z", at(2026, 11, 20, 9, 30), None),
        ("yesterday", None, "not a known way of writing one"),
    ],
)
def test_no_zone_is_made_up(written: str, moment: datetime | None, warning: str | None) -> None:
    found = one(f"<title>T</title><pubDate>{written}</pubDate><description>D</description>")
    assert found.published_at == moment
    assert (warning is None) == (len(found.info.warnings) == 1)
    assert warning is None or warning in found.info.warnings[1]


def test_a_category_of_iptc_is_a_subject_and_every_other_a_keyword() -> None:
    found = one(
        "<title>T</title><category>Harbour &amp;amp; sea</category>"
        '<category domain="http://cv.iptc.org/newscodes/subjectcode/">04000000</category>'
        "<category>medtop:20000001</category>"
        '<category domain="https://a.example/desk">20000001</category>'
    )
    assert found.keywords == ("Harbour & sea", "20000001")
    assert [s.code for s in found.subjects] == ["04000000", "medtop:20000001"]


def test_an_element_of_another_namespace_never_takes_a_field_s_place() -> None:
    """By itself feedparser puts the attributes of unknown elements there."""
    found = one(
        '<title>T</title><x:language a="b"/><x:summary_detail a="b"/><x:tags a="b"/>'
        '<authors a="b"/><title_detail a="b">no</title_detail><links a="b"/>',
        attributes='xmlns:x="urn:x"',
    )
    assert found.headline == "T"


def test_a_wrong_language_is_no_language() -> None:
    found = one("<title>T</title>", "<title>C</title><language>English (US)</language>")
    assert found.language is None
    assert "'English (US)' is not a language tag" in found.info.warnings


def test_a_feed_without_entries_is_refused() -> None:
    with pytest.raises(Unreadable, match="the feed has no entries"):
        records(rss(""))


def test_an_entry_of_another_encoding_is_read_and_said() -> None:
    """Declared UTF-8, and one entry was pasted in from elsewhere."""
    items = (
        "<item><title>Été</title></item>".encode()
        + "<item><title>Été à Sund</title></item>".encode("cp1252")
    )
    data = rss("<!-- here -->").encode().replace(b"<!-- here -->", items)
    first, second = map(article, records(data))
    assert (first.headline, second.headline) == ("Été", "Été à Sund")
    assert second.info.encoding == "cp1252"
    assert any("taken as cp1252" in warning for warning in second.info.warnings)
