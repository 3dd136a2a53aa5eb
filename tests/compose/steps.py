"""What is done to a desk of containers, step by step; each raises ``AssertionError``."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from tests.chaos.wire import Dropped
from tests.compose.desk import say, seeds
from tests.compose.engine import ROOT, has_image
from tests.compose.judge import SENT
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compose.desk import ComposeDesk

SERVICES = ("ingest", "enrichment", "indexer")
WORKERS = 3
ROUNDS = 2
"""How often each service is killed."""

ARTICLES = 12
"""Dropped before each kill: some seconds of work for the workers."""

SCRAPED = 180.0
"""Seconds until Prometheus has asked everybody and every rule: it does each every 15, and a busy
machine takes some for each look."""


def through(desk: ComposeDesk) -> None:
    """The seeds go through: receipts, and stored with names and topics."""
    began = time.monotonic()
    desk.compose.up()
    say(f"everything is healthy after {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    desk.drop(*seeds())
    desk.settle()
    say(f"the seeds have their receipts after {time.monotonic() - began:.1f} s")
    for receipt in desk.receipts():
        (line,) = receipt["articles"]
        assert line["outcome"] == "indexed", receipt
        shown = desk.compose.console("show", line["article_id"], "--json")
        _enriched(json.loads(shown)["article"])


def _enriched(article: dict[str, Any]) -> None:
    assert article["entities"], "no names were found"
    assert article["topics"], "no topics were found"
    failed = [block for block in article["provenance"] if block["status"] == "failed"]
    assert failed == [], "a block of the enrichment failed"
    found = f"{len(article['entities'])} names, {len(article['topics'])} topics"
    say(f"stored: {article['article_id']} with {found}")


def limits(desk: ComposeDesk) -> None:
    """The engine keeps what the file asks for: limits, restarts, users, file systems, logs."""
    for service in (*SERVICES, "redis"):
        for told in desk.compose.inspected(service):
            host, name = told["HostConfig"], told["Name"]
            assert host["Memory"] > 0, name
            assert host["NanoCpus"] > 0, name
            assert host["PidsLimit"] > 0, name
            assert host["ReadonlyRootfs"], name
            assert host["RestartPolicy"]["Name"] == "unless-stopped", name
            assert set(host["LogConfig"]["Config"]) == {"max-size", "max-file"}, name
    for service in SERVICES:
        assert desk.compose.execute(service, "id", "-u") != "0", f"{service} runs as root"
    owner = desk.inbox.stat().st_uid
    assert owner != 0, "the inbox that Docker made was left to root"
    say(f"limits, restarts, read-only file systems and rotated logs are in force; inbox of {owner}")


def scaled(desk: ComposeDesk) -> None:
    """Three workers, each healthy at an address of its own, and each with its share."""
    compose = desk.compose
    compose.scales["enrichment"] = WORKERS
    compose.up()
    wait_until(lambda: len(compose.states("enrichment")) == WORKERS, "three workers")
    places = [desk.healthy("enrichment", index) for index in range(1, WORKERS + 1)]
    assert all(len(place) == 1 for place in places), f"each finds itself alone: {places}"
    if compose.one_network:
        assert len({place[0] for place in places}) == WORKERS, f"two share a port: {places}"
    desk.drop_articles(5 * ARTICLES)
    desk.settle()
    done = [_done(desk, place[0], index) for index, place in enumerate(places, 1)]
    assert all(done), f"a worker had nothing to do: {done}"
    say(f"three workers at {[place[0] for place in places]} did {done} articles")


def _done(desk: ComposeDesk, url: str, index: int) -> int:
    """Articles that a worker has handed on, by its metrics."""
    code = f"from urllib.request import urlopen; print(urlopen('{url}/metrics').read().decode())"
    told = desk.compose.execute("enrichment", "python3", "-c", code, index=index)
    lines = [
        line for line in told.splitlines() if line.startswith("wiredesk_articles_processed_total{")
    ]
    return int(sum(float(line.rsplit(" ", 1)[1]) for line in lines))


def kills(desk: ComposeDesk) -> None:
    """SIGKILL of each service and of the server, while files come; all is started again."""
    pick = random.Random(desk.wire.seed)  # noqa: S311  (repeatable, not secret)
    victims = [*SERVICES, "redis"] * ROUNDS
    pick.shuffle(victims)
    for victim in victims:
        _killed(desk, victim, pick)
    desk.settle()
    say(f"all {len(desk.dropped)} files have their receipts")


def _killed(desk: ComposeDesk, victim: str, pick: random.Random) -> None:
    compose = desk.compose
    states = compose.states(victim)
    index = pick.randint(1, len(states))
    before = sum(state.restarts for state in states)
    desk.drop_articles(ARTICLES)
    # At another moment of its work each time.
    time.sleep(pick.uniform(0.3, 3.0))
    began = time.monotonic()
    compose.kill_from_within(victim, index)
    compose.wait_until_well(victim, before + 1)
    say(f"{victim} {index} was killed and is ready again after {time.monotonic() - began:.0f} s")


def append_only_file(desk: ComposeDesk) -> None:
    """What the streams held and what was pending is there again after a crash, and when removed."""
    compose = desk.compose
    desk.drop_articles(5 * ARTICLES)
    wanted = len(desk.receipts()) + ARTICLES
    wait_until(lambda: len(desk.receipts()) >= wanted, "some of them are through", 120)
    compose.run("kill", *SERVICES)
    before = json.loads(desk.judge("streams"))
    groups = [group for stream in before.values() for group in stream.get("groups", {}).values()]
    pending = sum(group[0] for group in groups)
    restarts = compose.states("redis")[0].restarts
    compose.kill_from_within("redis")
    compose.wait_until_well("redis", restarts + 1)
    assert json.loads(desk.judge("streams")) == before, "after a crash of the server"
    compose.run("rm", "--stop", "--force", "redis")
    compose.up("redis")
    assert json.loads(desk.judge("streams")) == before, "in a new container"
    say(f"the server came back with {_entries(before)} entries, {pending} of them in work")
    compose.up()
    desk.settle()


def _entries(streams: dict[str, Any]) -> int:
    return sum(stream.get("length", 0) for stream in streams.values())


def stopped(desk: ComposeDesk) -> None:
    """Told to stop, each service ends by itself within its time, in the middle of its work."""
    desk.drop_articles(5 * ARTICLES)
    wanted = len(desk.receipts()) + 1
    wait_until(lambda: len(desk.receipts()) >= wanted, "work has begun", 120)
    began = time.monotonic()
    desk.compose.stop(*SERVICES)
    took = time.monotonic() - began
    for service in SERVICES:
        codes = [state.exit_code for state in desk.compose.states(service)]
        assert set(codes) == {0}, f"{service} ended with {codes}"
    say(f"stopped in mid-work with 0, after {took:.0f} s")
    desk.compose.up()
    desk.settle()


def monitoring(desk: ComposeDesk) -> None:
    """Prometheus finds every container, and has the rules; Grafana has the dashboard."""
    compose = desk.compose
    image = compose.config()["services"]["grafana"]["image"]
    grafana = has_image(image)
    compose.profiles.append("monitoring")
    compose.up(*SERVICES, "prometheus", *(["grafana"] if grafana else []))
    # They run on; a later start of everything would want both images.
    compose.profiles.remove("monitoring")
    wanted = sorted(["indexer", "ingest", *["enrichment"] * len(compose.states("enrichment"))])
    wait_until(lambda: _found(desk) == wanted, f"Prometheus finds {wanted}", SCRAPED)
    groups = _prometheus(desk, "/api/v1/rules")["groups"]
    wait_until(lambda: _judged(desk), "every rule is evaluated", SCRAPED)
    loaded = sum(len(group["rules"]) for group in groups)
    text = (ROOT / "deploy" / "prometheus" / "rules" / "wiredesk.yml").read_text(encoding="utf-8")
    assert loaded == sum(len(group["rules"]) for group in yaml.safe_load(text)["groups"])
    say(f"Prometheus asks {wanted} and has {loaded} rules")
    if grafana:
        told = json.loads(desk.judge("ask", "http://grafana:3000/api/search?type=dash-db"))
        assert [each["title"] for each in told] == ["Wiredesk"], told
        say("Grafana has the dashboard")
    else:
        say(f"NOT tried: Grafana; no image {image} here (its files are tested in tests/deploy)")


def _found(desk: ComposeDesk) -> list[str]:
    """The service behind each target that answers, by its build."""
    found = _query(desk, 'wiredesk_build_info * on (instance) group_left up{job="wiredesk"} == 1')
    return sorted(each["metric"]["stage"] for each in found)


def _judged(desk: ComposeDesk) -> bool:
    groups = _prometheus(desk, "/api/v1/rules")["groups"]
    return all(rule["health"] == "ok" for group in groups for rule in group["rules"])


def _query(desk: ComposeDesk, expr: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _prometheus(desk, f"/api/v1/query?query={quote(expr)}")["result"]
    return found


def _prometheus(desk: ComposeDesk, path: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(desk.judge("ask", f"http://prometheus:9090{path}"))
    assert told["status"] == "success", told
    data: dict[str, Any] = told["data"]
    return data


def received(desk: ComposeDesk) -> None:
    """A file by HTTP lands in the inbox, and its sender gets the receipt."""
    compose = desk.compose
    token = json.loads(compose.console("drop-token", "newswire", "--add", "--json"))["token"]
    compose.profiles.append("drop")
    compose.up(*SERVICES, "receiver")
    article = desk.wire.article()
    (desk.work / SENT).write_bytes(article.data)
    url = "http://receiver:8424/v1/drop"
    told = json.loads(desk.judge("send", f"{url}/{article.name}", token))
    desk.dropped.append(Dropped(told["file"], article.data, article.may_become))
    desk.settle()
    assert sum(receipt["file"] == told["file"] for receipt in desk.receipts()) == 1
    say(f"a file came by HTTP: {told['state']}, and has its receipt")


def postgres(desk: ComposeDesk) -> None:
    """The store is PostgreSQL: it is killed in mid-work, too."""
    desk.compose.profiles.append("postgres")
    through(desk)
    pick = random.Random(desk.wire.seed)  # noqa: S311  (see kills)
    _killed(desk, "postgres", pick)
    _killed(desk, "indexer", pick)
    desk.settle()


STEPS: dict[str, Callable[[ComposeDesk], None]] = {
    "seeds": through,
    "limits": limits,
    "scale": scaled,
    "monitoring": monitoring,
    "kills": kills,
    "append-only-file": append_only_file,
    "stop": stopped,
    "drop": received,
}
"""What is done to the first desk, in this order; the seeds always are. Each needs what the ones
before started, none what they dropped."""
