"""Records of JSON dumps: whose they are, what their fields become, and which are none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.article import Picture, Place, Rights, Subject
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Unreadable
from services.ingest.readers.registry import read_file, reader_for
from tests.readers.streams import all_of, articles, headlines
from tests.readers.support import source

SAMPLES = Path(__file__).parent / "samples" / "dumps"


def sample(name: str) -> list[Any]:
    data = (SAMPLES / name).read_bytes()
    return all_of(source(data, name))


def one(record: Any, limits: Limits | None = None) -> ReadArticle:
    """The article that a file with this one record becomes."""
    (article,) = read_file(source(json.dumps(record).encode(), "x.json"), limits or Limits())
    assert isinstance(article, ReadArticle), article
    return article


def text(**fields: Any) -> ReadArticle:
    """The article of a record with a title, a text, and these fields."""
    return one({"title": "Ferry sails again", "text": "It sails on Monday.", **fields})


# --- whose dumps are known ---------------------------------------------------------------


def test_a_page_of_newsapi() -> None:
    first, second, third, removed, fifth = sample("newsapi_page.json")
    assert first.info.format == "application/json NewsAPI"
    assert first.provider == "The Valley Courier"
    assert first.authors == ("Ines Varga", "Tom Lund")
    assert first.published_at == datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    assert first.pictures == (Picture(url="https://valley-courier.example/img/ferry.jpg"),)
    assert first.standfirst == "Three villages get their mail back."
    assert first.extent == "excerpt"
    assert first.body[-1].endswith("left three villages with"), "the mark of the cut is removed"
    assert "NewsAPI gives only the start of the text: its mark was removed" in first.info.warnings
    assert second.headline == "Lighthouse keeper retires at 71 & nobody follows"
    assert second.extent == "summary"
    assert second.body == ("Olaf Brandt climbed the 212 steps for the last time on Friday.",)
    assert second.standfirst is None
    assert (third.extent, third.body) == ("summary", ())
    assert isinstance(removed, BadRecord)
    assert removed.reason == "the publisher took the article back: it has no text"
    assert fifth.url is None
    assert fifth.published_at is None
    assert fifth.standfirst is None, "it only said how the text begins"
    assert fifth.body[1:] == ("Rye first", "Wheat at eight")
    assert fifth.info.warnings == (
        "'not an address' is not a web address",
        "published: no time taken from '2026-11-18': it is a date without a time of day",
    )


def test_a_page_of_gdelt_has_titles_only() -> None:
    english, german = sample("gdelt_doc_articles.json")
    assert english.info.format == "application/json GDELT DOC"
    assert english.headline == "Reservoir reaches its highest level in nine years"
    assert (english.body, english.extent) == ((), "summary")
    assert english.published_at == datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    assert english.provider == "inland-post.example"
    assert (english.language, german.language) == ("en", "de")
    assert english.info.warnings == (
        "no text in the record, only a title",
        "published: when GDELT first saw it",
    )
    assert english.pictures
    assert not german.pictures


def test_a_search_as_the_guardian_answers() -> None:
    first, second = sample("guardian_like_search.json")
    assert first.info.format == "application/json Guardian"
    assert first.headline == "Ferry sails again after eleven days without mail"
    assert first.body[1] == "“We practised the crossing twice,” said Captain Ruben Aasen."
    assert first.standfirst == "Engineers replaced the shaft that broke in the storm"
    assert first.byline == "Ines Varga in Port Elin"
    assert first.updated_at == datetime(2026, 11, 20, 12, 1, 30, tzinfo=UTC)
    assert first.section == "World news"
    assert first.keywords == ("Ferries",)
    assert first.provider_id is None, "a path is no id in the world; the address is"
    assert (second.extent, second.body) == ("summary", ("The company gave no reason.",))


def test_articles_as_event_registry_gives_them() -> None:
    (article,) = sample("event_registry_like.json")
    assert article.info.format == "application/json Event Registry"
    assert article.locator == "item 1"
    assert article.provider == "Inland Post"
    assert article.authors == ("Dana Okoro",)
    assert article.language == "en"
    assert article.published_at == datetime(2026, 11, 20, 10, 2, tzinfo=UTC)
    assert len(article.body) == 2
    assert article.provider_id is None


def test_an_article_as_news_please_saves_it() -> None:
    (article,) = sample("news_please_article.json")
    assert article.info.format == "application/json news-please"
    assert article.locator == "", "the file is the record"
    assert len(article.body) == 3, "each line of its text is a paragraph"
    assert article.authors == ("Dana Okoro", "Tom Lund")
    assert article.published_at is None
    assert "it has no time zone" in article.info.warnings[0]


def test_articles_as_fundus_saves_them() -> None:
    (article,) = sample("fundus_like_articles.json")
    assert article.info.format == "application/json fundus"
    assert article.standfirst == "Measurements of a summer show how fast the ice goes."
    assert article.body[2:] == ("What the village expects", "The village below builds a dam.")
    assert article.published_at == datetime(2026, 11, 19, 13, 5, tzinfo=UTC)
    assert article.keywords == ("Glaciers", "Climate")


def test_an_article_in_schema_org_terms() -> None:
    (article,) = sample("schema_org_article.json")
    assert article.info.format == "application/json schema.org"
    assert article.url == "https://bergzeitung.example/dam"
    assert article.language == "en-GB"
    assert article.section == "Region"
    assert article.keywords == ("Dams", "Glaciers")
    assert article.places == (Place(name="Halden"),)
    assert article.pictures == (
        Picture(
            caption="The place where the dam will stand",
            credit="Noor Haddad/Bergzeitung",
            url="https://bergzeitung.example/dam.jpg",
        ),
    )
    assert article.rights == Rights(
        holder="Bergzeitung Verlag",
        notice="© 2026 Bergzeitung Verlag",
        usage_terms="https://bergzeitung.example/terms",
    )


def test_a_json_feed() -> None:
    clock, key = sample("json_feed_1.1.json")
    assert clock.info.format == "application/json JSON Feed"
    assert clock.body == (
        "The clock has stood at ten past four since Tuesday.",
        "Nobody has the key.",
    )
    assert clock.url == "https://lindhavn-notes.example/2026/clock"
    assert clock.provider_id is None, "an id that is the page's address is no other id"
    assert key.headline is None
    assert key.provider_id == "tag:lindhavn-notes.example,2026:2"


def test_ninjs_items_in_a_dump_are_read_as_ninjs() -> None:
    ninjs, plain = sample("lines_with_ninjs_items.jsonl")
    assert ninjs.info.format.startswith("application/vnd.iptc.ninjs 1")
    assert ninjs.provider_id == "urn:newsml:harbour.example:20261120:ferry:1"
    assert ninjs.locator == "line 1"
    assert plain.info.format == "application/x-ndjson by field names"


def test_ninjs_items_in_an_array_of_a_page() -> None:
    """Nothing in it is called "title" or "text" as elsewhere."""
    items = [
        {
            "uri": f"urn:newsml:harbour.example:20261120:snow{number}",
            "type": "text",
            "headlines": [{"value": f"Snow {number}"}],
            "bodies": [{"value": "The pass is closed."}],
            "versionCreated": "2026-11-20T10:15:00Z",
        }
        for number in (1, 2)
    ]
    for page in (items, {"count": 2, "list": items}):
        found = articles(source(json.dumps(page, indent=1).encode()))
        assert [article.headline for article in found] == ["Snow 1", "Snow 2"]
        assert [article.locator for article in found] == ["item 1", "item 2"]


def test_articles_associated_with_a_ninjs_item_are_records_too_and_reading_goes_on_between() -> (
    None
):
    item = {
        "uri": "urn:newsml:harbour.example:20261120:snow",
        "type": "text",
        "headline": "Snow closes the pass",
        "body_text": "Chains are required.",
        "versioncreated": "2026-11-20T10:15:00Z",
        "associations": {
            "side": {
                "uri": "urn:newsml:harbour.example:20261120:wind",
                "type": "text",
                "headline": "Wind drops",
                "body_text": "The wind drops at night.",
            }
        },
    }
    lines = json.dumps(item).encode() + b'\n{"title": "Last", "text": "Line."}\n'
    found = all_of(source(lines))
    assert headlines(found) == ["Snow closes the pass", "Wind drops", "Last"]


# --- fields ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["title", "headline", "Title", "article_title", "webTitle"])
@pytest.mark.parametrize(
    "body", ["text", "content", "body", "maintext", "article_body", "full-text"]
)
def test_titles_and_texts_have_many_names(key: str, body: str) -> None:
    article = one({key: "Ferry sails again", body: "It sails on Monday."})
    assert (article.headline, article.body) == ("Ferry sails again", ("It sails on Monday.",))
    assert article.extent == "full"


def test_empty_values_do_not_hide_others() -> None:
    article = one({"headline": "", "title": "Ferry", "body": None, "text": [], "content": "Sails."})
    assert (article.headline, article.body) == ("Ferry", ("Sails.",))


@pytest.mark.parametrize(
    ("given_body", "body"),
    [
        ("One.\nTwo.", ("One.", "Two.")),
        ("One.\r\n\r\nTwo.", ("One.", "Two.")),
        (["One.", "", "Two."], ("One.", "Two.")),
        ("<p>One.</p><script>x()</script><p>Two &amp; three.</p>", ("One.", "Two & three.")),
        ("Fish &amp; chips cost 5 &lt; 6 crowns.", ("Fish & chips cost 5 < 6 crowns.",)),
        ("5 < 6, and 7 > 6.", ("5 < 6, and 7 > 6.",)),
        ({"rendered": "<p>One.</p>"}, ("One.",)),
        ({"text": "One.", "html": "<p>One.</p>"}, ("One.",)),
        ([{"text": "One."}, {"text": "Two."}], ("One.", "Two.")),
        ("One.\x00\x1b[31m Two\u200b.\ud800", ("One.[31m Two.",)),
    ],
)
def test_texts_in_many_shapes(given_body: Any, body: tuple[str, ...]) -> None:
    assert one({"title": "Ferry", "body": given_body}).body == body


def test_a_hard_wrapped_text_is_joined() -> None:
    lines = [
        "The ferry to the northern islands will sail again from Monday, the",
        "harbour office said, after engineers replaced the shaft that had",
        "broken in the storm.",
    ]
    assert one({"title": "Ferry", "text": "\n".join(lines)}).body == (" ".join(lines),)


@pytest.mark.parametrize(
    ("value", "authors", "byline"),
    [
        ("By Ines Varga and Tom Lund", ("Ines Varga", "Tom Lund"), "By Ines Varga and Tom Lund"),
        (["Ines Varga", "Tom Lund"], ("Ines Varga", "Tom Lund"), None),
        ([{"name": "Ines Varga"}, {"name": None}], ("Ines Varga",), None),
        ({"@type": "Person", "name": "Ines Varga"}, ("Ines Varga",), None),
        (["Ines Varga", "ines varga", "admin"], ("Ines Varga",), None),
        (17, (), None),
        ([], (), None),
    ],
)
def test_authors_in_many_shapes(value: Any, authors: tuple[str, ...], byline: str | None) -> None:
    article = text(author=value)
    assert (article.authors, article.byline) == (authors, byline)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T10:15:00Z",
        "2026-11-20T11:15:00+01:00",
        "20261120T101500Z",
        "Fri, 20 Nov 2026 10:15:00 GMT",
        1795169700,
        1795169700.0,
        1795169700000,
        "1795169700",
        "1795169700000",
    ],
)
@pytest.mark.parametrize(
    "key", ["publishedAt", "published_at", "pubDate", "datePublished", "seendate"]
)
def test_times_in_many_shapes(key: str, value: Any) -> None:
    article = text(**{key: value})
    assert article.published_at == datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
    assert article.info.warnings == ()


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        ("2026-11-20 10:15:00", "it has no time zone"),
        ("2026-11-20", "it is a date without a time of day"),
        ("yesterday", "not a known way of writing one"),
        (20261120, "no seconds or milliseconds since 1970"),
        (-5, "no seconds or milliseconds since 1970"),
        (10**30, "no seconds or milliseconds since 1970"),
        (1e300, "no seconds or milliseconds since 1970"),
        (2026, "no seconds or milliseconds since 1970"),
    ],
)
def test_no_time_is_made_up(value: Any, warning: str) -> None:
    article = text(date=value)
    assert article.published_at is None
    assert warning in article.info.warnings[0]


def test_nothing_said_is_no_warning() -> None:
    nothings: tuple[Any, ...] = (None, "", 0, True, [], {})
    for nothing in nothings:
        article = text(date=nothing, lang=None, url="", source={}, tags=[], image=None)
        assert article.published_at is None
        assert article.info.warnings == ()


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ("en", "en"),
        ("en_US", "en-US"),
        ("English", "en"),
        ("eng", "en"),
        ("deu", "de"),
        ("x y z", None),
    ],
)
def test_languages_as_codes_and_names(value: str, language: str | None) -> None:
    article = text(language=value)
    assert article.language == language
    assert bool(article.info.warnings) == (language is None)


@pytest.mark.parametrize(
    ("fields", "provider_id"),
    [
        ({"id": "urn:newsml:x:1"}, "urn:newsml:x:1"),
        ({"guid": "0b9c7a5e-52a1-4a50-9d3a-6a0a5d1f3c11"}, "0b9c7a5e-52a1-4a50-9d3a-6a0a5d1f3c11"),
        ({"id": 17}, None),
        ({"id": 17, "source": "Harbour Radio"}, "17"),
        ({"id": 17, "source": "Harbour Radio", "url": "https://harbour-radio.example/1"}, None),
        ({"id": "https://harbour-radio.example/1"}, None),
        (
            {"id": "https://harbour-radio.example/1/", "url": "https://harbour-radio.example/1"},
            None,
        ),
        ({"id": {"$oid": "5f"}}, None),
        ({"id": True}, None),
    ],
)
def test_an_id_is_the_article_s_or_it_is_not_taken(
    fields: dict[str, Any], provider_id: str | None
) -> None:
    """Row numbers of two dumps would make versions of one article of two stories."""
    assert text(**fields).provider_id == provider_id


def test_an_id_that_is_an_address_is_the_page_s() -> None:
    assert text(id="https://harbour-radio.example/1").url == "https://harbour-radio.example/1"


def test_a_row_number_that_is_not_taken_is_said() -> None:
    assert "id '17' not taken" in text(id=17).info.warnings[0]


def test_codes_are_kept_as_given_and_media_topics_in_one_spelling() -> None:
    article = text(
        subjects=[
            "http://cv.iptc.org/newscodes/mediatopic/20000139",
            {"qcode": "desk:7", "name": "Boats", "scheme": "desk"},
        ],
        tags="ferries, harbour; ferries",
    )
    assert article.subjects == (
        Subject(code="medtop:20000139"),
        Subject(code="desk:7", name="Boats", scheme="desk"),
    )
    assert article.keywords == ("ferries", "harbour")


def test_numbers_out_of_range_are_not_taken() -> None:
    article = text(urgency=12, version=-1)
    assert (article.urgency, article.version) == (None, None)
    assert (text(urgency="3").urgency, text(version="7").version) == (3, 7)


def test_a_caption_without_a_picture_s_address() -> None:
    assert text(image_caption="The ferry").pictures == (Picture(caption="The ferry"),)
    assert text(images=["https://x.example/a.jpg", "nothing"]).pictures == (
        Picture(url="https://x.example/a.jpg"),
    )


def test_a_headline_as_long_as_a_text_is_cut_and_said() -> None:
    article = one({"title": "x" * 5000})
    assert len(article.headline or "") == 2000
    assert "a headline of 5000 characters was cut" in article.info.warnings


def test_what_elasticsearch_wraps_is_unwrapped() -> None:
    hits: Any = {
        "hits": {"total": 1, "hits": [{"_id": "1", "_source": {"title": "A", "text": "B."}}]}
    }
    for data in (json.dumps(hits).encode(), json.dumps(hits["hits"]["hits"][0]).encode()):
        (article,) = articles(source(data))
        assert (article.headline, article.body) == ("A", ("B.",))


# --- what is none ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"5", "no record but a number"),
        (b'"text"', "no record but a text"),
        (b"null", "no record but null"),
        (b"true", "no record but true or false"),
        (b'["a"]', "no record but a list"),
        (b'{"a": 1}', "there is no text and no title in it; its keys: a"),
        (b"{}", "there is no text and no title in it; its keys: none"),
        (b'{"title": " ", "text": "\\u200b"}', "there is no text and no title in it"),
        (b'{"title": "a" "b"}', "not valid JSON at line 1, column 15 of it: Expecting ','"),
        (b'{"title": "a', "not valid JSON at line 1, column 11 of it: Unterminated string"),
        (b"{'title': 'a'}", "not valid JSON at line 1, column 2 of it"),
        (b'{"title": "a", "n": ' + b"9" * 5000 + b"}", "not valid JSON: Exceeds the limit"),
        (b'{"text": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply to be read"),
        (
            b'{"title": "\xff' + b" caf\xc3\xa9 \xc3\xa8 \xc3\xa0 \xc3\xb4 " * 5 + b'"}',
            "not valid UTF-8",
        ),
    ],
)
def test_a_record_that_is_none_costs_no_other(value: bytes, reason: str) -> None:
    good = b'{"title": "Good", "text": "One."}'
    lines = source(b"\n".join([good, value, good]) + b"\n", "x.jsonl")
    first, bad, last = all_of(lines)
    assert isinstance(bad, BadRecord)
    assert reason in bad.reason
    assert bad.advice
    assert bad.locator == "line 2"
    assert headlines([first, last]) == ["Good", "Good"]


def test_deep_values_that_the_parser_takes_are_flattened_to_a_limit() -> None:
    deep: Any = "Deep."
    for _ in range(300):
        deep = [deep]
    assert one({"title": "Ferry", "body": deep}).body == ()


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (b'{"title": "A", "text": "B.", "x": NaN}', "not strictly JSON"),
        (b'{"title": "A", "text": "B.\x01\tC"}', "not strictly JSON"),
        (b'{"title": "A", "text": "B. \\ud800"}', "not strictly JSON"),
        ('{"title": "A", "text": "Déjà vu à l’aube."}'.encode("cp1252"), "taken as cp1252"),
    ],
)
def test_what_can_be_understood_is_read_with_a_warning(data: bytes, warning: str) -> None:
    (article,) = articles(source(data))
    assert any(warning in each for each in article.info.warnings)


def test_the_last_of_two_equal_keys_counts() -> None:
    (article,) = articles(source(b'{"title": "A", "text": "B.", "title": "C"}'))
    assert article.headline == "C"


@pytest.mark.parametrize(
    "data",
    [
        b'{"name": "site", "scripts": {"build": "make"}, "deps": [{"pin": 1}]}',
        b'{"a": 1}\n{"b": 2}\n',
        b'[{"a": 1}, {"a": 2}]',
        b'{"a": 1}\n' * 5000,
        b'[{"a": {"title_of": "x"}}]',
    ],
)
def test_json_that_is_no_news_is_refused_with_its_keys(data: bytes) -> None:
    with pytest.raises(
        Unreadable, match="no record in it has a text or a title; the keys found: "
    ) as e:
        list(read_file(source(data), Limits()))
    assert "a field map (WIREDESK_FIELD_MAP_FILE" in e.value.advice


def test_records_that_are_no_news_before_the_first_article_are_told_each() -> None:
    data = b'{"a": 1}\n' * 50 + b'{"title": "Good", "text": "One."}\n' + b'{"a": 2}\n' * 150
    found = all_of(source(data))
    assert len(found) == 201
    assert [each.position for each in found if not isinstance(each, str)] == list(range(1, 202))
    assert sum(isinstance(each, ReadArticle) for each in found) == 1


@pytest.mark.parametrize("data", [b"[]", b"[ ]\n", b"{}", b"[{}]", b'{"articles": []}'])
def test_json_without_records_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match=r"there is no record in it|no record in it has"):
        list(read_file(source(data), Limits()))


@pytest.mark.parametrize(
    ("head", "reader"),
    [
        (b'{"title": "x"}', "json"),
        (b'[\n{"title": "x"}]', "json"),
        (b"\xef\xbb\xbf" + b" " * 500 + b'{"title": "x"}', "json"),
        ('{"title": "x"}'.encode("utf-16"), "json"),
        ('[{"title": "x"}]'.encode("utf-16-le"), "json"),
        ('{"title": "x"}'.encode("utf-32"), "json"),
        (b'{"' + b"k" * 300 + b'": 1}', "json"),
        (b"[]", "json"),
        (b"[1, 2, 3]", "plain"),
        (b"[] is an empty list", "plain"),
        (b"{braces} in prose", "plain"),
        (b"[Ferry] sails", "plain"),
    ],
)
def test_json_is_known_by_how_it_starts(head: bytes, reader: str) -> None:
    assert reader_for(head, "story.txt", Limits()).name == reader


# --- whatever comes -----------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
names = st.sampled_from([
    *("title", "text", "description", "author", "byline", "publishedAt", "updated", "language"),
    *("source", "id", "version", "urgency", "category", "tags", "subjects", "place", "image"),
    *("copyright", "license", "fields", "_source", "standard", "uri", "headlines", "body", "url"),
    "caption",
])  # fmt: skip


@given(
    records=st.lists(st.dictionaries(names | st.text(max_size=5), values, max_size=8), max_size=4)
)
@settings(deadline=None, max_examples=300)
def test_any_records_give_articles_or_reasons(records: list[dict[str, Any]]) -> None:
    data = json.dumps([{"title": "Good"}, *records]).encode()
    found = all_of(source(data))
    assert len(found) >= len(records) + 1
    assert not any(isinstance(each, str) for each in found)
    for record in found:
        assert not isinstance(record, str)
        record_text = repr(record)
        record_text.encode()
        assert "\\x00" not in record_text
        assert "\\ud8" not in record_text
