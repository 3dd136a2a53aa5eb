"""One POST to a real server: what its answer means, and what it can't do to us."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme

from services.indexer.webhooks.sending import MAX_EXCERPT, MAX_RETRY_AFTER, Answer, Sender
from services.indexer.webhooks.targets import Guard, Target
from tests.webhooks.kit import MORNING
from tests.webhooks.receiver import Receiver, Reply

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


async def post(url: str, body: bytes = b"{}", timeout: float = 2.0) -> Answer:  # noqa: ASYNC109  (the sender's)
    sender = Sender(Guard(private=True), timeout)
    try:
        return await sender.send(Target.parse(url), {"webhook-id": "1"}, body)
    finally:
        await sender.aclose()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "taken"),
        (201, "taken"),
        (202, "taken"),
        (204, "taken"),
        (400, "failed"),
        (404, "failed"),
        (410, "gone"),
        (429, "failed"),
        (500, "failed"),
        (503, "failed"),
    ],
)
async def test_what_a_status_means(receiver: Receiver, status: int, kind: str) -> None:
    receiver.answer = lambda _request: Reply(status, body=b"" if status == 204 else b"said")
    answer = await post(receiver.url)
    assert (answer.kind, answer.status, answer.reason) == (kind, status, f"status {status}")
    assert answer.excerpt == (b"" if status == 204 else b"said")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    """They fail, and the reason says what to do."""
    with Receiver() as other:
        receiver.answer = lambda _request: Reply(status, {"location": other.url})
        answer = await post(receiver.url)
        assert answer.kind == "failed"
        assert "new URL" in answer.reason
        assert other.requests == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("99999999999999999999999", MAX_RETRY_AFTER),
        ("Mon, 02 Mar 2026 09:01:30 GMT", 90.0),
        ("Mon, 02 Mar 2026 08:59:00 GMT", 0.0),
        ("Mon, 02 Mar 2026 09:01:30 -0000", 90.0),
        ("Tue, 02 Mar 2027 09:00:00 GMT", MAX_RETRY_AFTER),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_says_when_to_come_again(
    receiver: Receiver, status: int, said: str, seconds: float | None
) -> None:
    """In seconds or as a date, an hour at most; anything else isn't heard."""
    receiver.answer = lambda _request: Reply(status, {"Retry-After": said})
    sender = Sender(Guard(private=True), 2.0, now=MORNING.timestamp)
    answer = await sender.send(Target.parse(receiver.url), {}, b"{}")
    await sender.aclose()
    assert answer.retry_after == seconds
    assert answer.kind == ("failed" if seconds is None else "busy")


async def test_of_a_body_without_an_end_some_kilobytes_are_read(receiver: Receiver) -> None:
    """And the connection is closed: the status has said what counts."""
    receiver.answer = lambda _request: Reply(200, endless=True)
    answer = await post(receiver.url)
    assert answer.kind == "taken"
    assert len(answer.excerpt) <= MAX_EXCERPT
    # What the system's buffers hold, and no more.
    assert receiver.sent < 20_000_000


async def test_a_receiver_that_never_answers_is_left(receiver: Receiver) -> None:
    never = threading.Event()
    receiver.answer = lambda _request: Reply(wait=never)
    answer = await post(receiver.url, timeout=0.2)
    assert (answer.kind, answer.reason) == ("failed", "no answer within 0.2 s")
    assert answer.at_fault == "either"


async def test_a_receiver_that_hangs_up_is_a_failure(receiver: Receiver) -> None:
    receiver.answer = lambda _request: Reply(hang_up=True)
    answer = await post(receiver.url)
    assert (answer.kind, answer.at_fault) == ("failed", "either")
    assert "broke" in answer.reason


async def test_nobody_there_is_the_receivers_fault() -> None:
    with Receiver() as gone:
        url = gone.url
    answer = await post(url)
    assert (answer.kind, answer.at_fault) == ("failed", "receiver")
    assert answer.reason == "no connection: connection refused"


async def test_a_connection_is_used_again(receiver: Receiver) -> None:
    sender = Sender(Guard(private=True), 2.0)
    for _ in range(3):
        assert (await sender.send(Target.parse(receiver.url), {}, b"{}")).kind == "taken"
    assert len(sender._pool.connections) == 1
    await sender.aclose()


async def test_a_proxy_in_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would see every event, and connect to addresses that we never checked."""
    with Receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await post(receiver.url)).kind == "taken"
        assert proxy.requests == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the operator says whom to trust, as OpenSSL has it: ``SSL_CERT_FILE``."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    with Receiver(tls=tls) as receiver:
        answer = await post(receiver.url)
        assert (answer.kind, answer.at_fault) == ("failed", "receiver")
        assert "certificate" in answer.reason
        assert receiver.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert (await post(receiver.url)).kind == "taken"
