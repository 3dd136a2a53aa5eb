"""The fuzzing's targets on their seeds, and what fuzzing found before: so that neither can rot."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest.readers.base import BadRecord, ReadArticle, Reader, ReaderFault
from tests.fuzz import fuzz_readers, targets
from tests.fuzz.targets import FOUND, TARGETS, TooSlow, check, seeds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

every_target = pytest.mark.parametrize("target", TARGETS)
DAMAGES = 20
"""Of each reader's seeds: as many as take a second in all."""


@pytest.mark.parametrize("path", sorted(FOUND.iterdir()), ids=lambda path: path.name)
def test_what_was_found_stays_mended(path: Path) -> None:
    check(path.name.partition("-")[0], path.read_bytes())


@every_target
def test_each_reader_has_seeds_and_reads_them_as_the_contract_says(target: str) -> None:
    found = seeds(target)
    assert found
    for path in found:
        check(target, path.read_bytes())


@every_target
def test_damaged_seeds_keep_the_contract(target: str) -> None:
    """The same damage in each run: what a longer search finds is for the fuzzing itself."""
    dice = random.Random(target)  # noqa: S311  (repeatable, not secret)
    given = [path.read_bytes()[: targets.LONGEST_INPUT] for path in seeds(target)]
    for _ in range(DAMAGES):
        data = bytearray(dice.choice(given))
        for _ in range(dice.randint(1, 8)):
            at = dice.randrange(len(data) + 1)
            data[at : at + dice.randint(0, 9)] = dice.randbytes(dice.randint(0, 9))
        check(target, bytes(data))


class Broken(Reader):
    """Breaks the contract in the way that its input names."""

    name = "broken"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (whatever it is)
        return True

    def read(self, source: Any) -> Iterator[ReadArticle | BadRecord]:
        with source.open() as stream:
            deed = stream.read().decode()
        if deed == "raise":
            raise IndexError("tuple index out of range")
        if deed == "fault":
            raise ReaderFault("the plain reader failed: IndexError", "Report it.")
        if deed != "nothing":
            yield BadRecord(2 if deed == "position" else 1, deed, "Drop it again.")
        if deed == "half":
            yield BadRecord(2, "", "")

    def resume(self, source: Any, resume: Any) -> Iterator[ReadArticle | BadRecord]:
        if resume.position == 1 and b"resume" in source.open().read():
            yield BadRecord(2, "one that read() doesn't give", "Drop it again.")
        yield from ()


@pytest.mark.parametrize(
    ("deed", "error"),
    [
        ("raise", IndexError),
        ("fault", AssertionError),
        ("nothing", AssertionError),
        ("position", AssertionError),
        ("half", AssertionError),
        ("resume", AssertionError),
        ("slow", TooSlow),
    ],
)
def test_each_breach_of_the_contract_is_a_finding(
    deed: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TARGETS, "broken", Broken)
    if deed == "slow":
        monkeypatch.setattr(targets, "SLOWEST", -1.0)
    with pytest.raises(error):
        check("broken", deed.encode())


def test_without_atheris_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert fuzz_readers.main(["plain"]) == 2
    assert "pip install atheris" in capsys.readouterr().err


def test_each_reader_is_fuzzed_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Which libFuzzer ends; how it ended says whether something was found."""
    commands: list[list[str]] = []

    def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 77 if "mbox" in command else 0)

    monkeypatch.setitem(sys.modules, "atheris", sys)
    monkeypatch.setattr(subprocess, "run", run)
    options = ["--seconds", "3", "--folder", str(tmp_path)]
    assert fuzz_readers.main([*options, "plain", "mbox"]) == 1
    assert [command[2:] for command in commands] == [
        ["tests.fuzz.fuzz_one", "plain", str(tmp_path), "3"],
        ["tests.fuzz.fuzz_one", "mbox", str(tmp_path), "3"],
    ]
    assert "broken: mbox" in capsys.readouterr().out
    assert fuzz_readers.main([*options, "plain"]) == 0


def test_a_reader_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        fuzz_readers.main(["plane"])
    assert "no reader is called plane" in capsys.readouterr().err
