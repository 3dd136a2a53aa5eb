"""``wiredesk doctor`` as it is typed: what it prints, how it ends, that nothing holds it up."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from services.bus.keys import ENRICHMENT, INDEXER, Keys
from services.console.doctor import catalogue, findings
from services.console.doctor.catalogue import CHECKS, NoSuchCheck, chosen
from services.console.doctor.checks import LocalCheck, ServerCheck, Surroundings
from services.console.doctor.examining import Result, examine
from services.console.doctor.figures import bytes_of, share, time_of
from services.console.doctor.findings import Finding, failure, merged, ok, unknown, warning, worst
from services.console.doctor.show import EXIT, WIDTH, as_document, exit_code, show
from services.console.main import app
from services.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

    from services.console.doctor.checks import Server

AREAS = ("server", "streams", "folders", "stores", "software", "settings")


def run(*arguments: str, code: int) -> str:
    result = CliRunner().invoke(app, ["doctor", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def local(look: Any, seconds: float = 5.0, name: str = "folders.trial") -> LocalCheck:
    return LocalCheck(name=name, looks_at="a", limits="b", why="c", look=look, seconds=seconds)


def asking(look: Any, seconds: float = 5.0) -> ServerCheck:
    return ServerCheck(
        name="server.trial", looks_at="a", limits="b", why="c", look=look, seconds=seconds
    )


def results(*found: Finding) -> list[Result]:
    return [Result(local(None, name=f"folders.n{n}"), f, 0.5) for n, f in enumerate(found)]


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a desk that has no server."""
    monkeypatch.delenv("WIREDESK_REDIS_URL", raising=False)
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


# --- the whole --------------------------------------------------------------------------------
def test_all_of_it_without_a_server_takes_less_than_ten_seconds(inbox: Path) -> None:
    """Of a processor's time: how long a busy machine lets it wait isn't doctor's to say."""
    started = time.process_time()
    document = json.loads(run("--inbox", str(inbox), "--json", code=2))
    assert time.process_time() - started < 10
    assert [check["check"] for check in document["checks"]] == [check.name for check in CHECKS]
    states = {check["check"]: check["state"] for check in document["checks"]}
    assert states["server.reachable"] == "failure"
    assert states["streams.oldest"] == "unknown"
    assert states["folders.rights"] == states["software.model"] == "ok"
    assert document["state"] == "failure"


def test_some_of_it_can_be_asked_for(inbox: Path) -> None:
    said = run("--inbox", str(inbox), "--only", "folders.rights", "--only", "stores", code=1)
    assert [line for line in said.splitlines() if line in AREAS] == ["folders", "stores"]
    assert "4 checks: 2 ok, 0 unknown, 2 warnings, 0 failures" in said


def test_what_is_well_ends_with_0(inbox: Path) -> None:
    said = run("--inbox", str(inbox), "--only", "folders.rights", code=0)
    assert "ok       rights" in said
    assert "1 check" in said


def test_a_check_that_is_none_is_answered_with_those_there_are(inbox: Path) -> None:
    said = run("--inbox", str(inbox), "--only", "servers", code=3)
    assert "no check 'servers'; areas: server, streams, folders" in said
    with pytest.raises(NoSuchCheck, match=r"server\.memory"):
        chosen(["x"])


def test_a_setting_that_cannot_be_is_told_with_what_is_wrong(
    inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIREDESK_BATCH_SIZE", "none")
    monkeypatch.setenv("WIREDESK_REDIS_URL", "redis://:secret@far")
    said = run("--inbox", str(inbox), code=2)
    assert "failure: settings.valid" in said
    assert "WIREDESK_BATCH_SIZE: Input should be a valid integer" in said
    assert "secret" not in said


def test_nothing_is_left_behind_in_the_folder(inbox: Path) -> None:
    run("--inbox", str(inbox), "--only", "folders", "--only", "stores", code=1)
    assert list(inbox.iterdir()) == []


# --- text -------------------------------------------------------------------------------------
LONG = "x" * 60 + " " + "y" * 60

ILL = results(
    warning(LONG, "turn it \x1b[31mround\x1b[0m"),
    ok("fine"),
    failure("broken [bold]not markup[/bold]", "wiredesk up /a/" + "very/long/path/" * 8),
    unknown("away", "see it"),
    unknown("away", "see it"),
)


def shown(found: list[Result], width: int = 80) -> list[str]:
    console = Console(width=width, highlight=False, no_color=True, force_terminal=False)
    with console.capture() as capture:
        show(found, console)
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [80, 200])
def test_lines_fit_80_columns_but_for_what_is_to_be_copied_whole(width: int) -> None:
    wide = [line for line in shown(ILL, width) if len(line) > WIDTH]
    assert len(wide) == 1
    assert "very/long/path" in wide[0]


def test_the_worst_comes_last_and_what_is_the_same_together() -> None:
    heads = [line for line in shown(ILL) if re.match(r"(unknown|warning|failure): ", line)]
    assert heads == [
        "unknown: folders.n3, folders.n4",
        "warning: folders.n0",
        "failure: folders.n2",
    ]


def test_nothing_in_a_finding_is_taken_for_colours() -> None:
    text = "\n".join(shown(ILL))
    assert "\x1b" not in text
    assert "[bold]not markup[/bold]" in text
    assert r"turn it \x1b[31mround\x1b[0m" in text


def test_each_that_is_not_ok_says_what_why_and_what_to_do() -> None:
    text = shown(ILL)
    at = text.index("failure: folders.n2")
    assert text[at + 1].startswith("  found  broken")
    assert text[at + 2] == "  why    c"
    assert text[at + 3].startswith("  do     wiredesk up")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ((ok("a"),), 0),
        ((ok("a"), warning("b", "c")), 1),
        ((unknown("a", "b"), warning("b", "c")), 1),
        ((unknown("a", "b"), failure("b", "c"), warning("b", "c")), 2),
        ((ok("a"), unknown("b", "c")), 3),
        ((), 0),
    ],
)
def test_exit_codes_are_those_of_monitoring_plugins(found: tuple[Finding, ...], code: int) -> None:
    assert exit_code(results(*found)) == code
    assert set(EXIT) == set(findings.STATES)


def test_the_document_has_all_that_the_text_has() -> None:
    (first, *_) = as_document(ILL)["checks"]
    assert first == {
        "check": "folders.n0",
        "state": "warning",
        "looked_at": "a",
        "found": [LONG],
        "why": "c",
        "advice": ["turn it \x1b[31mround\x1b[0m"],
        "seconds": 0.5,
    }


# --- independence -----------------------------------------------------------------------------
def test_a_check_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    """As a share does that is away: its thread stays where it is."""
    released = threading.Event()

    def hang(_scene: Surroundings) -> Finding:
        released.wait()
        return ok("late")

    slow = local(hang, seconds=0.1)
    quick = local(lambda _scene: ok("done"), name="folders.quick")
    try:
        found = examine([slow, quick], Surroundings(Settings(inbox=tmp_path)))
    finally:
        released.set()
    assert [result.finding.state for result in found] == ["unknown", "ok"]
    assert "no result within 0.1 s" in found[0].finding.found[0]


def test_a_check_that_breaks_is_unknown_and_the_others_go_on(settings: Settings) -> None:
    def broken(_scene: Surroundings) -> Finding:
        raise RuntimeError("not thought of")

    async def broken_too(_server: Server) -> Finding:
        raise RuntimeError("neither")

    async def fine(_server: Server) -> Finding:
        return ok("asked")

    checks = [local(broken), asking(broken_too), asking(fine), local(lambda _scene: ok("done"))]
    found = examine(checks, Surroundings(settings))
    told = sorted((result.finding.state, result.finding.found[0]) for result in found)
    assert told == [
        ("ok", "asked"),
        ("ok", "done"),
        ("unknown", "could not be looked at: RuntimeError: neither"),
        ("unknown", "could not be looked at: RuntimeError: not thought of"),
    ]


def test_a_question_that_the_server_does_not_answer_is_given_up(settings: Settings) -> None:
    async def blocked(server: Server) -> Finding:
        await server.redis.xread({"{news}:raw": "$"}, block=4000)
        return ok("late")

    (result,) = examine([asking(blocked, seconds=0.1)], Surroundings(settings))
    assert result.finding.state == "unknown"


# --- findings, figures ------------------------------------------------------------------------
def test_findings_are_merged_with_the_worst_first_and_no_advice_twice() -> None:
    one = merged([ok("a"), warning("b", "do x"), failure("c", "do x"), unknown("d", "do y")], "")
    assert one == Finding("failure", ("c", "b", "d", "a"), ("do x", "do y"))
    assert merged([], "nothing there") == ok("nothing there")
    assert worst([]) == "ok"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (bytes_of(512), "512 bytes"),
        (bytes_of(1536), "1.5 KiB"),
        (bytes_of(3 * 1024**3), "3.0 GiB"),
        (time_of(12.34), "12.3 s"),
        (time_of(600), "10.0 min"),
        (time_of(3 * 3600), "3.0 h"),
        (time_of(5 * 86400), "5.0 days"),
        (share(3, 4), "75 %"),
        (share(1, 0), "0 %"),
    ],
)
def test_figures_have_units(made: str, text: str) -> None:
    assert made == text


# --- the list and its documentation -----------------------------------------------------------
def test_every_check_says_what_when_and_why() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert tuple(dict.fromkeys(check.area for check in CHECKS)) == AREAS
    for check in CHECKS:
        assert re.fullmatch(r"[a-z]+\.[a-z_]{3,15}", check.name)
        assert all((check.looks_at, check.limits, check.why))


def test_the_documentation_has_the_table_of_the_code() -> None:
    text = (Path(__file__).parents[3] / "docs/doctor.md").read_text("utf-8")
    assert catalogue.table() in text, "put what catalogue.table() gives into docs/doctor.md"
    for code, state in ((0, "ok"), (1, "warning"), (2, "failure"), (3, "unknown")):
        assert EXIT[state] == code  # type: ignore[index]  # all are states
        assert f"| {code} |" in text


def test_a_server_is_asked_by_the_command(
    settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    monkeypatch.setenv("WIREDESK_REDIS_URL", redis_url)
    keys = Keys(settings.namespace)
    for spec in (ENRICHMENT, INDEXER):
        redis.xgroup_create(keys.stream(spec.reads), spec.group, id="0", mkstream=True)
    said = run("--inbox", str(settings.inbox), "--only", "streams.groups", code=0)
    assert "enrichment reads {news}:raw (+1)" in said
