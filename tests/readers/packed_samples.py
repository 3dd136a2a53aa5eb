"""The packed samples: archives and compressed files of our own stories.

To make the files anew, from the top of the repository::

    python -m tests.readers.packed_samples
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import Final

import zstandard

SAMPLES: Final = Path(__file__).parent / "samples"
WHEN: Final = (2026, 11, 20, 10, 15, 0)
SECONDS: Final = 1795169700

JPEG: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01" + bytes(range(256))
MARKDOWN: Final = b"# Bells ring at noon\n\nThey had been silent since the fire in the tower.\n"


def story(number: int) -> bytes:
    """A plain text story, another one for each number."""
    return (
        f"Bulletin {number}: snow closes the pass\n\n"
        f"The road over pass number {number} was closed on Friday evening, the road office in"
        " Lindhavn said, and will be cleared once the wind has dropped.\n\n"
        "Chains are required on all other roads.\n"
    ).encode()


def dump(count: int, start: int = 1) -> bytes:
    """JSON lines of ``count`` records."""
    records = (
        {
            "title": f"Record {number}",
            "text": f"The ferry left pier {number} on time.",
            "url": f"https://harbour-radio.example/{number}",
        }
        for number in range(start, start + count)
    )
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def zip_of(
    files: list[tuple[str | zipfile.ZipInfo, bytes]], how: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A zip archive of ``files``, always the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name, WHEN) if isinstance(name, str) else name
            archive.writestr(info, data, info.compress_type or how)
    return out.getvalue()


def tar_of(
    files: list[tuple[str | tarfile.TarInfo, bytes]], how: int = tarfile.PAX_FORMAT
) -> bytes:
    """A tar archive of ``files``, always the same bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=how) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size, info.mtime = len(data), SECONDS
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    """A symbolic link as a tar archive has it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def zip_link(name: str) -> zipfile.ZipInfo:
    """A symbolic link as a zip archive made on Unix has it."""
    info = zipfile.ZipInfo(name, WHEN)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


def encrypted(archive: bytes, name: str) -> bytes:
    """``archive`` with the entry ``name`` marked as encrypted in its directory."""
    at = archive.index(b"PK\x01\x02")
    while archive[at + 46 : at + 46 + len(name)] != name.encode():
        at = archive.index(b"PK\x01\x02", at + 1)
    flags = archive[at + 8] | 1
    return archive[: at + 8] + bytes([flags]) + archive[at + 9 :]


def named_gzip(data: bytes, name: str) -> bytes:
    """Data in gzip, with the name of the file in its header."""
    out = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=out, mtime=SECONDS) as packed:
        packed.write(data)
    return out.getvalue()


def office() -> bytes:
    """What a word processor saves: a zip archive that is no bundle."""
    parts = ("[Content_Types].xml", "_rels/.rels", "word/document.xml")
    return zip_of([(name, b"<?xml version='1.0'?><x/>") for name in parts])


def bundle() -> bytes:
    """A delivery as agencies make it: stories, their pictures, and what programs leave behind."""
    return encrypted(
        zip_of(
            [
                ("2026-11-20/", b""),
                ("2026-11-20/snow.txt", story(1)),
                ("2026-11-20/snow_1.jpg", JPEG),
                ("2026-11-20/snow_2.jpg", JPEG),
                ("2026-11-20/bells.md", MARKDOWN),
                ("__MACOSX/2026-11-20/._bells.md", b"\x00\x05\x16\x07"),
                (".DS_Store", b"\x00\x00\x00\x01Bud1"),
                ("2026-11-20/picture_with_a_wrong_name.xml", JPEG),
                ("2026-11-20/dump.jsonl", dump(3)),
                (zip_link("2026-11-20/passwords"), b"/etc/passwd"),
                ("2026-11-20/sealed.txt", story(2)),
                ("../../outside.txt", story(3)),
                ("2026-11-20/night.tar.gz", gzip.compress(tar_of([("4.txt", story(4))]), mtime=0)),
                ("2026-11-20/letter.docx", office()),
                ("style.css", b"p { color: black }"),
                ("empty.txt", b""),
            ]
        ),
        "2026-11-20/sealed.txt",
    )


def tarball() -> bytes:
    """The same kind of delivery, with what only tar archives hold."""
    return tar_of(
        [
            ("stories/snow.txt", story(1)),
            (link("stories/passwords", "/etc/passwd"), b""),
            ("/stories/absolute.txt", story(2)),
            ("stories/" + "a long name " * 20 + "ø.txt", story(3)),
            ("stories/with\nline break.md", MARKDOWN),
            ("stories/photo.jpg", JPEG),
            ("stories/dump.jsonl", dump(2)),
        ]
    )


def files() -> dict[str, bytes]:
    """The samples by their paths."""
    lines = dump(3)
    return {
        "archives/bundle_of_stories_and_what_goes_with_them.zip": bundle(),
        "archives/bundle_of_stories_and_links.tar": tarball(),
        "archives/bundle_gnu_names.tar": tar_of(
            [("n" * 150 + ".txt", story(1)), ("b.md", MARKDOWN)], tarfile.GNU_FORMAT
        ),
        "archives/bundle.tar.gz": named_gzip(tarball(), "bundle.tar"),
        "archives/pictures_alone.zip": zip_of([("a.jpg", JPEG), ("b.jpg", JPEG)]),
        "archives/cut_off.zip": bundle()[:1500],
        "archives/cut_off.tar": tarball()[:3000],
        "archives/letter.docx": office(),
        "compressed/dump.jsonl.gz": named_gzip(lines, "dump.jsonl"),
        "compressed/dump_in_two_members.jsonl.gz": named_gzip(dump(2), "")
        + named_gzip(dump(2, 3), ""),
        "compressed/dump_cut_off.jsonl.gz": _cut_off(),
        "compressed/named_within.bin": named_gzip(MARKDOWN, "bells.md"),
        "compressed/dump.jsonl.bz2": bz2.compress(lines),
        "compressed/dump.jsonl.xz": lzma.compress(lines),
        "compressed/dump.jsonl.zst": zstandard.ZstdCompressor().compress(lines),
        "compressed/story_twice_packed.txt.gz.xz": lzma.compress(named_gzip(story(1), "story.txt")),
    }


def _cut_off() -> bytes:
    """A dump whose first records came through, flushed as a writer of a log does."""
    out = io.BytesIO()
    packed = gzip.GzipFile("", "wb", fileobj=out, mtime=SECONDS)
    packed.write(dump(2))
    packed.flush()
    packed.write(dump(1, 3)[:40])
    packed.flush()
    return out.getvalue()


def main() -> None:
    """Write the samples."""
    for path, data in files().items():
        (SAMPLES / path).parent.mkdir(parents=True, exist_ok=True)
        (SAMPLES / path).write_bytes(data)


if __name__ == "__main__":
    main()
