"""A short storm with every fault there is; and that a storm is a function of its seed."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.chaos.storm.__main__ import main, parsed, storm_of
from tests.chaos.storm.faults import WEATHERS
from tests.chaos.storm.news import AGAIN, MOST_CRASHES, make_news, poisoned
from tests.chaos.storm.report import Diary, Recovery, Report
from tests.chaos.storm.running import Storm, run_storm
from tests.chaos.storm.schedule import KINDS, RELEASES, STAGES, WORKERS, chosen_kinds, plan
from tests.chaos.storm.worker import newer, older

if TYPE_CHECKING:
    from pathlib import Path

SHORT = Storm(seed=0, articles=200, seconds=9.0, kinds=list(KINDS), pace=0.25, brief=True)


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_a_short_storm_of_every_fault_loses_and_doubles_nothing(
    tmp_path: Path, run_seed: int
) -> None:
    """Repeat it with WIREDESK_TEST_SEED, or python -m tests.chaos.storm --seed: docs/chaos.md."""
    told = io.StringIO()
    storm = replace(SHORT, seed=run_seed, partitions=(1, 4)[run_seed % 2])
    try:
        report = run_storm(storm, tmp_path, Diary(told))
    except AssertionError as error:
        raise AssertionError(f"seed {run_seed}: {error}\n{told.getvalue()}") from error
    assert set(report.faults) == set(KINDS)
    assert report.articles >= SHORT.articles
    assert (report.lost, report.duplicated) == (0, 0)
    assert set(report.recovery) == set(KINDS), "a bulletin was settled after each kind of fault"


# --- the schedule --------------------------------------------------------------------------
def test_the_same_seed_plans_the_same_faults_and_another_others() -> None:
    assert plan(7, 100, list(KINDS)) == plan(7, 100, list(KINDS))
    assert plan(7, 100, list(KINDS)) != plan(8, 100, list(KINDS))


@pytest.mark.parametrize("seconds", [5, 60, 1800])
def test_each_kind_comes_once_at_least_and_in_time(seconds: float) -> None:
    faults = plan(3, seconds, list(KINDS))
    assert {fault.kind for fault in faults} == set(KINDS)
    times = [fault.at for fault in faults]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= seconds


def test_a_faster_pace_makes_more_and_shorter_faults() -> None:
    slow, fast = plan(3, 300, list(KINDS), 1.0), plan(3, 300, list(KINDS), 0.5)
    assert len(fast) == 2 * len(slow)
    assert max(fault.lasts for fault in fast) <= 0.5 * max(kind.longest for kind in KINDS.values())


def test_whoever_can_be_hit_is_hit_sooner_or_later() -> None:
    faults = plan(1, 3600, list(KINDS))
    hit = {fault.victim for fault in faults if fault.kind in {"kill", "stop", "end"}}
    assert hit == set(WORKERS)
    assert {fault.victim for fault in faults if fault.kind == "slow"} == set(STAGES)
    assert {RELEASES[fault.number % 3] for fault in faults} == set(RELEASES)


def test_every_bad_weather_is_a_kind_that_lasts() -> None:
    assert set(WEATHERS) <= set(KINDS)
    assert all(KINDS[kind].longest > 0 for kind in WEATHERS)


def test_faults_are_chosen_by_name_or_by_its_beginning() -> None:
    assert chosen_kinds(["server"]) == ["server-kill", "server-stop"]
    assert chosen_kinds(["cut", "kill", "swallow"]) == [
        "kill",
        "cut",
        "swallow-up",
        "swallow-down",
    ]
    with pytest.raises(ValueError, match="no such fault: earthquake; there are kill"):
        chosen_kinds(["kill", "earthquake"])


# --- the news ------------------------------------------------------------------------------
def test_the_same_seed_writes_the_same_files() -> None:
    assert make_news(5, 500) == make_news(5, 500)
    assert make_news(5, 500) != make_news(6, 500)


def test_there_is_something_of_every_sort_under_a_name_of_its_own() -> None:
    files = make_news(5, 3000)
    assert len({file.name for file in files}) == len(files)
    assert sum(file.records for file in files) >= 3000
    sorts = Counter(file.name[:-4].partition("-")[2] for file in files)
    assert {"news", "later", "again", "empty", "binary"} <= set(sorts)
    assert any(file.records > 1 for file in files)
    assert 0 < sum(b"CRASH-HERE" in file.data for file in files) <= MOST_CRASHES


def test_poisoned_files_may_only_be_rejected_and_are_all_named() -> None:
    files = make_news(5, 3000)
    poison = list(poisoned(files))
    assert poison
    assert {file.may_become for file in poison} == {frozenset({"rejected"})}
    assert not any(b"-HERE" in f.data and b"SLOW" not in f.data for f in set(files) - set(poison))


def test_a_file_that_comes_again_has_the_bytes_of_one_before_it() -> None:
    files = make_news(5, 3000)
    for number, file in enumerate(files):
        if file.name.endswith("again.txt"):
            (first,) = [each for each in files[:number] if each.data == file.data][:1]
            assert first.may_become == AGAIN


def test_a_later_version_comes_after_the_first() -> None:
    files = make_news(5, 3000)
    for number, file in enumerate(files):
        if file.name.endswith("later.txt"):
            headline, _, body = file.data.partition(b"\n")
            assert any(
                each.data == headline.removeprefix(b"Update: ") + b"\n" + body
                for each in files[:number]
            )


# --- releases ------------------------------------------------------------------------------
def test_an_older_release_writes_none_of_the_later_blocks_and_passes_on_what_it_reads() -> None:
    event = {"id": "1", "data": {"text": "t", "quotes": [], "story": None, "unknown": 1}}
    assert older(event) == {"id": "1", "data": {"text": "t", "unknown": 1}}


def test_a_newer_release_adds_what_nobody_knows_at_every_level() -> None:
    event = newer({"id": "1", "data": {"drop": {"file": "a"}, "entities": [{"key": "k"}]}})
    more = event.pop("of_a_later_release")
    assert event["data"]["of_a_later_release"] == more
    assert event["data"]["drop"] == {"file": "a", "of_a_later_release": more}
    assert event["data"]["entities"] == [{"key": "k", "of_a_later_release": more}]


# --- the command ---------------------------------------------------------------------------
def test_a_server_of_yours_is_not_killed() -> None:
    storm = storm_of(parsed(["--server", "redis://there:6379/0", "--seed", "4"]))
    assert storm.url == "redis://there:6379/0"
    assert {"server-kill", "server-stop", "power-cut"}.isdisjoint(storm.kinds)
    assert "flush" in storm.kinds


def test_the_command_says_what_faults_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults", "earthquake"]) == 2
    assert "swallow-down" in capsys.readouterr().err


def test_a_report_is_a_table_and_a_json_file(tmp_path: Path) -> None:
    report = Report(
        seed=9,
        fsync="always",
        files=3,
        articles=4,
        faults={"kill": 2, "cut": 1},
        outcomes={"indexed": 4},
        recovery={"kill": Recovery(0.5, 0.75, 2)},
    )
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved["recovery"]["kill"] == {"median": 0.5, "longest": 0.75, "of": 2}
    lines = str(report).splitlines()
    assert "seed 9" in lines[0]
    assert "lost: 0   duplicated: 0" in lines
    assert [line.split() for line in lines[-2:]] == [["cut", "1"], ["kill", "2", "0.5", "0.75"]]
    assert max(map(len, lines)) <= 80


def test_the_diary_keeps_recoveries_by_kind() -> None:
    diary = Diary(io.StringIO())
    for seconds in (3.0, 1.0, 2.0):
        diary.recovered("kill", seconds)
    assert diary.summaries() == {"kill": Recovery(2.0, 3.0, 3)}
    assert "a bulletin after kill was settled in 3.00 s" in diary.out.getvalue()  # type: ignore[attr-defined]  # a StringIO
