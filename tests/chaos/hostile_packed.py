"""Archives and compressed files that grow, lie, reach out of themselves or never end."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

import zstandard

from tests.chaos.hostile import ANY, MIB, READ, REFUSED, Hostile, made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.hostile import Bait

BOMB = 11 * 1024 * MIB
"""Bytes that each bomb comes to: more than ten gigabytes, and more than the test's limit."""

LAYERS, WIDTH = 5, 6
"""Archives in archives, so many in each: 7776 at the bottom, 1296 where reading them ends."""

BLOCK = 64 * MIB
"""Bytes of a bomb that are really compressed; the rest repeats them."""

JSON_START = b'{"title": "Pier shut", "text": "'
GOOD = "{0}\n\nThe pier of {0} stays shut until the spring, the harbour office said.\n"


def good(title: str) -> bytes:
    """A bulletin among hostile members."""
    return GOOD.format(title).encode()


def gzip_bomb(start: bytes, size: int = BOMB) -> bytes:
    """One gzip member of ``start`` and then NULs, of which only one block is compressed."""
    head = _flushed(start)
    block = _flushed(bytes(BLOCK))
    end = b"\x03\x00" + struct.pack("<II", 0, size % 2**32)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + head + block * (size // BLOCK) + end


def _flushed(data: bytes) -> bytes:
    """A deflate stream that another can follow."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


def compressed(start: bytes) -> Iterator[Hostile]:
    """Bombs in every compression, that begin as ``start``."""
    kind = "text" if start else "zeros"
    times = BOMB // BLOCK
    yield made(f"bomb-{kind}.gz", gzip_bomb(start), REFUSED)
    block = bz2.compress(bytes(BLOCK))
    yield made(f"bomb-{kind}.bz2", bz2.compress(start) + block * times, REFUSED)
    block = lzma.compress(bytes(BLOCK), preset=0)
    yield made(f"bomb-{kind}.xz", lzma.compress(start) + block * times, REFUSED)
    packer = zstandard.ZstdCompressor(level=1)
    block = packer.compress(bytes(BLOCK))
    yield made(f"bomb-{kind}.zst", packer.compress(start) + block * times, REFUSED)


def windows() -> Iterator[Hostile]:
    """Files that only ask for memory: gigabytes of window for a few bytes."""
    yield made("window.zst", b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\x00\x00", REFUSED)
    packed = bytearray(lzma.compress(good("window"), format=lzma.FORMAT_XZ))
    # The first block's header: its size, flags, the id of LZMA2, one byte of properties.
    length = (packed[12] + 1) * 4
    packed[16] = 40  # 4 GiB less one byte
    packed[12 + length - 4 : 12 + length] = struct.pack("<I", zlib.crc32(packed[12 : 8 + length]))
    yield made("window.xz", bytes(packed), ANY)


def truncated() -> Iterator[Hostile]:
    """Files that break off, or go on as something else."""
    text = good("truncated") * 500
    packer = zstandard.ZstdCompressor()
    packed = {
        "gz": gzip.compress(text, mtime=0),
        "bz2": bz2.compress(text),
        "xz": lzma.compress(text),
        "zst": packer.compress(text),
    }
    for kind, data in packed.items():
        yield made(f"truncated.{kind}", data[: len(data) // 2])
        yield made(f"header-only.{kind}", data[:11], REFUSED)
        yield made(f"garbage-after.{kind}", data + b"\x00garbage" * 1000)


def zipped(members: dict[str, bytes], *, pack: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these members, the same each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", pack) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, pack)
    return out.getvalue()


def zip_bombs() -> Iterator[Hostile]:
    """Flat, nested in breadth and in depth, overlapping, lying."""
    yield made("bomb.zip", zipped({"story.txt": bytes(8 * BLOCK), "good.txt": good("zip-bomb")}))
    nested = zipped({"story.jsonl": JSON_START + b"news " * (4 * MIB)})
    for _ in range(LAYERS):
        nested = zipped({f"part-{number}.zip": nested for number in range(WIDTH)})
    yield made("archives-in-archives.zip", nested, REFUSED, "layers deep", slow=True)
    deep = good("too-deep")
    for level in range(40):
        inner = {f"level-{level}.zip" if level else "story.txt": deep}
        deep = zipped(inner) if level % 2 else gzip.compress(tarred(inner), mtime=0)
    yield made("deep.zip", deep, REFUSED, "layers deep")
    yield made("overlapping.zip", overlapping(200), ANY)
    yield made("lying-sizes.zip", lying({"a.txt": good("lying") * 1000}, 10))
    yield made("lying-sizes-huge.zip", lying({"a.txt": good("lying-huge")}, 2**32 - 2))
    yield made("counts.zip", b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, 9, 9, 0))
    yield made("no-directory.zip", zipped({"a.txt": good("no-directory")})[:-30], ANY)


def overlapping(count: int) -> bytes:
    """Many names for the same packed bytes: small here, ``count`` times 8 MiB unpacked."""
    whole = zipped({"kernel.txt": b"The pier stays shut. " * (8 * MIB // 21)})
    start = whole.index(b"PK\x01\x02")
    entry, end = whole[start : whole.index(b"PK\x05\x06")], whole[whole.index(b"PK\x05\x06") :]
    sizes = struct.pack("<HHI", count, count, count * len(entry))
    return whole[:start] + entry * count + end[:8] + sizes + end[16:]


def lying(members: dict[str, bytes], size: int) -> bytes:
    """A zip whose directory and headers name another unpacked size."""
    data = bytearray(zipped(members))
    struct.pack_into("<I", data, 22, size)
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, size)
    return bytes(data)


def escaping_names(bait: Bait, kind: str) -> dict[str, bytes]:
    """Members whose names lead out of any folder; the good one leads nowhere."""
    names = (
        "../escaped.txt",
        "../../../../../../../../" + str(bait.outside / "escaped.txt").lstrip("/"),
        str(bait.outside / "absolute.txt"),
        r"..\..\escaped.txt",
        "C:\\escaped.txt",
        "a/../../escaped.txt",
        "~/escaped.txt",
        "new\nline\x1b[31m.txt",
        "n" * 5000 + ".txt",
        "good.txt",
    )
    return {name: good(f"{kind} {number}") for number, name in enumerate(names)}


def escaping(bait: Bait) -> Iterator[Hostile]:
    """Names and links that lead out of the archive."""
    yield made("traversal.zip", zipped(escaping_names(bait, "zip")), READ)
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(link, str(bait.canary))
        archive.writestr(zipfile.ZipInfo("good.txt"), good("zip-link"))
    yield made("link.zip", out.getvalue())
    yield made("traversal.tar", tarred(escaping_names(bait, "tar")), READ)
    yield made("links.tar.gz", gzip.compress(links(bait), mtime=0), ANY)


def tarred(members: dict[str, bytes]) -> bytes:
    """A tar of these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def links(bait: Bait) -> bytes:
    """Every kind of member that is no file, each pointing at what must not be read."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE):
            for target in (str(bait.canary), "../../canary.txt", "good.txt"):
                info = tarfile.TarInfo(f"member-{kind.decode()}.txt")
                info.type, info.linkname = kind, target
                info.devmajor, info.devminor = 1, 5  # /dev/zero
                archive.addfile(info)
        fifo = tarfile.TarInfo("fifo.txt")
        fifo.type = tarfile.FIFOTYPE
        archive.addfile(fifo)
        data = good("tar-links")
        info = tarfile.TarInfo("good.txt")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tar_bombs() -> Iterator[Hostile]:
    """Sizes that no file has."""
    for name, size in (("terabytes", 2**43), ("negative", -1)):
        info = tarfile.TarInfo("story.txt")
        info.size = size
        head = info.tobuf(tarfile.GNU_FORMAT)
        yield made(f"{name}.tar", head + good(name).ljust(1024, b"\0"), REFUSED)
    pax = tarfile.TarInfo("story.txt")
    pax.pax_headers = {"size": "9" * 400, "path": "p" * 100_000}
    yield made("pax.tar", pax.tobuf(tarfile.PAX_FORMAT) + good("pax").ljust(1024, b"\0"))


def files(bait: Bait) -> Iterator[Hostile]:
    """All of them."""
    yield from compressed(b"")
    yield from compressed(JSON_START)
    yield from windows()
    yield from truncated()
    yield from zip_bombs()
    yield from escaping(bait)
    yield from tar_bombs()
