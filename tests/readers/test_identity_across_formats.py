"""One story is one article, whichever formats bring it and however each writes its id."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Drop, ReaderInfo
from services.ingest.identity import assemble, identify, revise, split_version
from services.ingest.readers.base import ReadArticle

RECEIVED = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DROP = Drop(
    drop_id=UUID(int=1),
    inbox_id=UUID(int=2),
    file="wire/story.xml",
    content_sha256="a" * 64,
    size=10,
    position=1,
    received_at=RECEIVED,
)
STORY = ReadArticle(
    position=1,
    headline="Lighthouse lit again",
    body=("The lamp turns.",),
    info=ReaderInfo(name="test", version="1", format="test"),
)
URN = "urn:newsml:wire.example:20261120:LAMP"
PAGE = "https://news.example/2026/lighthouse-lit-again"


def as_format(provider_id: str, version: int | None = None, **more: Any) -> ReadArticle:
    """The story as a reader gives it: every format its own id, the provider in its own words."""
    return replace(STORY, provider_id=provider_id, version=version, **more)


def ids(*articles: ReadArticle) -> set[UUID]:
    return {identify(article, DROP)[1] for article in articles}


# --- One story in every format ----------------------------------------------------------------

FORMATS = {
    "NewsML 1.2, PublicIdentifier": as_format(f"{URN}:2U", provider="wire.example"),
    "NewsML 1.2, without an update letter": as_format(f"{URN}:2"),
    "NewsML-G2, guid and version": as_format(URN, 2, provider="Example Wire"),
    "NewsML-G2, a guid with the version in it too": as_format(f"{URN}:2", 2),
    "NITF, doc-id": as_format(URN, provider="Wire"),
    "ninjs, uri and version": as_format(URN, 2, provider="Example Wire Ltd"),
    "RSS, a guid that is no link": as_format(f" {URN} ", url=PAGE),
    "another case of the scheme": as_format(URN.replace("urn:newsml", "URN:NewsML")),
}


def test_the_same_story_in_every_format_is_one_article() -> None:
    assert len(ids(*FORMATS.values())) == 1


@pytest.mark.parametrize("name", [name for name in FORMATS if "NITF" not in name])
def test_every_format_that_has_a_version_gives_the_same_revision(name: str) -> None:
    if name.startswith(("NewsML", "ninjs")):
        assert revise(FORMATS[name], DROP) == ("version", 2)


def test_an_atom_id_with_a_version_is_the_article_of_the_id_without() -> None:
    plain = as_format("tag:wire.example,2026:newsml_LAMP", 2)
    versioned = as_format("tag:wire.example,2026:newsml_LAMP:2")
    assert len(ids(plain, versioned)) == 1
    assert revise(plain, DROP) == revise(versioned, DROP)


@pytest.mark.parametrize("tag", ["tag:blog.example,2026:post:{}", "tag:blog.example,2026:a:b:{}"])
def test_a_number_at_the_end_of_any_other_tag_is_the_item_and_no_version(tag: str) -> None:
    """A blog's stories 41 and 42 must never be taken for two versions of one."""
    assert len(ids(as_format(tag.format(41)), as_format(tag.format(42)))) == 2
    assert split_version(tag.format(42)) == (tag.format(42), None)


def test_the_items_of_one_day_stay_apart() -> None:
    others = ("urn:newsml:wire.example:20261120:41", "urn:newsml:wire.example:20261120:42")
    assert len(ids(*map(as_format, others), as_format(URN))) == 3


def test_the_same_day_and_item_of_another_provider_is_another_article() -> None:
    assert len(ids(as_format(URN), as_format(URN.replace("wire.example", "other.example")))) == 2


def test_the_name_within_a_urn_keeps_its_case() -> None:
    assert len(ids(as_format(URN), as_format(URN.lower()))) == 2


def test_a_scheme_s_name_within_an_id_keeps_its_case() -> None:
    assert len(ids(as_format("wire:TAG:7"), as_format("wire:tag:7"))) == 2


def test_a_uuid_is_the_same_in_either_case() -> None:
    name = "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    assert len(ids(as_format(name), as_format(name.upper()))) == 1


# --- Ids that are web addresses ---------------------------------------------------------------

LINKS = {
    "a page, by its canonical link": replace(STORY, url=PAGE),
    "ninjs, whose uri is the page": as_format(PAGE, 2, provider="Example Wire"),
    "RSS, a guid that is the permalink": as_format(PAGE, url=f"{PAGE}?utm_source=rss"),
    "the same without encryption": as_format(PAGE.replace("https:", "http:")),
    "with www and a slash": as_format(PAGE.replace("//", "//www.") + "/"),
    "with tracking": as_format(f"{PAGE}?utm_source=feed"),
    "with a version": as_format(f"{PAGE}?version=3"),
    "a page under another name of the provider": replace(STORY, url=PAGE, provider="Else"),
}


def test_an_id_that_is_a_web_address_is_the_article_of_that_page() -> None:
    assert len(ids(*LINKS.values())) == 1


def test_what_it_was_made_from_is_said() -> None:
    assert identify(LINKS["ninjs, whose uri is the page"], DROP)[0] == "url"
    assert identify(FORMATS["NITF, doc-id"], DROP)[0] == "provider"


def test_an_id_that_names_a_part_of_a_page_is_no_page() -> None:
    """Feeds number their items so; as pages, all of them would be one article."""
    items = [as_format(f"https://news.example/ticker#item-{n}") for n in (1, 2)]
    assert len(ids(*items, replace(STORY, url="https://news.example/ticker"))) == 3
    assert {identify(item, DROP)[0] for item in items} == {"provider"}


def test_an_id_with_a_question_of_its_own_is_its_own_article() -> None:
    posts = [as_format(f"https://blog.example/?p={n}", url=PAGE) for n in (1, 2)]
    assert len(ids(*posts)) == 2


def test_the_page_of_a_story_that_has_another_id_is_another_article() -> None:
    """Each record is known by the best that it has itself; nothing remembers that both are one.

    Where the texts are the same, the store finds a duplicate.
    """
    feed, page = as_format(URN, url=PAGE), replace(STORY, url=PAGE)
    assert len(ids(feed, page)) == 2
    hashes = {assemble(each, DROP, RECEIVED).content_hash for each in (feed, page)}
    assert len(hashes) == 1


# --- Bare ids ---------------------------------------------------------------------------------


def test_a_bare_id_is_one_article_where_the_provider_is_the_same() -> None:
    one, other = (
        as_format("LAMP-7", provider=name) for name in ("Example Wire", " example  WIRE ")
    )
    assert len(ids(one, other)) == 1
    assert len(ids(one, as_format("LAMP-7", provider="Else"))) == 2


# --- Notices without text ---------------------------------------------------------------------

CANCELLED = as_format(URN, 3, withdrawn=True, headline=None, body=())


def test_a_cancellation_without_a_word_is_of_the_article_and_has_an_empty_text() -> None:
    raw = assemble(CANCELLED, DROP, RECEIVED)
    assert raw.article_id == assemble(as_format(URN, 2), DROP, RECEIVED).article_id
    assert (raw.status, raw.text, raw.sections) == ("withdrawn", "", ())
    assert (raw.revision, raw.revision_basis) == (3, "version")


def test_an_empty_notice_of_a_page_is_of_that_page() -> None:
    gone = replace(STORY, url=PAGE, withdrawn=True, headline=None, body=())
    assert len(ids(gone, *LINKS.values())) == 1


def test_empty_notices_of_two_articles_stay_apart() -> None:
    assert len(ids(CANCELLED, replace(CANCELLED, provider_id=URN + "2"))) == 2


# --- Revisions --------------------------------------------------------------------------------


def test_a_date_far_ahead_of_the_receipt_is_not_believed() -> None:
    """Else a wrong year would hold an article's place against every correction."""
    ahead = replace(STORY, updated_at=RECEIVED + timedelta(days=2))
    assert revise(ahead, DROP)[0] == "received"


def test_a_clock_or_a_zone_that_is_wrong_by_hours_is_believed() -> None:
    """In one file, two such versions are told apart by nothing else."""
    ahead = replace(STORY, updated_at=RECEIVED + timedelta(hours=14))
    assert revise(ahead, DROP)[0] == "updated"


# --- Any ids ----------------------------------------------------------------------------------

PREFIXES = st.sampled_from(
    ["", "urn:newsml:", "URN:uuid:", "tag:a.example,2026:", "https://a.example/", "HTTP://[", "//"]
)


@given(PREFIXES, st.text(st.sampled_from("ab:/#?=&.19-_ \u0130\n"), max_size=12))
def test_any_id_gives_an_id(prefix: str, rest: str) -> None:
    article = as_format(prefix + rest)
    assert ids(article) == ids(article)
    assert revise(article, DROP)[1] >= 0


@given(st.text(st.sampled_from("abN19-_."), min_size=1), st.integers(0, 10**15 - 1))
def test_whatever_its_number_a_version_is_of_the_item(item: str, version: int) -> None:
    name = f"urn:newsml:wire.example:20261120:{item}"
    assert len(ids(as_format(name), as_format(f"{name}:{version}"))) == 1
    assert revise(as_format(f"{name}:{version}U"), DROP) == ("version", version)
