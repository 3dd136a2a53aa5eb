"""Finding the receipts of dropped files, and saying in lines what they say."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from itertools import dropwhile, islice
from typing import TYPE_CHECKING

from services.ingest.names import RECEIPT_SUFFIX
from services.ingest.receipts import Receipt, ReceiptArticle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from services.console.dropping import Dropped
    from services.settings import Settings

REJECTIONS_SHOWN = 5
"""Rejected records of one file that are named; its receipt has all of them."""

HEAD_BYTES = 1024 * 1024
"""Bytes of a receipt before its articles, at most: the reader's warnings are the longest part."""

_SUFFIX = RECEIPT_SUFFIX.decode()
_ARTICLES = b'  "articles": ['
_OPENS, _CLOSES = b"    {", b"    }"
"""How an article begins and ends; all that is in it stands further to the right."""


@dataclass(frozen=True, slots=True)
class FoundReceipt:
    """A receipt on disk, without its articles, of which there may be a million."""

    path: Path
    head: Receipt

    @property
    def file(self) -> str:
        """The file's name in the inbox, printable."""
        return self.head.file

    @property
    def accepted(self) -> bool:
        """Whether nothing of the file was rejected."""
        return not self.head.summary.get("rejected")

    def lines(self) -> Iterator[str]:
        """What became of the file, and of its first rejected records why."""
        counts = ", ".join(f"{number:,} {kind}" for kind, number in self.head.summary.items())
        place = self.head.archived_as or self.head.note
        yield f"{self.file}: {counts}" + (f" ({place})" if place else "")
        if not self.accepted:
            yield from self._rejections()

    def _rejections(self) -> Iterator[str]:
        with self.path.open("rb") as file:
            for each in islice(_rejected(file), REJECTIONS_SHOWN):
                where = each.locator or f"record {each.position}"
                yield f"  {where}: {each.reason}. {each.advice}"
        more = self.head.summary["rejected"] - REJECTIONS_SHOWN
        if more > 0:
            yield f"  and {more:,} more: {self.path}"


def _rejected(file: Iterable[bytes]) -> Iterator[ReceiptArticle]:
    """The rejected ones of a receipt's articles, one by one, as ``Receipt.written`` writes them."""
    lines: list[bytes] = []
    for line in dropwhile(lambda line: not line.startswith(_ARTICLES), file):
        if line.startswith(_OPENS):
            lines = []
        lines.append(line)
        if line.startswith(_CLOSES):
            text = b"".join(lines).rstrip(b",\n")
            if b'"rejected"' in text:  # most of a million aren't, and need no parsing
                article = ReceiptArticle.model_validate_json(text)
                if article.outcome == "rejected":
                    yield article


@dataclass
class ReceiptSearch:
    """Looks for receipts that weren't there when it began."""

    folders: tuple[Path, ...]
    _known: set[Path] = field(default_factory=set)

    @classmethod
    def begin(cls, settings: Settings) -> ReceiptSearch:
        """A search that passes over what is there now: earlier drops of the same name."""
        search = cls((settings.done, settings.rejected))
        search._known.update(search._paths())
        return search

    def look(self, dropped: Iterable[Dropped]) -> list[FoundReceipt]:
        """The receipts of these files that have come since the last look."""
        wanted = {(each.file, each.sha256) for each in dropped}
        found = []
        for path in [path for path in self._paths() if path not in self._known]:
            self._known.add(path)
            receipt = read_head(path)
            if receipt is not None and (receipt.head.file, receipt.head.content_sha256) in wanted:
                found.append(receipt)
        return found

    def _paths(self) -> Iterator[Path]:
        # A file dropped at the top of the inbox is archived at the top of its folder.
        for folder in self.folders:
            try:
                names = os.listdir(folder)  # noqa: PTH208  (no Path for each of 100,000 names)
            except FileNotFoundError:
                continue  # made with the first file that goes there
            yield from (folder / name for name in names if name.endswith(_SUFFIX))


def read_head(path: Path) -> FoundReceipt | None:
    """The receipt at ``path`` up to its articles; None if it is gone, or no receipt of ours."""
    try:
        with path.open("rb") as file:
            data = file.read(HEAD_BYTES)
            at = data.find(b"\n" + _ARTICLES)
            document = json.loads(data[:at].rstrip(b",") + b"}" if at >= 0 else data + file.read())
        return FoundReceipt(path, Receipt.model_validate(document | {"articles": ()}))
    except (FileNotFoundError, ValueError):
        return None
