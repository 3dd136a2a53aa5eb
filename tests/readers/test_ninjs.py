"""ninjs items as articles: every field, every version, and what deviates from the schemas."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.article import ReaderInfo
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Record, Unreadable
from services.ingest.readers.ninjs.editions import edition_of, looks_like
from services.ingest.readers.ninjs.reader import NinjsReader
from services.ingest.readers.ninjs.records import to_record, to_records
from services.ingest.readers.registry import reader_for
from tests.readers.support import source

SAMPLES = Path(__file__).parent / "samples" / "ninjs"
INFO = ReaderInfo(name="json", version="1", format="application/json", encoding="utf-8")

LEAD = "The ferry sails again from Monday, the harbour office said."
BASE: dict[str, Any] = {
    "uri": "tag:courier.example,2026:ferry",
    "standard": {"name": "ninjs", "version": "2.1"},
    "versioncreated": "2026-11-03T11:40:00Z",
    "headlines": [{"value": "Ferry sails again"}],
    "bodies": [{"value": LEAD}],
}
FLAT: dict[str, Any] = {
    "uri": "tag:courier.example,2026:ferry",
    "$standard": {"name": "ninjs", "version": "1.6"},
    "headline": "Ferry sails again",
    "body_text": LEAD,
}


def records(data: bytes) -> list[Record]:
    return list(NinjsReader(Limits()).read(source(data, "item.json")))


def only(record: Record) -> ReadArticle:
    assert isinstance(record, ReadArticle), record
    return record


def article(document: dict[str, Any]) -> ReadArticle:
    (record,) = records(json.dumps(document).encode())
    return only(record)


def bad(document: dict[str, Any]) -> BadRecord:
    (record,) = records(json.dumps(document).encode())
    assert isinstance(record, BadRecord)
    return record


def sample(name: str) -> list[Record]:
    data = (SAMPLES / name).read_bytes()
    assert reader_for(data[:8192], name, Limits()).name == "ninjs"
    return records(data)


# --- Fields ------------------------------------------------------------------------------------


def test_a_story_of_1_3_with_every_field() -> None:
    (record,) = sample("1.3_story_every_field.json")
    found = only(record)
    assert found.info.format == "application/vnd.iptc.ninjs 1.3"
    assert found.info.warnings == ("not kept: editorial note, headline short",)
    assert found.headline == "Island ferry sails again with a new shaft"
    assert found.standfirst == "Three villages get their mail after eleven days without."
    assert found.body[1:] == (
        "Eleven days",
        "Captain Ines Holm said the crew had practised the crossing twice — once at night.",
    )
    assert (found.byline, found.authors) == (
        "By Ines Varga and Tom Lund",
        ("Ines Varga", "Tom Lund"),
    )
    assert found.dateline == "Nordhavn"
    assert found.published_at == datetime(2026, 11, 3, 6, 5, tzinfo=UTC)
    assert found.updated_at == datetime(2026, 11, 3, 10, 40, tzinfo=UTC)
    assert found.embargoed_until == datetime(2026, 11, 3, 11, tzinfo=UTC)
    assert (found.language, found.urgency, found.version) == ("en-GB", 4, 3)
    assert (found.provider, found.withdrawn, found.extent) == ("Valley Courier", False, "full")
    assert found.provider_id == "urn:newsml:valleycourier.example:20261103:ferry-shaft"
    assert found.rights is not None
    assert found.rights.holder == "Valley Courier"
    assert found.rights.notice == "© 2026 Valley Courier"
    assert found.rights.usage_terms == "For subscribers in print and online; not for archives."
    coded = {(each.code, each.scheme) for each in found.subjects}
    assert ("medtop:20000148", "http://cv.iptc.org/newscodes/mediatopic/") in coded
    assert ("medtop:20000337", None) in coded
    assert ("Feature", "http://cv.iptc.org/newscodes/genre/") in coded
    assert [(p.name, p.code) for p in found.places] == [("Nordhavn", "nordhavn")]
    (picture,) = found.pictures
    assert picture.caption == "Engineers lower the new shaft into the MS Skarv in Nordhavn."
    assert (picture.credit, picture.url) == (
        "Photo: Mara Eide",
        "https://pictures.example/8812-l.jpg",
    )
    assert found.keywords == ("FERRY-SHAFT",)


def test_a_story_of_2_1_takes_the_texts_by_their_roles() -> None:
    (record,) = sample("2.1_story_every_field.json")
    found = only(record)
    assert found.headline == "School stays shut until its roof is safe"
    assert found.standfirst == "Three hundred pupils learn at home this week."
    assert found.body[1] == "Snow had bent two of them."
    assert (found.authors, found.byline, found.provider) == (("Signe Aas",), None, "Coast Radio")
    assert [s.code for s in found.subjects][:2] == ["medtop:20000398", "roofs"]
    assert "Signe Aas" not in {s.name for s in found.subjects}
    assert [p.caption for p in found.pictures] == [None, "One of the two bent beams."]
    assert found.rights is not None
    assert found.rights.usage_terms == "Free with credit. https://coastradio.example/rights"


def test_a_story_of_3_1_reads_camel_case() -> None:
    (record,) = sample("3.1_story_every_field.json")
    found = only(record)
    assert found.info.format == "application/vnd.iptc.ninjs 3.1"
    assert found.headline == "Dam at Storvatn holds, engineers say"
    assert found.body[1:] == ("The lake is a metre lower.", "The road stays shut.")
    assert found.embargoed_until == datetime(2026, 8, 2, 12, tzinfo=UTC)
    assert found.updated_at == datetime(2026, 8, 2, 11, 20, 0, 500_000, tzinfo=UTC)
    assert found.authors == ("Liv Berg",)
    assert [(p.name, p.code) for p in found.places] == [("Storvatn", "storvatn")]


@pytest.mark.parametrize(
    "name", sorted(path.name for path in SAMPLES.glob("[123].[0-9]*.json")), ids=str
)
def test_the_version_is_in_the_receipt_and_valid_samples_have_no_complaints(name: str) -> None:
    for record in sample(name):
        info = only(record).info
        stated = name[:3] if not name.startswith("1.0") else "1.x"  # 1.0 has no field for it
        assert info.format == f"application/vnd.iptc.ninjs {stated}"
        assert not [warning for warning in info.warnings if "schema" in warning]


def test_utf_16_is_read() -> None:
    (record,) = sample("1.4_utf16.json")
    assert only(record).headline == "Le café du port rouvre à l’été"
    assert only(record).info.encoding == "utf-16-le"


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    (record,) = records(b"\xef\xbb\xbf" + json.dumps(FLAT).encode())
    assert only(record).headline == "Ferry sails again"


@pytest.mark.parametrize(("status", "word"), [("canceled", "canceled"), ("withheld", "withheld")])
def test_a_status_other_than_usable_withdraws(status: str, word: str) -> None:
    found = article({**BASE, "pubstatus": status})
    assert found.withdrawn
    assert f"publication status '{word}': taken as withdrawn" in found.info.warnings
    assert not article({**BASE, "pubstatus": "usable"}).withdrawn


def test_a_cancelled_item_needs_no_text() -> None:
    found = article({"uri": "x:1", "pubStatus": "canceled", "versionCreated": "2026-11-03"})
    assert (found.withdrawn, found.provider_id, found.headline, found.body) == (
        True,
        "x:1",
        None,
        (),
    )


def test_times_fall_back_to_the_version_s() -> None:
    moment = datetime(2026, 11, 3, 11, 40, tzinfo=UTC)
    assert article(BASE).published_at == moment
    first = article({**BASE, "firstcreated": "2026-11-01T00:00:00Z"})
    assert first.published_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert first.updated_at == moment


def test_a_time_without_a_zone_is_a_warning() -> None:
    found = article({**BASE, "versioncreated": "2026-11-03T11:40:00"})
    assert found.updated_at is None
    assert any(warning.startswith("versioncreated: no time") for warning in found.info.warnings)


def test_an_alternative_id_stands_in_for_the_uri() -> None:
    document = {**FLAT, "altids": {"parts": [1], "desk": "VC-7"}}
    del document["uri"]
    found = article({**document, "pubstatus": "usable"})
    assert found.provider_id == "VC-7"
    assert "uri: is required" in found.info.warnings


def test_plain_text_is_parted_at_blank_lines() -> None:
    found = article({**FLAT, "body_text": "First one.\n\nSecond\x00 one.\r\n\r\nThird."})
    assert found.body == ("First one.", "Second one.", "Third.")


def test_markup_is_recognised_where_nothing_says_so() -> None:
    found = article({**BASE, "bodies": [{"value": "<p>One &amp; only.</p><p>Two.</p>"}]})
    assert found.body == ("One & only.", "Two.")


def test_html_is_preferred_and_an_empty_body_passed_over() -> None:
    flat = {**FLAT, "body_xhtml": "<p>One.</p><p>Two.</p>", "body_text": "One. Two."}
    assert article(flat).body == ("One.", "Two.")
    assert article({**flat, "body_xhtml": "<p> </p>"}).body == ("One. Two.",)


def test_without_a_body_the_description_is_the_text_and_a_summary() -> None:
    document = {**BASE, "bodies": [], "descriptions": [{"role": "summary", "value": LEAD}]}
    found = article(document)
    assert (found.body, found.standfirst, found.extent) == ((LEAD,), None, "summary")


def test_a_standfirst_that_repeats_the_lead_is_left_out() -> None:
    assert article({**FLAT, "description_text": LEAD.upper()}).standfirst is None


def test_a_partial_representation_is_an_excerpt() -> None:
    found = article({**BASE, "representationtype": "partial"})
    assert found.extent == "excerpt"


def test_a_picture_s_caption_is_its_text() -> None:
    (record,) = sample("1.6_picture.json")
    found = only(record)
    assert found.body == (
        "Two cranes stand over the old fish hall of Nordhavn, which makes way for a school.",
    )
    assert found.pictures[0].url == "https://pictures.example/4711.jpg"
    assert found.info.warnings == ("of type picture: its caption is the text",)


@pytest.mark.parametrize("kind", ["picture", "video", "text", "component"])
def test_an_item_without_any_text_is_refused_by_its_type(kind: str) -> None:
    refusal = bad({"uri": "x:1", "type": kind, "versioncreated": "2026-11-03T11:40:00Z"})
    assert refusal.reason.startswith(f"an item of type {kind} without any text")
    assert refusal.advice


def test_a_package_gives_the_articles_within_it() -> None:
    found = [only(record) for record in sample("3.0_composite_of_stories.json")]
    assert [each.headline for each in found] == [
        "Moderates win the hill counties by a hundred votes",
        "More voters than in thirty years",
    ]
    assert [(each.position, each.locator) for each in found] == [
        (1, "association main story"),
        (2, "association sidebar"),
    ]
    assert [each.version for each in found] == [2, 1]


def test_an_item_comes_before_the_articles_associated_with_it_at_any_depth() -> None:
    inner = {**FLAT, "uri": "x:3", "headline": "Inner", "urgency": "high"}
    middle = {"uri": "x:2", "type": "picture", "associations": {"story": inner}}
    document = {**FLAT, "associations": {"p": middle, "same": {**FLAT, "headline": "Self"}}}
    first, second = (only(each) for each in records(json.dumps(document).encode()))
    assert (first.headline, second.headline) == ("Ferry sails again", "Inner")
    assert "urgency: must be a number, not a string" in second.info.warnings
    path = "associations/p/associations/story/urgency"
    assert f"{path}: must be a number, not a string" in first.info.warnings


# --- Versions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        ({"standard": {"version": "3.0"}}, "3.0"),
        ({"$standard": {"name": "ninjs", "version": "1.5"}}, "1.5"),
        ({"$standard": {"schema": "http://x.example/ninjs-schema_1.4.json#"}}, "1.4"),
        ({"$schema": "https://www.iptc.org/std/ninjs/ninjs-schema_2.2.json"}, "2.2"),
        ({"standard": {"version": 2.1}}, "2.1"),
        ({"standard": {"version": "3.7"}}, "3.7"),
        ({"body_xhtml": "", "byline": "", "uri": ""}, "1.x"),
        ({"bodies": [{"contenttype": "text/html"}], "versioncreated": ""}, "2.x"),
        ({"bodies": [{"contentType": "text/html"}], "headlines": []}, "3.x"),
        ({"bodies": [], "versionCreated": "", "standard": {"version": "9.9"}}, "3.x"),
        ({"standard": {"version": "newest"}, "pubStatus": "usable"}, "3.x"),
    ],
)
def test_the_version_is_stated_or_told_by_the_fields(
    document: dict[str, Any], media_type: str
) -> None:
    edition = edition_of(document)
    assert edition.media_type == f"application/vnd.iptc.ninjs {media_type}"
    assert bool(edition.warning) == (media_type.endswith("x") or media_type == "3.7")


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        (BASE, True),
        (FLAT, True),
        ({"uri": "x", "pubstatus": "usable"}, True),
        ({"uri": "x", "body_text": "y"}, True),
        ({"body_text": "y", "description_text": "z"}, True),
        ({"title": "x", "body_text": "y", "url": "z"}, False),
        ({"uri": "x", "title": "y", "body": "z", "dateTimePub": "2026"}, False),
        ({"title": "x", "url": "y", "content": "z", "publishedAt": "2026"}, False),
        ({"uri": "x", "body_text": "y", **{f"own{n}": n for n in range(9)}}, False),
        ({}, False),
        ([BASE], False),
        ("uri", False),
    ],
)
def test_ninjs_is_told_from_other_json(document: object, *, answer: bool) -> None:
    assert looks_like(document) is answer


@pytest.mark.parametrize(
    ("data", "reader"),
    [
        (json.dumps(FLAT).encode(), "ninjs"),
        (json.dumps({**FLAT, "body_text": "x" * 20_000}).encode(), "ninjs"),
        (json.dumps(FLAT).encode("utf-16"), "ninjs"),
        (json.dumps([FLAT]).encode(), "json"),
        (json.dumps({"title": "x", "url": "y", "content": "z"}).encode(), "json"),
        (b"# Ferry sails again\n", "markdown"),
        (b"The ferry sails again\n", "plain"),
    ],
)
def test_single_items_are_claimed_by_content(data: bytes, reader: str) -> None:
    assert reader_for(data[:8192], "story.txt", Limits()).name == reader


def test_a_file_that_turns_out_to_be_lines_is_read_as_lines() -> None:
    """Its first line is longer than the head by which the reader was chosen."""
    line = json.dumps({**FLAT, "body_text": f"{LEAD} " * 300}).encode()
    data = line + b"\n" + line.replace(b":ferry", b":quay") + b"\n"
    found = [only(record) for record in records(data)]
    assert [each.position for each in found] == [1, 2]
    assert found[0].locator == "line 1"


# --- Deviations --------------------------------------------------------------------------------


def test_what_the_schema_refuses_is_named_and_the_text_read_all_the_same() -> None:
    (record,) = sample("deviating_but_readable.json")
    found = only(record)
    assert found.headline == "Market hall reopens with forty stalls"
    assert found.body == ("The market hall of Nordhavn reopened on Thursday with forty stalls.",)
    assert (found.version, found.urgency, found.withdrawn) == (7, 3, False)
    assert [s.name for s in found.subjects] == ["trade", "retail"]
    said = "\n".join(found.info.warnings)
    for field, reason in {
        "headline": "the schema has no such field",
        "section": "the schema has no such field",
        "located": "must not be null",
        "version": "must be a string, not 7",
        "urgency": "must be a number, not a string",
        "subjects/0": "must be an object, not a string",
        "subjects/1/relevance": "must be less than or equal to 100, not 140",
    }.items():
        assert f"{field}: {reason}" in said


@pytest.mark.parametrize("status", ["cancelled", "Canceled", "KILLED", " withheld "])
def test_a_withdrawal_in_other_words_is_one(status: str) -> None:
    found = article({**BASE, "pubstatus": status})
    assert found.withdrawn
    assert any(warning.startswith("pubstatus: must be") for warning in found.info.warnings)


def test_texts_where_lists_of_them_should_be_are_read() -> None:
    found = article({**BASE, "headlines": "Ferry", "bodies": {"value": LEAD}})
    assert (found.headline, found.body) == ("Ferry", (LEAD,))


def test_a_field_of_a_later_version_is_named_and_used() -> None:
    found = article({**FLAT, "$standard": {"version": "1.0"}, "urgency": 2, "slugline": "FERRY"})
    assert (found.urgency, found.keywords) == (2, ("FERRY",))
    assert "urgency: there is no such field before minor version 1" in found.info.warnings


def test_a_body_under_a_name_of_no_version_is_read() -> None:
    document = {**FLAT, "body": LEAD}
    del document["body_text"]
    assert article(document).body == (LEAD,)


def test_only_what_is_wrong_is_lost() -> None:
    subjects = [1, {"name": "good"}, {"name": 5}, None, {"uri": ["x"], "name": "half"}]
    found = article({**BASE, "subjects": subjects})
    assert [s.name for s in found.subjects] == ["good", "5", "half"]


def test_warnings_are_bounded_and_the_item_s_own_come_first() -> None:
    found = article({**BASE, "pubstatus": "canceled", "subjects": [1] * 400})
    assert len(found.info.warnings) <= 20
    assert found.info.warnings[0].startswith("publication status")
    assert found.info.warnings[-1].endswith("more warnings")


# --- In dumps ----------------------------------------------------------------------------------


def test_a_record_of_a_dump_keeps_its_place() -> None:
    given_info = INFO.model_copy(update={"warnings": ("encoding guessed",)})
    found = to_record(FLAT, position=7, locator="line 7", info=given_info, checkpoint="700")
    assert isinstance(found, ReadArticle)
    assert (found.position, found.locator, found.checkpoint) == (7, "line 7", "700")
    assert (found.info.name, found.info.format) == ("json", "application/vnd.iptc.ninjs 1.6")
    assert found.info.warnings == ("encoding guessed",)


def test_a_package_in_a_dump_gives_all_its_articles_or_says_how_many_are_left_out() -> None:
    document = {**FLAT, "associations": {"b": {**FLAT, "uri": "x:2", "headline": "B"}}}
    both = to_records(document, position=4, locator="line 4", info=INFO, checkpoint="9")
    assert [(each.position, each.locator, each.checkpoint) for each in both] == [
        (4, "line 4", None),
        (5, "line 4 association b", "9"),
    ]
    first = to_record(document, position=4, locator="line 4", info=INFO, checkpoint="9")
    assert isinstance(first, ReadArticle)
    assert first.headline == "Ferry sails again"
    assert "1 associated articles left out" in first.info.warnings
    assert first.checkpoint == "9"


def test_the_caller_s_object_is_not_changed() -> None:
    document = {**BASE, "version": 7, "headlines": "A\ud800", "subjects": [1, "x"]}
    before = repr(document)
    to_records(document, position=1, locator="", info=INFO)
    assert repr(document) == before


def test_an_empty_object_is_a_bad_record() -> None:
    found = to_record({}, position=1, locator="item 1", info=INFO)
    assert isinstance(found, BadRecord)
    assert "without any text" in found.reason


def test_json_that_is_no_object_is_refused() -> None:
    with pytest.raises(Unreadable, match="the JSON is no object"):
        records(b"[1, 2]")
