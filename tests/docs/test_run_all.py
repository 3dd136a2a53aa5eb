"""``python -m tests.docs.run_all``: what it runs, what it names as not run, how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import pytest

from tests.docs import run_all
from tests.docs.markdown import Block
from tests.docs.run_all import Told
from tests.docs.terminal import DocumentError
from tests.docs.treatment import treatment

if TYPE_CHECKING:
    from pathlib import Path


def block(*marks: str, of: str = "docs/x.md") -> Block:
    return Block(of, 3, "sh", "true\n", marks)


def wanted(told: Told, one: Block) -> bool:
    return told.wanted(one, treatment(one))


@pytest.mark.parametrize(
    ("mark", "run"),
    [
        ("test: long", True),
        ("test: ends with 1", True),
        ('test: stays until "up"', True),
        ("test: desk running", True),
        ("test: static: yours", False),
    ],
)
def test_all_but_what_can_not_be_run_is_run(mark: str, *, run: bool) -> None:
    told = Told()
    assert wanted(told, block(mark)) is run
    assert told.ran == run


def test_what_a_test_of_its_own_runs_is_not_run_twice() -> None:
    assert not wanted(Told(), block("example: node", of="docs/webhooks.md"))


@pytest.mark.parametrize("there", [True, False])
def test_what_needs_an_engine_is_run_where_there_is_one_and_named_where_not(
    monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    monkeypatch.setattr(run_all, "answers", lambda needed: there and needed == "docker")
    told = Told()
    assert wanted(told, block("test: needs docker")) is there
    assert told.missing == ({} if there else {"docker": {"docs/x.md:3"}})


def test_a_program_answers_where_it_is_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    run_all.answers.cache_clear()
    assert not run_all.answers("promtool")
    (tmp_path / "promtool").touch(mode=0o755)
    run_all.answers.cache_clear()
    assert run_all.answers("promtool")
    assert run_all.answers("postgres"), "the tests bring one"
    run_all.answers.cache_clear()


class World:
    """In place of the real one: the second document goes wrong."""

    def __init__(self, *_: object, **__: object) -> None:
        self.ran: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""

    def run(self, name: str) -> None:
        if name == "docs/access.md":
            raise DocumentError("docs/access.md:1: ended with 1")


def test_it_goes_on_after_what_went_wrong_and_ends_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_all, "World", World)
    names = ["docs/access.md", "docs/ledger.md", "docs/quick-start.md"]
    assert run_all.run(names) == ["docs/access.md:1: ended with 1"]
    printed = capsys.readouterr().out
    assert "WRONG: docs/access.md:1: ended with 1" in printed
    assert printed.index("quick-start") < printed.index("access") < printed.index("ledger")
    monkeypatch.setattr("sys.argv", ["run_all", "docs/access.md"])
    assert run_all.main() == 1
    monkeypatch.setattr("sys.argv", ["run_all", "docs/ledger.md"])
    assert run_all.main() == 0
