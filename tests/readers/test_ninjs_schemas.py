"""Our ninjs models say what the official schemas say, in both directions, for every version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from services.ingest.readers.ninjs.schema import Check, Fault, NinjsModel, validate
from services.ingest.readers.ninjs.v1 import Ninjs1
from services.ingest.readers.ninjs.v2 import Ninjs2
from services.ingest.readers.ninjs.v3 import Ninjs3
from tests.readers.ninjs_support import VERSIONS, Maker, damaged, verdict

if TYPE_CHECKING:
    from tests.readers.ninjs_support import Path_

MODELS: dict[str, type[NinjsModel]] = {"1": Ninjs1, "2": Ninjs2, "3": Ninjs3}

every_version = pytest.mark.parametrize("version", VERSIONS)
thorough = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def faults(version: str, document: Any) -> list[Fault]:
    major, _, minor = version.partition(".")
    return validate(MODELS[major], document, Check(int(minor)))[1]


def assert_same_verdict(version: str, document: Any) -> bool:
    """Ours and the schema's name the same fields; returns whether they accept it."""
    ours = {fault.path for fault in faults(version, document)}
    theirs, vague = verdict(version, document)

    def is_below_vague(path: Path_) -> bool:
        return any(path[: len(place)] == place for place in vague)

    def elsewhere(paths: set[Path_]) -> set[Path_]:
        return {path for path in paths if not is_below_vague(path)}

    assert elsewhere(ours) == elsewhere(theirs)
    assert theirs - vague <= ours
    for place in vague:
        assert any(path[: len(place)] == place for path in ours), place
    assert bool(ours) == bool(theirs)
    return not ours


@every_version
def test_every_place_of_the_schema_has_the_same_verdict(version: str) -> None:
    verdicts: dict[str, set[bool]] = {}
    for place, document in Maker(version).places():
        verdicts.setdefault(place, set()).add(assert_same_verdict(version, document))
    # Else nothing was shown: each place takes some values and refuses others, but for the dates
    # of a recurrence, which the schemas want to be an array and a string at once.
    one_sided = {place for place, seen in verdicts.items() if seen != {True, False}}
    assert not {place for place in one_sided if not place.endswith("/recurrenceDates")}


@every_version
@given(data=st.data())
@thorough
def test_what_the_schema_accepts_we_accept(version: str, data: st.DataObject) -> None:
    document = data.draw(Maker(version).documents())
    event(f"accepted: {assert_same_verdict(version, document)}")


@every_version
@given(data=st.data())
@thorough
def test_what_the_schema_refuses_we_refuse_at_the_same_field(
    version: str, data: st.DataObject
) -> None:
    document = data.draw(damaged(Maker(version).documents()))
    event(f"accepted: {assert_same_verdict(version, document)}")
