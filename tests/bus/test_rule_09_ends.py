"""Rule 9: a process that can't work ends, with a code that says why; one that can drains."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from services.bus import service
from services.bus.connect import client, server_url
from services.bus.groups import ensure_groups
from services.bus.keys import ENRICHMENT, RAW_STREAM
from services.bus.patience import Facts
from services.bus.watchdog import STALL_LOOKS, Exit, LoopGuard, Watchdog
from tests.bus.desk import Desk, articles, at_server, changed
from tests.wait import wait_until

if TYPE_CHECKING:
    from services.bus.server import EmbeddedServer
    from services.settings import Settings
    from tests.bus.processes import Worker, Workers
    from tests.bus.worker import Control


def why(worker: Worker) -> str:
    """The reason in the log of a worker that has ended."""
    found = worker.lines("service.failed") + worker.lines("service.cannot_work")
    (line,) = found
    assert line["level"] == "critical"
    return str(line["reason"])


def test_the_exit_codes_are_those_of_sysexits() -> None:
    assert {code.name: int(code) for code in Exit} == {
        "OK": os.EX_OK,
        "UNAVAILABLE": os.EX_UNAVAILABLE,
        "SOFTWARE": os.EX_SOFTWARE,
        "TEMPFAIL": os.EX_TEMPFAIL,
        "CONFIG": os.EX_CONFIG,
    }


def test_a_lost_group_ends_the_process_so_that_a_restart_makes_it_anew(
    desk: Desk, workers: Workers
) -> None:
    worker = workers.start().ready()
    desk.redis.xgroup_destroy(desk.keys.stream(RAW_STREAM), ENRICHMENT.group)
    assert worker.code() == Exit.TEMPFAIL
    assert "consumer group 'enrichment' is gone" in why(worker)


def test_flushall_ends_the_process_and_its_successor_goes_on(desk: Desk, workers: Workers) -> None:
    """Plain FastStream would end with code 0 here, or stay up and read nothing."""
    worker = workers.start().ready()
    desk.redis.flushall()
    assert worker.code() == Exit.TEMPFAIL
    successor = workers.start().ready()
    desk.publish(*articles("good 1"))
    wait_until(lambda: desk.enriched() == ["good 1"], "the successor works")
    assert successor.stop() == 0


def test_a_subscriber_that_dies_ends_the_process_instead_of_restarting_hot(
    own_server: EmbeddedServer, settings: Settings, workers: Workers
) -> None:
    """A read that is refused for good: FastStream's supervisor would try it 1000 times a second."""
    worker = workers.start(at_server(settings, own_server)).ready()
    with Redis.from_url(own_server.url) as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-xreadgroup")
    assert worker.code() == Exit.SOFTWARE
    assert why(worker).startswith("a subscriber has died; NoPermissionError: ")
    assert "retrying" not in worker.output()


def test_faststream_s_own_supervisor_is_off_in_a_service_process(settings: Settings) -> None:
    """Off, a failed read ends its task, and the watchdog sees it."""
    script = """
        import os
        from faststream._internal.endpoint.subscriber.supervisor import TaskCallbackSupervisor
        from services.bus.service import prepare
        from services.settings import Settings
        prepare("enrichment", Settings())
        assert os.environ["FASTSTREAM_SUPERVISOR_DISABLED"] == "1"
        assert TaskCallbackSupervisor(None, None, None, None).is_disabled
    """
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FASTSTREAM_")}
    run_python(script, environ | {"WIREDESK_INBOX": str(settings.inbox)})


def run_python(
    script: str, environ: dict[str, str] | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environ,
    )
    assert done.returncode == code, done.stderr
    return done


def test_a_handler_that_stalls_ends_the_process(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    desk.publish(*articles("hold 1"))
    worker = workers.start(changed(settings, handler_timeout=0.3))
    wait_until(lambda: control.said("held"), "the handler hangs")
    assert worker.code() == Exit.SOFTWARE
    assert why(worker) == "one batch has been in work for more than 0.3 s"
    assert len(desk.pending()) == 1, "somebody else takes it over"


def test_a_loop_that_hangs_is_ended_by_a_thread(
    desk: Desk, workers: Workers, control: Control
) -> None:
    """Nothing on the loop could do it any more: health, signals and the watchdog hang with it."""
    worker = workers.start().ready()
    desk.publish(*articles("block 1"))
    wait_until(lambda: control.said("block the loop"), "the loop hangs")
    assert worker.code() == Exit.SOFTWARE
    assert "event loop stalled; ending the process" in worker.output()
    assert "most recent call first" in worker.output(), "and shows where"


def test_the_guard_counts_looks_and_not_seconds() -> None:
    """SIGSTOP for a day is no stall: while stopped, the guard doesn't look either."""
    assert STALL_LOOKS >= 30
    script = """
        import asyncio, os, signal, subprocess, sys
        from services.bus.watchdog import LoopGuard

        async def main():
            guard = LoopGuard(stall_looks=20, look_every=0.02)
            turning = asyncio.create_task(guard.turn())
            guard.start()
            # A child wakes us up again after more than the guard would wait.
            subprocess.Popen([sys.executable, "-c",
                f"import os, signal, time; time.sleep(1); os.kill({os.getpid()}, signal.SIGCONT)"])
            os.kill(os.getpid(), signal.SIGSTOP)
            await asyncio.sleep(0.2)
            guard.stop()
            turning.cancel()

        asyncio.run(main())
    """
    run_python(script)


@pytest.mark.anyio
async def test_a_loop_that_turns_keeps_its_process() -> None:
    guard = LoopGuard(stall_looks=3, look_every=0.05)
    turning = asyncio.create_task(guard.turn())
    guard.start()
    await asyncio.sleep(0.5)  # were the guard wrong, the test process would be gone by now
    guard.stop()
    turning.cancel()


def test_a_server_that_stays_away_ends_the_process(
    own_server: EmbeddedServer, settings: Settings, workers: Workers
) -> None:
    worker = workers.start(at_server(settings, own_server, connect_timeout=1.0)).ready()
    own_server.stop()
    assert worker.code() == Exit.UNAVAILABLE
    assert why(worker).startswith("no server for ")


def test_no_server_at_the_start_ends_the_process(
    own_server: EmbeddedServer, settings: Settings, workers: Workers
) -> None:
    own_server.stop()
    worker = workers.start(at_server(settings, own_server, connect_timeout=0.5))
    assert worker.code() == Exit.CONFIG
    assert "no server at redis://127.0.0.1:" in why(worker)
    assert len(worker.lines("server.waiting")) == 1, "said once, not at every look"


def test_a_server_that_comes_up_later_is_waited_for(
    own_server: EmbeddedServer, settings: Settings, workers: Workers
) -> None:
    own_server.stop()
    worker = workers.start(at_server(settings, own_server, connect_timeout=30.0))
    wait_until(lambda: worker.lines("server.waiting"), "it waits")
    own_server.start()
    assert worker.ready().stop() == 0


def test_a_handler_that_says_stop_ends_the_process_and_keeps_the_messages(
    desk: Desk, workers: Workers
) -> None:
    desk.publish(*articles("stop 1", "good 2"))
    worker = workers.start()
    assert worker.code() == Exit.CONFIG
    assert why(worker) == "StopWorking: stop 1 tells so"
    assert len(desk.pending()) == 2
    assert set(desk.attempts().values()) == {0}, "nobody's fault: a restart counts nothing"
    assert desk.dead() == []


def test_what_cannot_be_loaded_ends_the_process_before_it_reads_anything(
    desk: Desk, control: Control, workers: Workers
) -> None:
    desk.publish(*articles("good 1"))
    control.say("no model")
    worker = workers.start()
    assert worker.code() == Exit.CONFIG
    assert why(worker) == "the model is missing"
    assert desk.group()["entries-read"] in {0, None}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_mid_batch_finishes_the_batch_and_takes_no_other(
    desk: Desk, settings: Settings, control: Control, workers: Workers, number: signal.Signals
) -> None:
    desk.publish(*articles("hold 1", "good 2", "good 3", "good 4"))
    worker = workers.start(changed(settings, batch_size=2))
    wait_until(lambda: control.said("held"), "the first batch is in work")
    worker.signal(number)
    wait_until(lambda: worker.lines("service.stopping"), "the stop is heard")
    control.say("go")
    assert worker.code() == Exit.OK
    assert desk.enriched() == ["good 2", "hold 1"]
    assert desk.pending() == []
    assert desk.group()["lag"] == 2
    (stopped,) = worker.lines("service.stopped")
    assert (stopped["done"], stopped["failed"]) == (2, 0)


def test_a_batch_that_outlasts_the_graceful_time_is_left_to_another_worker(
    desk: Desk, settings: Settings, control: Control, workers: Workers
) -> None:
    desk.publish(*articles("pause 1"))
    hurried = changed(settings, graceful_timeout=0.3, claim_after=0.3)
    worker = workers.start(hurried)
    wait_until(lambda: control.said("held"), "the batch is in work")
    worker.signal(signal.SIGTERM)
    assert worker.code() == Exit.OK
    assert worker.lines("service.cut_short")
    assert len(desk.pending()) == 1
    heir = workers.start(hurried)
    wait_until(desk.settled, "another worker does it")
    assert heir.stop() == 0


def test_a_worker_s_sign_of_life_is_there_while_it_lives_and_goes_with_it(
    desk: Desk, workers: Workers
) -> None:
    worker = workers.start().ready()
    wait_until(lambda: desk.redis.keys(desk.keys.alive_pattern()), "it shows that it lives")
    (key,) = desk.redis.keys(desk.keys.alive_pattern())
    assert 0 < int(desk.redis.ttl(key)) <= service.ALIVE_TTL
    assert worker.stop() == 0
    assert desk.redis.keys(desk.keys.alive_pattern()) == []


def subscriber(*, runs: bool = True, done: tuple[bool, ...] = (False,)) -> Any:
    """As much of a FastStream subscriber as the watchdog looks at."""
    tasks = [
        SimpleNamespace(
            done=lambda over=over: over, cancelled=lambda: False, exception=lambda: OSError("gone")
        )
        for over in done
    ]
    return SimpleNamespace(running=runs, tasks=tasks)


@pytest.mark.anyio
async def test_a_lost_group_is_named_as_the_cause_of_the_dead_subscribers(
    desk: Desk, settings: Settings
) -> None:
    async with client(server_url(settings)) as redis:
        watchdog = Watchdog(ENRICHMENT, settings, redis, Facts())
        failure = await watchdog.look([subscriber(runs=False)])
    assert failure is not None
    assert failure.code == Exit.TEMPFAIL
    assert desk.redis.dbsize() == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    "dead", [subscriber(runs=False), subscriber(done=()), subscriber(done=(False, True))]
)
async def test_a_subscriber_is_dead_when_it_stopped_or_has_no_task_or_one_that_ended(
    desk: Desk, settings: Settings, dead: Any
) -> None:
    async with client(server_url(settings)) as redis:
        await ensure_groups(redis, desk.keys)
        watchdog = Watchdog(ENRICHMENT, settings, redis, Facts())
        assert await watchdog.look([subscriber()]) is None
        failure = await watchdog.look([subscriber(), dead])
    assert failure is not None
    assert (failure.code, failure.hangs) == (Exit.SOFTWARE, False)
