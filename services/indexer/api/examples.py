"""What answers look like, for the OpenAPI document: all of it made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ARTICLE = "4a52cf0e-2f0b-5c3a-9a55-0b6d6d7a1c01"
COPY = "9d1f6a3b-7c55-5e0e-8f5d-52a6b8d0c702"
STORY = "c0a8f4d2-1b7e-5d8a-9e43-7a1f0c5b3d03"
CURSOR = "AT1mC9r0aHUYJ9z8ggAAAAAAAAAAAAAE0g"
ANA = {"key": "person:ana petrova", "name": "Ana Petrova", "type": "PERSON"}
ECONOMY = {"code": "medtop:04000000", "name": "economy, business and finance"}

_SUMMARY = {
    "id": ARTICLE,
    "revision": 2,
    "headline": "Harbour of Riverton closes for repairs",
    "published_at": "2026-03-02T10:00:00Z",
    "listed_at": "2026-03-02T10:00:00Z",
    "filed_at": "2026-03-02T12:00:03Z",
    "source": "Example Wire",
    "language": "en",
    "excerpt": "Ana Petrova said the quay wall had moved by four centimetres since the winter.",
    "matches": [{"start": 21, "end": 30}],
    "topics": [ECONOMY],
    "story": STORY,
    "copy_of": None,
}

_COPY = _SUMMARY | {
    "id": COPY,
    "revision": 1,
    "source": "Quay Press",
    "matches": [],
    "copy_of": ARTICLE,
}

_STORY = {
    "id": STORY,
    "headline": "Harbour of Riverton closes for repairs",
    "articles": 2,
    "sources": 2,
    "first_at": "2026-03-02T10:00:00Z",
    "last_at": "2026-03-02T14:00:00Z",
}

EXAMPLES: Mapping[str, Any] = {
    "listArticles": {"items": [_SUMMARY], "next": CURSOR},
    "listNearDuplicates": {"items": [_COPY], "next": None},
    "listEntityArticles": {"items": [_SUMMARY | {"matches": []}], "next": CURSOR},
    "listStoryArticles": {"items": [_COPY, _SUMMARY | {"matches": []}], "next": None},
    "listVersions": {
        "items": [
            {
                "number": number,
                "revision": number,
                "received_at": f"2026-03-02T1{number}:00:00Z",
                "filed_at": f"2026-03-02T1{number}:00:03Z",
                "withdrawn": False,
                "headline": headline,
            }
            for number, headline in ((1, "Harbour to close"), (2, _SUMMARY["headline"]))
        ]
    },
    "listFacets": {
        "counted": 1204,
        "complete": True,
        "facets": {
            "topic": [{"key": ECONOMY["code"], "name": ECONOMY["name"], "count": 311}],
            "source": [{"key": "Example Wire", "name": "Example Wire", "count": 800}],
        },
    },
    "listEntities": {"items": [ANA | {"articles": 41, "mentions": 97}]},
    "getEntity": ANA
    | {
        "articles": 41,
        "mentions": 97,
        "names": [{"name": "Ana Petrova", "articles": 40}, {"name": "A. Petrova", "articles": 3}],
        "merged": ["person:a. petrova"],
        "url": None,
    },
    "listCoMentions": {
        "counted": 41,
        "complete": True,
        "items": [{"key": "gpe:riverton", "name": "Riverton", "type": "GPE", "articles": 38}],
    },
    "getTimeline": {"items": [{"day": "2026-03-02", "articles": 5}]},
    "listStories": {"items": [_STORY]},
    "getStory": _STORY,
    "listChanges": {
        "items": [
            {
                "id": ARTICLE,
                "state": "live",
                "revision": 2,
                "filed_at": "2026-03-02T12:00:03Z",
            }
        ],
        "next": CURSOR,
    },
}
"""An answer for each operation that gives a list, by the operation's id."""
