"""Who an article is: its id, its revision, the digest of its content, and its published text.

Pure functions: the same article of the same drop always becomes the same
:class:`~schemas.article.RawArticle`, which is what makes reading a file again harmless.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from schemas.article import RawArticle, Section
from services.ingest.addresses import canonical_url
from services.ingest.readers.lines import one_spaced

if TYPE_CHECKING:
    from schemas.article import Drop, IdentityBasis, RevisionBasis
    from services.ingest.readers.base import ReadArticle

ARTICLE_NAMESPACE = UUID("b6a1f0c2-3d57-5e0b-8c44-0f9d7a52e613")
"""Namespace of the article ids (UUIDv5), drawn once at random. Never change it: every article
ever filed would come back under a new id, as a new article."""

MAX_REVISION = 2**53 - 1
"""The largest integer that JSON readers in every language hold exactly (RFC 8259, 6)."""

PARAGRAPH_BREAK = "\n\n"

_VERSION_PART = re.compile(
    r":(?P<part>\d{1,15})[NAU]?$|[?&;#](?:version|ver|rev|revision)=(?P<query>\d{1,15})$",
    re.IGNORECASE,
)

_NEWSML_COLONS = "urn:newsml:provider:date:item:version".count(":")
"""With fewer, the last number is the item and no version."""

_VERSIONED_TAG = re.compile(r"tag:[^:]+:newsml[^:]*:\d+[nau]?")
"""The agencies' tags with a version. Of other tags the last number is mostly the item: a blog's
stories 41 and 42 must not become two versions of one."""

_CASELESS = re.compile(r"\A(?:urn:uuid:.*|urn:[a-z0-9-]+:|tag:)", re.IGNORECASE | re.DOTALL)
"""What of a URI has no case (RFC 8141, 3.1; RFC 9562, 4); of a tag only its scheme."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOST_AHEAD = timedelta(days=1)
"""How far after its receipt an update may say that it was made: clocks and time zones go wrong by
hours. A wrong year would put the version above every correction for as long."""


def assemble(article: ReadArticle, drop: Drop, ingested_at: datetime) -> RawArticle:
    """The event's article: ``article`` identified, with its text in one piece.

    ``ingested_at`` must have a zone.  Never raises for an article that keeps the readers'
    contract.
    """
    basis, article_id = identify(article, drop)
    revision_basis, revision = revise(article, drop)
    text, sections = compose(article)
    status = "withdrawn" if article.withdrawn else "usable"
    return RawArticle(
        drop=drop,
        article_id=article_id,
        identity_basis=basis,
        revision=revision,
        revision_basis=revision_basis,
        status=status,
        content_hash=content_hash(article.headline, text, status),
        headline=article.headline,
        standfirst=article.standfirst,
        authors=article.authors,
        byline=article.byline,
        dateline=article.dateline,
        published_at=article.published_at,
        updated_at=article.updated_at,
        embargoed_until=article.embargoed_until,
        language=article.language,
        text=text,
        sections=sections,
        set_apart=article.set_apart,
        credits=article.credits,
        url=article.url,
        provider=article.provider,
        provider_id=article.provider_id,
        extent=article.extent,
        urgency=article.urgency,
        rights=article.rights,
        subjects=article.subjects,
        keywords=article.keywords,
        section=article.section,
        places=article.places,
        pictures=article.pictures,
        reader=article.info,
        ingested_at=ingested_at,
    )


# --- Identity ------------------------------------------------------------------------


def identify(article: ReadArticle, drop: Drop) -> tuple[IdentityBasis, UUID]:
    """The article id and what it was made from: provider's id, else URL, else text.

    A provider's id that is a web address (a feed's permalink, a ninjs ``uri``) is the address
    of a page: it is made canonical, and the article is the same as one that has that page as its
    URL.  Not so when it ends in a ``#…``, which names one of several things on a page.

    Each record is known by the best that it has itself: a story that once has an id of its own
    and once only its page's URL is two articles (*duplicates*, where the texts are equal).

    The text is the body alone, so that a story whose title changes stays the same story;
    the headline (and standfirst) where there is no body.
    """
    if article.provider_id and (stable := split_version(article.provider_id)[0]):
        page = None if "#" in stable else canonical_url(stable)
        if page is not None:
            return "url", _uuid("url", page)
        return "provider", _uuid("provider", _provider_key(stable, article.provider))
    if article.url and (url := canonical_url(article.url)):
        return "url", _uuid("url", url)
    text = normalised(" ".join(article.body)) or normalised(
        f"{article.headline or ''} {article.standfirst or ''}"
    )
    # An article with no words at all (a bare picture) is told apart by its file.
    return "text", _uuid("text", text or f"{drop.content_sha256}/{drop.position}")


def _uuid(basis: IdentityBasis, key: str) -> UUID:
    return uuid5(ARTICLE_NAMESPACE, f"{basis}\n{key}")


def _provider_key(stable: str, provider: str | None) -> str:
    # A URI (urn:…, tag:…, https:…) is unique in the world and the same in every format of the
    # story; a bare number or code is unique at its provider only.
    if ":" in stable or provider is None:
        return _CASELESS.sub(lambda found: found[0].lower(), stable, count=1)
    return f"{normalised(provider)}\n{stable}"


def split_version(provider_id: str) -> tuple[str, int | None]:
    """``provider_id`` without its version part, and that version.

    The last part of ``urn:newsml:provider:date:item:version`` (NewsML 1.2, with ``N``,
    ``A`` or ``U`` after it) and of agencies' ``tag:provider,date:newsml_item:version``, and
    a trailing ``version=`` parameter.
    """
    stable = provider_id.strip()
    match = _VERSION_PART.search(stable)
    if match is None:
        return stable, None
    if match["part"] is not None and not _has_version_part(stable):
        return stable, None
    return stable[: match.start()], int(match["part"] or match["query"])


def _has_version_part(provider_id: str) -> bool:
    lower = provider_id.casefold()
    if lower.startswith("urn:newsml:"):
        return lower.count(":") >= _NEWSML_COLONS
    return _VERSIONED_TAG.fullmatch(lower) is not None


def normalised(text: str) -> str:
    """``text`` as it is compared: NFKC, case-folded, every run of white space one space."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Folding can leave what NFKC joins (e.g. a Greek iota below), hence once more.
    return one_spaced(unicodedata.normalize("NFKC", folded))


# --- Revision and content ----------------------------------------------------------------


def revise(article: ReadArticle, drop: Drop) -> tuple[RevisionBasis, int]:
    """What orders this version among the article's others, and its number.

    The provider's version (also one that is part of its id); else the time of the update
    (unless it is :data:`MOST_AHEAD` of the receipt), else of the receipt, in milliseconds
    since 1970.  How revisions of both kinds are ordered: ``services.indexer.store.rules``.
    """
    version = article.version
    if version is None and article.provider_id:
        version = split_version(article.provider_id)[1]
    if version is not None and 0 <= version <= MAX_REVISION:
        return "version", version
    updated = article.updated_at
    if updated is not None and _EPOCH <= updated <= drop.received_at + MOST_AHEAD:
        return "updated", _milliseconds(updated)
    return "received", max(0, _milliseconds(drop.received_at))


def _milliseconds(moment: datetime) -> int:
    # In integers: a float of seconds is off by a millisecond now and then.
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def content_hash(headline: str | None, text: str, status: str) -> str:
    """SHA-256 over the JSON array of the three: equal if and only if they are."""
    content = json.dumps([headline, text, status], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def compose(article: ReadArticle) -> tuple[str, tuple[Section, ...]]:
    """Headline, standfirst and body with a blank line between paragraphs, and where each is."""
    body = PARAGRAPH_BREAK.join(article.body)
    parts: list[str] = []
    sections: list[Section] = []
    at = 0
    for role, part in (
        ("headline", article.headline),
        ("standfirst", article.standfirst),
        ("body", body),
    ):
        if part:
            sections.append(
                Section.model_validate({"role": role, "start": at, "end": at + len(part)})
            )
            parts.append(part)
            at += len(part) + len(PARAGRAPH_BREAK)
    return PARAGRAPH_BREAK.join(parts), tuple(sections)
