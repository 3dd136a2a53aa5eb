"""Field maps: the file that says how the dumps of one's own are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from services.ingest.field_maps import FieldMapError, load_field_maps
from services.ingest.readers.base import FieldMap, Limits, ReadArticle, Unreadable
from services.ingest.readers.dumps.fields import at_path, by_map
from services.ingest.readers.registry import read_file
from tests.readers.support import source

if TYPE_CHECKING:
    from pathlib import Path

OWN = """
harbour-archive:
  headline: meta.title
  body: story.parts
  byline: meta.signed
  published_at: meta.times.0
  provider_id: no
  withdrawn: meta.killed
  keywords: labels
telex:
  body: msg
"""

RECORD = {
    "no": 17,
    "meta": {
        "title": "Pilot boat launched",
        "signed": "By Ines Varga",
        "times": ["2026-11-20T10:15:00Z", "2026-11-20T11:15:00Z"],
        "killed": "yes",
    },
    "story": {"parts": ["The boat was launched at noon.", "<p>It is <b>red</b>.</p>"]},
    "labels": ["boats", {"name": "harbour"}],
}


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "maps.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_no_file_is_no_maps() -> None:
    assert load_field_maps(None) == ()


def test_maps_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    first, second = load_field_maps(written(tmp_path, OWN))
    assert first.name == "harbour-archive"
    assert dict(first.fields)["published_at"] == "meta.times.0"
    assert second == FieldMap("telex", (("body", "msg"),))


def test_a_record_is_read_by_the_map_that_fits_it(tmp_path: Path) -> None:
    limits = Limits(field_maps=load_field_maps(written(tmp_path, OWN)))
    data = json.dumps(RECORD).encode() + b"\n" + b'{"msg": "STORM WARNING LIFTED", "n": 2}\n'
    boat, telex = read_file(source(data), limits)
    assert isinstance(boat, ReadArticle)
    assert boat.headline == "Pilot boat launched"
    assert boat.body == ("The boat was launched at noon.", "It is red.")
    assert (boat.authors, boat.byline) == (("Ines Varga",), "By Ines Varga")
    assert boat.published_at is not None
    assert boat.published_at.isoformat() == "2026-11-20T10:15:00+00:00"
    assert boat.provider_id == "17", "a map says that this is the article's id"
    assert boat.withdrawn
    assert boat.keywords == ("boats", "harbour")
    assert boat.info.format == "application/x-ndjson field map harbour-archive"
    assert isinstance(telex, ReadArticle)
    assert telex.body == ("STORM WARNING LIFTED",)
    assert telex.info.format == "application/x-ndjson field map telex"


def test_a_list_is_found_in_a_page_by_the_keys_of_a_map(tmp_path: Path) -> None:
    limits = Limits(field_maps=load_field_maps(written(tmp_path, OWN)))
    data = json.dumps({"export": {"rows": [RECORD, RECORD]}}, indent=1).encode()
    assert [record.locator for record in read_file(source(data), limits)] == ["item 1", "item 2"]
    with pytest.raises(Unreadable, match="the keys found: no, meta, story, labels"):
        list(read_file(source(data), Limits()))


def test_a_record_that_no_map_fits_is_read_by_its_names(tmp_path: Path) -> None:
    limits = Limits(field_maps=load_field_maps(written(tmp_path, OWN)))
    (article,) = read_file(source(b'{"title": "Bells ring", "text": "At noon."}'), limits)
    assert isinstance(article, ReadArticle)
    assert article.info.format == "application/json by field names"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", 1),
        ("b.c", 2),
        ("b.d.1", "y"),
        ("b.d.2", None),
        ("b.d.x", None),
        ("b.d.-1", None),
        ("a.b", None),
        ("dotted.key", 3),
        ("", None),
        ("b..c", None),
    ],
)
def test_dotted_paths(path: str, value: object) -> None:
    assert at_path({"a": 1, "b": {"c": 2, "d": ["x", "y"]}, "dotted.key": 3}, path) == value


def test_a_map_without_text_and_headline_in_the_record_does_not_fit() -> None:
    telex = FieldMap("telex", (("body", "msg"), ("section", "desk")))
    assert by_map({"msg": "", "desk": "x"}, telex) is None
    assert by_map({"desk": "x"}, telex) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not valid YAML"),
        ("", "must have an entry for each kind of dump"),
        ("- a\n- b", "must have an entry for each kind of dump"),
        ("telex: msg", "telex: must say which field is at which key"),
        ("telex: {body: msg, colour: c}", "telex: there is no field 'colour'; there are: authors"),
        ("telex: {body: [a]}", "telex: body: must be a key"),
        ("telex: {body: ''}", "telex: body: must be a key"),
        ("telex: {section: desk}", "telex: needs 'body' or 'headline'"),
        (b"telex: \xff\xfe", "not valid YAML"),
        ("a: &a [*a]", "must say which field|not valid YAML"),
        ("[" * 5000, "not valid YAML"),
        ("# " + "x" * 1024 * 1024, "are no field map"),
    ],
)
def test_a_bad_file_is_refused_with_its_fault(
    tmp_path: Path, text: str | bytes, reason: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(FieldMapError, match=reason) as error:
        load_field_maps(path)
    assert str(error.value).startswith(str(path)), "it says which file is meant"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FieldMapError, match="can't be read: No such file"):
        load_field_maps(tmp_path / "none.yaml")


def test_yaml_words_are_not_made_into_values(tmp_path: Path) -> None:
    """A key may be called "no" or "12:30"."""
    (only,) = load_field_maps(written(tmp_path, "on: {body: no, headline: 12:30}"))
    assert only == FieldMap("on", (("body", "no"), ("headline", "12:30")))
