"""The sample pages, one by one: what is read of each, and why some are no articles."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.article import Picture, Place, Rights, Subject
from services.ingest.readers.base import BadRecord, Limits
from services.ingest.readers.registry import READERS, read_file
from tests.readers.html_pages import SAMPLES, attempt, read, refused, sample
from tests.readers.support import source

NAMES = sorted(path.name for path in SAMPLES.iterdir())


def test_json_ld_gives_every_field() -> None:
    article = read(sample("news_json_ld.html"))
    assert article.headline == "Tidal barrier at Skarholm passes its first winter"
    assert article.standfirst == (
        "Engineers closed the gates nineteen times and the old town stayed dry."
    )
    assert article.authors == ("Ines Varga", "Tom Lindqvist")
    assert article.byline == "By Ines Varga and Tom Lindqvist"
    assert article.dateline == "SKARHOLM"
    assert article.published_at == datetime(2025, 3, 14, 6, 30, tzinfo=UTC)
    assert article.updated_at == datetime(2025, 3, 15, 8, 5, 12, tzinfo=UTC)
    assert article.language == "en-GB"
    assert article.url == (
        "https://www.harbourgazette.example/coast/2025/03/14/skarholm-barrier-first-winter"
    )
    assert (article.provider, article.provider_id) == ("Harbour Gazette", None)
    assert article.extent == "full"
    assert article.section == "Coast"
    assert article.keywords == ("flood defence", "Skarholm", "storm surge")
    assert article.places == (Place(name="Skarholm"),)
    assert article.rights == Rights(
        holder="Harbour Gazette Ltd",
        notice="Copyright 2025 Harbour Gazette Ltd",
        usage_terms="https://www.harbourgazette.example/terms",
    )
    assert article.subjects == (
        Subject(
            code="medtop:20000151",
            name="flood",
            scheme="http://cv.iptc.org/newscodes/mediatopic/",
        ),
        Subject(code="https://places.example/id/4417", name="Skarholm"),
    )
    assert article.pictures == (
        Picture(
            caption="The eastern gate during the January surge.",
            credit="Petra Holm",
            url="https://img.harbourgazette.example/barrier-gate.jpg",
        ),
    )
    assert article.credits == ("Petra Holm",)
    assert (article.info.format, article.info.encoding) == ("text/html 5", "utf-8")
    assert article.info.warnings == ()


def test_the_frame_of_a_page_is_no_body() -> None:
    """Cookie banner, newsletter box, related links, comments and footer stay out."""
    body = read(sample("news_json_ld.html")).body
    assert body[0].startswith("The tidal barrier across the mouth of the Skar")
    assert body[-1].endswith("which eels have so far refused to use.")
    assert "A leak on the first night" in body
    assert "Closing takes forty minutes." in body
    assert "November | 4" in body
    text = " ".join(body)
    for frame in ("privacy", "newsletter", "flotilla", "grandmother", "rights reserved", "Weather"):
        assert frame not in text


def test_open_graph_alone() -> None:
    article = read(sample("news_opengraph.html"))
    assert article.headline == "Snow geese return to Lake Tamarack three weeks early"
    assert article.standfirst is not None
    assert "lake’s north shore" in article.standfirst
    assert (article.authors, article.byline) == (("Dale Whitecloud",), "By Dale Whitecloud")
    assert article.dateline == "TAMARACK, Minn. (PD)"
    assert article.published_at == datetime(2025, 2, 27, 21, 4, tzinfo=UTC)
    assert article.updated_at == datetime(2025, 2, 28, 0, 20, 41, tzinfo=UTC)
    assert article.language == "en-US"
    assert (article.section, article.keywords) == ("Outdoors", ("birds", "climate"))
    assert article.pictures[0].caption == "Geese over a frozen lake"


def test_a_page_without_any_metadata() -> None:
    article = read(sample("bare.html"))
    assert article.headline == "Ferry shaft replaced after eleven days"
    assert (article.authors, article.byline) == (("Ines Varga",), "By Ines Varga")
    assert article.published_at == datetime(2024, 2, 4, 9, 30, tzinfo=UTC)
    assert len(article.body) == 3
    assert [(line.kind, line.line) for line in article.set_apart] == [
        ("byline", 5),
        ("published_line", 6),
    ]


def test_references_within_a_graph_are_followed() -> None:
    article = read(sample("graph_with_references.html"))
    assert article.headline == "Why the town clock runs seven minutes late – and nobody minds"
    assert article.authors == ("Hanna Dietrich",)
    assert article.provider == "Millbrook Historical Society"
    assert article.pictures[0].caption == "The clock at four, or seven past"
    assert article.keywords == ("clocks", "town hall", "time")


def test_a_live_blog_is_read_with_all_its_posts() -> None:
    body = read(sample("live_blog.html")).body
    assert [text for text in body if text[:2].isdigit()] == [
        "11:42 Power back in Holmvik",
        "10:30 School stays shut",
        "09:10 Bridge closed",
        "06:00 Ferries in port",
    ]
    assert any("candles and a good book" in text for text in body)


def test_a_gallery_s_captions_and_credits_go_with_its_pictures() -> None:
    article = read(sample("gallery.html"))
    assert [picture.url for picture in article.pictures] == [
        f"https://fenlandpost.example/img/reed-{n}.jpg" for n in (1, 2, 3)
    ]
    assert article.pictures[1] == Picture(
        caption="A full lighter carries four hundred bundles to the staithe.",
        credit="Amara Nwosu/Fenland Post",
        url="https://fenlandpost.example/img/reed-2.jpg",
    )
    assert article.authors == ("Amara Nwosu", "Kit Fairweather")


def test_an_amp_page_is_the_article_that_it_links_to() -> None:
    article = read(sample("amp.html"), url="https://eldiariodelvalle.example/amp/faro")
    assert article.url == "https://eldiariodelvalle.example/sociedad/faro-subasta-2025.html"
    assert article.info.format == "text/html AMP"
    assert article.authors == ("Lucía Herrero",)
    assert article.language == "es"


def test_the_teaser_before_a_paywall_is_an_excerpt() -> None:
    article = read(sample("paywall_excerpt.html"))
    assert article.extent == "excerpt"
    assert len(article.body) == 2
    (warning,) = article.info.warnings
    assert "isAccessibleForFree is false" in warning


def test_a_paywall_whose_text_came_with_the_page_is_open() -> None:
    article = read(sample("paywall_full_text_served.html"))
    assert article.extent == "full"
    assert article.body[-1].endswith("that the cause was unknown.”")
    assert ".paid-content" in article.info.warnings[0]


@pytest.mark.parametrize(
    ("name", "evidence", "calls"),
    [
        ("paywall_german.html", "Weiterlesen mit Anzeiger Plus", 2),
        ("paywall_french.html", "Il vous reste 78 % de cet article", 1),
    ],
)
def test_a_call_to_subscribe_names_itself_and_is_no_body(
    name: str, evidence: str, calls: int
) -> None:
    article = read(sample(name))
    assert article.extent == "excerpt"
    assert evidence in article.info.warnings[0]
    assert not any(evidence in text for text in article.body)
    assert [line.kind for line in article.set_apart].count("promo") == calls
    assert len(article.body) == 2


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wall_consent.html", "a request for consent, not an article: 'Before you continue'"),
        ("wall_consent_german.html", "a request for consent, not an article"),
        ("wall_robot_check.html", "a check for robots, not an article: 'Just a moment...'"),
        ("wall_robot_check_russian.html", "a check for robots, not an article"),
        ("error_404.html", "an error page, not an article: '404'"),
        ("error_404_polish.html", "an error page, not an article: 'Nie znaleziono strony'"),
        ("login.html", "a page to log in, not an article: 'Sign in'"),
        ("section_front.html", "a list of articles, not one: 34 links, 12 of them headlines"),
        ("frameset.html", "no article: a frameset"),
        ("scripts_only.html", "no text in the page: a script would have to make it"),
        ("redirect.html", "only leads on to https://valleycourier.example/story/4711"),
        ("empty_body.html", "there is no text in the page"),
    ],
)
def test_a_page_that_is_no_article_is_refused_with_its_reason(name: str, reason: str) -> None:
    assert reason in refused(sample(name)).reason


def test_an_article_about_walls_is_none() -> None:
    """It quotes error pages and has a captcha, a login and a cookie banner around it."""
    article = read(sample("article_about_error_pages.html"))
    assert article.headline == "404 not found: a short history of the error page"
    assert len(article.body) == 6
    assert article.extent == "full"


def test_comments_and_related_links_stay_out() -> None:
    article = read(sample("comments_and_related.html"))
    assert len(article.body) == 4
    assert article.body[-1].startswith("The season opens")
    assert [(line.kind, line.line) for line in article.set_apart] == [("related", 8)]
    assert (article.authors, article.language) == (("Farah Quill",), "en")
    assert article.rights == Rights(notice="© Kilbrack Weekly 2025")


def test_a_short_bulletin_is_a_full_article() -> None:
    article = read(sample("short_bulletin.html"))
    assert (article.extent, len(article.body)) == ("full", 1)


def test_a_site_s_name_run_into_the_headline_is_cut_off() -> None:
    assert read(sample("headline_fused.html")).headline == "Bees move into the opera house"


def test_damaged_json_ld_is_read_as_far_as_it_goes() -> None:
    article = read(sample("broken_json_ld.html"))
    assert article.headline == "Cheese cave collapses, cheese unharmed"
    assert article.authors == ("Reto Camenisch",)
    assert any("JSON-LD script 2: not valid JSON" in text for text in article.info.warnings)


def test_microdata_and_parsely() -> None:
    article = read(sample("microdata.html"))
    assert article.published_at == datetime(2025, 7, 21, 3, 30, tzinfo=UTC)
    assert article.updated_at == datetime(2025, 7, 21, 11, 0, tzinfo=UTC)
    assert article.authors == ("Adaeze Cole",)
    assert (article.section, article.language) == ("Labour", "en-ZA")


def test_malformed_markup_loses_no_sentence() -> None:
    text = " ".join(read(sample("malformed.html")).body)
    for part in ("forty-one votes", "Under occupation", "a recount", "first agenda", "Thursday"):
        assert part in text


def test_xhtml_is_named_with_its_version() -> None:
    article = read(sample("xhtml.xhtml"))
    assert article.info.format == "application/xhtml+xml 1.0"
    assert article.language == "en"
    assert len(article.body) == 4


@pytest.mark.parametrize(
    ("name", "encoding", "first_word"),
    [
        ("encoding_cp1252.html", "cp1252", "À"),
        ("encoding_declared_latin1_is_utf8.html", "utf-8", "À"),
        ("encoding_declared_utf8_is_cp1252.html", "cp1252", "À"),
        ("encoding_utf16.html", "utf-16-le", "À"),
        ("encoding_windows1251.html", "cp1251", "Паром"),
        ("encoding_shift_jis.html", "cp932", "北の島々"),
        ("arabic.html", "utf-8", "افتتحت"),
    ],
)
def test_every_encoding_gives_the_same_letters(name: str, encoding: str, first_word: str) -> None:
    article = read(sample(name))
    assert article.info.encoding == encoding
    assert article.body[0].startswith(first_word)
    assert len(article.body) == 3


def test_an_encoding_that_lies_is_said() -> None:
    for name in ("encoding_declared_latin1_is_utf8.html", "encoding_declared_utf8_is_cp1252.html"):
        (warning,) = read(sample(name)).info.warnings
        assert warning.startswith("declared as ")


@pytest.mark.parametrize("name", NAMES)
def test_exactly_one_reader_claims_a_page(name: str) -> None:
    head = sample(name)[: 8 * 1024]
    claiming = [kind.name for kind in READERS if kind(Limits()).claims(head, "story.dat")]
    assert claiming == ["html"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_what_its_page_gives(name: str) -> None:
    """Whatever its name says: it is chosen by content."""
    (record,) = read_file(source(sample(name), "picture.jpg"), Limits())
    assert record == attempt(sample(name))


@pytest.mark.parametrize("name", NAMES)
def test_strings_are_bounded_and_warnings_few(name: str) -> None:
    record = attempt(sample(name))
    if isinstance(record, BadRecord):
        assert len(record.reason) <= 300
    else:
        assert len(record.info.warnings) <= 20
        assert all(len(text) <= 300 for text in record.info.warnings)
