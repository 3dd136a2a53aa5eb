"""Hypothesis strategies of the contract's models: anything that a producer may write."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import get_args

from hypothesis import strategies as st

from schemas.annotations import (
    DatePrecision,
    DateValue,
    Evidence,
    MoneyValue,
    NearDuplicate,
    Quote,
    ReadingTime,
    Relation,
    StoryRef,
    Summary,
)
from schemas.article import (
    Drop,
    EnrichedArticle,
    Entity,
    EntityType,
    IdentityBasis,
    Language,
    Mention,
    Provenance,
    RawArticle,
    ReaderInfo,
    RevisionBasis,
    Section,
    SetApartKind,
    SourceLine,
    Topic,
)
from schemas.events import (
    DeadLetter,
    EntitiesChanged,
    EntityChange,
    Outcome,
    OutcomeKind,
    StoryMerged,
    Timings,
)

TEXT = st.text(max_size=40)
OPTIONAL_TEXT = st.none() | TEXT
COUNT = st.integers(min_value=0, max_value=2**53 - 1)
SHA256 = st.text("0123456789abcdef", min_size=64, max_size=64)
SCORE = st.floats(0, 1)
# Zones as sources write them, UTC-12 to UTC+14 in quarters of an hour.
ZONE = st.integers(-48, 56).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
# A day inside the years that datetime knows, so that every zone's UTC still is a datetime.
TIME = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONE)  # noqa: DTZ001  # ZONE adds them
OPTIONAL_TIME = st.none() | TIME

DROPS = st.builds(
    Drop,
    drop_id=st.uuids(),
    inbox_id=st.uuids(),
    file=TEXT,
    content_sha256=SHA256,
    size=COUNT,
    position=st.integers(min_value=1, max_value=2**31),
    received_at=TIME,
)
SECTIONS = st.builds(
    Section, role=st.sampled_from(["headline", "standfirst", "body"]), start=COUNT, end=COUNT
)
SOURCE_LINES = st.builds(
    SourceLine,
    kind=st.sampled_from(get_args(SetApartKind)),
    text=TEXT,
    line=st.integers(min_value=1, max_value=10**6),
)
READERS = st.builds(
    ReaderInfo,
    name=TEXT,
    version=TEXT,
    format=TEXT,
    encoding=OPTIONAL_TEXT,
    warnings=st.lists(TEXT, max_size=2).map(tuple),
)
_RAW = {
    "drop": DROPS,
    "article_id": st.uuids(),
    "revision": COUNT,
    "revision_basis": st.sampled_from(get_args(RevisionBasis)),
    "identity_basis": st.sampled_from(get_args(IdentityBasis)),
    "status": st.sampled_from(["usable", "withdrawn"]),
    "content_hash": SHA256,
    "headline": OPTIONAL_TEXT,
    "authors": st.lists(TEXT, max_size=2).map(tuple),
    "published_at": OPTIONAL_TIME,
    "updated_at": OPTIONAL_TIME,
    "text": TEXT,
    "sections": st.lists(SECTIONS, max_size=2).map(tuple),
    "set_apart": st.lists(SOURCE_LINES, max_size=2).map(tuple),
    "reader": READERS,
    "ingested_at": TIME,
}
RAW_ARTICLES = st.builds(RawArticle, **_RAW)
MENTIONS = st.builds(Mention, start=COUNT, end=st.integers(min_value=1, max_value=2**53), text=TEXT)
POSITIVE = st.integers(min_value=1, max_value=2**31)
OPTIONAL_SCORE = st.none() | SCORE
DATE_VALUES = st.builds(
    DateValue,
    earliest=st.dates(),
    latest=st.dates(),
    precision=st.sampled_from(get_args(DatePrecision)),
    relative_to=OPTIONAL_TIME,
)
MONEY_VALUES = st.builds(
    MoneyValue,
    amount=st.floats(0, 1e15),
    upto=st.none() | st.floats(0, 1e15),
    currency=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3),
    about=st.booleans(),
)
RELATIONS = st.builds(
    Relation, kind=st.sampled_from(["demonym_of", "capital_of", "part_of"]), key=TEXT, name=TEXT
)
ENTITIES = st.builds(
    Entity,
    key=TEXT,
    name=TEXT,
    type=st.sampled_from(get_args(EntityType)),
    mentions=st.lists(MENTIONS, min_size=1, max_size=2).map(tuple),
    count=st.none() | POSITIVE,
    salience=OPTIONAL_SCORE,
    confidence=OPTIONAL_SCORE,
    wikidata=st.none() | POSITIVE.map("Q{}".format),
    geonames=st.none() | POSITIVE.map(str),
    iso_country=st.none() | st.sampled_from(["BY", "CN"]),
    link_confidence=OPTIONAL_SCORE,
    relations=st.lists(RELATIONS, max_size=2).map(tuple),
    date=st.none() | DATE_VALUES,
    money=st.none() | MONEY_VALUES,
)
TOPICS = st.builds(
    Topic,
    code=TEXT,
    name=TEXT,
    score=SCORE,
    assigned_by=st.sampled_from(["model", "provider", "section", "user"]),
    level=st.none() | POSITIVE,
    evidence=st.lists(st.builds(Evidence, words=TEXT, weight=SCORE), max_size=2).map(tuple),
)
QUOTES = st.builds(
    Quote,
    start=COUNT,
    end=POSITIVE,
    text=TEXT,
    speaker=OPTIONAL_TEXT,
    speaker_name=OPTIONAL_TEXT,
    verb=OPTIONAL_TEXT,
)
NEAR_DUPLICATES = st.builds(
    NearDuplicate,
    article_id=st.uuids(),
    share=SCORE,
    direction=st.sampled_from(["same", "shortened", "extended", "corrected"]),
    provider=OPTIONAL_TEXT,
)
STORIES = st.builds(
    StoryRef,
    id=st.uuids(),
    articles=POSITIVE,
    merged=st.lists(st.uuids(), max_size=2).map(tuple),
)
PROVENANCE = st.builds(
    Provenance,
    block=TEXT,
    status=st.sampled_from(["done", "skipped", "failed"]),
    annotator=TEXT,
    version=TEXT,
    model_sha256=st.none() | SHA256,
    at=TIME,
    duration_ms=st.floats(0, 1e9),
)
ENRICHED_ARTICLES = st.builds(
    EnrichedArticle,
    **_RAW,
    detected_language=st.builds(Language, code=TEXT, confidence=SCORE),
    entities=st.lists(ENTITIES, max_size=2).map(tuple),
    topics=st.lists(TOPICS, max_size=2).map(tuple),
    quotes=st.lists(QUOTES, max_size=2).map(tuple),
    summary=st.none() | st.builds(Summary, text=TEXT, start=COUNT, end=POSITIVE),
    reading_time=st.none() | st.builds(ReadingTime, words=COUNT, seconds=COUNT),
    near_duplicate_of=st.none() | NEAR_DUPLICATES,
    near_duplicates=st.lists(NEAR_DUPLICATES, max_size=2).map(tuple),
    story=st.none() | STORIES,
    provenance=st.lists(PROVENANCE, max_size=2).map(tuple),
    enriched_at=TIME,
)
OUTCOMES = st.builds(
    Outcome,
    drop=DROPS,
    article_id=st.uuids(),
    revision=COUNT,
    outcome=st.sampled_from(get_args(OutcomeKind)),
    of=st.none() | st.uuids(),
    by_revision=st.none() | COUNT,
    reason=OPTIONAL_TEXT,
    timings=st.builds(Timings, received_at=TIME, enriched_at=OPTIONAL_TIME, filed_at=TIME),
)
DEAD_LETTERS = st.builds(
    DeadLetter,
    stage=TEXT,
    group=TEXT,
    stream=TEXT,
    entry_id=TEXT,
    error_type=TEXT,
    error_message=TEXT,
    attempts=COUNT,
    software_version=TEXT,
    original=st.binary(max_size=20).map(bytes.hex),
    drop=st.none() | DROPS,
    died_at=TIME,
)
STORIES_MERGED = st.builds(
    StoryMerged, story_id=st.uuids(), merged=st.uuids(), article_id=st.uuids(), at=TIME
)
ENTITIES_CHANGED = st.builds(
    EntitiesChanged,
    change_id=st.uuids(),
    change=st.sampled_from(get_args(EntityChange)),
    keys=st.lists(TEXT, min_size=1, max_size=2).map(tuple),
    into=OPTIONAL_TEXT,
    name=OPTIONAL_TEXT,
    articles=COUNT,
    at=TIME,
)
PAYLOADS = st.one_of(
    RAW_ARTICLES, ENRICHED_ARTICLES, OUTCOMES, DEAD_LETTERS, STORIES_MERGED, ENTITIES_CHANGED
)
