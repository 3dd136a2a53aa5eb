"""What signs of life, streams and metrics come to for an operator: stages, rates, the ledger."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from services.bus.board import Rates
from services.bus.keys import ENRICHED_STREAM, ENRICHMENT, INDEXER, OUTCOME_STREAM, RAW_STREAM
from services.metrics import LEDGER_ARTICLES, LEDGER_CHECKED, LEDGER_UNACCOUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.bus.budget import Halt
    from services.bus.overview import Overview

INGEST = "ingest"

STAGES = (
    (INGEST, RAW_STREAM.name),
    (ENRICHMENT.name, ENRICHED_STREAM.name),
    (INDEXER.name, OUTCOME_STREAM.name),
)
"""Each stage and the stream that it writes: what is added there a minute is what it gets done."""

SLOW_BATCH = 30.0
"""Seconds of one batch after which they are told: a usual one takes under a second."""

METRICS_TIMEOUT = 1.0
"""Seconds that a service may take to tell its metrics: it is on this machine or beside it."""

METRICS_BYTES = 4 * 1024 * 1024
"""Read of an answer at most: ours are under 100 kB."""

GOOD, WARNING, BAD, IDLE = "green", "yellow", "bold red", "dim"


@dataclass(frozen=True, slots=True)
class StageNow:
    """One stage over all of its workers. ``style``: one of :data:`GOOD` and its like.

    ``why``: what stops it or is waited for, a line each; empty where nothing is.
    """

    name: str
    workers: int
    state: str
    style: str
    done: int | None
    failed: int | None
    rates: Rates
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerNow:
    """The ledger as ingest last balanced it. ``checked``: seconds since 1970; None: not yet."""

    received: int
    in_flight: int
    unaccounted: int
    checked: float | None


def stages_now(state: Overview, rates: Mapping[str, Rates]) -> list[StageNow]:
    """The three stages in the order in which an article passes them."""
    return [_stage(name, state, rates.get(stream, Rates())) for name, stream in STAGES]


def _stage(name: str, state: Overview, rates: Rates) -> StageNow:
    workers = [worker for worker in state.workers if worker.get("stage") == name]
    halts = [halt for halt in state.halts if halt.stage == name]
    said, style, why = state_of(workers, halts, moving=bool(rates.per_minute))
    done = sum(int(worker.get("done") or 0) for worker in workers) if workers else None
    failed = sum(int(worker.get("failed") or 0) for worker in workers) if workers else None
    return StageNow(name, len(workers), said, style, done, failed, rates, why)


def state_of(
    workers: list[dict[str, Any]], halts: list[Halt], *, moving: bool
) -> tuple[str, str, tuple[str, ...]]:
    """What a stage does, how bad that is, and why: see :class:`StageNow`.

    ``moving``: it got something done in the last minute; between two batches it isn't busy.
    """
    if halts:
        return "HALTED", BAD, (f"{halts[0].stage}: {halts[0].reason}", what_to_do(halts[0].stage))
    if not workers:
        return "NOT RUNNING", BAD, ()
    waiting = [str(worker["waiting_for"]) for worker in workers if worker.get("waiting_for")]
    if waiting:
        some = f" ({len(waiting)} of {len(workers)})" if len(waiting) < len(workers) else ""
        return f"WAITING{some}", WARNING, (f"{workers[0]['stage']} waits for {waiting[0]}",)
    busy = [float(worker["busy_seconds"]) for worker in workers if worker.get("busy_seconds")]
    longest = max(busy, default=0.0)
    if not busy and not moving:
        return "ready", IDLE, ()
    slow = f", one batch for {longest:.0f} s" if longest >= SLOW_BATCH else ""
    return f"working{slow}", WARNING if slow else GOOD, ()


def what_to_do(stage: str) -> str:
    """About a stage that its failure budget has stopped."""
    return f"wiredesk dead list --stage {stage}, then wiredesk resume {stage}"


def state_of_worker(worker: Mapping[str, Any]) -> str:
    """What one worker does, in words."""
    if worker.get("halted"):
        return "halted"  # why, is told of the stage
    waiting = worker.get("waiting_for")
    return f"waiting: {waiting}" if waiting else "working"


def health_addresses(workers: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where health and metrics are served: each host once, with its stages and their ports."""
    hosts: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for worker in workers:
        if worker.get("health"):
            # Split by hand: it may be anything, which is nothing to fail for.
            host, _, port = str(worker["health"]).rpartition(":")
            hosts[host][str(worker.get("stage"))].append(port)
    return [
        " ".join([host, ", ".join(" ".join([stage, *ports]) for stage, ports in stages.items())])
        for host, stages in sorted(hosts.items())
    ]


def ledger_of(text: str) -> LedgerNow | None:
    """The ledger in a page of metrics; None where it has none, or isn't one."""
    gauges = {each._name: each for each in (LEDGER_ARTICLES, LEDGER_UNACCOUNTED, LEDGER_CHECKED)}  # noqa: SLF001  (it has no public name)
    found: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            if family.name in gauges:
                for sample in family.samples:
                    found[sample.labels.get("state", family.name)] = sample.value
    except ValueError:
        return None
    if "received" not in found:
        return None
    checked = found.get(LEDGER_CHECKED._name)  # noqa: SLF001  (see above)
    return LedgerNow(
        received=int(found["received"]),
        in_flight=int(found.get("in_flight", 0)),
        unaccounted=int(found.get(LEDGER_UNACCOUNTED._name, 0)),  # noqa: SLF001  (see above)
        checked=checked or None,
    )


def read_ledger(workers: Iterable[Mapping[str, Any]]) -> LedgerNow | None:
    """The ledger as an ingest that runs tells it in its metrics; None where none answers."""
    opener = build_opener(ProxyHandler({}))  # a proxy of this shell isn't the way to our services
    for worker in workers:
        address = str(worker.get("health") or "")
        if worker.get("stage") != INGEST or not address.startswith("http://"):
            continue
        try:
            with opener.open(f"{address}/metrics", timeout=METRICS_TIMEOUT) as answer:
                text = answer.read(METRICS_BYTES).decode("utf-8", "replace")
        except (URLError, OSError, ValueError):
            continue
        ledger = ledger_of(text)
        if ledger is not None:
            return ledger
    return None
