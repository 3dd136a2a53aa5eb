"""NITF: each field of the standard that an article has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from schemas.article import Picture, Place, Rights, Subject
from tests.readers.xml_kit import NITF, articles, bad, one, read_all, refusal, sample

if TYPE_CHECKING:
    from services.ingest.readers.base import ReadArticle


def document(
    head: str = "", body_head: str = "", content: str = "<p>text</p>", end: str = ""
) -> str:
    return (
        f"<nitf><head>{head}</head><body><body.head>{body_head}</body.head>"
        f"<body.content>{content}</body.content><body.end>{end}</body.end></body></nitf>"
    )


def docdata(inner: str = "", attributes: str = "") -> ReadArticle:
    return one(NITF, document(f"<docdata {attributes}>{inner}</docdata>"))


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


@pytest.fixture(scope="module")
def ferry() -> ReadArticle:
    (article,) = articles(sample(NITF, "nitf_3.6_ferry_every_field.xml"))
    return article


# --- The sample with every field -----------------------------------------------------


def test_who_it_is_and_how_it_was_recognised(ferry: ReadArticle) -> None:
    assert ferry.provider_id == "urn:newsml:nordlys.example:20261120:ferry-041"
    assert ferry.provider == "nordlys.example"
    assert ferry.version == 2
    assert not ferry.withdrawn
    assert ferry.url == "https://courier.example/islands/ferry-sails-again"
    assert (ferry.info.format, ferry.info.encoding) == ("NITF 3.6", "utf-8")
    assert (ferry.position, ferry.locator) == (1, "")


def test_headline_standfirst_byline_and_dateline(ferry: ReadArticle) -> None:
    assert ferry.headline == "Ferry to Skerholm sails again"
    assert ferry.standfirst == (
        "Three villages get their mail after eleven days\n\n"
        "The only ferry to the northern islands is back after its shaft was replaced."
    )
    assert ferry.authors == ("Ines Varga", "Tom van der Berg")
    assert ferry.byline == "By Ines Varga and Tom van der Berg, Nordlys shipping desk"
    assert ferry.dateline == "PORT ANSEL, Norway Nov 20"
    assert (ferry.language, ferry.section, ferry.urgency) == ("en-GB", "Islands", 4)


def test_the_body_keeps_crossheads_lists_and_rows(ferry: ReadArticle) -> None:
    assert ferry.body[1:] == (
        (
            "Three villages had been without mail for eleven days. The harbour office publishes "
            "its timetable every evening."
        ),
        "Twice in the dark",
        "Captain Ines Lund said the crew had practised the crossing twice.",
        "“We did it in the dark, and once in fog,” she said.",
        "Departures are at 06:40 and 17:10.",
        "Cars need a booking.",
        "Village | Days without mail",
        "Aust | 11",
        "Vester | 9",
    )
    assert ferry.body[0].startswith(
        "The ferry to Skerholm will sail again from Monday, the harbour"
    )


def test_times_and_the_embargo(ferry: ReadArticle) -> None:
    assert ferry.published_at == at(20, 10, 15)
    assert ferry.updated_at == at(20, 11, 12)
    assert ferry.embargoed_until == at(20, 12)


def test_rights_subjects_keywords_and_places(ferry: ReadArticle) -> None:
    assert ferry.rights == Rights(
        holder="Nordlys News Cooperative",
        notice="Copyright 2026 Nordlys News Cooperative. Not for use after 30 days",
        usage_terms="Not for use after 30 days",
    )
    assert ferry.subjects == (
        Subject(code="04015000", name="Transport", scheme="iptc"),
        Subject(code="04015003", name="Waterway and maritime transport", scheme="iptc"),
        Subject(code="pers-1180", name="Ines Varga", scheme="nordlys"),
        Subject(code="org-22", name="Skerholm Harbour Office", scheme="nordlys"),
        Subject(code="medtop:20000541", name="waterway and maritime transport", scheme="medtop"),
    )
    assert ferry.keywords == ("ferry", "islands", "shipping")
    assert ferry.places == (
        Place(name="Port Ansel, Norway", code="NO-SKH", scheme="nordlys"),
        Place(name="Port Ansel, Skerholm", code="NO", scheme="iso-cc"),
    )


def test_pictures_and_what_is_set_apart(ferry: ReadArticle) -> None:
    assert ferry.pictures == (
        Picture(
            caption="The new shaft is lowered into the hull at Port Ansel on Thursday.",
            credit="Nordlys/Ola Brandvik",
            url="ferry-shaft-0412.jpg",
        ),
    )
    assert ferry.credits == ("Nordlys/Ola Brandvik",)
    assert [(line.kind, line.line, line.text[:20]) for line in ferry.set_apart] == [
        ("front_matter", 45, "Editors: a picture o"),
        ("image", 67, "The ferry leaves the"),
        ("byline", 71, "Editing by Mara Holt"),
        ("related", 72, "Nordlys archive, “St"),
    ]


def test_what_the_desk_is_told_is_a_warning(ferry: ReadArticle) -> None:
    assert ferry.info.warnings == (
        "the provider says (correction): Corrects the name of the yard in paragraph three",
        "the provider says (ed-msg): Second version, adds quotes from the captain",
        "the provider's text expires at 20261127T000000Z",
    )


# --- The other samples ---------------------------------------------------------------


def test_html_s_names_are_read_and_the_dtd_s_own_are_dropped() -> None:
    (french,) = articles(sample(NITF, "nitf_3.2_french_latin1_with_dtd_entities.xml"))
    assert french.headline == "La mairie de Bellecombe réouvre après l'incendie"
    assert french.body[1] == (
        "« Tout est là, même les archives », a dit la maire, qui remercie Durand & Fils."
    )
    assert french.body[2:] == ("Horaires", "Lundi 9 h - 12 h", "Jeudi 14 h - 18 h")
    assert (french.language, french.authors) == ("fr", ("Luc Arnaud",))
    assert (french.info.format, french.info.encoding) == ("NITF 3.2", "cp1252")
    assert french.published_at is None
    assert french.info.warnings == (
        "2 references to entities dropped, which are not resolved: &house;",
        "1 bare & taken as the sign",
        "date.issue: no time taken from '20261119': it is a date without a time of day",
    )


def test_a_flash_is_its_headline() -> None:
    (flash,) = articles(sample(NITF, "nitf_3.0_flash_utf16.xml"))
    assert flash.headline == "Quake of magnitude 5.8 felt in Port Ansel — seismologists"
    assert (flash.body, flash.urgency) == ((), 1)
    assert flash.published_at == at(21, 5, 1, 2)
    assert (flash.info.format, flash.info.encoding) == ("NITF 3.0", "utf-16")


def test_a_cancelled_story_is_withdrawn() -> None:
    (killed,) = articles(sample(NITF, "nitf_3.4_cancelled.xml"))
    assert killed.withdrawn
    assert killed.provider_id == "urn:newsml:nordlys.example:20261118:mine-012"
    assert "do not use" in killed.info.warnings[0]


def test_documents_that_follow_each_other_are_read_each() -> None:
    records = sample(NITF, "nitf_3.5_three_documents_one_broken.xml")
    snow, power = articles(records)
    (broken,) = bad(records)
    assert (snow.provider_id, power.provider_id) == ("w-1", "w-3")
    assert (snow.locator, broken.locator, power.locator) == ("", "line 9", "line 15")
    assert broken.reason == (
        "not well-formed XML on line 12: Opening and ending tag mismatch: p and body.content"
    )
    assert (snow.info.format, power.info.format) == ("NITF 3.5", "NITF")


# --- Cases ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "recognised"),
    [
        ('<nitf version="-//IPTC//DTD NITF 3.3//EN">', "NITF 3.3"),
        ('<!DOCTYPE nitf SYSTEM "nitf-3-1.dtd"><nitf>', "NITF 3.1"),
        ('<!DOCTYPE nitf PUBLIC "-//IPTC//DTD NITF 2.5//EN" "nitf.dtd"><nitf>', "NITF 2.5"),
        ('<nitf xmlns="http://iptc.org/std/NITF/2006-10-18/">', "NITF"),
    ],
)
def test_the_version_is_told_where_it_is_declared(start: str, recognised: str) -> None:
    text = f"{start}<body><body.content><p>a</p></body.content></body></nitf>"
    assert one(NITF, text).info.format == recognised


@pytest.mark.parametrize(
    ("status", "withdrawn", "warns"),
    [
        ("usable", False, False),
        ("canceled", True, False),
        ("Cancelled", True, False),
        ("withheld", True, False),
        ("embargoed", False, False),
        ("spiked", False, True),
    ],
)
def test_management_status(status: str, withdrawn: bool, warns: bool) -> None:  # noqa: FBT001  (columns of the table)
    article = docdata(attributes=f'management-status="{status}"')
    assert article.withdrawn is withdrawn
    assert bool(article.info.warnings) is warns


def test_a_release_after_the_issue_is_an_embargo_and_another_is_none() -> None:
    issue = '<date.issue norm="20261120T100000Z"/><date.release norm="20261120T{}0000Z"/>'
    assert docdata(issue.format(12)).embargoed_until == at(20, 12)
    assert docdata(issue.format(10)).embargoed_until is None
    assert docdata('<date.release norm="20261120T120000Z"/>').published_at == at(20, 12)


@pytest.mark.parametrize(("given", "read"), [("1", 1), ("8", 8), (" 3 ", 3), ("", None)])
def test_urgency(given: str, read: int | None) -> None:
    assert docdata(f'<urgency ed-urg="{given}"/>').urgency == read


@pytest.mark.parametrize("given", ["12", "-1", "high", "\u0663"])
def test_an_urgency_that_is_none_is_left_out_and_said(given: str) -> None:
    article = docdata(f'<urgency ed-urg="{given}"/>')
    assert article.urgency is None
    assert article.info.warnings == (f"urgency '{given}' is no digit from 0 to 9: left out",)


@pytest.mark.parametrize(
    ("byline", "authors", "written"),
    [
        ("By Ines Varga", ("Ines Varga",), "By Ines Varga"),
        ("Ines Varga", ("Ines Varga",), "Ines Varga"),
        ("By Ines Varga and Tom Berg", ("Ines Varga", "Tom Berg"), "By Ines Varga and Tom Berg"),
        ("Von Hans Keller", ("Hans Keller",), "Von Hans Keller"),
        ("<person>I. Varga</person><byttl>AP</byttl>", ("I. Varga",), "I. Varga, AP"),
        ("our correspondent", (), "our correspondent"),
    ],
)
def test_bylines(byline: str, authors: tuple[str, ...], written: str) -> None:
    article = one(NITF, document(body_head=f"<byline>{byline}</byline>"))
    assert (article.authors, article.byline) == (authors, written)


def test_old_subject_codes_stay_as_they_are_given() -> None:
    """The IPTC's eight digits of old are not Media Topics, though some look alike."""
    head = (
        '<tobject><tobject.subject tobject.subject.refnum="11000000"/>'
        '<tobject.subject tobject.subject.refnum="X1" tobject.subject.ipr="Valley"/></tobject>'
    )
    assert one(NITF, document(head)).subjects == (
        Subject(code="11000000", scheme="iptc"),
        Subject(code="X1", scheme="Valley"),
    )


def test_a_title_stands_in_for_a_missing_headline() -> None:
    assert one(NITF, document("<title>Ferry sails</title>")).headline == "Ferry sails"
    body = "<hedline><hl1>Ferry</hl1></hedline>"
    assert one(NITF, document("<title>Other</title>", body)).headline == "Ferry"


def test_a_heading_that_repeats_the_headline_is_set_apart() -> None:
    article = one(
        NITF,
        document(
            body_head="<hedline><hl1>Ferry sails</hl1></hedline>",
            content="<hl2>Ferry sails</hl2><p>text</p>",
        ),
    )
    assert article.body == ("text",)
    assert [line.kind for line in article.set_apart] == ["duplicate_headline"]


def test_a_document_without_headline_and_text_is_refused() -> None:
    for text in ("<nitf/>", "<nitf><head/></nitf>", document(content="<p> </p>")):
        assert "neither a headline nor text" in refusal(NITF, text).reason


def test_a_wrapper_around_documents_is_no_hindrance() -> None:
    text = f"<nitf-feed>{document()}{document()}</nitf-feed>"
    assert [article.body for article in articles(read_all(NITF, text.encode()))] == [("text",)] * 2
