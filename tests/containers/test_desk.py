"""A desk of the project's own images: hardened as an operator should run them, on real work."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from services.bus.keys import DEAD_STREAM, ENRICHED_STREAM, Keys
from tests.chaos.wire import Wire
from tests.containers.desk import ContainerDesk, desk_of_containers
from tests.containers.kit import BUILDING, IMAGES, ROOT, require_engine
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

require_engine()
pytestmark = BUILDING

KEYS = Keys("news")
MANY = 200
"""Articles of the long file: many batches, some seconds of one worker's time."""

RIGHTS = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
def writes(path):
    try:
        open(path + "/probe", "w").close()
        os.remove(path + "/probe")
        return True
    except OSError:
        return False
print(json.dumps({
    "effective": int(status["CapEff"], 16), "bounding": int(status["CapBnd"], 16),
    "no_new_privileges": status["NoNewPrivs"].strip(), "uid": os.getuid(),
    "writes": [path for path in ("/", "/etc", "/opt/wiredesk", "/usr/bin") if writes(path)],
    "tmp": writes("/tmp"),
}))
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerDesk]:
    """One desk for all tests here; each drops files of its own."""
    with desk_of_containers(tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture
def redis(desk: ContainerDesk) -> Iterator[Redis]:
    """The desk's own Redis."""
    with Redis.from_url(desk.redis_url) as connection:
        yield connection


def outcomes(receipt: dict[str, Any]) -> list[str]:
    """What became of each article of a file."""
    return [article["outcome"] for article in receipt["articles"]]


def enriched(redis: Redis) -> list[str]:
    """The article id of each enriched event that subscribers got."""
    entries: Any = redis.xrange(KEYS.stream(ENRICHED_STREAM))
    return [json.loads(fields[b"__data__"])["subject"] for _, fields in entries]


def test_a_dropped_file_is_read_enriched_stored_and_receipted(desk: ContainerDesk) -> None:
    seeds = sorted((ROOT / "seeds").glob("*.txt"))
    for seed in seeds:
        desk.drop(seed.name, seed.read_bytes())

    for seed in seeds:
        receipt = desk.received(seed.name)
        (article,) = receipt["articles"]
        assert article["outcome"] == "indexed"
        stored = desk.asked(f"/v1/articles/{article['article_id']}")["article"]
        assert stored["headline"] in seed.read_text("utf-8")
        assert len(stored["entities"]) > 5
        assert stored["topics"]
        found = desk.asked("/v1/articles", q=f'"{stored["entities"][0]["name"]}"')
        assert article["article_id"] in json.dumps(found)


@pytest.mark.parametrize("service", IMAGES)
def test_a_service_has_no_right_that_it_does_not_need(desk: ContainerDesk, service: str) -> None:
    ran = desk.containers[service].exec_run(["python3", "-c", RIGHTS])
    assert ran.exit_code == 0, ran.output
    rights = json.loads(ran.output)
    assert rights["uid"] != 0
    assert (rights["effective"], rights["bounding"]) == (0, 0)
    assert rights["no_new_privileges"] == "1"
    assert rights["writes"] == []
    assert rights["tmp"] is True


def test_a_service_that_stands_still_turns_unhealthy_and_healthy_again(desk: ContainerDesk) -> None:
    """The check asks this very process; that the container is there says nothing."""
    container = desk.containers["indexer"]
    container.kill("SIGSTOP")
    try:
        desk.wait_for_health("indexer", "unhealthy")
        assert desk.health("ingest") == desk.health("enrichment") == "healthy"
    finally:
        container.kill("SIGCONT")
    desk.wait_for_health("indexer", "healthy")


def test_sigterm_in_mid_work_drains_and_loses_nothing(desk: ContainerDesk, redis: Redis) -> None:
    """All three are told to end while articles are in each; then they are started again."""
    before = set(enriched(redis))
    long_file = Wire(7).dump(MANY)
    desk.drop(long_file.name, long_file.data)
    wait_until(lambda: len(set(enriched(redis)) - before) > MANY // 10, "work in all three")
    assert desk.receipt(long_file.name) is None, "too late: it is done already"

    assert desk.terminate() == dict.fromkeys(IMAGES, 0)
    assert desk.receipt(long_file.name) is None, "nothing was in work"

    desk.restart()
    receipt = desk.received(long_file.name, timeout=180)
    assert outcomes(receipt) == ["indexed"] * MANY
    ids = [article["article_id"] for article in receipt["articles"]]
    published = [subject for subject in enriched(redis) if subject not in before]
    assert sorted(published) == sorted(ids), "each once, none lost"
    for article in ids[:: MANY // 10]:
        assert desk.asked(f"/v1/articles/{article}")["article"]["article_id"] == article
    assert redis.xlen(KEYS.stream(DEAD_STREAM)) == 0
