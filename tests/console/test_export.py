"""``wiredesk export``: everything that is found, as the store gives it, whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet
from typer.testing import CliRunner

from schemas.annotations import NearDuplicate, Quote, ReadingTime, StoryRef, Summary
from schemas.article import EnrichedArticle, Language, Topic
from services.console import export as exporting
from services.console.export import CannotExport, Progress, format_of, run_export, written_whole
from services.console.main import app
from services.indexer import export as library
from services.indexer.store.base import Query
from tests.conformance.stores import desk, postgres_url, version
from tests.factories import article_id, at, drop_id, make_drop, make_enriched
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

    from services.indexer.store.base import ArticleStore

ARTICLES = 60
"""Filed below; with pages of seven, nine pages."""

HOSTILE = "Ferry “Zoë”\u2028\u202e\x1b[2J \U0001f6a2 \x85 sails"
"""Ends of lines that are none in JSON lines, a turned line, a terminal's command."""

WITHDRAWN, COPY, RICH = 3, 4, 5
"""Articles that are taken back, that are another's double, that have every column."""


def made(number: int) -> EnrichedArticle:
    """One of the articles that every test here finds in its store."""
    rich: dict[str, Any] = {}
    if number == RICH:
        rich = {
            "summary": Summary(text="Ferries stop.", start=0, end=13),
            "quotes": (Quote(start=0, end=4, text="Moss", speaker_name="Ana Petrova"),),
            "reading_time": ReadingTime(words=40, seconds=12),
            "story": StoryRef(id=article_id(900), articles=1),
            "near_duplicate_of": NearDuplicate(
                article_id=article_id(6), share=0.9, direction="same"
            ),
            "keywords": ("quay", "moss"),
            "urgency": 3,
            "unknown_field": {"of": "a newer desk"},
        }
    return make_enriched(
        drop=make_drop(drop_id=drop_id(number), file=f"{number}.txt", received_at=at(number * 60)),
        article_id=article_id(number),
        headline=f"{HOSTILE} {number}" if number != COPY else f"{HOSTILE} {COPY - 1 + 3}",
        published_at=at(number * 60 - 7200),
        provider="Quay Wire" if number % 2 else "Moss Post",
        detected_language=Language(code="fr" if number % 3 == 0 else "en", confidence=0.9),
        topics=(Topic(code="medtop:20000638", name="x", score=0.5, assigned_by="model"),)
        if number % 5 == 0
        else (),
        **rich,
    )


def filled(store: ArticleStore) -> None:
    """All articles; one is withdrawn, one is a double of another."""
    store.file([made(number) for number in range(1, ARTICLES + 1)])
    store.file([version(WITHDRAWN, 2**53 - 1, received=9999, withdrawn=True)])


@contextmanager
def filled_store(name: str, folder: Path) -> Iterator[tuple[ArticleStore, dict[str, str]]]:
    """A filled store, and the environment in which the command finds it."""
    with desk(name, folder) as opened:
        store = opened.open()
        filled(store)
        if name == "sqlite":
            yield store, {"WIREDESK_STORE_PATH": str(folder / "store.sqlite3")}
        else:
            yield store, {"WIREDESK_STORE_URL": postgres_url(folder)}


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ArticleStore, dict[str, str]]]:
    with filled_store("sqlite", tmp_path_factory.mktemp("export")) as given:
        yield given


@pytest.fixture
def store(place: tuple[ArticleStore, dict[str, str]]) -> ArticleStore:
    return place[0]


@pytest.fixture
def wiredesk(
    place: tuple[ArticleStore, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """The command, in pages of seven."""
    monkeypatch.setattr(library, "PAGE", 7)
    return lambda *arguments: CliRunner().invoke(app, ["export", *arguments], env=place[1])


def lines_of(content: bytes) -> list[EnrichedArticle]:
    """The articles of JSON lines, which end with a line feed and nothing else."""
    assert not content or content.endswith(b"\n")
    return [EnrichedArticle.model_validate_json(line) for line in content.split(b"\n")[:-1]]


def found(store: ArticleStore, **conditions: Any) -> list[EnrichedArticle]:
    """What a search finds, whole, the newest first."""
    hits = store.search(Query(limit=1000, order="newest", **conditions))
    articles = [store.get(hit.article_id) for hit in hits]
    return [article for article in articles if article is not None]


# --- what is in it -------------------------------------------------------------------------------


def test_all_articles_are_in_it_once_as_the_store_gives_them(
    store: ArticleStore, wiredesk: Callable[..., Result], tmp_path: Path
) -> None:
    """Without the withdrawn one and the double; newest first; unknown fields too."""
    target = tmp_path / "all.jsonl"
    done = wiredesk(str(target))
    assert (done.exit_code, done.stdout) == (0, "")
    exported = lines_of(target.read_bytes())
    assert exported == found(store)
    assert len(exported) == store.count() == ARTICLES - 2
    assert article_id(WITHDRAWN) not in {article.article_id for article in exported}
    (rich,) = (article for article in exported if article.article_id == article_id(RICH))
    assert rich.model_extra == {"unknown_field": {"of": "a newer desk"}}
    assert f"{ARTICLES - 2} articles in {target}" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]


def test_characters_are_written_as_utf_8_and_not_as_escapes(
    wiredesk: Callable[..., Result], tmp_path: Path
) -> None:
    wiredesk(str(tmp_path / "all.jsonl"))
    content = (tmp_path / "all.jsonl").read_text(encoding="utf-8")
    assert "Ferry “Zoë”" in content
    assert "\U0001f6a2" in content
    assert "\x1b" not in content


FILTERS: list[tuple[list[str], dict[str, Any]]] = [
    (["Riverton"], {"words": "Riverton"}),
    (["Zoë NOT 7"], {"words": "Zoë NOT 7"}),
    (["--source", "Moss Post"], {"source": "Moss Post"}),
    (["--language", "fr"], {"language": "fr"}),
    (["--topic", "medtop:20000638"], {"topic": "medtop:20000638"}),
    (["--entity", "Ana Petrova"], {"entity": "Ana Petrova"}),
    (["--story", str(article_id(900))], {"story": article_id(900)}),
    (["--since", "2026-03-02T10:20:00"], {"since": at(20 * 60 - 7200)}),
    (["--until", "2026-03-02T11:20:00+01:00"], {"until": at(20 * 60 - 7200)}),
    (
        ["quay", "--source", "quay wire", "--language", "en", "--since", "2026-03-02"],
        {"words": "quay", "source": "quay wire", "language": "en"},
    ),
    (["zeppelin"], {"words": "zeppelin"}),
]
"""Options of the command, and the conditions of a search that they are."""


@pytest.mark.parametrize(("options", "conditions"), FILTERS)
def test_filters_are_those_of_search(
    store: ArticleStore,
    wiredesk: Callable[..., Result],
    tmp_path: Path,
    options: list[str],
    conditions: dict[str, Any],
) -> None:
    target = tmp_path / "some.jsonl"
    done = wiredesk(str(target), *options)
    assert done.exit_code == 0, done.stderr
    wanted = found(store, **conditions)
    assert lines_of(target.read_bytes()) == wanted
    assert len(wanted) < ARTICLES - 2 or options in (["Riverton"], ["--entity", "Ana Petrova"])
    assert bool(wanted) == (options != ["zeppelin"])


def test_a_store_on_postgresql_is_exported_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "PAGE", 7)
    target = tmp_path / "some.jsonl"
    with filled_store("postgres", tmp_path) as (store, environ):
        for options, conditions in [([], {}), *FILTERS]:
            done = CliRunner().invoke(app, ["export", str(target), *options], env=environ)
            assert done.exit_code == 0, done.stderr
            assert lines_of(target.read_bytes()) == found(store, **conditions), options
        assert len(found(store)) == ARTICLES - 2


def test_words_are_never_cut_where_a_search_ends(
    wiredesk: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("services.indexer.store.") and hasattr(module, "MAX_HITS"):
            monkeypatch.setattr(module, "MAX_HITS", 10)
    wiredesk(str(tmp_path / "all.jsonl"), "Riverton")
    assert len(lines_of((tmp_path / "all.jsonl").read_bytes())) == ARTICLES - 2


def test_a_search_that_cannot_be_made_is_refused_with_the_reason(
    wiredesk: Callable[..., Result], tmp_path: Path
) -> None:
    words = " ".join(f"word{number}" for number in range(1000))
    done = wiredesk(str(tmp_path / "none.jsonl"), words)
    assert done.exit_code == 1
    assert done.stderr.startswith("wiredesk: A search takes at most ")
    assert list(tmp_path.iterdir()) == []


def test_what_is_filed_meanwhile_is_not_in_it_and_nothing_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more article for each that is read, newer than all and older than all in turn."""
    monkeypatch.setattr(library, "PAGE", 4)
    with desk("sqlite", tmp_path) as opened:
        writer, reader = opened.open(), opened.open()
        writer.file([made(number) for number in range(10, 40)])
        exported = []
        for number, article in enumerate(library.articles(reader, Query())):
            exported.append(article.article_id)
            writer.file([made(100 + number) if number % 2 else made(100 - number)])
    assert exported == [article_id(number) for number in range(39, 9, -1)]


def test_what_is_withdrawn_after_it_was_found_is_left_out(tmp_path: Path) -> None:
    with desk("sqlite", tmp_path) as opened:
        store = opened.open()
        store.file([made(number) for number in range(10, 14)])
        reading = library.articles(store, Query())
        assert next(reading).article_id == article_id(13)
        store.file([version(12, 2**53 - 1, received=9999, withdrawn=True)])
        assert [each.article_id for each in reading] == [article_id(11), article_id(10)]


# --- formats -------------------------------------------------------------------------------------


def test_packed_lines_unpack_to_the_same(wiredesk: Callable[..., Result], tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.jsonl.gz", "a.ndjson.zst", "b.JSONL.GZ"):
        assert wiredesk(str(tmp_path / name)).exit_code == 0
    plain = (tmp_path / "a.jsonl").read_bytes()
    packed = (tmp_path / "a.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 5
    assert (tmp_path / "b.JSONL.GZ").read_bytes() == packed, "the same articles, the same bytes"
    with zstandard.open(tmp_path / "a.ndjson.zst") as stream:
        assert stream.read() == plain


def test_parquet_has_the_fields_as_columns_and_the_documents_whole(
    store: ArticleStore,
    wiredesk: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "GROUP_ROWS", 25)
    target = tmp_path / "all.parquet"
    assert wiredesk(str(target)).exit_code == 0
    file = parquet.ParquetFile(target)
    assert [file.metadata.row_group(n).num_rows for n in range(3)] == [25, 25, ARTICLES - 52]
    table = file.read()
    wanted = found(store)
    documents = table["document"].to_pylist()
    assert [EnrichedArticle.model_validate_json(each) for each in documents] == wanted
    for name in ("headline", "text", "url", "revision", "urgency", "published_at", "enriched_at"):
        assert table[name].to_pylist() == [getattr(article, name) for article in wanted], name
    assert table["article_id"].to_pylist() == [str(article.article_id) for article in wanted]
    assert table["received_at"].to_pylist() == [article.drop.received_at for article in wanted]
    assert table["language"].to_pylist() == [each.detected_language.code for each in wanted]


def test_parquet_nests_entities_topics_and_quotes(
    wiredesk: Callable[..., Result], tmp_path: Path
) -> None:
    target = tmp_path / "one.parquet"
    wiredesk(str(target), "--story", str(article_id(900)))
    (row,) = parquet.read_table(target).to_pylist()
    assert [entity["name"] for entity in row["entities"]] == [
        "Ana Petrova",
        "Riverton Port Authority",
        "Riverton",
    ]
    assert row["entities"][0] | {"key": "", "salience": None} == {
        "key": "",
        "name": "Ana Petrova",
        "type": "PERSON",
        "count": None,
        "salience": None,
        "confidence": None,
        "wikidata": None,
        "geonames": None,
    }
    assert [topic["code"] for topic in row["topics"]] == ["medtop:20000638"]
    assert row["quotes"] == [{"text": "Moss", "speaker": None, "speaker_name": "Ana Petrova"}]
    assert (row["summary"], row["words"], row["urgency"]) == ("Ferries stop.", 40, 3)
    assert row["keywords"] == ["quay", "moss"]
    assert row["story_id"] == str(article_id(900))
    assert row["near_duplicate_of"] == str(article_id(6))
    assert row["published_at"].tzinfo is not None
    assert row["published_at"].utcoffset() == timedelta(0)


def test_parquet_s_times_are_in_utc_and_nothing_found_is_a_table_without_rows(
    wiredesk: Callable[..., Result], tmp_path: Path
) -> None:
    target = tmp_path / "none.parquet"
    assert wiredesk(str(target), "zeppelin").exit_code == 0
    table = parquet.read_table(target)
    assert table.num_rows == 0
    times = [field.type for field in table.schema if pa.types.is_timestamp(field.type)]
    assert len(times) == 6
    assert {(time.unit, time.tz) for time in times} == {("us", "UTC")}


def test_a_group_of_long_articles_is_written_before_it_has_its_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(library, "GROUP_CHARACTERS", 50_000)
    stream = io.BytesIO()
    writer = library.Parquet(stream)
    for number in range(6):
        writer.write(made(number).model_copy(update={"text": "x" * 20_000}))
    writer.close()
    metadata = parquet.ParquetFile(io.BytesIO(stream.getvalue())).metadata
    assert metadata.num_rows == 6
    assert metadata.num_row_groups == 3


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a.jsonl", "jsonl"),
        ("a.b.ndjson", "jsonl"),
        ("A.JSONL.zst", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.pq", "parquet"),
    ],
)
def test_the_name_says_the_format(name: str, meant: str) -> None:
    assert format_of(Path(name)) == meant


@pytest.mark.parametrize("name", ["a", "a.csv", "a.json", "a.gz", "a.parquet.gz", ".jsonl"])
def test_a_name_that_says_nothing_needs_the_format(
    name: str, wiredesk: Callable[..., Result], tmp_path: Path
) -> None:
    done = wiredesk(str(tmp_path / name))
    assert done.exit_code == 1
    assert "--format jsonl or parquet" in done.stderr
    assert wiredesk(str(tmp_path / name), "--format", "parquet").exit_code == 0
    assert parquet.read_table(tmp_path / name).num_rows == ARTICLES - 2


def test_standard_output_gets_lines_and_nothing_else(
    store: ArticleStore, wiredesk: Callable[..., Result]
) -> None:
    done = wiredesk("-", "--source", "Quay Wire")
    assert (done.exit_code, done.stderr) == (0, "")
    assert lines_of(done.stdout_bytes) == found(store, source="Quay Wire")
    refused = wiredesk("-", "--format", "parquet")
    assert refused.exit_code == 1
    assert "name a file" in refused.stderr


# --- whole or not at all -------------------------------------------------------------------------


def test_an_earlier_file_is_replaced_when_the_new_one_is_whole(
    store: ArticleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "all.jsonl.gz"
    target.write_bytes(b"earlier")
    seen: list[bytes] = []
    monkeypatch.setattr(Progress, "tell", lambda *_: seen.append(target.read_bytes()))
    run_export(store, Query(), str(target))
    assert set(seen) == {b"earlier"}
    assert len(lines_of(gzip.decompress(target.read_bytes()))) == ARTICLES - 2


@pytest.mark.parametrize("name", ["all.jsonl", "all.jsonl.gz", "all.jsonl.zst", "all.parquet"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_whatever_ends_it_early_leaves_the_folder_as_it_was(
    store: ArticleStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    error: type[BaseException],
) -> None:
    (tmp_path / name).write_bytes(b"earlier")

    def stop(_progress: Progress, count: int) -> None:
        if count == 40:
            raise error

    monkeypatch.setattr(Progress, "tell", stop)
    monkeypatch.setattr(library, "GROUP_ROWS", 9)
    with pytest.raises(error):
        run_export(store, Query(), str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"earlier"


HELD = """
import sys, time
from services.console import export
from services.console.main import main

def hold(_progress, count):
    if count == 20:
        print("held", flush=True)
        while True:
            time.sleep(60)

export.Progress.tell = hold
sys.argv = ["wiredesk", "export", sys.argv[1]]
main()
"""
"""The command, standing still at its twentieth article."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_a_word_and_leaves_nothing(
    place: tuple[ArticleStore, dict[str, str]], tmp_path: Path, number: signal.Signals
) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", HELD, str(tmp_path / "all.parquet")],
        env=os.environ | place[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "held\n"
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
        running.send_signal(number)
        _, said = running.communicate(timeout=30)
    finally:
        running.kill()
        running.communicate()
    assert (running.returncode, said) == (130, "wiredesk: interrupted: nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error_to_tell(
    place: tuple[ArticleStore, dict[str, str]],
) -> None:
    """``wiredesk export - | head -1``."""
    command = Path(sys.executable).with_name("wiredesk")
    running = subprocess.Popen(
        [str(command), "export", "-"],
        env=os.environ | place[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    with running.stderr as stderr:
        said = stderr.read()
    assert (running.wait(30), said) == (1, b"")


def test_it_can_be_read_by_whom_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with written_whole(tmp_path / "a.jsonl") as stream:
            stream.write(b"{}\n")
    finally:
        os.umask(before)
    assert (tmp_path / "a.jsonl").stat().st_mode & 0o777 == 0o640


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "latest.jsonl").symlink_to(tmp_path / "disk" / "real.jsonl")
    with written_whole(tmp_path / "latest.jsonl") as stream:
        stream.write(b"{}\n")
    assert (tmp_path / "latest.jsonl").is_symlink()
    assert (tmp_path / "disk" / "real.jsonl").read_bytes() == b"{}\n"


def test_places_that_no_file_can_take_are_told(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name, reason in (
        ("missing/a.jsonl", "there is no folder"),
        ("folder.jsonl", "no file that could be replaced"),
        ("pipe.jsonl", "no file that could be replaced"),
    ):
        with (
            pytest.raises(CannotExport, match=reason),
            written_whole(tmp_path / name),
        ):
            raise AssertionError("nothing can be written there")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.jsonl", "pipe.jsonl"]


# --- what is missing, and what is told -----------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "name", "advice"),
    [
        ("pyarrow", "all.parquet", "pip install 'wiredesk[parquet]'"),
        ("zstandard", "all.jsonl.zst", "pip install zstandard; or end the name with .gz"),
    ],
)
def test_a_missing_package_is_told_with_what_to_do(
    wiredesk: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    name: str,
    advice: str,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    done = wiredesk(str(tmp_path / name))
    assert done.exit_code == 1
    assert advice in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert wiredesk(str(tmp_path / "all.jsonl.gz")).exit_code == 0


def test_pyarrow_is_loaded_for_parquet_alone() -> None:
    """It takes half a second and is as large as all the rest."""
    code = (
        "import sys, services.console.export, services.indexer.export\n"
        "sys.exit(bool({'pyarrow', 'zstandard'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_desk_without_a_store_says_so(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("wiredesk")
    done = subprocess.run(
        [str(command), "export", "a.jsonl", "--inbox", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode != 0
    assert done.stderr.startswith("wiredesk: no store at ")
    assert list(tmp_path.iterdir()) == []


def ticked(progress: Progress) -> bool:
    return progress._started < time.monotonic()


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        return True


def test_progress_is_a_line_on_a_terminal_and_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporting, "TELL_EVERY", 0.0)
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        progress = Progress(stream)
        for count in (1, 12_345):
            # The clock may not have moved on yet.
            wait_until(partial(ticked, progress), "a tick")
            progress.tell(count)
        progress.end()
    assert "\r12,345 articles, " in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert file.getvalue() == ""


def test_a_line_is_json_that_other_programs_read(
    wiredesk: Callable[..., Result], tmp_path: Path
) -> None:
    wiredesk(str(tmp_path / "one.jsonl"), "--story", str(article_id(900)))
    document = json.loads((tmp_path / "one.jsonl").read_bytes())
    assert document["article_id"] == str(article_id(RICH))
    assert document["published_at"] == at(RICH * 60 - 7200).astimezone(UTC).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    assert document["entities"][0]["mentions"][0]["text"] == "Ana Petrova"
