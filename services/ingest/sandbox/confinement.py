"""What a reading process gives up once it has loaded its readers.

Three layers, each of which holds by itself: limits of the kernel (memory, no file may grow, few
descriptors, no further process), Landlock where there is one, and Python's own audit hook, which
names what was tried.  A reader never needs what is refused here.
"""

from __future__ import annotations

import errno
import os
import resource
import sys
import sysconfig
import zoneinfo
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.ingest.sandbox import landlock

if TYPE_CHECKING:
    from collections.abc import Iterator

DESCRIPTORS = 64
"""Open files at most: the dropped one, the channel, and what an import opens for a moment."""

ADDRESS_SPACE = 2
"""Times the memory limit that all mappings together may take. The limit itself is put on what
is writable and private (RLIMIT_DATA): with all libraries loaded that is 78 MB, near the 68 MB
really used, where the address space is 154 MB, most of it libraries. Shared mappings count only
here."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_LISTING = frozenset({"os.listdir", "os.scandir"})

_FORBIDDEN = frozenset(
    {
        "ctypes.dlopen",
        "ctypes.dlsym",
        "os.chdir",
        "os.chflags",
        "os.chmod",
        "os.chown",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.kill",
        "os.killpg",
        "os.link",
        "os.mkdir",
        "os.posix_spawn",
        "os.putenv",
        "os.remove",
        "os.removexattr",
        "os.rename",
        "os.rmdir",
        "os.setxattr",
        "os.spawn",
        "os.symlink",
        "os.system",
        "os.truncate",
        "os.utime",
        "pty.spawn",
        "resource.prlimit",
        "resource.setrlimit",
        "signal.pthread_kill",
        "sqlite3.connect",
        "subprocess.Popen",
        "urllib.Request",
        "webbrowser.open",
    }
)
"""Audit events of Python that no reader causes; all of ``socket.`` besides."""


class Forbidden(PermissionError):  # noqa: N818  (named for what is the case)
    """A reader tried what a reading process may not.

    A ``PermissionError``, for libraries that look for an optional file and do without.
    """

    def __init__(self, what: str) -> None:
        super().__init__(errno.EACCES, f"not in a reading process: {what}")


def limit(memory_bytes: int) -> None:
    """Put the kernel's limits on this process, as far as the system has them."""
    for name, value in (
        ("RLIMIT_DATA", memory_bytes),
        ("RLIMIT_AS", ADDRESS_SPACE * memory_bytes),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", DESCRIPTORS),
        ("RLIMIT_NPROC", 0),
    ):
        # macOS knows them all, but not every value of each.
        with suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def confine() -> int:
    """Refuse, for good, all that a reader doesn't need; gives Landlock's version (0: none)."""
    folders = tuple(dict.fromkeys(_needed()))
    found = landlock.restrict(folders)
    sys.addaudithook(_Hook(folders))
    return found


def _needed() -> Iterator[Path]:
    """Folders that hold code and data of Python and of the libraries, which may load them late.

    Not all of ``sys.path``: a checkout's folder may hold the inbox.
    """
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    packages = (
        folder
        for name, module in sys.modules.copy().items()
        if "." not in name
        for folder in getattr(module, "__path__", ())
    )
    found = (
        *(sysconfig.get_path(name) for name in names),
        *(path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}),
        *packages,
        *zoneinfo.TZPATH,
        f"{sys.base_prefix}/lib",
        "/lib",
        "/lib64",
        "/usr/lib",
        "/usr/lib64",
    )
    for name in found:
        folder = Path(name).resolve()
        if folder.is_dir() and folder != Path("/"):
            yield folder


class _Hook:
    """The audit hook; Python calls it for each event, and what it raises stops the act."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = tuple(f"{folder}/" for folder in folders)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._check_open(*arguments)
        elif event in _LISTING:
            self._check_path(arguments[0])
        elif event in _FORBIDDEN or event.startswith("socket."):
            raise Forbidden(event)

    def _check_open(self, path: object, _mode: object, flags: int) -> None:
        if flags & _WRITING:
            raise Forbidden("open for writing")
        self._check_path(path)

    def _check_path(self, path: Any) -> None:
        if isinstance(path, int):
            return  # what is open already
        resolved = os.path.realpath(os.fsdecode(path if path is not None else "."))
        if not f"{resolved}/".startswith(self._folders):
            raise Forbidden("open outside of the program's own files")
