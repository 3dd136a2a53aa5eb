"""NewsML-G2: each field of a newsItem, and the items that are no story."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from schemas.article import Picture, Place, Rights, Subject
from services.ingest.readers.base import Limits, ReadArticle
from tests.readers.xml_kit import G2, articles, bad, one, read_all, refusal, sample

INLINE = (
    '<contentSet><inlineData contenttype="text/plain">The ferry sails.</inlineData></contentSet>'
)


def item(content: str = "", meta: str = "", rest: str = INLINE, attributes: str = "") -> str:
    return (
        f'<newsItem guid="tag:valley.example,2026:1" {attributes}><itemMeta>{meta}</itemMeta>'
        f"<contentMeta>{content}</contentMeta>{rest}</newsItem>"
    )


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 20, hour, minute, tzinfo=UTC)


@pytest.fixture(scope="module")
def ferry() -> ReadArticle:
    (article,) = articles(sample(G2, "newsitem_2.34_ferry_xhtml_every_field.xml"))
    return article


# --- The sample with every field -----------------------------------------------------


def test_who_it_is_and_how_it_was_recognised(ferry: ReadArticle) -> None:
    assert ferry.provider_id == "urn:newsml:nordlys.example:20261120:ferry-041"
    assert (ferry.version, ferry.withdrawn) == (3, False)
    assert ferry.provider == "Nordlys News Cooperative"
    assert ferry.url == "https://nordlys.example/stories/ferry-041"
    assert (ferry.info.format, ferry.info.encoding) == ("NewsML-G2 2.34", "utf-8")


def test_lines_and_people(ferry: ReadArticle) -> None:
    assert ferry.headline == "Ferry to Skerholm sails again"
    assert ferry.standfirst == (
        "Three villages get their mail after eleven days\n\n"
        "The only ferry to the northern islands is back after its shaft was replaced."
    )
    assert ferry.authors == ("Ines Varga", "Tom van der Berg")
    assert ferry.byline == "By Ines Varga"
    assert ferry.dateline == "PORT ANSEL, Norway (Nordlys)"
    assert ferry.credits == ("Nordlys/Skerholm Courier",)
    assert ferry.keywords == ("FERRY-SKERHOLM", "ferry", "islands")
    assert (ferry.language, ferry.urgency) == ("en-GB", 4)


def test_the_text_is_the_first_rendition_without_the_headline_again(ferry: ReadArticle) -> None:
    assert ferry.body[1:] == (
        "Twice in the dark",
        "Captain Ines Lund said the crew had practised the crossing twice.",
        "Departures are at 06:40 and 17:10.",
        "Aust | 11 days",
    )
    assert [(line.kind, line.line) for line in ferry.set_apart] == [("duplicate_headline", 52)]
    assert ferry.info.warnings == (
        "the provider says (edNote): Adds the timetable in paragraph three",
        "1 more renditions of the text left out",
    )


def test_times(ferry: ReadArticle) -> None:
    assert ferry.published_at == at(10, 15)
    assert ferry.updated_at == at(11, 12)
    assert ferry.embargoed_until == at(12)


def test_rights(ferry: ReadArticle) -> None:
    assert ferry.rights == Rights(
        holder="Nordlys News Cooperative",
        notice="Copyright 2026 Nordlys News Cooperative, all rights reserved",
        usage_terms="Not for use in advertising; Online use for 30 days",
    )


def test_codes_are_kept_and_media_topics_written_in_one_way(ferry: ReadArticle) -> None:
    """By QCode, by an alias that the item's own catalog declares, and by URI."""
    assert ferry.subjects == (
        Subject(code="medtop:20000541", name="waterway and maritime transport", scheme="medtop"),
        Subject(code="medtop:04000000", name="economy, business and finance", scheme="topics"),
        Subject(
            code="medtop:20000565", name="storm", scheme="http://cv.iptc.org/newscodes/mediatopic"
        ),
        Subject(code="subj:04015003", scheme="subj"),
        Subject(name="Skerholm Harbour Office"),
        Subject(code="nloc:skerholm", name="Skerholm", scheme="nloc"),
        Subject(code="genre:Current", name="Current", scheme="genre"),
    )
    assert ferry.places == (
        Place(name="Port Ansel", code="nloc:ansel", scheme="nloc"),
        Place(name="Skerholm", code="nloc:skerholm", scheme="nloc"),
    )


def test_pictures_within_the_text_and_beside_it(ferry: ReadArticle) -> None:
    assert ferry.pictures == (
        Picture(
            caption="The new shaft is lowered into the hull at Port Ansel.",
            url="https://pictures.example/ferry-0412.jpg",
        ),
        Picture(url="ferry-deck-0413.jpg"),
    )


# --- The other samples ---------------------------------------------------------------


def test_a_message_of_good_and_bad_items() -> None:
    records = sample(G2, "newsmessage_2.28_items_good_and_bad.xml")
    assert [a.headline for a in articles(records)] == [
        "Council votes for the harbour wall",
        "The harbour of Port Ansel",
        "Tarn Valley mine sold",
        "Pass opens again",
    ]
    assert [(record.position, record.reason) for record in bad(records)] == [
        (2, "newsItem without guid has neither a headline nor text"),
        (
            4,
            (
                "a packageItem has no text of its own: it refers to "
                "urn:newsml:nordlys.example:20261120:council-5, "
                "tag:nordlys.example,2026:picture-813"
            ),
        ),
        (5, "a planningItem holds no news text: it plans coverage that is yet to come"),
        (
            7,
            (
                "not well-formed XML on line 77: Opening and ending tag mismatch: headline and "
                "contentMeta"
            ),
        ),
    ]
    assert [record.locator for record in records] == [
        f"line {line}" for line in (10, 37, 41, 59, 66, 67, 75, 79)
    ]


def test_nitf_within_an_item_tells_what_the_item_does_not() -> None:
    council, *_ = articles(sample(G2, "newsmessage_2.28_items_good_and_bad.xml"))
    assert council.headline == "Council votes for the harbour wall"
    assert council.authors == ("Tom van der Berg",)
    assert council.dateline == "PORT ANSEL, Nov 20"
    assert council.urgency == 5
    assert council.subjects == (Subject(code="11000000", name="Politics", scheme="iptc"),)
    assert council.body[-1] == "Work starts in spring, mayor Ada Lindqvist said."


def test_a_picture_s_text_is_its_caption_and_its_largest_rendition_is_named() -> None:
    _, picture, *_ = articles(sample(G2, "newsmessage_2.28_items_good_and_bad.xml"))
    caption = "Boats lie in the harbour of Port Ansel before the vote on Friday."
    assert picture.body == (caption,)
    assert picture.extent == "full"
    assert picture.pictures == (
        Picture(caption=caption, credit="Nordlys/Ola Brandvik", url="harbour-813.jpg"),
    )


def test_cancelled_and_withheld_items_are_withdrawn() -> None:
    *_, cancelled, withheld = articles(sample(G2, "newsmessage_2.28_items_good_and_bad.xml"))
    assert cancelled.withdrawn
    assert withheld.withdrawn
    assert withheld.info.warnings == (
        "versionCreated: no time taken from '2026-11-20': it is a date without a time of day",
        "urgency 'high' is no digit from 0 to 9: left out",
    )


def test_plain_text_without_a_namespace() -> None:
    (bridge,) = articles(sample(G2, "newsitem_2.9_plain_text_danish.xml"))
    assert bridge.headline == "Ny bro over Lerå"
    assert len(bridge.body) == 2
    assert bridge.body[1].endswith("skolebørn & pendlere måttet køre 14 kilometer udenom.")
    assert bridge.authors == ("Karen Holm",)
    assert (bridge.language, bridge.provider) == ("da", "Bulletin")
    assert bridge.info.format == "NewsML-G2 2.9"
    assert bridge.info.warnings == (
        "embargoed until the provider says otherwise: no time is given",
    )


def test_a_story_whose_text_is_elsewhere_is_its_summary() -> None:
    (keeper,) = articles(sample(G2, "newsitem_2.0_text_elsewhere.xml"))
    assert (keeper.body, keeper.extent) == ((), "summary")
    assert keeper.standfirst
    assert keeper.standfirst.startswith("For forty years Jon Aas has kept the light")
    assert keeper.url == "https://nordlys.example/long-reads/keeper"


# --- Cases ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "withdrawn", "warns"),
    [
        ('qcode="stat:usable"', False, False),
        ('qcode="stat:canceled"', True, False),
        ('qcode="status:withheld"', True, False),
        ('uri="http://cv.iptc.org/newscodes/pubstatusg2/canceled"', True, False),
        ('qcode="stat:spiked"', False, True),
    ],
)
def test_pub_status(status: str, withdrawn: bool, warns: bool) -> None:  # noqa: FBT001  (columns of the table)
    article = one(G2, item(meta=f"<pubStatus {status}/>"))
    assert article.withdrawn is withdrawn
    assert bool(article.info.warnings) is warns


def test_a_cancellation_needs_no_text() -> None:
    article = one(G2, item(meta='<pubStatus qcode="stat:canceled"/>', rest=""))
    assert article.withdrawn
    assert (article.headline, article.body) == (None, ())


@pytest.mark.parametrize(
    ("given", "read"), [("1", 1), ("20261120101500", 20261120101500), ("", None), ("1.2", None)]
)
def test_versions_are_whole_numbers(given: str, read: int | None) -> None:
    article = one(G2, item(attributes=f'version="{given}"'))
    assert article.version == read
    assert bool(article.info.warnings) is (given == "1.2")


def test_an_item_without_guid_is_read_and_that_is_said() -> None:
    article = one(G2, f"<newsItem>{INLINE}</newsItem>")
    assert article.provider_id is None
    assert article.info.warnings == ("it has no guid: identified by its text",)


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ('<name xml:lang="de">Sturm</name><name xml:lang="en">storm</name>', "storm"),
        ('<name xml:lang="fr">tempête</name><name xml:lang="da">storm (da)</name>', "storm (da)"),
        ('<name xml:lang="fr">tempête</name><name xml:lang="da-DK">stormvejr</name>', "stormvejr"),
        ('<name xml:lang="fr">tempête</name><name>plain</name>', "plain"),
        ('<name xml:lang="fr">tempête</name>', "tempête"),
        ("", None),
    ],
)
def test_a_name_in_the_item_s_language_or_the_next_best(names: str, chosen: str | None) -> None:
    language = '<language tag="da"/>' if "da" in names else ""
    article = one(G2, item(f'{language}<subject qcode="x:1">{names}</subject>'))
    assert article.subjects == (Subject(code="x:1", name=chosen, scheme="x"),)


def test_the_main_headline_in_the_item_s_language() -> None:
    article = one(
        G2,
        item(
            '<language tag="da"/><headline xml:lang="en">Ferry</headline>'
            '<headline xml:lang="da">Færge</headline>'
        ),
    )
    assert article.headline == "Færge"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ('<inlineData contenttype="text/plain">One.\n\nTwo.</inlineData>', ("One.", "Two.")),
        ('<inlineData contenttype="text/html">&lt;p>One.&lt;p>Two.</inlineData>', ("One.", "Two.")),
        ("<inlineData><![CDATA[<div><p>A&nbsp;b</p></div>]]></inlineData>", ("A b",)),
        ("<inlineData><![CDATA[<div><p>open<br></div>]]></inlineData>", ("open",)),
        (
            ("<inlineData><![CDATA[<?xml version='1.0'?><!DOCTYPE nitf><nitf><body><body.content>"
            "<p>In NITF.</p></body.content></body></nitf>]]></inlineData>"),
            ("In NITF.",),
        ),
        ('<inlineData encoding="base64">UGFja2VkLg==</inlineData>', ("Packed.",)),
        ("<inlineXML><html><body><p>a</p></body></html></inlineXML>", ("a",)),
        ("<inlineXML><sports-content><p>3:1</p></sports-content></inlineXML>", ("3:1",)),
        (
            ('<inlineXML/><inlineData contenttype="image/png">AAAA</inlineData>'
            "<inlineData>text</inlineData>"),
            ("text",),
        ),
    ],
)  # fmt: skip
def test_the_text_in_every_way_of_carrying_it(data: str, body: tuple[str, ...]) -> None:
    assert one(G2, item(rest=f"<contentSet>{data}</contentSet>")).body == body


def test_base64_that_is_none_or_too_much_costs_its_item_alone() -> None:
    holder = '<contentSet><inlineData encoding="base64">{}</inlineData></contentSet>'
    assert "its base64 can't be decoded" in refusal(G2, item(rest=holder.format("!!!"))).reason


def test_base64_is_bounded_by_what_it_unpacks_to() -> None:
    """A text of 3,000 bytes takes 4,000 in base64: the smaller limit refuses the item as it is."""
    packed = base64.b64encode(b"word " * 600).decode()
    holder = f'<contentSet><inlineData encoding="base64">{packed}</inlineData></contentSet>'
    data = f"<itemSet>{item(rest=holder)}{item()}</itemSet>".encode()
    refused, small = read_all(G2, data, Limits(article_bytes=3_500))
    assert [record.reason[:25] for record in bad([refused])] == ["too large for one article"]
    assert isinstance(small, ReadArticle)
    large, _ = read_all(G2, data, Limits(article_bytes=10_000))
    assert isinstance(large, ReadArticle)
    assert large.body == (" ".join(["word"] * 600),)


@pytest.mark.parametrize("kind", ["conceptItem", "knowledgeItem", "planningItem", "catalogItem"])
def test_items_that_are_no_story_are_named(kind: str) -> None:
    refused = refusal(G2, f"<{kind} guid='x'><itemMeta/></{kind}>")
    assert refused.reason.startswith(f"a {kind} holds no news text")
    assert "drop newsItems" in refused.advice


def test_a_package_s_refusal_names_what_it_refers_to() -> None:
    references = "".join(f'<itemRef residref="tag:x,2026:{n}"/>' for n in range(7))
    refused = refusal(G2, f"<packageItem><group>{references}</group></packageItem>")
    assert "it refers to tag:x,2026:0, tag:x,2026:1" in refused.reason
    assert refused.reason.endswith("tag:x,2026:4 and 2 more")


def test_an_organisation_is_no_author() -> None:
    article = one(
        G2,
        item(
            '<creator type="cpnat:organisation" literal="Nordlys"/><by>By Ines Varga</by>'
            '<contributor typeuri="http://cv.example/cpnature/organisation" literal="AP"/>'
        ),
    )
    assert article.authors == ("Ines Varga",)
