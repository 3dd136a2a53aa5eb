"""Measure how right the enrichment is, and print the figures as Markdown.

    python -m services.enrichment.quality --data DIR [--golden DIR] [--model NAME ...]

``DIR`` has ``eval/`` (and ``topics/`` for the topics); what is missing is left out and
said so.  Rules are written with an eye on the *dev* part only; *test* is printed beside it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from services import observability
from services.enrichment.annotators.gazetteer import Gazetteer
from services.enrichment.annotators.recogniser import SpacyRecogniser
from services.enrichment.linking import Knowledge
from services.enrichment.models import load_model
from services.enrichment.quality import evalsets, people, report, spans
from services.enrichment.quality.metrics import reliability
from services.enrichment.threads import limit_threads
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from services.enrichment.annotators.recogniser import Recogniser
    from services.enrichment.quality.evalsets import Marked, Split
    from services.enrichment.quality.spans import Measured

SPLITS: tuple[Split, ...] = ("dev", "test")
GOLDEN = Path("tests/golden/articles")


def _names(data: Path, models: Sequence[str | None], gazetteer: Gazetteer) -> Iterator[str]:
    """The sets of marked names, with each model."""
    sets: tuple[tuple[str, str, Callable[[Path], list[Marked]], dict[str, str]], ...] = (
        ("WikiGold", "wikigold_en.conllu", evalsets.wikigold, spans.WIKIGOLD),
        ("WNUT-17", "wnut17_test.conll", evalsets.wnut17, spans.WNUT17),
    )
    for setting in models:
        model = load_model(setting)
        recogniser = SpacyRecogniser(model.nlp)
        for name, file, read, mapping in sets:
            yield f"### {name}, {model.name} {model.version}"
            path = data / "eval" / file
            if not path.exists():
                yield f"Left out: no {file}."
                continue
            yield from _name_tables(read(path), recogniser, gazetteer, mapping)


def _name_tables(
    documents: Sequence[Marked],
    recogniser: Recogniser,
    gazetteer: Gazetteer,
    mapping: dict[str, str],
) -> Iterator[str]:
    parts = {split: evalsets.part(documents, split) for split in SPLITS}
    measured: dict[str, Sequence[Measured]] = {
        split: spans.measure(part, recogniser, gazetteer, mapping) for split, part in parts.items()
    }
    yield report.steps(measured)
    yield report.types(measured)
    for split, part in parts.items():
        yield f"Confidence and the share of entities that are right, {split}:"
        yield report.calibration(reliability(spans.scored(part, recogniser, gazetteer, mapping)))


def _people(data: Path, golden: Path, gazetteer: Gazetteer) -> Iterator[str]:
    """People across documents, on marked mentions."""
    measured = {}
    for name in ("rss-500", "kore50"):
        path = data / "eval" / f"{name}.jsonl"
        if path.exists():
            documents = evalsets.linked_people(path)
            for split in SPLITS:
                part = evalsets.part(documents, split)
                measured[f"{name} {split}"] = people.measure(part, gazetteer)
    if golden.is_dir():
        measured["golden articles"] = people.measure(people.golden(golden), gazetteer)
    yield "### People across documents, on marked mentions"
    yield report.people(measured) if measured else "Left out: no set with people."


@dataclass(frozen=True, slots=True)
class Other:
    """A report of another module: its ``main`` takes ``--data FOLDER`` and prints.

    ``more``: options and the files for them, each given where the file is there.
    """

    title: str
    module: str
    folder: str
    more: Mapping[str, str] = field(default_factory=dict)

    def arguments(self, data: Path) -> list[str]:
        """What its ``main`` is given."""
        there = {option: data / file for option, file in self.more.items()}
        found = [[option, str(file)] for option, file in there.items() if file.is_file()]
        return ["--data", str(data / self.folder), *chain.from_iterable(found)]


OTHERS = (
    Other("Linking", "services.enrichment.knowledge.measure_linking", "eval"),
    Other(
        "Topics",
        "services.enrichment.knowledge.measure_topics",
        "topics",
        {"--cep": "eval/wikitimes_CEP_2015-09.json"},
    ),
)


def _print_others(data: Path) -> None:
    for other in OTHERS:
        sys.stdout.write(f"## {other.title}\n\n")
        sys.stdout.flush()
        if (data / other.folder).is_dir():
            importlib.import_module(other.module).main(other.arguments(data))
        else:
            sys.stdout.write(f"Left out: no folder {other.folder}.\n")
        sys.stdout.write("\n")


def sections(data: Path, golden: Path, models: Sequence[str | None]) -> Iterator[str]:
    """The report, piece by piece."""
    gazetteer = Gazetteer(Knowledge.load())
    yield "## Entities"
    yield from _names(data, models, gazetteer)
    yield from _people(data, golden, gazetteer)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(prog="python -m services.enrichment.quality")
    parser.add_argument("--data", type=Path, required=True, help="a folder with eval/ and topics/")
    parser.add_argument("--golden", type=Path, default=GOLDEN, help="articles of our own writing")
    parser.add_argument("--model", action="append", help="spaCy model; may be given several times")
    parser.add_argument("--entities", action="store_true", help="only names and people")
    options = parser.parse_args(arguments)
    limit_threads()
    # The report is on stdout alone.
    observability.configure(Settings(log_level="WARNING"), "quality")
    for piece in sections(options.data, options.golden, options.model or [None]):
        sys.stdout.write(piece + "\n\n")
        sys.stdout.flush()
    if not options.entities:
        _print_others(options.data)


if __name__ == "__main__":
    main()
