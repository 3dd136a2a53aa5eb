"""How often, how much, and under which name: what the guard refuses, and what it adds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.indexer.api.access.guard import REFUSALS_PER_MINUTE, Access, guarded
from services.serving import sizes
from services.serving.hosts import is_loopback
from services.serving.rates import Limiter, caller_of
from services.settings import Settings
from tests.api.access_kit import Caller, Clock, House, plain

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
WORDS = "the words of an article"


def settings(**over: Any) -> Settings:
    return Settings.model_validate({"inbox": Path("no-inbox"), **over})


# --- how often ----------------------------------------------------------------------------
def test_a_bucket_gives_a_burst_then_one_at_a_time() -> None:
    clock = Clock()
    limiter = Limiter(60, clock.monotonic)
    burst = [limiter.take("a") for _ in range(10)]
    assert [verdict.left for verdict in burst] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    refused = limiter.take("a")
    assert (refused.allowed, refused.left, refused.wait) == (False, 0, 1)
    assert (refused.limit, refused.window) == (10, 10)
    clock.seconds += 1
    assert limiter.take("a").allowed
    assert not limiter.take("a").allowed


def test_a_bucket_holds_no_more_than_its_burst_however_long_one_waits() -> None:
    clock = Clock()
    limiter = Limiter(60, clock.monotonic)
    limiter.take("a")
    clock.seconds += 86_400
    assert sum(limiter.take("a").allowed for _ in range(20)) == 10


def test_refused_requests_are_not_counted_so_that_waiting_helps() -> None:
    clock = Clock()
    limiter = Limiter(60, clock.monotonic)
    for _ in range(500):
        limiter.take("a")
    clock.seconds += 1
    assert limiter.take("a").allowed


def test_callers_dont_use_up_each_others_requests() -> None:
    limiter = Limiter(6, Clock().monotonic)
    assert limiter.take("a").allowed
    assert not limiter.take("a").allowed
    assert limiter.take("b").allowed


def test_memory_is_bounded_and_who_was_quiet_for_longest_is_forgotten() -> None:
    limiter = Limiter(6, Clock().monotonic, max_callers=3)
    for caller in ("a", "b", "c", "a", "d"):
        limiter.take(caller)
    assert len(limiter) == 3
    assert not limiter.take("a").allowed
    assert limiter.take("b").allowed


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:2", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_callers_own_network_is_one_caller(address: str, caller: str) -> None:
    assert caller_of((address, 1)) == caller


def test_too_many_requests_are_told_when_to_come_again() -> None:
    house = House(settings(api_rate=60))
    house.access.callers = Limiter(60, house.clock.monotonic)
    answers = [house.ask() for _ in range(11)]
    assert [answer.status for answer in answers] == [200] * 10 + [429]
    first, last = answers[0], answers[-1]
    assert first.headers["ratelimit-policy"] == '"desk";q=10;w=10'
    assert first.headers["ratelimit"] == '"desk";r=9;t=0'
    assert last.headers["retry-after"] == "1"
    assert last.headers["ratelimit"] == '"desk";r=0;t=1'
    assert last.problem()["type"] == "urn:wiredesk:problem:too-many"
    house.clock.seconds += 1
    assert house.ask().status == 200


def test_each_token_has_its_own_requests_also_from_one_address() -> None:
    house = House(settings(api_rate=6))
    house.access.callers = Limiter(6, house.clock.monotonic)
    one, two = house.token("one", "read"), house.token("two", "read")
    assert [house.ask(token=one).status for _ in range(2)] == [200, 429]
    assert house.ask(token=two).status == 200
    assert house.ask(token=one, client="192.0.2.9").status == 429


def test_wrong_tokens_are_limited_by_address_and_right_ones_go_on() -> None:
    """Who guesses behind a proxy doesn't lock out the others that come through it."""
    house = House()
    house.access.strangers = Limiter(REFUSALS_PER_MINUTE, house.clock.monotonic)
    good = house.token("archive", "read")
    bad = good[:-1] + ("0" if good[-1] != "0" else "1")
    statuses = [house.ask(token=bad).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert house.ask(token=bad, client="192.0.2.9").status == 401
    assert house.ask(token=good).status == 200


def test_a_forwarded_address_is_not_believed() -> None:
    """Else whoever sends another one each time is never limited."""
    house = House(settings(api_rate=6))
    house.access.callers = Limiter(6, house.clock.monotonic)
    forged = [
        [("x-forwarded-for", f"192.0.2.{n}"), ("forwarded", f"for=192.0.2.{n}")] for n in (1, 2)
    ]
    assert [house.ask(headers=headers).status for headers in forged] == [200, 429]


# --- how much -----------------------------------------------------------------------------
def test_a_long_address_and_long_headers_are_refused() -> None:
    house = House()
    assert house.ask(query="q=" + "a" * sizes.MAX_TARGET).status == 414
    assert house.ask(headers=[("x-long", "a" * sizes.MAX_HEAD)]).status == 431
    assert house.ask(query="q=" + "a" * 4000, headers=[("x-long", "a" * 8000)]).status == 200


@pytest.mark.parametrize("length", ["65537", "9" * 4000, "00000065537"])
def test_a_body_that_says_it_is_too_large_is_refused_unread(length: str) -> None:
    house = House()
    caller = house.caller("/v1/articles", [("content-length", length)], body=[b"a" * 65537])
    answer = asyncio.run(caller.run())
    assert (answer.status, caller.read) == (413, 0)
    assert answer.headers["connection"] == "close"
    assert "65536 bytes" in answer.problem()["detail"]


def test_a_chunked_body_is_refused_once_it_is_too_large() -> None:
    """However long it goes on: no more is read than the limit and one piece."""
    chunks = [b"a" * 1000] * 100_000
    caller = House().caller("/v1/articles", [("transfer-encoding", "chunked")], body=chunks)
    answer = asyncio.run(caller.run())
    assert answer.status == 413
    assert caller.read == 66_000


def test_a_body_that_lies_about_its_length_is_refused() -> None:
    caller = House().caller("/v1/articles", [("content-length", "5")], body=[b"a" * 65_537])
    assert asyncio.run(caller.run()).status == 413


def test_a_length_that_is_no_number_is_refused() -> None:
    assert House().ask(headers=[("content-length", "-1")]).status == 400


def test_a_body_of_the_largest_size_reaches_the_app_whole() -> None:
    chunks = [b"a" * 32_768] * 2
    caller = House().caller("/v1/articles", [("transfer-encoding", "chunked")], body=chunks)
    assert json.loads(asyncio.run(caller.run()).body)["body"] == 65_536


def test_a_body_that_doesnt_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "BODY_TIMEOUT", 0.01)
    caller = House().caller("/v1/articles", [("content-length", "9")], body=[])
    assert asyncio.run(caller.run()).status == 408


# --- under which name ---------------------------------------------------------------------
@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:8420",
        "localhost.attacker.example",
        "127.0.0.1.attacker.example",
        "localhost@attacker.example",
        "attacker.example/localhost",
        "192.0.2.7",
        "[2001:db8::1]:8420",
        "localhost:8420:1",
        "localhost ",
        "",
        None,
    ],
)
def test_another_name_is_refused_before_anything_else(host: str | None) -> None:
    """A page that rebinds its own name to this machine gets nothing, not even public files."""
    house = House()
    for path in ("/v1/articles", "/", "/v1/openapi.json"):
        answer = house.ask(path, host=host)
        assert answer.status == 421
        assert "WIREDESK_API_HOSTS" in answer.problem()["detail"]
        assert not host or host not in answer.body.decode()


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8420", "127.0.0.1:8420", "127.0.0.53", "[::1]:8420", "localhost."],
)
def test_the_names_of_this_machine_are_answered(host: str) -> None:
    assert House().ask(host=host).status == 200


def test_an_operators_names_are_answered_as_well() -> None:
    house = House(settings(api_hosts=["Desk.example.org"], api_host="192.0.2.7"), "192.0.2.7")
    token = house.token("archive", "read")
    asked = ("desk.example.org", "desk.example.org:443", "192.0.2.7:8420", "localhost")
    assert {house.ask(token=token, host=host).status for host in asked} == {200}
    assert house.ask(token=token, host="other.example.org").status == 421


def test_any_name_may_be_allowed_but_it_must_be_one() -> None:
    house = House(settings(api_hosts=["*"]))
    assert house.ask(host="anything.example").status == 200
    assert house.ask(host="any thing").status == 421


def test_two_host_headers_are_refused() -> None:
    assert House().ask(headers=[("host", "localhost")]).status == 421


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104  (asked about, not bound)
        ("::", False),
        ("", False),
        ("192.168.0.7", False),
        ("localhost.example", False),
    ],
)
def test_which_addresses_are_reached_from_this_machine_only(host: str, local: bool) -> None:  # noqa: FBT001  (a case)
    assert is_loopback(host) is local


# --- what is added ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/", PAGE_POLICY),
        ("/static/js/main.js", PAGE_POLICY),
        ("/v1/articles", "default-src 'none'; frame-ancestors 'none'"),
        ("/not-there", "default-src 'none'; frame-ancestors 'none'"),
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_every_answer_has_the_security_headers_also_a_refusal(
    path: str, policy: str, *, closed: bool
) -> None:
    house = House()
    if closed:
        house.token("archive", "read")
    headers = house.ask(path).headers
    assert headers["content-security-policy"] == policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["permissions-policy"].startswith("camera=()")
    assert "strict-transport-security" not in headers
    assert "server" not in headers


def test_each_request_has_an_id_of_its_own_whatever_the_client_says() -> None:
    house = House()
    ids = {house.ask(headers=[("x-request-id", "mine")]).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert "mine" not in ids


# --- what the log says --------------------------------------------------------------------
def test_a_request_is_one_line_without_its_query_and_token() -> None:
    house = House()
    token = house.token("archive", "read")
    with capture_logs() as lines:
        answer = house.ask(f"/v1/{token}", token, query=f"q={WORDS}")
    (line,) = lines
    assert line["log_level"] == "debug"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/wd_…", 200)
    assert (line["token"], line["bytes"]) == ("archive", len(answer.body))
    assert token.split("_")[2] not in str(lines)
    assert WORDS not in str(lines)


def test_the_log_names_the_route_where_the_app_says_it() -> None:
    async def routed(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = type("Route", (), {"path": "/v1/articles/{id}"})
        await plain(scope, receive, send)

    with capture_logs() as lines:
        House(app=routed).ask("/v1/articles/8f14e45f")
    assert lines[0]["path"] == "/v1/articles/{id}"


def test_a_refusal_is_logged_with_its_reason_and_without_the_token() -> None:
    house = House()
    token = house.token("archive", "read")
    with capture_logs() as lines:
        house.ask(token=token + "x", query=f"q={WORDS}")
    refused, request = lines
    assert (refused["event"], refused["log_level"]) == ("api.refused", "warning")
    assert (refused["status"], refused["address"]) == (401, "127.0.0.1")
    assert refused["request_id"] == request["request_id"]
    assert token.split("_")[2] not in str(lines)
    assert WORDS not in str(lines)


def test_a_flood_of_refusals_is_no_flood_of_warnings() -> None:
    house = House()
    house.token("archive", "read")
    with capture_logs() as lines:
        for _ in range(100):
            house.ask()
    assert len([line for line in lines if line["log_level"] != "debug"]) <= 12


def test_a_failure_is_an_answer_and_a_line_without_what_the_error_says() -> None:
    async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ValueError(WORDS)

    with capture_logs() as lines:
        answer = House(app=failing).ask()
    assert answer.status == 500
    assert answer.complete
    assert answer.headers["content-security-policy"]
    assert WORDS not in answer.body.decode()
    assert WORDS not in str(lines)
    failed, request = lines
    assert (failed["event"], failed["error"]) == ("api.failed", "ValueError")
    assert failed["at"][-1].endswith("failing")
    assert (request["status"], request["log_level"]) == (500, "error")


def test_a_failure_in_mid_answer_is_not_made_an_end() -> None:
    """The client must see that something is missing."""

    async def failing(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError(WORDS)

    with capture_logs() as lines:
        answer = House(app=failing).ask()
    assert (answer.body, answer.complete) == (b"half", False)
    assert WORDS not in str(lines)


def test_the_end_and_the_beginning_of_the_app_pass_through() -> None:
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    house = House()
    guard = guarded(app, Access.of(house.settings, house.table, "127.0.0.1"))

    async def nothing(*_: Any) -> dict[str, Any]:
        return {}

    asyncio.run(guard({"type": "lifespan"}, nothing, nothing))  # type: ignore[arg-type]  # sends nothing
    asyncio.run(guard({"type": "websocket", "path": "/"}, nothing, nothing))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_a_request_without_an_address_is_counted_too() -> None:
    house = House()
    caller = Caller(house.guard)
    caller.scope["client"] = None
    assert asyncio.run(caller.run()).status == 200
