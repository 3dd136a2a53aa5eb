"""The benches' own tools: the same article for the same number, and honest arithmetic."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.bench.measure import (
    cpu_seconds,
    cpu_seconds_of,
    new_names,
    paragraphs,
    plain_text,
    ratio,
    raw_article,
    record,
    resident_mib,
    shown_mib,
    taking_turns,
    unannotated,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_same_number_gives_the_same_article_and_another_a_different_one() -> None:
    assert plain_text(1, 200) == plain_text(1, 200)
    assert len({plain_text(number, 25) for number in range(200)}) == 200
    assert raw_article(1, 25) == raw_article(1, 25)
    assert raw_article(1, 25).article_id != raw_article(2, 25).article_id
    assert raw_article(1, 25).drop.drop_id != raw_article(2, 25).drop.drop_id


@pytest.mark.parametrize("words", [1, 25, 500, 700])
def test_a_text_has_the_words_asked_for_and_less_than_a_paragraph_more(words: int) -> None:
    body = paragraphs(7, words)
    total = len(" ".join(body).split())
    assert total >= words > total - len(body[-1].split())


def test_new_names_are_new_in_nearly_every_article() -> None:
    names = [name for number in range(500) for name in new_names(number, 40)]
    assert len(set(names)) > 0.98 * len(names)


def test_more_paragraphs_stand_at_the_end_of_the_text() -> None:
    article = raw_article(1, 25, "Cut off was Korbaden.")
    assert article.text.endswith("\n\nCut off was Korbaden.")
    assert article.sections[-1].end == len(article.text)


def test_an_article_without_annotations_keeps_all_it_had() -> None:
    article = raw_article(3, 25)
    before, after = article.model_dump(), unannotated(article).model_dump()
    assert {name: after[name] for name in before} == before
    assert after["entities"] == ()


def test_rivals_take_turns_and_the_first_of_a_round_is_another_each_time() -> None:
    seen: list[str] = []

    def turn(name: str) -> Callable[[int], float]:
        def take(number: int) -> float:
            seen.append(f"{name}{number}")
            return number + 0.5

        return take

    figures = taking_turns({"a": turn("a"), "b": turn("b")}, 3)
    assert seen == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert figures == {"a": [0.5, 1.5, 2.5], "b": [0.5, 1.5, 2.5]}


def test_a_ratio_compares_within_each_round_and_forgives_one_that_was_disturbed() -> None:
    # The second round was slow for both, the third for one of them only.
    assert ratio([2.0, 20.0, 9.0], [1.0, 10.0, 1.0]) == 2.0
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])


def test_memory_is_that_of_the_process_or_said_not_to_be_measured() -> None:
    here = resident_mib(os.getpid(), "VmRSS")
    peak = resident_mib("self")
    if here is not None and peak is not None:
        assert 5 < here <= peak + 1
    assert resident_mib("none") is None
    assert shown_mib(None) == "not measured"
    assert shown_mib(12.4) == "12 MiB"


def test_cpu_time_is_that_of_the_process_or_said_not_to_be_measured() -> None:
    before, used = cpu_seconds("self"), time.process_time()
    if before is not None:
        # Ticks of a hundredth of a second, counted apart for the process and the system.
        assert abs(before - used) < 0.1
    assert cpu_seconds("none") is None


def test_each_bench_keeps_its_last_figures_beside_the_others(tmp_path: Path) -> None:
    results = tmp_path / "build" / "bench.json"
    record("desk", {"ratios": {"a / b": 0.123456}}, results)
    record("memory", {"ratios": {"last / first": None}}, results)
    record("desk", {"ratios": {"a / b": 0.2}}, results)
    kept = json.loads(results.read_text(encoding="utf-8"))
    assert kept["desk"]["figures"] == {"ratios": {"a / b": 0.2}}
    assert kept["memory"]["figures"] == {"ratios": {"last / first": None}}
    assert {"python", "spacy", "server", "cpus"} <= kept["desk"]["environment"].keys()


def test_figures_are_kept_with_four_digits(tmp_path: Path) -> None:
    record("x", {"parts": {"one": 123.456789, "two": 3}}, tmp_path / "x.json")
    kept = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert kept["x"]["figures"] == {"parts": {"one": 123.5, "two": 3}}


def test_the_time_of_a_piece_of_work_is_what_it_used_of_the_processor() -> None:
    def work() -> None:
        done = time.process_time() + 0.02
        while time.process_time() < done:
            pass

    assert cpu_seconds_of(work) >= 0.02
