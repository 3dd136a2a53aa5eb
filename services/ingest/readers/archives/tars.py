"""Tar archives (V7, ustar, GNU, pax), read from front to back, seeking over what isn't read.

``tarfile`` reads the headers one by one here; its own stream mode keeps every member in memory,
reads extended headers of any size, and can't go on in the middle.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from services.ingest.readers.archives.members import ArchiveReader, Mark, Member
from services.ingest.readers.archives.streams import Forward, Passing, Window, cut_off
from services.ingest.readers.base import Source, Unreadable
from services.ingest.readers.unpacking import buffered

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

MAX_HEADER: Final = 1024 * 1024
"""Bytes of an extended header: names have 4 KiB at most on any system, attributes 64 KiB."""

MAX_SIZE: Final = 2**62
"""Bytes of a member: what any seek can reach. Headers can name more, and less than none."""

_LINKS: Final = (tarfile.LNKTYPE, tarfile.SYMTYPE)
_DEVICES: Final = (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
_EXTENDED: Final = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE),
    tarfile.SOLARIS_XHDTYPE,
)
_ADVICE: Final = "Put the file itself in the archive."


class TarReader(ArchiveReader):
    """Reads the files of a tar archive."""

    name = "tar"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` starts with a tar header whose checksum is right."""
        header = _header(head[: tarfile.BLOCKSIZE])
        return header is not None and bool(header.name or header.type in _EXTENDED)

    def members(self, source: Source, mark: Mark) -> Generator[Member]:
        """Yield the entries from ``mark`` on, whose offset is that of the header."""
        with source.open() as stream:
            archive = _Seeking(stream) if stream.seekable() else _Streaming(stream, source.open)
            yield from _walk(archive, mark.offset)


class _Seeking:
    """An archive that can be read anywhere."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._size = stream.seek(0, io.SEEK_END)

    def read_at(self, at: int, size: int) -> bytes:
        if at >= self._size:
            return b""  # no seek can go as far as a header can say
        self._stream.seek(at)
        return self._stream.read(size)

    def ends_before(self, at: int) -> bool:
        return self._size < at

    def member(self, at: int, size: int) -> Callable[[], BinaryIO]:
        return lambda: buffered(Window(self.read_at, at, size))


class _Streaming:
    """An archive that is read once, from front to back."""

    def __init__(self, stream: BinaryIO, reopen: Callable[[], BinaryIO]) -> None:
        self._forward = Forward(stream)
        self._reopen = reopen

    def read_at(self, at: int, size: int) -> bytes:
        self._forward.skip_to(at)
        data = b""
        while len(data) < size and (more := self._forward.read(size - len(data))):
            data += more
        return data

    def ends_before(self, at: int) -> bool:
        return self._forward.at < at

    def member(self, at: int, size: int) -> Callable[[], BinaryIO]:
        self._forward.skip_to(at)
        passing = Passing(self._forward, size, self._reopen)
        return lambda: buffered(passing.open())


@dataclass(slots=True)
class _Extras:
    """What extended headers say of the member after them."""

    name: bytes | None = None
    size: int | None = None
    sparse: bool = False


def _walk(archive: _Seeking | _Streaming, offset: int) -> Iterator[Member]:
    at = start = offset
    extras = _Extras()
    while block := archive.read_at(at, tarfile.BLOCKSIZE):
        if len(block) < tarfile.BLOCKSIZE:
            raise cut_off(at + len(block))
        if not block.strip(b"\0"):
            return  # the end; what follows is padding
        header = _header(block)
        if header is None or not 0 <= header.size < MAX_SIZE:
            raise Unreadable(
                f"the tar archive is damaged at byte {at}: there is no header",
                "Copy the file again, or make the archive anew.",
            )
        at += tarfile.BLOCKSIZE
        if header.type in _EXTENDED:
            _extend(extras, header, archive.read_at(at, min(header.size, MAX_HEADER)))
            at += _padded(header.size)
            continue
        member, at = _member(archive, header, extras, (start, at))
        yield member
        start, extras = at, _Extras()
    if start != at or archive.ends_before(at):
        raise cut_off(at)


def _member(
    archive: _Seeking | _Streaming,
    header: tarfile.TarInfo,
    extras: _Extras,
    where: tuple[int, int],
) -> tuple[Member, int]:
    """The member whose header ends at the second of ``where``, and where the next one starts."""
    start, at = where
    size = header.size if extras.size is None else extras.size
    name = extras.name or header.name.encode("utf-8", "surrogateescape")
    has_data = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
    after = at + (_padded(size) if has_data else 0)
    problem = _problem(header, extras)
    is_folder = header.isdir() or name.endswith(b"/")
    read = None if problem or is_folder else archive.member(at, size)
    return Member(name, start, after, size, read, problem, is_folder), after


def _problem(header: tarfile.TarInfo, extras: _Extras) -> tuple[str, str] | None:
    if header.type in _LINKS:
        return "links inside archives are not followed", _ADVICE
    if header.type in _DEVICES:
        return "a device or pipe is no file", _ADVICE
    if header.type == tarfile.GNUTYPE_SPARSE or extras.sparse:
        return "sparse files inside archives are not read", "Make the archive without --sparse."
    if not (header.isreg() or header.isdir()):
        return f"an entry of an unknown kind ({header.type!r})", _ADVICE
    return None


def _extend(extras: _Extras, header: tarfile.TarInfo, data: bytes) -> None:
    """Take from an extended header what is used: the name and the size."""
    if header.size > MAX_HEADER:
        raise Unreadable(
            f"the tar archive has a header of {header.size} bytes, the limit is {MAX_HEADER}",
            "It is damaged or made to deceive: make the archive anew.",
        )
    if len(data) < header.size:
        raise cut_off(header.size)
    if header.type == tarfile.GNUTYPE_LONGNAME:
        extras.name = data.split(b"\0", 1)[0]
    elif header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
        for key, value in _pax(data):
            if key == b"path":
                extras.name = value
            elif key == b"size" and value.isdigit() and len(value) < len(str(MAX_SIZE)):
                extras.size = int(value)
            extras.sparse = extras.sparse or key.startswith(b"GNU.sparse.")


def _pax(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    r"""The records ``LENGTH KEY=VALUE\n`` of a pax header, up to one that is none."""
    at = 0
    while at < len(data):
        digits, blank, _ = data[at : at + 20].partition(b" ")
        length = int(digits) if blank and digits.isdigit() else 0
        record = data[at + len(digits) + 1 : at + length]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            return
        yield key, value[:-1]
        at += length


def _header(block: bytes) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return None


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
