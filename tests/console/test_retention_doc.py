"""docs/retention.md names everything that is kept, with the bounds that the code has."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest

from services.bus import receipt_notes, retention, scripts, server, webhooks
from services.bus.keys import (
    CHANGE_STREAMS,
    ENRICHMENT,
    INDEXER,
    STREAMS,
    Keys,
    Stream,
    receipts_stage,
)
from services.bus.service import ALIVE_TTL
from services.console.doctor.permissions import LIFE
from services.ingest.journal import KEEP_ARCHIVED_MS
from services.settings import Settings

DOC = (Path(__file__).parents[2] / "docs/retention.md").read_text("utf-8")
SOME_ID = UUID(int=1)
KEYS = Keys("news")
EXAMPLES = {
    "subscribers": KEYS.subscribers(),
    "trimmed": KEYS.trimmed(),
    "noted": KEYS.noted(),
    "shares": KEYS.shares(ENRICHMENT),
    "attempts": KEYS.attempts(ENRICHMENT),
    "begun": KEYS.begun("1"),
    "marker": KEYS.marker(SOME_ID, SOME_ID),
    "announced": KEYS.announced(SOME_ID),
    "alive": KEYS.alive(ENRICHMENT, "w"),
    "recent": KEYS.recent("g"),
    "halted": KEYS.halted("g"),
    "buried": KEYS.buried(SOME_ID, 1),
    "receipts": KEYS.receipts(),
    "kin": KEYS.kin("dup1", "ids"),
    "webhook": KEYS.webhook("n", "dead"),
    "trial": KEYS.trial("1", "stream"),
}
OTHERS = {"stream", "permanent", "alive_pattern", "halted_pattern"}
"""The streams have a table of their own; the rest builds no key."""

OF_PARTITIONS = {"partition_of", "at", "holding", "each"}
"""They build no key either."""


def row(of: str) -> str:
    """The row of a table that begins with this name."""
    found = re.search(rf"^\| [^|]*`{re.escape(of)}[`:].*$", DOC, re.MULTILINE)
    assert found is not None, f"docs/retention.md has no row for {of}"
    return found[0]


def test_every_key_has_its_row() -> None:
    builders = {name for name, value in vars(Keys).items() if callable(value) and name[0] != "_"}
    assert builders - OF_PARTITIONS == set(EXAMPLES) | OTHERS, (
        "a new kind of key needs a row in docs/retention.md"
    )
    for example in EXAMPLES.values():
        assert row(example.removeprefix("{news}:").partition(":")[0])


@pytest.mark.parametrize("stream", [*STREAMS, *CHANGE_STREAMS], ids=lambda stream: stream.name)
def test_every_stream_is_kept_as_long_as_its_row_says(stream: Stream) -> None:
    name, seconds = next(
        (name, seconds)
        for name, seconds in retentions().items()
        if f"`WIREDESK_{name.upper()}`" in row(stream.name)
    )
    janitor = retention.Janitor(INDEXER, Settings(**{name: 77.0}), None, None)  # type: ignore[arg-type]  # asks nobody
    assert janitor._retention(stream) == 77.0
    assert {3600: "1 hour", 7 * 86400: "7 days", 90 * 86400: "90 days"}[int(seconds)] in row(
        stream.name
    )


def retentions() -> dict[str, float]:
    """Settings of retention and their defaults in seconds."""
    fields = Settings.model_fields
    return {name: fields[name].default for name in fields if name.startswith("retain_")}


@pytest.mark.parametrize(
    "spec", [ENRICHMENT, INDEXER, receipts_stage(SOME_ID)], ids=lambda spec: spec.name
)
def test_the_service_that_looks_after_a_stream_is_named(spec: object) -> None:
    for stream in spec.trims:  # type: ignore[attr-defined]  # a stage
        assert f"| {spec.name} |" in row(stream.name)  # type: ignore[attr-defined]  # see above


DAY = 24 * 3600


@pytest.mark.parametrize(
    ("of", "seconds", "said"),
    [
        ("attempts", scripts.ATTEMPTS_TTL / DAY, "{:g} days after the last"),
        ("begun", scripts.BEGUN_TTL / 60, "{:g} minutes"),
        ("at", Settings.model_fields["marker_ttl"].default / DAY, "{:g} days after"),
        ("alive", ALIVE_TTL, "{:g} seconds"),
        ("recent", scripts.RECENT_TTL / DAY, "{:g} day after the last"),
        ("halted", scripts.ATTEMPTS_TTL / DAY, "{:g} days at most"),
        ("buried", scripts.BURIED_TTL / DAY, "{:g} days after the last"),
        ("receipts", receipt_notes.TTL / DAY, "{:g} days after the last"),
        ("receipts", receipt_notes.KEPT, "| {:g} |"),
        ("webhook-tries", webhooks.STATE_TTL / DAY, "{:g} days after the last change"),
        ("trial", LIFE, "{:g} seconds at most"),
        ("drops", KEEP_ARCHIVED_MS / DAY / 1000, "{:g} days after a drop was archived"),
    ],
)
def test_each_life_is_the_code_s(of: str, seconds: float, said: str) -> None:
    assert said.format(seconds) in row(of)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (retention.GONE_AFTER_CLAIMS, "{} times `WIREDESK_CLAIM_AFTER`"),
        (server.LOG_LIMIT // 2**20, "begun anew at {} MB"),
        (Settings.model_fields["subscriber_limit"].default, "({:,} entries behind)"),
        (Settings.model_fields["raw_backlog"].default, "({:,} waiting)"),
        (
            int(Settings.model_fields["janitor_interval"].default),
            "`WIREDESK_JANITOR_INTERVAL` ({} s)",
        ),
    ],
)
def test_its_numbers_are_the_real_ones(number: int, said: str) -> None:
    assert said.format(number) in re.sub(r"\s+", " ", DOC)


def test_every_setting_that_it_names_is_one() -> None:
    named = {name.lower() for name in re.findall(r"WIREDESK_([A-Z_]+)", DOC)}
    assert named
    assert named - set(Settings.model_fields) == set()
