"""The terminal of a document behaves as one does, and tells what went wrong where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import Block
from tests.docs.shape import differs, shape
from tests.docs.terminal import (
    DocumentError,
    Ports,
    Terminal,
    environment,
    stand,
)
from tests.docs.treatment import treatment
from tests.docs.world import World
from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PORTS = Ports(api=18420, health=18421)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("terminal")
    return stand(made / "stand", made / "tools")


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    with Terminal(folder, environment(folder, folder / "tools", PORTS), PORTS) as made:
        yield made


def test_what_a_block_exports_the_next_one_has(terminal: Terminal) -> None:
    assert terminal.run("export COLOUR=blue\ncd docs\n")[0] == 0
    code, printed = terminal.run('echo "$COLOUR $(basename "$PWD")"; echo low >&2')
    assert (code, printed.out, printed.err) == (0, "blue docs\n", "low\n")


@pytest.mark.parametrize("failing", ["false\necho never", "false | cat", "(exit 1)"])
def test_a_block_ends_with_the_first_command_that_fails(terminal: Terminal, failing: str) -> None:
    code, printed = terminal.run(failing)
    assert (code, printed.out) == (1, "")
    assert terminal.run("echo on")[1].out == "on\n", "the document goes on in a new shell"


def test_a_block_may_end_with_any_code(terminal: Terminal) -> None:
    assert terminal.run("exit 3")[0] == 3


def test_whoever_is_asked_says_yes_and_never_waits(terminal: Terminal) -> None:
    assert terminal.run("read -r said; echo $said; read -r said; echo $said")[1].out == "y\ny\n"


def test_a_block_that_never_ends_is_given_up(terminal: Terminal) -> None:
    with pytest.raises(AssertionError, match="the block ends"):
        terminal.run("sleep 60", timeout=0.2)


def test_the_ports_of_the_text_are_moved_and_moved_back(terminal: Terminal) -> None:
    code, printed = terminal.run("echo http://127.0.0.1:8420/v1 localhost:8422 8420")
    assert code == 0
    assert printed.out == "http://127.0.0.1:8420/v1 localhost:8421 8420\n"
    assert (
        PORTS.moved("localhost:8420 and 127.0.0.1:84200") == "localhost:18420 and 127.0.0.1:84200"
    )


def test_the_folder_looks_like_the_repository_and_is_another(folder: Path) -> None:
    """What commands make there is never made in the repository, nor in its venv."""
    assert (folder / "seeds").resolve() == ROOT / "seeds"
    assert (folder / "Makefile").exists()
    assert not (folder / "inbox").exists()
    assert not (folder / ".venv").is_symlink()
    assert (folder / ".venv" / "bin" / "python").exists()
    assert not (folder / ".venv" / ".ready-to-run").is_symlink()


def test_make_installs_nothing_into_our_venv(terminal: Terminal) -> None:
    """It would put the folder's own path there, and leave every command of ours broken."""
    code, printed = terminal.run("make --dry-run demo")
    assert code == 0
    assert "install" not in printed.out


def test_nothing_of_the_environment_of_the_tests_is_there(terminal: Terminal) -> None:
    names = terminal.run("env | grep ^WIREDESK_ | sort | cut -d= -f1")[1].out.split()
    assert names == [
        "WIREDESK_API_PORT",
        "WIREDESK_HEALTH_PORT",
        "WIREDESK_SPACY_MODEL",
        "WIREDESK_WORKERS",
    ]


def test_what_stays_is_ended_by_ctrl_c_and_ends_well(terminal: Terminal) -> None:
    terminal.stay("trap 'echo bye; exit 0' INT\necho up\nwhile :; do sleep 0.02; done", "up")
    terminal.end_what_stays()
    terminal.end_what_stays()


def test_what_ends_before_it_says_the_words_is_told_with_what_it_said(terminal: Terminal) -> None:
    with pytest.raises(DocumentError, match=r"ended with 4 and said:\nno room"):
        terminal.stay("echo no room\nexit 4", "up")
    terminal._beside.clear()


def test_what_stays_must_not_fail_at_ctrl_c(terminal: Terminal) -> None:
    terminal.stay("trap 'exit 7' INT\necho up\nwhile :; do sleep 0.02; done", "up")
    with pytest.raises(DocumentError, match="ended with 7"):
        terminal.end_what_stays()


def block(code: str, language: str = "sh", *marks: str) -> Block:
    return Block("docs/x.md", 12, language, code, marks)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (block("false\n"), "docs/x.md:12: ended with 1"),
        (block("true\n", "sh", "test: ends with 1"), "docs/x.md:12: ended with 0"),
        (block("$ echo two articles\none article\n", "console"), "doesn't print 'one article'"),
        (block("raise SystemExit(5)\n", "python"), "docs/x.md:12: ended with 5"),
        (block("process.exit(6)\n", "js"), "docs/x.md:12: ended with 6"),
    ],
)
def test_a_block_that_does_something_else_is_told_with_its_place(
    terminal: Terminal, tmp_path: Path, one: Block, said: str
) -> None:
    with pytest.raises(DocumentError) as told:
        World(tmp_path)._block(one, treatment(one), terminal)
    assert said in str(told.value)


@pytest.mark.parametrize(
    "one",
    [
        block("true\n"),
        block("false\n", "sh", "test: ends with 0 or 1"),
        block("$ echo 12 articles\n3 articles\n", "console"),
        block("$ echo left out\n", "console"),
        block('print("ü")\n', "python"),
        block("if (1 + 1 !== 2) process.exit(1);\n", "js"),
        block('echo "$A"; test "$A" = 7\n', "sh", "test: long with A=7"),
    ],
)
def test_a_block_that_does_what_it_says_passes(
    terminal: Terminal, tmp_path: Path, one: Block
) -> None:
    World(tmp_path)._block(one, treatment(one), terminal)


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("2026-11-22 13:27   14dd243c   Title", "2023-12-03 17:24 3f0a2f6e Title"),
        ("received      4  counted", "received 1,213 counted"),
        ("─────────────", "────"),
        ("id 3f0a2f6e-4f0c-5a61-9d55-0c4ee3a1b7d2", "id 8a8ed0e5-3f52-5c0b-8a39-0b8f0f2c7a11"),
    ],
)
def test_numbers_times_ids_and_widths_have_no_shape(line: str, same: str) -> None:
    assert shape(line) == shape(same)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (["a 1", "b"], "a 2\n\nb\n"),
        (["…", "last"], "first\nsecond\nlast\n"),
        (["first", "…"], "first\nsecond\n"),
        (["first", "…", "third", "…"], "first\nsecond\nthird\nfourth\n"),
        (["head …"], "head and tail\n"),
        (["… tail"], "head and tail\n"),
    ],
)
def test_what_is_printed_has_the_shape_of_what_is_shown(shown: list[str], printed: str) -> None:
    assert differs(shown, printed) is None


@pytest.mark.parametrize(
    ("shown", "printed", "wrong"),
    [
        (["a"], "b\n", "a"),
        (["a", "b"], "a\n", "b"),
        (["a"], "a\nb\n", "(the end: it goes on with 'b')"),
        (["b", "a"], "a\nb\n", "b"),
        (["…", "c"], "a\nb\n", "c"),
        (["1 indexed"], "1 rejected\n", "1 indexed"),
    ],
)
def test_another_shape_is_told_by_its_first_line(
    shown: list[str], printed: str, wrong: str
) -> None:
    assert differs(shown, printed) == wrong
