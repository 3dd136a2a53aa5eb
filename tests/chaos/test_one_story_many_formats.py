"""One story through a real desk as every format that brings it: one article, one history."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from services.indexer.store.sqlite import SqliteStore
from tests.chaos.forked import attacked
from tests.chaos.wire import Dropped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.harness import Attack

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]

ITEM = "urn:newsml:rpa.example:20261120:harbour-7"
HEADLINE = "Riverton harbour wall moves again"
BODY = (
    "The harbour wall of Riverton has moved by two centimetres in a week, the port authority said.",
    "Ferries go on from the north pier while divers look at the stones.",
)


def ninjs(version: int, headline: str = HEADLINE, status: str = "usable", uri: str = ITEM) -> bytes:
    return json.dumps({
        "uri": uri,
        "type": "text",
        "version": str(version),
        "pubstatus": status,
        "versioncreated": f"2026-11-20T{8 + version:02}:00:00Z",
        "language": "en",
        "headline": headline,
        "body_text": "\n\n".join(BODY),
    }).encode()  # fmt: skip


def newsml_1(version: int, headline: str = HEADLINE) -> bytes:
    paragraphs = "".join(f"<p>{text}</p>" for text in BODY)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<NewsML Version="1.2"><NewsEnvelope><DateAndTime>20261120T090000Z</DateAndTime></NewsEnvelope>
<NewsItem><Identification><NewsIdentifier><ProviderId>rpa.example</ProviderId>
<DateId>20261120</DateId><NewsItemId>harbour-7</NewsItemId>
<RevisionId PreviousRevision="{version - 1}" Update="N">{version}</RevisionId>
<PublicIdentifier>{ITEM}:{version}</PublicIdentifier></NewsIdentifier></Identification>
<NewsManagement><NewsItemType FormalName="News"/><FirstCreated>20261120T080000Z</FirstCreated>
<ThisRevisionCreated>20261120T{8 + version:02}0000Z</ThisRevisionCreated>
<Status FormalName="Usable"/></NewsManagement>
<NewsComponent><NewsLines><HeadLine>{headline}</HeadLine></NewsLines>
<DescriptiveMetadata><Language FormalName="en"/></DescriptiveMetadata>
<ContentItem><MediaType FormalName="Text"/><DataContent><nitf><body><body.content>{paragraphs}
</body.content></body></nitf></DataContent></ContentItem></NewsComponent></NewsItem></NewsML>
""".encode()


def newsml_g2(version: int, headline: str = HEADLINE, status: str = "usable") -> bytes:
    paragraphs = "".join(f"<p>{text}</p>" for text in BODY)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/" guid="{ITEM}" version="{version}"
 standard="NewsML-G2" standardversion="2.28" conformance="power" xml:lang="en">
<itemMeta><itemClass qcode="ninat:text"/><provider literal="rpa.example"/>
<versionCreated>2026-11-20T{8 + version:02}:00:00Z</versionCreated>
<pubStatus qcode="stat:{status}"/></itemMeta>
<contentMeta><headline>{headline}</headline></contentMeta>
<contentSet><inlineXML contenttype="application/xhtml+xml"><html xmlns="http://www.w3.org/1999/xhtml">
<head><title>{headline}</title></head><body>{paragraphs}</body></html></inlineXML></contentSet>
</newsItem>
""".encode()


def page(url: str, headline: str, paragraphs: tuple[str, ...] = BODY) -> bytes:
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    return (
        f'<!DOCTYPE html><html lang="en"><head><title>{headline}</title>'
        f'<link rel="canonical" href="{url}"><meta property="og:type" content="article">'
        f'<meta property="og:title" content="{headline}"></head>'
        f"<body><article><h1>{headline}</h1>{body}</article></body></html>"
    ).encode()


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return packed.getvalue()


class Newsroom:
    """Drops one file after another, each once the one before has its receipt."""

    def __init__(self, attack: Attack) -> None:
        self.attack = attack
        self.count = 0

    def drop(self, data: bytes) -> list[dict[str, Any]]:
        """What became of each record of a file."""
        self.count += 1
        name = f"file-{self.count:03}"
        self.attack.drop(Dropped(name, data, frozenset()))
        self.attack.settle()
        (receipt,) = [each for each in self.attack.receipts() if each["file"] == name]
        articles: list[dict[str, Any]] = receipt["articles"]
        return articles

    def outcome(self, data: bytes) -> tuple[str, str]:
        """Outcome and article id of a file's one record."""
        (article,) = self.drop(data)
        return article["outcome"], article["article_id"]

    def shown(self, article_id: str) -> str | None:
        """The headline under which the store holds an article now."""
        with SqliteStore(self.attack.settings.store) as store:
            held = store.get(UUID(article_id))
        return None if held is None else held.headline


@pytest.fixture(scope="module")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with attacked(tmp_path_factory.mktemp("desk")) as attack:
        yield Newsroom(attack)


def test_a_story_is_one_article_through_all_its_standards_and_versions(newsroom: Newsroom) -> None:
    first, story = newsroom.outcome(newsml_1(2))
    assert first == "indexed"
    assert newsroom.outcome(ninjs(2)) == ("unchanged", story)
    still = "Riverton harbour wall stands still"
    assert newsroom.outcome(newsml_g2(3, still)) == ("updated", story)
    assert newsroom.shown(story) == still
    assert newsroom.outcome(ninjs(1, "Harbour wall moves")) == ("superseded", story)
    assert newsroom.outcome(newsml_1(3, still)) == ("unchanged", story)
    assert newsroom.outcome(ninjs(4, status="canceled")) == ("withdrawn", story)
    assert newsroom.shown(story) is None
    assert newsroom.outcome(newsml_g2(3)) == ("superseded", story)
    assert newsroom.outcome(newsml_g2(5, "Wall is safe")) == ("indexed", story)


def test_a_cancellation_that_comes_before_its_article_keeps_it_out(newsroom: Newsroom) -> None:
    uri = "urn:newsml:rpa.example:20261120:mine-3"
    kind, story = newsroom.outcome(ninjs(3, "KILL: mine sold", "canceled", uri))
    assert kind == "withdrawn"
    assert newsroom.outcome(ninjs(2, "Mine sold", uri=uri)) == ("superseded", story)
    assert newsroom.outcome(ninjs(3, "Mine sold", uri=uri))[0] in {"superseded", "withdrawn"}
    assert newsroom.shown(story) is None
    assert newsroom.outcome(ninjs(4, "Mine not sold", uri=uri)) == ("indexed", story)


ORCHARD = (
    "An orchard of four hundred trees was planted along the canal of Fenwick on Saturday.",
    "Children of three schools dug the holes, and the mayor watered the first of the trees.",
    "The trees are old kinds of apple and pear, which the nursery of Fenwick has kept for long.",
)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.fenwick-post.example/2026/11/orchard/",
        "http://fenwick-post.example/2026/11/orchard",
        "https://m.fenwick-post.example/2026/11/orchard",
        "https://www.fenwick-post.example/2026/11/orchard/amp/",
        "https://amp.fenwick-post.example/2026/11/orchard",
        "https://fenwick-post.example/2026/11/orchard?utm_source=letter&fbclid=1",
        "https://fenwick-post.example/2026/11/orchard#comments",
    ],
)
def test_one_page_under_many_addresses_is_one_article(newsroom: Newsroom, url: str) -> None:
    plain = "https://fenwick-post.example/2026/11/orchard"
    _, story = newsroom.outcome(page(plain, "Fenwick plants an orchard", ORCHARD))
    assert newsroom.outcome(page(url, "Fenwick plants an orchard", ORCHARD)) == ("unchanged", story)


def test_a_title_only_change_updates_and_the_same_bytes_change_nothing(newsroom: Newsroom) -> None:
    url = "https://fenwick-post.example/2026/11/canal"
    texts = tuple(text.replace("orchard", "towpath").replace("trees", "lamps") for text in ORCHARD)
    first = page(url, "Lamps along the canal", texts)
    _, story = newsroom.outcome(first)
    assert newsroom.outcome(first) == ("unchanged", story)
    assert newsroom.outcome(page(url, "Four hundred lamps", texts)) == ("updated", story)
    assert newsroom.shown(story) == "Four hundred lamps"


def test_the_same_text_under_two_addresses_is_a_duplicate(newsroom: Newsroom) -> None:
    texts = tuple(text.replace("orchard", "hedge").replace("trees", "bushes") for text in ORCHARD)
    _, story = newsroom.outcome(page("https://a.example/hedge", "A hedge for Fenwick", texts))
    (again,) = newsroom.drop(page("https://b.example/hedge", "A hedge for Fenwick", texts))
    assert (again["outcome"], again["of"]) == ("duplicate", story)


def test_a_feed_entry_and_the_page_that_it_names_are_one_article(newsroom: Newsroom) -> None:
    url = "https://fenwick-post.example/2026/11/lock"
    feed = f"""<?xml version="1.0"?><rss version="2.0"><channel><title>Fenwick Post</title>
<link>https://fenwick-post.example/</link><item><title>Lock gates come back</title>
<link>{url}?utm_source=rss</link><guid>{url}</guid><pubDate>Fri, 20 Nov 2026 08:00:00 GMT</pubDate>
<description>The gates of the lock are hung again on Monday, after a winter on land.</description>
</item></channel></rss>"""
    kind, story = newsroom.outcome(feed.encode())
    assert kind == "indexed"
    texts = tuple(text.replace("orchard", "lock").replace("trees", "gates") for text in ORCHARD)
    assert newsroom.outcome(page(url, "Lock gates come back", texts)) == ("updated", story)


def test_a_bundle_with_one_bad_member_files_the_others(newsroom: Newsroom) -> None:
    uri = "urn:newsml:rpa.example:20261120:tower-1"
    bundle = zipped(
        a_json=ninjs(1, "Tower opens", uri=uri),
        b_json=b'{"uri": "urn:x:y", "headline": ',
        c_xml=newsml_g2(5, "Wall is safe"),
    )
    articles = newsroom.drop(bundle)
    assert [article["outcome"] for article in articles] == ["indexed", "rejected", "unchanged"]
    assert [article["locator"].partition("!")[2] for article in articles] == [
        "a.json",
        "b.json",
        "c.xml",
    ]
    assert articles[1]["reason"]
    assert articles[1]["advice"]
