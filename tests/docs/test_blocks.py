"""Each block of each document is run, looked up or somebody's own: none is just text."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.docs.lookup import NotThereError, commands_of, look_up
from tests.docs.markdown import SHELL, Block, commands, document, documents, parsed, typed
from tests.docs.treatment import (
    OWNERS,
    How,
    UnknownTreatmentError,
    mark_name,
    owner_of,
    treatment,
)
from tests.repo.lock_check import ROOT

BLOCKS = [block for name in documents() for block in document(name).blocks]


def how(block: Block) -> How | None:
    """How a block is treated; None where that isn't clear, which a test of its own tells."""
    try:
        return treatment(block).how
    except UnknownTreatmentError:
        return None


LOOKED_UP = [
    block
    for block in BLOCKS
    if how(block) in {How.LONG, How.NEEDS, How.STATIC} and block.language in SHELL
]
TYPED = re.compile(r"\s*(\$ )?(wiredesk|make|python|pip|curl|docker|kubectl|redis-cli) ")


def block(code: str, language: str = "sh", *marks: str, of: str = "docs/x.md") -> Block:
    return Block(of, 1, language, code, marks)


@pytest.mark.parametrize("one", BLOCKS, ids=lambda one: one.place)
def test_everybody_knows_what_becomes_of_a_block(one: Block) -> None:
    treated = treatment(one)
    if treated.how is How.STATIC and one.language not in SHELL:
        pytest.fail(f"{one.place}: only commands can be looked up")


@pytest.mark.parametrize("one", LOOKED_UP, ids=lambda one: one.place)
def test_what_a_block_names_that_the_suite_does_not_run_is_there(one: Block) -> None:
    """Programs, subcommands, options, make's targets, modules, services, files."""
    assert look_up(commands(one)) > 0


@pytest.mark.parametrize("one", LOOKED_UP, ids=lambda one: one.place)
def test_who_runs_it_instead_is_there(one: Block) -> None:
    """Where the reason for not running a block names a file that does."""
    named = re.findall(r"\b(?:tests|docs|deploy)/[\w./-]*\w", treatment(one).reason)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", documents())
def test_commands_stand_in_fences(name: str) -> None:
    """What is only indented would be run by nobody."""
    found = [one for one in document(name).indented if TYPED.match(one.code)]
    assert [f"{one.place}: {one.code.splitlines()[0]}" for one in found] == []


@pytest.mark.parametrize(
    "one", [one for one in BLOCKS if one.language in {"json", "yaml"}], ids=lambda one: one.place
)
def test_data_can_be_parsed_where_nothing_is_left_out(one: Block) -> None:
    if "…" not in one.code:
        json.loads(one.code) if one.language == "json" else list(yaml.safe_load_all(one.code))


@pytest.mark.parametrize("one", [b for b in BLOCKS if owner_of(b)], ids=lambda one: one.place)
def test_a_test_of_its_own_reads_the_block(one: Block) -> None:
    """By its name, or all of its kind."""
    source = (ROOT / owner_of(one)).read_text(encoding="utf-8")
    assert one.document.rpartition("/")[2] in source
    name = mark_name(one)
    kinds = {mark.partition(":")[0] for mark in one.marks}
    (kind,) = {kind for kind in kinds if (one.document, kind) in OWNERS}
    everything = re.search(rf"<!-- {kind}(: \(|: reenrich)? ?|mark_name\(", source)
    assert f'"{name}"' in source or everything is not None


def test_each_owner_owns_something() -> None:
    owned = {owner_of(one) for one in BLOCKS} - {""}
    assert owned == set(OWNERS.values())


def test_a_block_belongs_to_the_marks_right_above_it() -> None:
    text = (
        "<!-- test: desk running -->\n<!-- test: long -->\n```sh\none\n```\n\n"
        "<!-- test: long -->\n\n```sh\ntwo\n```\n\n- a list\n\n  ```sh\n  three\n  ```\n"
    )
    one, two, three = parsed("x.md", text).blocks
    assert one.marks == ("test: desk running", "test: long")
    assert two.marks == ()
    assert (three.code, three.line) == ("three\n", 15)


def test_what_is_shown_belongs_to_the_command_above_it() -> None:
    one = block("$ first \\\n    more\nshown\n$ second\n", "console")
    assert [(each.command, each.shown) for each in typed(one)] == [
        ("first \\\n    more", ("shown",)),
        ("second", ()),
    ]
    assert commands(one) == "first \\\n    more\nsecond\n"
    with pytest.raises(ValueError, match="begins with a command"):
        typed(block("shown\n", "console"))


@pytest.mark.parametrize(
    ("language", "marks", "said"),
    [
        ("", (), "no language"),
        ("ruby", (), "fence of 'ruby'"),
        ("sh", ("test: skip",), "no such mark"),
        ("sh", ("test: static",), "no such mark"),
        ("sh", ("test: needs luck",), "only"),
        ("sh", ("test: long", "test: static: why"), "contradict"),
    ],
)
def test_a_block_that_nobody_would_run_is_refused(
    language: str, marks: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UnknownTreatmentError, match=said):
        treatment(block("x", language, *marks))


def test_marks_say_how_a_block_is_treated() -> None:
    assert treatment(block("x")).how is How.RUN
    assert treatment(block("x", "python")).how is How.RUN
    assert treatment(block("x", "text")).how is How.DATA
    assert treatment(block("x", "sh", "test: desk running")).how is How.RUN
    assert treatment(block("x", "sh", "test: ends with 0 or 3")).codes == {0, 3}
    assert treatment(block("x", "sh", 'test: stays until "it is up"')).until == "it is up"
    assert treatment(block("x", "sh", "test: long with A=1 B=2")).environ == {"A": "1", "B": "2"}
    assert treatment(block("x", "sh", "test: needs docker")).needs == "docker"
    assert treatment(block("x", "sh", "test: static: yours")).reason == "yours"
    owned = block("x", "js", "example: node", of="docs/webhooks.md")
    assert treatment(owned).owner == "tests/webhooks/test_webhooks_doc.py"


def test_commands_are_taken_apart_as_a_shell_does() -> None:
    code = "A=1 make x && wiredesk up news 2>desk.log | grep 'a b' # why\nB=2\n"
    assert list(commands_of(code)) == [
        ["make", "x"],
        ["wiredesk", "up", "news"],
        ["grep", "a b"],
    ]
    assert list(commands_of("for x in 1 2; do wiredesk status; done")) == [
        ["for", "x", "in", "1", "2"],
        ["wiredesk", "status"],
    ]
    assert list(commands_of("a \\\n  b")) == [["a", "b"]]


@pytest.mark.parametrize(
    "code",
    [
        "wiredesk up news --workers 2",
        "wiredesk dead retry --stage enrichment --reason=MemoryError --dry-run",
        "wiredesk --help",
        "make chaos ARTICLES=10",
        "python -m tests.chaos.storm --seed 7",
        "pip install '.[tracing]'",
        "docker compose --profile postgres up --scale enrichment=2",
        "bash .ci/run",
        "cat deploy/prometheus/tests/*.test.yml",
        "pg_dump --format=custom",
    ],
)
def test_what_is_there_is_found(code: str) -> None:
    assert look_up(code) == 1


@pytest.mark.parametrize(
    "code",
    [
        "wiredesk fly",
        "wiredesk dead revive",
        "wiredesk status --colour red",
        "wiredesk show one two",
        "make coffee",
        "make chaos SUGAR=1",
        "python -m tests.chaos.calm",
        "python -m tests.chaos.storm --tea",
        "pip install 'wiredesk[everything]'",
        "docker compose --profile tea up",
        "docker compose up --scale nobody=2",
        "docker compose -f deploy/none.yml up",
        "kubectl apply -k deploy/nowhere",
        "bash .ci/walk",
        "cat deploy/none.yml",
        "frobnicate",
    ],
)
def test_what_is_not_there_is_told(code: str) -> None:
    with pytest.raises(NotThereError):
        look_up(code)
