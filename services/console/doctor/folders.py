"""Checks of the folders: there, ours to write, on the right disk, with room, and watched."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.console.doctor.checks import LocalCheck
from services.console.doctor.findings import Finding, failure, merged, ok, unknown, warning
from services.console.doctor.mounts import SHARES, type_of
from services.console.doctor.space import SPACE_LIMITS, existing, space_of
from services.console.doctor.stores import inbox_id_of
from services.console.missing import elsewhere
from services.ingest.files import Files
from services.ingest.presence import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.console.doctor.checks import Surroundings
    from services.settings import Settings

NOTICE_WITHIN = 2.0
"""Seconds for an event to arrive; locally it takes milliseconds."""

NOTICE_STEP_MS = 50
"""Milliseconds between two looks for an event."""

TRIAL_PREFIX = ".wiredesk-doctor-"
"""Of the files of a trial: hidden, so ingest passes over them."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of ours by the name that people know it by."""

    name: str
    path: Path


def folders_of(settings: Settings) -> Iterator[Folder]:
    """Every folder that is written to; those that are the same, once."""
    named = [
        Folder("inbox", settings.inbox),
        Folder("done", settings.done),
        Folder("rejected", settings.rejected),
        Folder("state", settings.state),
    ]
    if settings.store_url is None:
        named.append(Folder("store", settings.store.parent))
    seen: set[Path] = set()
    for folder in named:
        if folder.path.absolute() not in seen:
            seen.add(folder.path.absolute())
            yield folder


# --- there, and ours --------------------------------------------------------------------------
def _inbox(scene: Surroundings) -> Finding:
    inbox = scene.settings.inbox
    if not inbox.exists():
        return failure(
            f"{inbox.absolute()} is not there",
            "mount it, make it, or name the right one: --inbox FOLDER or WIREDESK_INBOX",
        )
    if not inbox.is_dir():
        return failure(f"{inbox.absolute()} is no folder", "name a folder in WIREDESK_INBOX")
    inbox_id = inbox_id_of(scene.settings)
    if inbox_id is None:
        return ok(f"{inbox.absolute()} is there; no ingest has owned it yet")
    if not Presence(Files(os.fsencode(inbox.absolute())), inbox_id).is_claimed():
        return failure(
            f"{inbox.absolute()} is there, but isn't the folder that the journal is about: its "
            "marker .wiredesk/inbox-id is missing or another's",
            "mount the right folder there; ingest waits until it is back",
        )
    return ok(f"{inbox.absolute()} is there, and the one that the journal is about")


def _rights(scene: Surroundings) -> Finding:
    findings = [_may_write(folder) for folder in folders_of(scene.settings)]
    return merged(findings, "")


def _may_write(folder: Folder) -> Finding:
    """Write, sync, rename, list, read and remove a file, where the folder is or would be made."""
    place = existing(folder.path)
    first = place / f"{TRIAL_PREFIX}{secrets.token_hex(4)}.tmp"
    second = first.with_suffix(".renamed")
    try:
        try:
            _tried(first, second)
        finally:
            for path in (first, second):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
    except OSError as error:
        return failure(
            f"{folder.name} {place}: {error.strerror}",
            f"let the user that runs Wiredesk write there: chown -R USER {place}; or, where its "
            "file system is mounted read-only or has errors, mount it anew",
        )
    made = "" if place == folder.path.absolute() else " (it will be made below it)"
    return ok(f"{folder.name}: may write, rename and remove in {place}{made}")


def _tried(first: Path, second: Path) -> None:
    with first.open("xb") as out:
        out.write(b"doctor")
        out.flush()
        os.fsync(out.fileno())
    first.rename(second)
    if second.name not in os.listdir(second.parent):  # noqa: PTH208  (as the scan lists)
        raise OSError(0, "a renamed file isn't listed")
    second.read_bytes()
    second.unlink()


# --- disks ------------------------------------------------------------------------------------
def _one_disk(scene: Surroundings) -> Finding:
    settings = scene.settings
    inbox = existing(settings.inbox)
    findings = [
        _same(inbox, Folder("done", settings.done)),
        _same(inbox, Folder("rejected", settings.rejected)),
    ]
    return merged(findings, "")


def _same(inbox: Path, folder: Folder) -> Finding:
    place = existing(folder.path)
    if place.stat().st_dev == inbox.stat().st_dev:
        return ok(f"{folder.name} is on the inbox's file system: files are moved in one step")
    return warning(
        f"{folder.name} {place} is on another file system than the inbox: every file is copied "
        "and compared before it leaves the inbox",
        f"put {folder.name} on the inbox's file system where the files are large",
    )


def _space(scene: Surroundings) -> Finding:
    return merged(
        [space_of(folder.name, folder.path, scene.space) for folder in folders_of(scene.settings)],
        "",
    )


def _local_state(scene: Surroundings) -> Finding:
    settings = scene.settings
    places = {"state": settings.state, "store": settings.store.parent}
    if settings.store_url is not None:
        del places["store"]
    return merged([_local(name, path, scene) for name, path in places.items()], "")


def _local(name: str, folder: Path, scene: Surroundings) -> Finding:
    place = existing(folder)
    advice = (
        "set WIREDESK_STATE_DIR to a folder on a local disk"
        if name == "state"
        else "set WIREDESK_STORE_PATH to a file on a local disk"
    )
    kind = type_of(place, scene.mounts)
    if kind in SHARES:
        return failure(
            f"{name} {place} is on a network share ({kind}): SQLite's files break there", advice
        )
    refused = _refuses_wal(place)
    if refused is not None:
        return failure(f"{name} {place} ({kind}): SQLite can't work there: {refused}", advice)
    return ok(f"{name} {place} is on {kind}: SQLite's write-ahead log works there")


def _refuses_wal(folder: Path) -> str | None:
    """Why a database with a write-ahead log can't be made there; None where it can."""
    path = folder / f"{TRIAL_PREFIX}{secrets.token_hex(4)}.sqlite3"
    try:
        with closing(sqlite3.connect(path)) as db:
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
            db.execute("CREATE TABLE trial (one INTEGER)")
            db.commit()
            return None if mode == "wal" else f"journal mode {mode}"
    except sqlite3.Error as error:
        return str(error)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


# --- notices ----------------------------------------------------------------------------------
def _notices(scene: Surroundings) -> Finding:
    inbox = scene.settings.inbox
    polls = f"it is scanned every {scene.settings.scan_interval:g} s all the same"
    advice = (
        "nothing must be done; for notices put the inbox on a local disk, or raise "
        "fs.inotify.max_user_watches and max_user_instances (sysctl)"
    )
    try:
        seconds = seconds_to_notice(inbox)
    except ImportError:
        if why := elsewhere("ingest"):
            return ok(why)
        return unknown("watchfiles isn't installed here", "pip install 'wiredesk[ingest]'")
    except (OSError, RuntimeError) as error:  # watchfiles' own is a RuntimeError
        reason = getattr(error, "strerror", None) or str(error)
        return warning(f"no notices of {inbox.absolute()} can be had ({reason}); {polls}", advice)
    if seconds is None:
        return warning(
            f"a file written to {inbox.absolute()} was not noticed within {NOTICE_WITHIN:g} s; "
            f"{polls}",
            advice,
        )
    return ok(f"a file written to the inbox was noticed after {seconds * 1000:.0f} ms")


def seconds_to_notice(inbox: Path) -> float | None:
    """Seconds until the kernel told of a file written to the inbox; None: not in time.

    The file's name is one that ingest passes over.  Raises ``OSError`` or ``RuntimeError`` where
    notices can't be had.
    """
    import watchfiles  # noqa: PLC0415  (an extra)

    trial = inbox.absolute() / f"{TRIAL_PREFIX}{secrets.token_hex(4)}"
    seen = watchfiles.watch(
        inbox.absolute(),
        watch_filter=lambda _change, path: path == str(trial),
        debounce=NOTICE_STEP_MS,
        step=NOTICE_STEP_MS // 2,
        rust_timeout=NOTICE_STEP_MS,
        yield_on_timeout=True,
        recursive=True,  # as ingest does: too many sub-folders are too many for it, too
    )
    with closing(seen):
        try:
            next(seen)  # nothing yet, but from here on it watches
            started = time.monotonic()
            trial.write_bytes(b"doctor")
            while time.monotonic() - started < NOTICE_WITHIN:
                if next(seen):
                    return time.monotonic() - started
        finally:
            with suppress(OSError):
                trial.unlink(missing_ok=True)
    return None


CHECKS = (
    LocalCheck(
        name="folders.inbox",
        looks_at="the inbox: there, a folder, and the one that the journal is about",
        limits="fails unless it is all of that",
        why="An inbox that isn't mounted looks like an empty one; ingest waits until it is back.",
        look=_inbox,
    ),
    LocalCheck(
        name="folders.rights",
        looks_at="inbox, done, rejected, state and the store's folder: a file of its own is "
        "written, synced, renamed, listed, read and removed again",
        limits="fails where any of that is refused to the user that runs doctor",
        why="A file that can't be moved out of the inbox is never settled.",
        look=_rights,
    ),
    LocalCheck(
        name="folders.one_disk",
        looks_at="whether done and rejected are on the inbox's file system",
        limits="warns where they aren't",
        why="Between file systems each file is copied, compared and removed instead of moved.",
        look=_one_disk,
    ),
    LocalCheck(
        name="folders.space",
        looks_at="bytes and inodes free for inbox, done, rejected, state and store",
        limits=SPACE_LIMITS,
        why="Where nothing can be written, nothing is taken, filed or settled; the desk waits.",
        look=_space,
    ),
    LocalCheck(
        name="folders.local_state",
        looks_at="the file systems of the state folder and of the store: their type, and whether "
        "SQLite's write-ahead log works there",
        limits="fails on network shares and where it doesn't",
        why="SQLite's files need locks and shared memory that shares don't give: they break.",
        look=_local_state,
    ),
    LocalCheck(
        name="folders.notices",
        looks_at="whether the kernel tells of a file written to the inbox (one with a name that "
        "ingest passes over)",
        limits=f"warns where it isn't told within {NOTICE_WITHIN:g} s",
        why="Without notices new files are found by the scan, WIREDESK_SCAN_INTERVAL later.",
        look=_notices,
    ),
)
