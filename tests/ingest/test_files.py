"""The file layer and the archive: order of steps, safe opens, other file systems, names."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.archive import Archive, Taken
from services.ingest.drops import DropRow, Place, from_ms
from services.ingest.files import MISSING, Files, FileView, Identity
from services.ingest.names import archive_name, is_ignored, shown
from services.ingest.reading import Changed
from services.ingest.rounds import in_step

if TYPE_CHECKING:
    from pathlib import Path

DROP = UUID("12345678-0000-4000-8000-000000000000")


class Recorder(Files):
    """Writes down what is done to the disk, in order."""

    def __init__(self, root: bytes) -> None:
        super().__init__(root)
        self.steps: list[str] = []

    def sync(self, descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        self.steps.append("sync folder" if is_folder else "sync file")
        super().sync(descriptor)

    def write(self, descriptor: int, data: memoryview) -> int:
        self.steps.append("write")
        return super().write(descriptor, data)

    def link(self, source: bytes, target: bytes, folder: int | None) -> None:
        self.steps.append("link")
        super().link(source, target, folder)

    def remove(self, path: bytes, drop_name: bytes, identity: Identity) -> bool:
        self.steps.append("remove original")
        return super().remove(path, drop_name, identity)


class OtherDisk(Recorder):
    def link_out(self, path: bytes, target: bytes) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path, None, target)


class NoLinks(OtherDisk):
    def link(self, source: bytes, target: bytes, folder: int | None) -> None:
        self.steps.append("no link")
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), source, folder, target)


class Bench:
    """An inbox with one file in it, and an archive beside."""

    def __init__(self, folder: Path, files: type[Recorder] = Recorder) -> None:
        self.inbox = folder / "inbox"
        self.done = folder / "done"
        self.inbox.mkdir()
        self.path = self.inbox / "a.txt"
        self.path.write_text("news")
        self.files = files(os.fsencode(self.inbox))
        self.archive = Archive(self.files, os.fsencode(self.done), os.fsencode(folder / "no"))
        self.row = DropRow(
            drop_id=DROP,
            path=b"a.txt",
            file="a.txt",
            identity=Identity.of(self.path.stat()),
            sha256=hashlib.sha256(b"news").hexdigest(),
            received_at=from_ms(0),
        )
        self.place = Place("done", os.fsencode(self.done), b"a.txt")

    def store(self) -> None:
        steps = self.archive.store(self.row, self.place, [f'{{"drop_id": "{DROP}"}}'.encode()])
        in_step([steps], self.files.sync_folder)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.done.iterdir())


@pytest.mark.parametrize("files", [Recorder, OtherDisk, NoLinks])
def test_storing_moves_the_file_and_puts_its_receipt_beside_it(
    tmp_path: Path, files: type[Recorder]
) -> None:
    bench = Bench(tmp_path, files)
    bench.store()
    assert bench.names() == ["a.txt", "a.txt.receipt.json"]
    assert (bench.done / "a.txt").read_text() == "news"
    assert list(bench.inbox.iterdir()) == []


@pytest.mark.parametrize("files", [Recorder, OtherDisk, NoLinks])
def test_the_original_goes_only_when_file_and_receipt_are_on_disk(
    tmp_path: Path, files: type[Recorder]
) -> None:
    bench = Bench(tmp_path, files)
    bench.store()
    steps = bench.files.steps
    before = steps[: steps.index("remove original")]
    assert before[-1] == "sync folder"
    written = [at for at, step in enumerate(before) if step == "write"]
    for at in written:
        assert "sync file" in before[at:]
    if files is Recorder:
        assert before.index("link") < len(before) - 1
    assert steps[-1] == "sync folder"


@pytest.mark.parametrize("files", [Recorder, OtherDisk, NoLinks])
def test_another_file_at_the_place_is_never_replaced(tmp_path: Path, files: type[Recorder]) -> None:
    bench = Bench(tmp_path, files)
    bench.done.mkdir()
    (bench.done / "a.txt").write_text("somebody's")
    with pytest.raises(Taken):
        bench.store()
    assert (bench.done / "a.txt").read_text() == "somebody's"
    assert bench.path.read_text() == "news"
    assert bench.names() == ["a.txt"]


@pytest.mark.parametrize("files", [Recorder, NoLinks])
def test_a_name_that_was_taken_at_the_last_moment_stays_its_owners(
    tmp_path: Path, files: type[Recorder]
) -> None:
    (tmp_path / "new").write_text("new")
    (tmp_path / "taken").write_text("somebody's")
    layer = files(os.fsencode(tmp_path))
    with pytest.raises(FileExistsError):
        layer.settle_name(os.fsencode(tmp_path / "new"), os.fsencode(tmp_path / "taken"))
    assert (tmp_path / "taken").read_text() == "somebody's"
    assert (tmp_path / "new").read_text() == "new"


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_whatever_stands_at_the_place_is_left_alone(tmp_path: Path, kind: str) -> None:
    bench = Bench(tmp_path)
    bench.done.mkdir()
    target = bench.done / "a.txt"
    if kind == "folder":
        target.mkdir()
    elif kind == "link":
        target.symlink_to(bench.path)
    else:
        os.mkfifo(target)
    with pytest.raises(Taken):
        bench.store()
    assert bench.path.read_text() == "news"


@pytest.mark.parametrize("files", [OtherDisk, NoLinks])
def test_a_copy_keeps_the_time_of_the_original(tmp_path: Path, files: type[Recorder]) -> None:
    bench = Bench(tmp_path, files)
    mtime = bench.row.identity.mtime_ns
    bench.store()
    assert (bench.done / "a.txt").stat().st_mtime_ns == mtime


def test_a_copy_that_reads_back_otherwise_is_not_archived(tmp_path: Path) -> None:
    """A disk that gives other bytes the second time must not cost the original."""

    class Rotten(OtherDisk):
        def copy(self, source: int, target: bytes) -> str:
            super().copy(source, target)
            return "f" * 64

    bench = Bench(tmp_path, Rotten)
    with pytest.raises(Changed):
        bench.store()
    assert bench.path.read_text() == "news"
    assert bench.names() == []


def test_storing_again_changes_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store()
    receipt = bench.done / "a.txt.receipt.json"
    before = (receipt.read_bytes(), receipt.stat().st_ino)
    bench.store()
    assert (receipt.read_bytes(), receipt.stat().st_ino) == before
    assert bench.names() == ["a.txt", "a.txt.receipt.json"]


def test_a_new_file_at_the_old_path_survives_storing_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store()
    bench.path.write_text("newer news")
    bench.files.steps.clear()
    bench.store()
    assert bench.path.read_text() == "newer news"
    assert "remove original" not in bench.files.steps


def test_a_name_that_a_crash_left_hidden_is_given_back_beside_a_newer_file(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    hidden = bench.inbox / ".left"
    bench.path.rename(hidden)
    bench.path.write_text("newer")
    bench.files.recover(b"a.txt", b".left")
    assert sorted(path.name for path in bench.inbox.iterdir()) == ["a.txt", "a~2.txt"]
    assert bench.path.read_text() == "newer"
    assert (bench.inbox / "a~2.txt").read_text() == "news"


def test_a_file_system_without_folder_sync_is_no_error_but_a_file_that_cannot_be_synced_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", refuse)
    files = Files(os.fsencode(tmp_path))
    files.sync_folder(os.fsencode(tmp_path))
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        files.put(os.fsencode(tmp_path / "a"), [b"x"])


# --- opening ----------------------------------------------------------------------------------


def make_odd(folder: Path, kind: str) -> bytes:
    """Something at ``folder`` that must not be read; its path."""
    target = folder / "real" / "a.txt"
    target.parent.mkdir()
    target.write_text("secret")
    odd = folder / "odd"
    if kind == "link":
        odd.symlink_to(target)
    elif kind == "link above":
        odd.symlink_to(target.parent)
        return b"odd/a.txt"
    elif kind == "fifo":
        os.mkfifo(odd)
    elif kind == "folder":
        odd.mkdir()
    return b"odd"


@pytest.mark.parametrize("kind", ["link", "link above", "fifo", "folder", "missing"])
def test_only_a_regular_file_reached_through_no_link_is_opened(tmp_path: Path, kind: str) -> None:
    path = make_odd(tmp_path, kind)
    files = Files(os.fsencode(tmp_path))
    wanted = "No such file|Too many levels|Not a directory|not a regular file"
    with pytest.raises(OSError, match=wanted) as caught, files.opened(path):
        pass
    assert caught.value.errno in MISSING
    assert files.identity(path) is None


def test_a_missing_inbox_is_not_a_missing_file(tmp_path: Path) -> None:
    files = Files(os.fsencode(tmp_path / "gone"))
    with pytest.raises(OSError, match="inbox") as caught:
        files.identity(b"a.txt")
    assert caught.value.errno == errno.ESTALE


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    """The lowest free descriptor is the same before and after."""
    files = Files(os.fsencode(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.txt").write_text("x")
    before = lowest_free_descriptor()
    for path in (b"a/b.txt", b"a/none.txt", b"none/b.txt", b"a"):
        with suppress(OSError), files.opened(path):
            pass
        files.identity(path)
    assert lowest_free_descriptor() == before


def lowest_free_descriptor() -> int:
    descriptor = os.open("/", os.O_RDONLY)
    os.close(descriptor)
    return descriptor


@given(data=st.binary(max_size=300), moves=st.lists(st.integers(0, 320), max_size=8))
def test_a_view_reads_like_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, moves: list[int]
) -> None:
    path = tmp_path_factory.mktemp("view") / "a"
    path.write_bytes(data)
    with path.open("rb") as real:
        for _ in range(2):  # a second view starts at the start
            view = io.BufferedReader(FileView(real.fileno()), 16)
            plain = io.BytesIO(data)
            for move in moves:
                assert view.seek(move) == plain.seek(move)
                assert view.read(37) == plain.read(37)
            assert view.seek(0, os.SEEK_END) == len(data)
            view.close()
        assert real.read() == data


# --- names -----------------------------------------------------------------------


@given(name=st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name))
def test_any_name_and_its_receipts_fit_the_file_system(name: bytes) -> None:
    for attempt in (0, 1, 2, 999):
        made = archive_name(name, DROP, attempt)
        assert 0 < len(made) + len(b".receipt.json") <= 255
        assert attempt == 0 or b"~12345678" in made


@given(name=st.binary(max_size=60))
def test_any_name_can_be_shown(name: bytes) -> None:
    text = shown(name)
    assert len(text) >= len(name.decode("utf-8", "replace"))
    assert text.encode("utf-8").decode("utf-8") == text
    assert not {"\n", "\r", "\x00", "\x1b"} & set(text)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        (b"a.txt", b"a~12345678.txt"),
        (b"a.b.txt", b"a.b~12345678.txt"),
        (b"README", b"README~12345678"),
        (b"a." + b"x" * 40, b"a." + b"x" * 40 + b"~12345678"),
    ],
)
def test_a_second_name_keeps_the_extension(name: bytes, made: bytes) -> None:
    assert archive_name(name, DROP, 1) == made
    assert archive_name(name, DROP, 0) == name


def test_news_with_ordinary_names_is_not_ignored() -> None:
    for name in ("a.txt", "template.html", "party.md", "tmp", "part 2.txt", "a.b/c.d", "~x.txt"):
        assert not is_ignored(name.encode())


def test_everything_about_a_drop_is_frozen(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    row: Any = bench.row
    with pytest.raises(AttributeError):
        row.sha256 = "other"
