"""Settings that don't go together: one rule each, with what to set instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from services.console.doctor.findings import Finding, failure, warning
from services.console.doctor.mounts import SHARES, type_of
from services.console.doctor.space import existing

if TYPE_CHECKING:
    from services.console.doctor.checks import Surroundings
    from services.settings import Settings

KILLED_AFTER = 30.0
"""Seconds after which Kubernetes and Compose kill what was told to stop."""

POLLS = 4
"""Reads that must fit into a claim time: a lease is renewed each quarter of it."""

CLAIM_LEAST, CLAIM_MOST = 15.0, 60.0
"""Seconds: below, a pause of the machine takes work away; above, a dead worker's waits."""

MARKER_LEAST = 24 * 3600.0
"""Seconds: a weekend's outage is shorter than the default of seven days, a day's is not rare."""

MEMORY_TIMES = 8
"""Times its size that a text takes while it is parsed, at the worst."""

Rule: TypeAlias = Callable[["Surroundings"], Iterator[Finding]]


def contradictions(scene: Surroundings) -> Iterator[Finding]:
    """What isn't right with the settings, taken together."""
    for rule in RULES:
        yield from rule(scene)


def _folders(scene: Surroundings) -> Iterator[Finding]:
    """done, rejected and state must not be the inbox itself, nor each other."""
    settings = scene.settings
    inbox = settings.inbox.absolute()
    named = {"DONE_DIR": settings.done, "REJECTED_DIR": settings.rejected}
    for name, folder in {**named, "STATE_DIR": settings.state}.items():
        if folder.absolute() == inbox:
            yield failure(
                f"WIREDESK_{name} is the inbox itself: ingest refuses to start",
                f"set WIREDESK_{name} to another folder",
            )
    if settings.done.absolute() == settings.rejected.absolute():
        yield warning(
            "WIREDESK_DONE_DIR and WIREDESK_REJECTED_DIR are one folder: what was refused can't "
            "be told from what was taken",
            "set WIREDESK_REJECTED_DIR to another folder",
        )


def _settling(scene: Surroundings) -> Iterator[Finding]:
    """settle_time 0 takes files that are still being written, on a share above all."""
    if scene.settings.settle_time:
        return
    kind = type_of(existing(scene.settings.inbox), scene.mounts)
    where = f" on a network share ({kind})" if kind in SHARES else ""
    say = failure if where else warning
    yield say(
        f"WIREDESK_SETTLE_TIME is 0{where}: files that are still being written are taken",
        "set it to 2, or let every sender write to a .tmp name and rename",
    )


def _leases(scene: Surroundings) -> Iterator[Finding]:
    """How long a worker keeps a message, against what it does meanwhile."""
    settings = scene.settings
    claim = settings.claim_after
    if claim < POLLS * settings.poll_interval / 1000:
        yield warning(
            f"WIREDESK_CLAIM_AFTER ({claim:g} s) is less than {POLLS} times WIREDESK_POLL_INTERVAL "
            f"({settings.poll_interval} ms): living workers lose their messages",
            f"set WIREDESK_CLAIM_AFTER to {max(CLAIM_LEAST, 30):g}",
        )
    elif not CLAIM_LEAST <= claim <= CLAIM_MOST:
        yield warning(
            f"WIREDESK_CLAIM_AFTER is {claim:g} s",
            f"set it to {CLAIM_LEAST:g} to {CLAIM_MOST:g}: shorter does work twice, longer delays "
            "recovery",
        )
    if settings.handler_timeout <= claim:
        yield warning(
            f"WIREDESK_HANDLER_TIMEOUT ({settings.handler_timeout:g} s) is not above "
            f"WIREDESK_CLAIM_AFTER ({claim:g} s): a worker ends in a batch that a slow minute made "
            "long",
            "set WIREDESK_HANDLER_TIMEOUT to 300",
        )
    if settings.redrive_interval < claim:
        yield warning(
            f"WIREDESK_REDRIVE_INTERVAL ({settings.redrive_interval:g} s) is below "
            f"WIREDESK_CLAIM_AFTER ({claim:g} s): files are read again while a worker has them",
            f"set WIREDESK_REDRIVE_INTERVAL to {claim:g} or more",
        )


def _stopping(scene: Surroundings) -> Iterator[Finding]:
    """A stop in peace must end before whoever asked for it kills."""
    if scene.settings.graceful_timeout >= KILLED_AFTER:
        yield warning(
            f"WIREDESK_GRACEFUL_TIMEOUT is {scene.settings.graceful_timeout:g} s: Kubernetes and "
            f"Compose kill after {KILLED_AFTER:g} s",
            "set it to 20, or raise terminationGracePeriodSeconds or stop_grace_period above it",
        )


def _keeping(scene: Surroundings) -> Iterator[Finding]:
    """How long is remembered what, and how much may wait."""
    settings = scene.settings
    if settings.marker_ttl < MARKER_LEAST:
        yield warning(
            f"WIREDESK_MARKER_TTL is {settings.marker_ttl:g} s: after a longer outage articles are "
            "published again",
            "set it to 604800 (seven days)",
        )
    if settings.bulk_backlog > settings.raw_backlog:
        yield warning(
            f"WIREDESK_BULK_BACKLOG ({settings.bulk_backlog}) is above WIREDESK_RAW_BACKLOG "
            f"({settings.raw_backlog}): long files never give way to fresh ones",
            "set WIREDESK_BULK_BACKLOG to 64",
        )
    if settings.reader_memory_bytes < MEMORY_TIMES * settings.max_article_bytes:
        yield warning(
            f"WIREDESK_READER_MEMORY_BYTES ({settings.reader_memory_bytes}) is less than "
            f"{MEMORY_TIMES} times WIREDESK_MAX_ARTICLE_BYTES ({settings.max_article_bytes}): the "
            "longest articles are rejected for want of memory",
            "raise the first or lower the second",
        )


def _store(scene: Surroundings) -> Iterator[Finding]:
    """Two stores are one too many."""
    if scene.settings.store_url is not None and scene.settings.store_path is not None:
        yield warning(
            "WIREDESK_STORE_URL and WIREDESK_STORE_PATH are both set: the file is not used",
            "unset WIREDESK_STORE_PATH; wiredesk migrate-store copies what is in it",
        )


def _serving(scene: Surroundings) -> Iterator[Finding]:
    """API, health and webhooks, against each other."""
    settings = scene.settings
    served = settings.api and settings.health
    if served and settings.api_port and settings.api_port == settings.health_port:
        yield warning(
            f"WIREDESK_API_PORT and WIREDESK_HEALTH_PORT are both {settings.api_port}: whoever "
            "comes second gets another or none",
            "set WIREDESK_HEALTH_PORT to 8421",
        )
    if settings.webhook_private_targets and settings.api and not _is_loopback(settings.api_host):
        yield warning(
            "WIREDESK_WEBHOOK_PRIVATE_TARGETS is on and the API listens on "
            f"{settings.api_host}: whoever may add a webhook reaches this machine's network",
            "unset WIREDESK_WEBHOOK_PRIVATE_TARGETS, or WIREDESK_API_HOST",
        )
    if settings.webhook_timeout >= settings.graceful_timeout:
        yield warning(
            f"WIREDESK_WEBHOOK_TIMEOUT ({settings.webhook_timeout:g} s) is not below "
            f"WIREDESK_GRACEFUL_TIMEOUT ({settings.graceful_timeout:g} s): a stop cuts deliveries "
            "short, and they are made again",
            "set WIREDESK_WEBHOOK_TIMEOUT to 10",
        )
    if settings.otlp_endpoint is not None and settings.otlp_sample == 0:
        yield warning(
            "WIREDESK_OTLP_ENDPOINT is set and WIREDESK_OTLP_SAMPLE is 0: no trace is sent",
            "set WIREDESK_OTLP_SAMPLE to 1, or unset WIREDESK_OTLP_ENDPOINT",
        )


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def _annotating(scene: Surroundings) -> Iterator[Finding]:
    """Annotators that are known, and settings of annotators that aren't asked for."""
    settings = scene.settings
    yield from _unknown_annotators(settings)
    needs = {
        "entities": ("spacy_model", "spacy_models", "entity_aliases_file"),
        "topics": ("user_topics_file",),
    }
    for annotator, names in needs.items():
        for name in names:
            if getattr(settings, name) and annotator not in settings.annotators:
                yield warning(
                    f"WIREDESK_{name.upper()} is set, and WIREDESK_ANNOTATORS has no "
                    f"'{annotator}': it has no effect",
                    f"add '{annotator}' to WIREDESK_ANNOTATORS, or unset WIREDESK_{name.upper()}",
                )


def _unknown_annotators(settings: Settings) -> Iterator[Finding]:
    # Imported here: its numbers of threads are set where it is used.
    from services.enrichment.registry import ANNOTATORS, WITH_INDEX  # noqa: PLC0415

    known = (*ANNOTATORS, *WITH_INDEX)
    unknown = [name for name in settings.annotators if name not in known]
    twice = len(set(settings.annotators)) != len(settings.annotators)
    if unknown or twice:
        what = f"names {', '.join(unknown)}" if unknown else "names one twice"
        yield failure(
            f"WIREDESK_ANNOTATORS {what}: enrichment refuses to start",
            f"known are, each at most once: {', '.join(known)}",
        )


def _budget(scene: Surroundings) -> Iterator[Finding]:
    """A failure budget that nothing can exceed."""
    settings = scene.settings
    if settings.failure_budget_percent >= 100 and not settings.failure_budget_in_a_row:  # noqa: PLR2004  (a percentage)
        yield warning(
            "the failure budget is off: a broken model makes every article a dead letter",
            "set WIREDESK_FAILURE_BUDGET_PERCENT=50 and WIREDESK_FAILURE_BUDGET_IN_A_ROW=50",
        )


RULES: tuple[Rule, ...] = (
    _folders,
    _settling,
    _leases,
    _stopping,
    _keeping,
    _store,
    _serving,
    _annotating,
    _budget,
)
