# ruff: noqa: PTH102, PTH104, PTH108, PTH112
# pathlib holds no bytes, and names here need not be text.
"""The file layer: every touch of the disk that ingest makes, in one small object.

Tests replace single methods to fill the disk or break it.  Paths are bytes:
names need not be UTF-8.  A path below the inbox is opened folder by folder,
following no link, so a folder that is swapped for a link leads nowhere.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import posixpath
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.effects import effect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CHUNK = 1024 * 1024
"""Bytes per read or write: large enough that the calls don't count, small beside any memory."""

MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What opening a path gives when the file isn't there, or isn't that file, any more."""

_CANT_SYNC_FOLDER = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
"""File systems on which a folder can't be synced (SMB, some FUSE); they order names themselves."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which file this is, and in which condition."""

    dev: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> Identity:
        """The identity in a stat result."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)

    def same_file(self, other: Identity) -> bool:
        """Whether it is the same file, unchanged.

        The device isn't compared: its number changes when a disk is mounted
        again, and the path already says where the file is.
        """
        mine = (self.inode, self.size, self.mtime_ns)
        return mine == (other.inode, other.size, other.mtime_ns)


class FileView(io.RawIOBase):
    """A read-only stream over an open file, with its own offset; closing it leaves the file open.

    Every stream that a reader opens is on the one file that was checked, even
    if another takes its name meanwhile.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._offset = 0

    def readable(self) -> bool:  # noqa: D102  (io.RawIOBase's)
        return True

    def seekable(self) -> bool:  # noqa: D102
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:  # noqa: D102
        base = {
            os.SEEK_SET: 0,
            os.SEEK_CUR: self._offset,
            os.SEEK_END: os.fstat(self._descriptor).st_size,
        }[whence]
        if base + offset < 0:
            raise ValueError("seek before the start of the file")
        self._offset = base + offset
        return self._offset

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # noqa: D102
        data = os.pread(self._descriptor, len(buffer), self._offset)
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)


class Files:
    """Files below the inbox ``root``, and the folders they are archived to."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.expected: tuple[int, int] | None = None
        """Device and inode that the inbox has; None: whatever is there. See ``presence``."""
        self.at_work: Callable[[], object] = int
        """Called for each piece of a file that is read: what takes long still goes on."""

    # --- the inbox -------------------------------------------------------------
    @contextmanager
    def parent(self, path: bytes) -> Iterator[int]:
        """A descriptor of the folder that holds ``path``, reached through no link.

        An inbox that isn't there any more raises ``ESTALE``: its files aren't
        *missing*, they can't be reached now.
        """
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        descriptor = self._open_root(flags)
        try:
            for part in path.split(b"/")[:-1]:
                below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_root(self, flags: int) -> int:
        try:
            descriptor = os.open(self.root, flags)
        except OSError as error:
            if error.errno in MISSING:
                raise OSError(errno.ESTALE, "the inbox is not there", self.root) from error
            raise
        found = os.fstat(descriptor)
        if self.expected not in {None, (found.st_dev, found.st_ino)}:
            os.close(descriptor)
            raise OSError(errno.ESTALE, "another folder is in the inbox's place", self.root)
        return descriptor

    @contextmanager
    def opened(self, path: bytes) -> Iterator[int]:
        """A descriptor of the regular file ``path``.

        Raises ``OSError``: one of :data:`MISSING` when no regular file is there
        (a FIFO, a device or a link is *not there*), others when it can't be
        read now.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with self.parent(path) as folder:
            descriptor = self.open(posixpath.basename(path), flags, folder)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.ENOENT, "not a regular file", path)
            yield descriptor
        finally:
            os.close(descriptor)

    def open(self, name: bytes, flags: int, folder: int) -> int:
        """``os.open`` in an open folder."""
        return os.open(name, flags, dir_fd=folder)

    def identity(self, path: bytes) -> Identity | None:
        """Identity of the regular file at ``path``; None if there is none."""
        try:
            with self.parent(path) as folder:
                found = os.stat(posixpath.basename(path), dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno in MISSING:
                return None
            raise
        return Identity.of(found) if stat.S_ISREG(found.st_mode) else None

    def link_out(self, path: bytes, target: bytes) -> None:
        """Give the inbox file ``path`` the second name ``target``, which must be free."""
        effect("ingest.archive.link")
        with self.parent(path) as folder:
            self.link(posixpath.basename(path), target, folder)

    def remove(self, path: bytes, drop_name: bytes, identity: Identity) -> bool:
        """Remove the inbox file ``path`` if it still is ``identity``; false if it is another.

        It is first renamed to the hidden name ``drop_name``: that takes whatever
        stands there in one step, so that a file which comes to the same name
        at this moment is seen, and given its name back, not deleted.  The caller syncs the folder.
        """
        name = posixpath.basename(path)
        with self.parent(path) as folder:
            effect("ingest.archive.capture")
            os.rename(name, drop_name, src_dir_fd=folder, dst_dir_fd=folder)
            found = Identity.of(os.stat(drop_name, dir_fd=folder, follow_symlinks=False))
            if not found.same_file(identity):
                self._give_back(folder, drop_name, name)
                return False
            effect("ingest.archive.unlink")
            os.unlink(drop_name, dir_fd=folder)
        return True

    def recover(self, path: bytes, drop_name: bytes) -> None:
        """Give a file back its name which a crash left under ``drop_name`` in :meth:`remove`."""
        with self.parent(path) as folder:
            try:
                os.stat(drop_name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return
            self._give_back(folder, drop_name, posixpath.basename(path))

    def _give_back(self, folder: int, hidden: bytes, name: bytes) -> None:
        effect("ingest.archive.give_back")
        attempt = 1
        free = name
        while exists_in(folder, free):
            attempt += 1
            stem, extension = posixpath.splitext(name)
            free = stem + b"~%d" % attempt + extension
        os.rename(hidden, free, src_dir_fd=folder, dst_dir_fd=folder)

    # --- the folders for what is finished -----------------------------------------
    def make_folder(self, folder: bytes) -> None:
        """Make ``folder`` and what is above it; each new name is on disk on return."""
        above = posixpath.dirname(folder)
        if os.path.isdir(folder):
            return
        if above != folder:
            self.make_folder(above)
        effect("ingest.archive.mkdir")
        with suppress(FileExistsError):
            os.mkdir(folder)
        self.sync_folder(above)

    def put(self, target: bytes, pieces: Iterable[bytes]) -> None:
        """Write ``pieces`` to ``target`` (replaced if it exists), on disk on return."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(target, flags, 0o644)
        try:
            gathered = bytearray()
            for piece in pieces:
                gathered += piece
                if len(gathered) >= CHUNK:
                    self._write_all(descriptor, bytes(gathered))
                    gathered.clear()
            self._write_all(descriptor, bytes(gathered))
            self.sync(descriptor)
        finally:
            os.close(descriptor)

    def copy(self, source: int, target: bytes) -> str:
        """Copy an open file to ``target``, on disk on return; returns its SHA-256 in hex."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        digest = hashlib.sha256()
        times = os.fstat(source)
        descriptor = os.open(target, flags, 0o644)
        try:
            for chunk in self.chunks(source):
                digest.update(chunk)
                self._write_all(descriptor, chunk)
            os.utime(descriptor, ns=(times.st_atime_ns, times.st_mtime_ns))
            self.sync(descriptor)
        finally:
            os.close(descriptor)
        return digest.hexdigest()

    def settle_name(self, temporary: bytes, target: bytes) -> None:
        """Give ``temporary`` the name ``target`` beside it, never in another file's place.

        Where hard links don't exist (FAT, some network shares) the check and
        the rename are two steps; only we write to that folder.
        """
        try:
            self.link(temporary, target, None)
        except FileExistsError:
            raise
        except OSError as error:
            if error.errno not in CANT_LINK:
                raise
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, "name taken", target) from error
            os.rename(temporary, target)
        else:
            os.unlink(temporary)
        self.sync_folder(posixpath.dirname(target))

    # --- primitives, which tests break ----------------------------------------------
    def link(self, source: bytes, target: bytes, folder: int | None) -> None:
        """``os.link``, not following a link."""
        os.link(source, target, src_dir_fd=folder, follow_symlinks=False)

    def write(self, descriptor: int, data: memoryview) -> int:
        """``os.write``; returns the bytes written."""
        return os.write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """``os.fsync``, where the file system has it for folders too."""
        try:
            os.fsync(descriptor)
        except OSError as error:
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            if not (is_folder and error.errno in _CANT_SYNC_FOLDER):
                raise

    def chunks(self, descriptor: int) -> Iterator[bytes]:
        """The bytes of an open file from its start."""
        offset = 0
        while chunk := os.pread(descriptor, CHUNK, offset):
            self.at_work()
            yield chunk
            offset += len(chunk)

    def sha256(self, descriptor: int) -> str:
        """SHA-256 of an open file's bytes, in hex."""
        digest = hashlib.sha256()
        for chunk in self.chunks(descriptor):
            digest.update(chunk)
        return digest.hexdigest()

    def sync_folder(self, folder: bytes) -> None:
        """Have the names in ``folder`` on disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)

    def _write_all(self, descriptor: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self.write(descriptor, rest) :]


CANT_LINK = frozenset(
    {
        errno.EXDEV,  # another file system
        errno.EPERM,  # no hard links there, or not on files of others
        errno.ENOTSUP,
        errno.ENOSYS,
        errno.EMLINK,  # the file has too many names
        errno.EACCES,
    }
)
"""What ``link`` gives where a copy may still work."""


def exists_in(folder: int, name: bytes) -> bool:
    """Whether anything of this name, a link too, is in an open folder."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def absolute(path: os.PathLike[str]) -> bytes:
    """The real absolute path as bytes."""
    return os.fsencode(os.path.realpath(path))
