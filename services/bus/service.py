"""Run a stage as a process: start, serve, be watched, drain, end with a meaningful code."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack, suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import orjson
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as ServerTimeoutError

from services import effects, observability
from services.bus.agreement import agree
from services.bus.brokers import broker
from services.bus.connect import cancel, client, server_url, wait_for_server, without_password
from services.bus.envelope import TotalFormat
from services.bus.errors import StopWorking
from services.bus.groups import ensure_groups
from services.bus.keys import Keys, StageSpec
from services.bus.messages import software_version
from services.bus.observed import Observed, observed
from services.bus.probing import Gate
from services.bus.retention import Janitor
from services.bus.sampler import Sampler
from services.bus.scripts import Scripts
from services.bus.shares import read_by
from services.bus.stage import Stage
from services.bus.vitals import LOADING_LIMIT, Verdict, Vitals
from services.bus.watchdog import LOOK_EVERY, Exit, LoopGuard, Watchdog
from services.observability import get_logger
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from faststream.redis import RedisBroker
    from redis.asyncio import Redis

    from services.bus.patience import Facts
    from services.bus.shares import Everything, Shares
    from services.bus.stage import Handler

log = get_logger(__name__)

LIBRARY_LOG = "bus.faststream"
"""Where FastStream's lines go, from warnings on: it writes two for each message. Not below the name
``faststream``, which it gives a handler of its own: lines in colours, past ours."""

ALIVE_TTL = 10
"""Seconds that a worker's sign of life lasts; it is renewed at each look of the watchdog."""


def consumer_name() -> str:
    """A name that no other worker has or had: host, pid and a random part."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def prepare(name: str, settings: Settings) -> None:
    """What each service process does first: logs, fault points, FastStream's supervisor off.

    With the supervisor on, a read that fails for good is restarted about a
    thousand times a second; off, the task ends and the watchdog sees it.
    """
    observability.configure(settings, name)
    # FastStream's "Received"/"Processed" lines are DEBUG (see make_broker); its own
    # subscriber start and task callbacks say nothing that ours don't.
    logging.getLogger("faststream").setLevel(logging.WARNING)
    # "3 changes detected": a scan follows anyway, and says what it took.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    effects.arm()
    for unknown, meant in unknown_settings(os.environ):
        log.warning("setting.unknown", setting=unknown, did_you_mean=meant)
    os.environ["FASTSTREAM_SUPERVISOR_DISABLED"] = "1"


def unknown_settings(environ: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """``WIREDESK_…`` variables that are no setting, each with the one that may be meant.

    A misspelt setting would otherwise just have no effect.
    """
    prefix = "WIREDESK_"
    known = {name.upper() for name in Settings.model_fields}
    # For the tests and the fault points; no settings of a service.
    known |= {"KILL_AT", "EFFECT_LOG"}
    given = sorted(name.removeprefix(prefix) for name in environ if name.startswith(prefix))
    unknown = [name for name in given if name not in known and not name.startswith("TEST_")]
    meant = {name: next(iter(get_close_matches(name, known, 1)), None) for name in unknown}
    return [(prefix + name, prefix + close if close else None) for name, close in meant.items()]


def make_broker(url: str, settings: Settings) -> RedisBroker:
    """The FastStream broker over which a stage reads."""
    library_log = logging.getLogger(LIBRARY_LOG)
    library_log.setLevel(logging.WARNING)
    return broker(
        url,
        message_format=TotalFormat,
        graceful_timeout=settings.graceful_timeout,
        logger=library_log,
        log_level=logging.DEBUG,
    )


async def start_reading(broker: RedisBroker) -> None:
    """Start a broker's subscribers; redis-py's ``TimeoutError`` where the server doesn't answer.

    FastStream waits 3 s for the first read of each and then raises a bare one, which would end
    the process with a stack trace.
    """
    try:
        await broker.start()
    except TimeoutError as error:
        await broker.stop()
        raise ServerTimeoutError("no answer to the first read in time") from error


def run(
    spec: StageSpec,
    settings: Settings,
    make_handler: Callable[[], Handler],
    *,
    batch_size: int | None = None,
    companion: Callable[[Redis, asyncio.Event], Awaitable[None]] | None = None,
    details: Callable[[], Mapping[str, object]] = dict,
    watch: Callable[[Vitals], None] = lambda _vitals: None,
) -> int:
    """Run a stage until it is told to stop; the exit code.

    ``make_handler`` is called first (it loads the model, opens the store) and
    may raise :class:`StopWorking`.  ``companion`` runs beside the stage.  ``details``: what else
    the sign of life says; called in a thread.  ``watch`` adds to what is looked at for health
    and metrics.
    """

    async def serve() -> int:
        with observed(settings, spec.name) as seen:
            watch(seen.vitals)
            seen.vitals.begins("loading", LOADING_LIMIT)
            handler = make_handler()
            keep_for_good()
            service = Service(spec, settings, handler, batch_size, companion, details, seen)
            return await service.main()

    return guarded(serve())


def keep_for_good() -> None:
    """Spare what is loaded so far from Python's search for garbage.

    Models and tables stay until the process ends; to look through them takes a tenth of a second,
    every some hundred articles, in which no lease is renewed and nothing answers.
    """
    gc.collect()
    gc.freeze()


def guarded(serve: Coroutine[Any, Any, int]) -> int:
    """Run a service's main; the exit code, with a log line where it can't work."""
    try:
        return asyncio.run(serve)
    except StopWorking as error:
        log.critical("service.cannot_work", reason=str(error))
        return Exit.CONFIG
    except RedisError as error:
        # At the start only (full, no permission, no Redis at all): while it runs, a stage waits.
        log.critical("service.cannot_work", reason=f"server: {error}")
        return Exit.UNAVAILABLE


class Service:
    """One stage as a process."""

    def __init__(
        self,
        spec: StageSpec,
        settings: Settings,
        handler: Handler,
        batch_size: int | None = None,
        companion: Callable[[Redis, asyncio.Event], Awaitable[None]] | None = None,
        details: Callable[[], Mapping[str, object]] = dict,
        seen: Observed | None = None,
    ) -> None:
        """``details``: what else the sign of life says; called in a thread."""
        self._observed = Observed(Vitals(spec.name)) if seen is None else seen
        self._vitals = self._observed.vitals
        self._spec = spec
        self._settings = settings
        self._handler = handler
        self._batch_size = batch_size
        self._companion = companion
        self._details = details
        self._keys = Keys.of(settings)
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._beside: asyncio.Future[None] | None = None

    async def main(self) -> int:
        """Connect, serve until stopped or failed, drain."""
        url = server_url(self._settings)
        self._listen_to_signals()
        self._vitals.begins("waiting for the server")
        if not await self._reached(url):
            return Exit.OK
        async with AsyncExitStack() as stack:
            redis = await stack.enter_async_context(client(url))
            await agree(redis, self._keys)
            await ensure_groups(redis, self._keys, self._spec)
            stage = Stage(
                self._spec,
                self._handler,
                self._settings,
                redis,
                consumer_name(),
                self._batch_size,
                self._observed.spans,
            )
            broker = make_broker(url, self._settings)
            shares = read_by(stage, self._settings, redis, broker)
            guard = LoopGuard(pulse=self._vitals.loop)
            guard.start()
            stack.callback(guard.stop)

            async def begin() -> None:
                await start_reading(broker)
                shares.start()
                log.info("service.ready", url=without_password(url), group=self._spec.group)

            gate = Gate(stage, self._settings, redis, begin)
            stack.push_async_callback(gate.close)
            await gate.look()
            self._start_tasks(redis, guard)
            try:
                return await self._watch(shares, stage, redis, gate)
            finally:
                await shares.stop()
                await self._drain(broker, stage, redis)
                await shares.leave()

    async def _reached(self, url: str) -> bool:
        """Wait for the server; False when told to stop before it answered."""
        waiting = asyncio.create_task(wait_for_server(url, self._settings.connect_timeout))
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await cancel(stopped)
        if waiting.done():
            waiting.result()
            return True
        await cancel(waiting)
        return False

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    def _start_tasks(self, redis: Redis, guard: LoopGuard) -> None:
        scripts = Scripts(redis, self._keys, self._settings.marker_ttl)
        janitor = Janitor(self._spec, self._settings, redis, scripts)
        sampler = Sampler(self._spec, self._settings, redis, self._vitals)
        self._tasks = [
            asyncio.create_task(guard.turn(), name="loop-guard"),
            asyncio.create_task(janitor.run(), name="janitor"),
            asyncio.create_task(sampler.run(), name="sampler"),
        ]
        if self._companion is not None:
            self._beside = asyncio.ensure_future(self._companion(redis, self._stop))

    def _look_at(self, stage: Stage, watchdog: Watchdog) -> None:
        """From here on ``/livez`` and ``/readyz`` tell what the watchdog sees."""
        vitals = self._vitals
        vitals.facts(stage.facts, self._settings.handler_timeout)
        vitals.live("companions", self._beside_runs)
        vitals.ready("server", watchdog.reached)
        vitals.ready("working", watchdog.working)
        vitals.works()

    def _beside_runs(self) -> Verdict:
        ended = self._beside is not None and self._beside.done()
        return Verdict(not ended, "what runs beside the stage has ended" if ended else None)

    async def _watch(
        self, shares: Everything | Shares, stage: Stage, redis: Redis, gate: Gate
    ) -> int:
        watchdog = Watchdog(self._spec, self._settings, redis, stage.facts)
        self._look_at(stage, watchdog)
        while not self._stop.is_set():
            if not await gate.look():
                return Exit.TEMPFAIL
            failure = await watchdog.look(shares.subscribers if gate.open else ())
            if failure is not None:
                log.critical("service.failed", reason=failure.reason, code=int(failure.code))
                if failure.hangs:
                    # Its thread can't be stopped, and a stop in peace would wait for it.
                    os._exit(failure.code)
                return failure.code
            if self._beside is not None and self._beside.done():
                return _ended(self._beside.exception())
            await self._sign_of_life(redis, stage)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_EVERY)
        return Exit.OK

    async def _sign_of_life(self, redis: Redis, stage: Stage) -> None:
        key = self._keys.alive(self._spec, stage.consumer)
        document = {
            "stage": self._spec.name,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "version": software_version(),
            # Seconds since 1970 by this host's clock: so that a wrong one can be seen.
            "time": time.time(),
            **({} if self._vitals.url is None else {"health": self._vitals.url}),
            **_shown(stage.facts),
            **await asyncio.to_thread(self._details),
        }
        # A server that is away is the watchdog's to judge.
        with suppress(RedisError):
            await redis.set(key, orjson.dumps(document), ex=ALIVE_TTL)

    async def _drain(self, broker: RedisBroker, stage: Stage, redis: Redis) -> None:
        """Finish the batch in work, leave the rest pending, be gone."""
        log.info("service.stopping")
        self._vitals.begins("stopping")
        self._stop.set()
        stage.facts.stopping.set()
        await stage.end(broker)
        await cancel(*self._tasks)
        self._vitals.loop.rest()  # nobody beats it any more
        if self._beside is not None:
            # It hears the stop event, and ends by itself; how, has been said.
            await asyncio.gather(self._beside, return_exceptions=True)
        with suppress(RedisError):
            await redis.delete(self._keys.alive(self._spec, stage.consumer))
        log.info("service.stopped", done=stage.facts.done, failed=stage.facts.failed)
        if stage.facts.busy_since is not None:
            # The batch outlasted ``graceful_timeout``; its thread would hold the process.
            log.warning("service.cut_short", reason="the batch in work did not end in time")
            observability.say_left_out()
            os._exit(Exit.OK)


def _ended(error: BaseException | None) -> int:
    """The exit code when the companion has ended, with ``error`` or in peace."""
    if error is None:
        return Exit.OK
    if isinstance(error, StopWorking):
        log.critical("service.cannot_work", reason=str(error))
        return Exit.CONFIG
    log.critical("service.failed", reason=repr(error), exc_info=error)
    return Exit.SOFTWARE


def _shown(facts: Facts) -> dict[str, object]:
    busy = facts.busy_since
    return {
        "done": facts.done,
        "failed": facts.failed,
        "waiting_for": facts.waiting_for,
        "halted": facts.halted,
        "busy_seconds": None if busy is None else round(time.monotonic() - busy, 1),
    }


def exit_with(code: int) -> None:
    """End the process with a stage's exit code."""
    sys.exit(int(code))
