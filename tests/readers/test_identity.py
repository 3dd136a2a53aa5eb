"""Who an article is, which version of it this is, and the text that is published."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Drop, ReaderInfo
from services.ingest.addresses import canonical_url
from services.ingest.identity import (
    MAX_REVISION,
    assemble,
    compose,
    identify,
    normalised,
    revise,
    split_version,
)
from services.ingest.readers.base import ReadArticle

RECEIVED = datetime(2024, 2, 4, 9, 30, 0, 123_999, tzinfo=UTC)
INGESTED = RECEIVED + timedelta(seconds=2)
DROP = Drop(
    drop_id=UUID(int=1),
    inbox_id=UUID(int=2),
    file="wire/story.txt",
    content_sha256="a" * 64,
    size=10,
    position=1,
    received_at=RECEIVED,
)
PLAIN = ReadArticle(
    position=1,
    headline="Ferry sails again",
    body=("The ferry sails.", "The mail too."),
    info=ReaderInfo(name="plain", version="1", format="text/plain"),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def article_id(article: ReadArticle, drop: Drop = DROP) -> UUID:
    return identify(article, drop)[1]


def test_ids_never_change_between_releases() -> None:
    """Written down, so that a change of the namespace or of a rule can't go unnoticed."""
    assert str(article_id(PLAIN)) == "ef846ba0-f7da-55d9-a675-30c33597bf80"
    assert (
        str(article_id(replace(PLAIN, url="https://example.org/a")))
        == "1bd9afb7-f595-583c-bd7e-3930ca9ed14d"
    )
    assert (
        str(article_id(replace(PLAIN, provider_id="tag:example.org,2024:1")))
        == "dc16bcaa-3f1d-5b8e-8b50-623f84b15d95"
    )


def test_the_provider_s_id_goes_before_the_url_and_the_url_before_the_text() -> None:
    full = replace(PLAIN, provider_id="urn:example:1", url="https://example.org/a")
    assert identify(full, DROP)[0] == "provider"
    assert identify(replace(full, provider_id=None), DROP)[0] == "url"
    assert identify(replace(full, provider_id=" ", url="mailto:x@example.org"), DROP)[0] == "text"


def test_a_changed_title_is_an_update_of_the_same_article() -> None:
    retitled = replace(PLAIN, headline="Ferry sails, at last", standfirst="After eleven days")
    assert article_id(retitled) == article_id(PLAIN)
    first, second = assemble(PLAIN, DROP, INGESTED), assemble(retitled, DROP, INGESTED)
    assert first.content_hash != second.content_hash


def test_case_width_and_white_space_do_not_make_another_article() -> None:
    other = replace(PLAIN, body=("THE ferry  sails.\u00a0The", "\uff4dail too."))
    assert article_id(other) == article_id(PLAIN)
    assert article_id(replace(PLAIN, body=("The ferry sank.",))) != article_id(PLAIN)


def test_without_a_body_the_headline_tells_articles_apart() -> None:
    bulletin = replace(PLAIN, body=())
    assert article_id(bulletin) != article_id(replace(bulletin, headline="Quake hits Chile"))
    assert article_id(bulletin) == article_id(replace(bulletin, headline="FERRY sails again"))


def test_without_any_word_the_file_tells_articles_apart() -> None:
    empty = replace(PLAIN, headline=None, body=())
    other = DROP.model_copy(update={"content_sha256": "b" * 64})
    assert article_id(empty) == article_id(empty)
    assert article_id(empty) != article_id(empty, other)


@pytest.mark.parametrize(
    ("provider_id", "stable", "version"),
    [
        ("urn:newsml:example.org:20240204:FERRY:3", "urn:newsml:example.org:20240204:FERRY", 3),
        ("urn:newsml:example.org:20240204:FERRY:3U", "urn:newsml:example.org:20240204:FERRY", 3),
        ("urn:newsml:example.org:20240204:77", "urn:newsml:example.org:20240204:77", None),
        ("tag:example.org,2024:newsml_F1:12", "tag:example.org,2024:newsml_F1", 12),
        ("tag:example.org,2024:77", "tag:example.org,2024:77", None),
        ("https://example.org/item/77?version=4", "https://example.org/item/77", 4),
        ("https://example.org:8080", "https://example.org:8080", None),
        ("urn:uuid:0001", "urn:uuid:0001", None),
        ("FERRY-77", "FERRY-77", None),
    ],
)
def test_version_parts_are_taken_off_the_provider_s_id(
    provider_id: str, stable: str, version: int | None
) -> None:
    assert split_version(provider_id) == (stable, version)


def test_two_versions_by_id_are_one_article_with_rising_revisions() -> None:
    one = replace(PLAIN, provider_id="urn:newsml:example.org:20240204:FERRY:1")
    two = replace(PLAIN, provider_id="urn:newsml:example.org:20240204:FERRY:2", body=("New.",))
    assert article_id(one) == article_id(two)
    assert revise(one, DROP) == ("version", 1)
    assert revise(two, DROP) == ("version", 2)


def test_a_bare_number_is_unique_at_its_provider_only() -> None:
    ours, theirs = (replace(PLAIN, provider_id="77", provider=name) for name in ("ABC", "XYZ"))
    assert article_id(ours) != article_id(theirs)
    uri = "urn:example:77"
    assert article_id(replace(ours, provider_id=uri)) == article_id(
        replace(theirs, provider_id=uri)
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/news/ferry?id=7&lang=en",
        "http://example.org/news/ferry?id=7&lang=en",
        "HTTPS://WWW.Example.ORG:443/news/ferry/?lang=en&id=7",
        "https://example.org/news/ferry?utm_source=x&id=7&fbclid=abc&lang=en#comments",
        " https://user:secret@example.org/news/ferry?id=7&lang=en&gclid=1 ",
    ],
)
def test_links_to_one_page_have_one_form(url: str) -> None:
    assert canonical_url(url) == "https://example.org/news/ferry?id=7&lang=en"


@pytest.mark.parametrize(
    "url",
    ["", "ferry", "ftp://example.org/a", "https://", "https://[::", "https://a:99999/", "//a"],
)
def test_what_is_no_web_address_identifies_nothing(url: str) -> None:
    assert canonical_url(url) is None
    assert identify(replace(PLAIN, url=url or None), DROP)[0] == "text"


def test_pages_that_differ_keep_different_forms() -> None:
    forms = {canonical_url(f"https://example.org{rest}") for rest in ("", "/a", "/A", "/a?p=1")}
    assert len(forms) == 4
    assert canonical_url("https://example.org:8443/a") == "https://example.org:8443/a"


def test_revisions_come_from_version_then_update_then_receipt() -> None:
    updated = datetime(2024, 2, 4, 10, 0, 0, 7_000, tzinfo=timezone(timedelta(hours=1)))
    assert revise(replace(PLAIN, version=5, updated_at=updated), DROP) == ("version", 5)
    assert revise(replace(PLAIN, updated_at=updated), DROP) == ("updated", 1_707_037_200_007)
    assert revise(PLAIN, DROP) == ("received", 1_707_039_000_123)


@pytest.mark.parametrize("version", [-1, MAX_REVISION + 1])
def test_a_version_that_no_reader_of_json_holds_is_not_used(version: int) -> None:
    assert revise(replace(PLAIN, version=version), DROP)[0] == "received"


def test_an_update_before_1970_does_not_make_a_negative_revision() -> None:
    old = replace(PLAIN, updated_at=datetime(1911, 1, 1, tzinfo=UTC))
    assert revise(old, DROP)[0] == "received"


def test_withdrawing_changes_the_content_hash() -> None:
    usable = assemble(PLAIN, DROP, INGESTED)
    withdrawn = assemble(replace(PLAIN, withdrawn=True), DROP, INGESTED)
    assert withdrawn.status == "withdrawn"
    assert withdrawn.article_id == usable.article_id
    assert withdrawn.content_hash != usable.content_hash


def test_text_of_the_headline_moved_into_the_body_is_another_content() -> None:
    joined = replace(PLAIN, headline=None, body=(PLAIN.headline or "", *PLAIN.body))
    first, second = assemble(PLAIN, DROP, INGESTED), assemble(joined, DROP, INGESTED)
    assert first.text == second.text
    assert first.content_hash != second.content_hash


def test_everything_the_reader_found_is_handed_on() -> None:
    published = datetime(2024, 2, 4, 8, tzinfo=UTC)
    full = replace(
        PLAIN,
        standfirst="After eleven days",
        authors=("Ines Varga",),
        dateline="TROMSØ, Norway (AP)",
        published_at=published,
        updated_at=published,
        language="en-GB",
        credits=("Ines Varga/AP",),
        url="https://example.org/a?utm_source=x",
        provider="Example",
        provider_id="urn:example:1",
    )
    raw = assemble(full, DROP, INGESTED)
    assert raw.text == "Ferry sails again\n\nAfter eleven days\n\nThe ferry sails.\n\nThe mail too."
    assert (raw.authors, raw.dateline, raw.language) == (full.authors, full.dateline, "en-GB")
    assert (raw.published_at, raw.updated_at, raw.credits) == (published, published, full.credits)
    assert (raw.url, raw.provider, raw.provider_id) == (full.url, "Example", "urn:example:1")
    assert (raw.drop, raw.reader, raw.ingested_at) == (DROP, full.info, INGESTED)


def test_the_same_article_of_the_same_drop_is_always_the_same() -> None:
    assert assemble(PLAIN, DROP, INGESTED) == assemble(PLAIN, DROP, INGESTED)


@given(st.none() | TEXTS, st.none() | TEXTS, st.lists(TEXTS, max_size=5))
def test_sections_slice_exactly_their_parts(
    headline: str | None, standfirst: str | None, body: list[str]
) -> None:
    article = replace(PLAIN, headline=headline, standfirst=standfirst, body=tuple(body))
    text, sections = compose(article)
    parts = {section.role: text[section.start : section.end] for section in sections}
    expected = {"headline": headline, "standfirst": standfirst, "body": "\n\n".join(body)}
    assert parts == {role: part for role, part in expected.items() if part}
    assert text == "\n\n".join(parts.values())


@given(TEXTS)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(TEXTS, TEXTS)
def test_any_id_and_url_identify_something(provider_id: str, url: str) -> None:
    article = replace(PLAIN, provider_id=provider_id, url=f"http://{url}")
    assert identify(article, DROP) == identify(article, DROP)
    assert identify(replace(article, provider_id=None), DROP)[0] in ("url", "text")


# --- Addresses -----------------------------------------------------------------------

PAGE = "https://example.org/news/ferry"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/news/ferry/",
        "https://user:pw@www.example.org:443/news/ferry#comments",
        "https://example.org//news///ferry//",
        "https://example.org/news/./old/../ferry",
        "https://example.org/news/ferry/index.html",
        "https://example.org/news/ferry/default.aspx",
        "https://example.org/n%65ws/%66erry",
        "https://EXAMPLE.org./news/ferry",
        "https://m.example.org/news/ferry",
        "https://www.mobile.example.org/news/ferry",
        "https://touch.example.org/news/ferry?m=1",
        "https://example.org/news/ferry;jsessionid=0A1B2C",
        "https://example.org/news/ferry?PHPSESSID=7f3a&sid=0123456789abcdef01234567",
    ],
)
def test_ways_of_writing_an_address_do_not_split_an_article(url: str) -> None:
    assert canonical_url(url) == PAGE


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/news/ferry/amp",
        "https://example.org/news/ferry/amp/",
        "https://example.org/news/ferry/amp.html",
        "https://example.org/news/ferry.amp",
        "https://example.org/amp/news/ferry",
        "https://example.org/news/ferry?amp",
        "https://example.org/news/ferry?amp=1",
        "https://example.org/news/ferry?outputType=amp",
        "https://amp.example.org/news/ferry",
        "https://cdn.ampproject.org/c/s/example.org/news/ferry",
        "https://example-org.cdn.ampproject.org/v/s/example.org/news/ferry?amp_js_v=0.1&amp=1",
        "https://www.google.com/amp/s/example.org/news/ferry",
        "https://www.google.com/amp/s/amp.example.org/news/ferry/amp",
        "https://example-org.cdn.ampproject.org/c/s/m.example.org/amp/news/ferry?utm_source=x",
    ],
)
def test_an_amp_page_is_the_article_that_it_is_a_copy_of(url: str) -> None:
    assert canonical_url(url.replace("amp_js_v=0.1&", "")) == PAGE


@pytest.mark.parametrize(
    "query",
    [
        "utm_source=x&utm_medium=y",
        "fbclid=abc",
        "gclid=1&gbraid=2&wbraid=3&gad_source=1",
        "srsltid=A",
        "mibextid=Zx",
        "ns_mchannel=social&ns_campaign=x",
        "wt.mc_id=nl",
        "_ga=2.1&_gl=1",
        "hsCtaTracking=a%7Cb",
        "ref=rss",
        "source=newsletter",
        "from=home",
        "CMP=share_btn_tw",
        "UTM_Campaign=X",
    ],
)
def test_what_says_where_a_reader_came_from_does_not_split_an_article(query: str) -> None:
    assert canonical_url(f"{PAGE}?{query}") == PAGE
    assert canonical_url(f"{PAGE}?{query}&id=7") == f"{PAGE}?id=7"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("?id=1", "?id=2"),
        ("?page=2", ""),
        ("?p=1", "?P=1"),
        ("?sid=4711", "?sid=4712"),
        ("?s=ferry", "?s=mail"),
        ("?ref=4711", "?ref=4712"),
        ("?source=harbour-office", ""),
        ("?view=print", ""),
        ("?m=201402", "?m=201403"),
        ("#!/story/1", "#!/story/2"),
        ("/ampere", ""),
        ("/amplifier", ""),
        ("/camp", ""),
        ("/index", ""),
        ("/a%2Fb", "/a/b"),
        ("/caf%C3%A9", "/caf%C3%A8"),
        ("/caf%E9", "/caf%E8"),
        ("?q=caf%E9", "?q=caf%E8"),
        ("/Ferry", "/ferry"),
    ],
)
def test_what_tells_two_pages_apart_is_kept(one: str, other: str) -> None:
    first, second = canonical_url(PAGE + one), canonical_url(PAGE + other)
    assert first is not None
    assert second is not None
    assert first != second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://bücher.example/täglich", "https://xn--bcher-kva.example/t%C3%A4glich"),
        ("https://example.org/a%e2%82%ac", "https://example.org/a%E2%82%AC"),
        ("https://example.org/?b=1&a=2", "https://example.org/?a=2&b=1"),
        ("https://example.org/a?q=x+y", "https://example.org/a?q=x%20y"),
        ("https://example.org/", "http://www.example.org/index.php"),
        ("https://example.org/?id=7", "https://example.org/index.php?id=7"),
        ("https://en.m.wiki.example/Ferry", "https://en.wiki.example/Ferry"),
        ("https://example.org/story.html", "https://example.org/story.amp.html"),
        ("https://[2001:db8::1]/a", "http://[2001:DB8::1]:80/a/"),
    ],
)
def test_two_ways_of_writing_one_address(one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other)
    assert canonical_url(one) is not None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://m.co.uk/a", "m.co.uk"),
        ("https://amp.dev/a", "amp.dev"),
        ("https://mobile.example/a", "mobile.example"),
        ("https://www.example/a", "www.example"),
        ("https://mail.example.org/a", "mail.example.org"),
        ("https://google.example/amp/s/x.example/a", "google.example"),
    ],
)
def test_a_site_may_be_called_like_a_host_for_phones(url: str, host: str) -> None:
    made = canonical_url(url)
    assert made is not None
    assert made.startswith(f"https://{host}/")


@pytest.mark.parametrize(
    "url", ["https://example.org/amp", "https://example.org/amp/", "https://www.google.com/amp/s/"]
)
def test_a_page_that_is_only_called_amp_stays(url: str) -> None:
    made = canonical_url(url)
    assert made is not None
    assert "/amp" in made


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ferry",
        "//example.org/a",
        "mailto:a@example.org",
        "https://",
        "https:///a",
        "http://[::1",
        "https://example.org:99999/",
        "https://example.org/\ud800",
        "https://example.org/" + "a" * 9000,
        "ftp://example.org/a",
    ],
)
def test_what_is_no_web_address_has_no_canonical_form(url: str) -> None:
    assert canonical_url(url) is None


@given(
    st.lists(st.sampled_from(["amp", "index.html", "a", "", ".", "..", "%41", "é", "s.amp"])),
    st.sampled_from(["example.org", "m.example.org", "www.m.example.co.uk", "cdn.ampproject.org"]),
    st.text(max_size=20),
)
def test_a_canonical_address_is_its_own(parts: list[str], host: str, query: str) -> None:
    made = canonical_url(f"https://{host}/{'/'.join(parts)}?{query}")
    assert made is None or canonical_url(made) == made


@given(st.text(max_size=60))
def test_any_text_has_a_canonical_form_or_none(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.org/{text}"):
        made = canonical_url(url)
        assert made is None or canonical_url(made) == made


def test_an_address_of_many_parts_takes_no_time() -> None:
    started = time.perf_counter()
    canonical_url("https://example.org" + "/amp" * 2000)
    canonical_url("https://example.org/?" + "&".join(f"a{n}=1" for n in range(900)))
    assert time.perf_counter() - started < 2
