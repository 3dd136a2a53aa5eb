"""Signatures that any library of Standard Webhooks can check."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from services.indexer.webhooks.document import ROTATION, Webhook
from services.indexer.webhooks.message import headers_of, message_id, ping
from services.indexer.webhooks.signing import (
    BadSecret,
    key_of,
    new_secret,
    signature,
    signature_header,
)
from tests.webhooks.kit import MORNING, SECRET, make_webhook


def test_the_worked_example_of_the_specification() -> None:
    """The one that every library of Standard Webhooks is tested with."""
    made = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_is_random_and_long_enough() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(key_of(first)) == 32


@pytest.mark.parametrize(
    "text",
    ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_no base64!", "whsec_c2hvcnQ="],
)
def test_what_is_no_secret_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(BadSecret) as refused:
        key_of(text)
    assert not text or text not in str(refused.value)


def test_for_a_day_both_secrets_sign() -> None:
    """The new one first; after the day only the new one."""
    other = new_secret()
    webhook = make_webhook("https://news.example/").rotated(other, MORNING)
    body = ping(webhook, MORNING)
    header = headers_of(webhook, body, 1, MORNING.timestamp())["webhook-signature"]
    named, stamp = message_id(body), int(MORNING.timestamp())
    assert (
        header == f"{signature(other, named, stamp, body)} {signature(SECRET, named, stamp, body)}"
    )
    later = MORNING + ROTATION
    header = headers_of(webhook, body, 1, later.timestamp())["webhook-signature"]
    assert header == signature_header([other], named, int(later.timestamp()), body)
    assert webhook.secrets(later - timedelta(seconds=1)) == (other, SECRET)


@pytest.mark.parametrize("named", ["a b", "a.b", "line\r\nx-evil: 1", "é", "x" * 201, "", 7, None])
def test_an_id_that_cannot_stand_in_a_header_is_replaced(named: object) -> None:
    """Always by the same one, so that the receiver can still tell repeats."""
    event = json.dumps({"id": named}).encode()
    made = message_id(event)
    assert made == message_id(event) != named
    assert made.isascii()
    assert len(made) == 36


def test_what_is_kept_reads_back_the_same() -> None:
    webhook = make_webhook("https://news.example/x").rotated(new_secret(), MORNING)
    assert Webhook.parse(webhook.name, webhook.document()) == webhook
    assert "whsec_" not in repr(webhook)
