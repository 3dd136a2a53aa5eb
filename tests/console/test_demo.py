"""``wiredesk demo`` as a newcomer runs it: real processes, the embedded server, the seeds."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from schemas.annotations import NearDuplicate, Quote, StoryRef, Summary
from services.console.demo import DemoFailed, check, print_kin, run_demo
from tests.factories import article_id, make_enriched

SEEDS = Path(__file__).parents[2] / "seeds"
WIREDESK = Path(sys.executable).with_name("wiredesk")


def demo(folder: Path, seeds: Path = SEEDS, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command from an unrelated folder, without settings of ours unless given."""
    command = [str(WIREDESK), "demo", "--seeds", str(seeds), "--folder", str(folder / "run")]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=200,
        env=os.environ | environ,
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, demo(folder)


def test_it_ends_with_zero_and_shows_each_article(
    ran: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = ran
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in (
        "Lukashenko visits Beijing again as Belarus tightens relations with China",
        "Lukashenko arrives in Beijing as concerns rise around China-Russia relations",
        "2023-12-03T17:24:00+00:00",
        "Alexander Lukashenko",
        "Xi Jinping",
        "medtop:",
        "Related content",
        "head to The Hill.",
        "All 2 files have receipts",
    ):
        assert shown in done.stdout, f"{shown!r} is missing in:\n{done.stdout}"
    assert done.stderr == ""


def test_files_and_receipts_are_where_it_says(
    ran: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = ran
    inbox = folder / "run" / "inbox"
    for seed in SEEDS.glob("*.txt"):
        assert (inbox / "done" / seed.name).read_bytes() == seed.read_bytes()
        receipt = json.loads((inbox / "done" / f"{seed.name}.receipt.json").read_text())
        assert receipt["summary"] == {"indexed": 1}
    assert [path.name for path in inbox.iterdir() if path.is_file()] == []


def test_its_services_leave_no_error_in_the_log(
    ran: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = ran
    lines = [
        json.loads(line) for line in (folder / "run" / "services.log").read_text().splitlines()
    ]
    assert {line["service"] for line in lines} == {"ingest", "enrichment", "indexer"}
    assert [line for line in lines if line["level"] not in {"info", "debug"}] == []


def test_one_trace_runs_from_the_file_to_the_index(
    ran: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = ran
    lines = [
        json.loads(line) for line in (folder / "run" / "services.log").read_text().splitlines()
    ]
    traces: dict[str, set[str]] = {}
    for line in lines:
        if "trace_id" in line and "article_id" in line:
            traces.setdefault(line["trace_id"], set()).add(line["service"])
    assert len(traces) == 2
    assert all(found == {"ingest", "enrichment", "indexer"} for found in traces.values())


def test_nothing_to_drop_is_said_plainly(tmp_path: Path) -> None:
    done = demo(tmp_path, tmp_path / "no-seeds")
    assert done.returncode == 1
    assert "no *.txt files" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_seed_that_is_refused_fails_the_demo(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    (seeds / "empty.txt").write_bytes(b"")
    # Nothing gets as far as enrichment: it needs no model.
    done = demo(tmp_path, seeds, WIREDESK_ANNOTATORS='["language"]')
    assert done.returncode == 1
    assert "empty.txt: rejected: " in done.stderr
    assert "Traceback" not in done.stderr


def test_it_never_empties_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    kept = tmp_path / "run" / "precious.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    done = demo(tmp_path)
    assert done.returncode == 1
    assert "holds files that no demo made" in done.stderr
    assert kept.read_text() == "mine"


def test_an_article_that_lacks_something_fails_the_check(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=r"a\.txt: no article came of it"):
        check([tmp_path / "a.txt"], [])
    with pytest.raises(DemoFailed, match=r"no \*\.txt files"):
        run_demo(tmp_path / "none", tmp_path / "run", Console())


def test_it_tells_summary_quotes_story_and_copies_as_plain_text() -> None:
    article = make_enriched(
        summary=Summary(text="Ferries stop [red]here[/red].", start=0, end=7),
        quotes=(Quote(start=0, end=7, text="Harbour", speaker_name="Ana Petrova"),),
        story=StoryRef(id=article_id(7), articles=3),
        near_duplicate_of=NearDuplicate(article_id=article_id(5), share=0.9, direction="same"),
    )
    console = Console(file=io.StringIO(), width=60)
    print_kin(article, console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "   summary  Ferries stop [red]here[/red].",
        "     quote  Ana Petrova: “Harbour”",
        f"     story  {article_id(7)}, article 3 of it",
        f"   copy of  {article_id(5)} (same, 90% in common)",
    ]
    bare = Console(file=io.StringIO())
    print_kin(make_enriched(), bare)
    assert isinstance(bare.file, io.StringIO)
    assert bare.file.getvalue() == ""
