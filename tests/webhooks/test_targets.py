"""Where a webhook may go, and that the connection goes to the address that was checked."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import httpcore
import pytest

from services.indexer.webhooks.sending import Sender
from services.indexer.webhooks.targets import (
    CheckedBackend,
    Guard,
    Target,
    TargetRefused,
    look_up,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  (it is refused)
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.167.255.255",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_a_public_address_is_allowed(address: str) -> None:
    """Also as networks without IPv4 write it."""
    assert refusal(ipaddress.ip_address(address)) is None


@pytest.mark.parametrize(
    "url",
    [
        "ftp://news.example/",
        "file:///etc/passwd",
        "gopher://news.example/",
        "news.example/hook",
        "//news.example/hook",
        "https://",
        "https:///hook",
        "https://user@news.example/",
        "https://user:password@news.example/",
        "https://:@news.example/",
        "https://news.example:99999/",
        "https://news.example:0/",
        "https://news.example:x/",
        "https://news.example/\r\nx-evil: 1",
        "https://[::1",
        "",
    ],
)
def test_a_url_that_is_none_for_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        Target.parse(url)


def test_a_url_is_taken_apart() -> None:
    """Ports, paths and queries are kept, a name in another script is written as DNS has it."""
    target = Target.parse("https://Bücher.example:8443/hook/a%20b?token=x#part")
    assert (target.host, target.port) == ("xn--bcher-kva.example", 8443)
    assert target.path == b"/hook/a%20b?token=x"
    assert Target.parse("http://news.example").port == 80
    assert Target.parse("https://[2606:4700::1111]/").host == "2606:4700::1111"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "::1"]
)
async def test_every_way_to_write_this_machine_is_seen_through(host: str) -> None:
    """What counts is what the system would connect to."""
    with pytest.raises(TargetRefused):
        await Guard(private=False).addresses(host, 80)


async def test_one_private_address_among_public_ones_is_enough() -> None:
    async def both(_host: str, _port: int) -> Sequence[str]:
        return ["1.1.1.1", "10.0.0.1"]

    with pytest.raises(TargetRefused, match="private"):
        await Guard(private=False, resolve=both).addresses("news.example", 443)
    assert await Guard(private=True, resolve=both).addresses("news.example", 443)


async def test_a_name_that_leads_nowhere_is_refused() -> None:
    async def none(_host: str, _port: int) -> Sequence[str]:
        return []

    for resolve in (none, look_up):
        with pytest.raises(TargetRefused, match="no address"):
            await Guard(private=True, resolve=resolve).addresses("no.such.name.invalid", 443)


async def test_a_zone_does_not_hide_a_link_local_address() -> None:
    async def zoned(_host: str, _port: int) -> Sequence[str]:
        return ["fe80::1%eth0"]

    with pytest.raises(TargetRefused, match="link-local"):
        await Guard(private=False, resolve=zoned).addresses("news.example", 443)


async def test_a_name_that_changes_its_address_gets_no_connection(receiver: Receiver) -> None:
    """Public when the webhook is added, this machine when it is sent to: "DNS rebinding"."""
    answers = [["1.1.1.1"], ["127.0.0.1"]]

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    guard = Guard(private=False, resolve=rebinding)
    assert await guard.addresses("news.example", receiver.port) == ["1.1.1.1"]
    sender = Sender(guard, 2.0)
    answer = await sender.send(Target.parse(f"http://news.example:{receiver.port}/"), {}, b"{}")
    await sender.aclose()
    assert answer.kind == "failed"
    assert "loopback" in answer.reason
    assert receiver.requests == []


async def test_the_connection_goes_to_the_address_that_was_checked(receiver: Receiver) -> None:
    """The name is looked up once; nothing between check and connection asks again."""
    asked = []

    async def once(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    sender = Sender(Guard(private=True, resolve=once), 2.0)
    target = Target.parse(f"http://no.such.name.invalid:{receiver.port}/hook")
    for _ in range(2):
        assert (await sender.send(target, {}, b"{}")).kind == "taken"
    await sender.aclose()
    assert asked == ["no.such.name.invalid"]
    assert receiver.requests[0].headers["host"] == f"no.such.name.invalid:{receiver.port}"


async def test_the_next_address_is_tried_where_one_does_not_answer(receiver: Receiver) -> None:
    async def two(_host: str, _port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]  # the receiver listens on the second one only

    backend = CheckedBackend(Guard(private=True, resolve=two))
    stream = await backend.connect_tcp("news.example", receiver.port, 2.0)
    await stream.aclose()

    async def one(_host: str, _port: int) -> Sequence[str]:
        return ["::1"]

    with pytest.raises(httpcore.ConnectError):
        await CheckedBackend(Guard(private=True, resolve=one)).connect_tcp(
            "news.example", receiver.port, 2.0
        )
