"""Digests that senders declare are read strictly and held against what came."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest

from services.ingest.receiver.digests import (
    AMZ_ALGORITHMS,
    MAKERS,
    Declared,
    Digests,
    amz,
    announced,
    declared,
)
from services.ingest.receiver.refused import Refused

DATA = b"123456789"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


SHA256 = b64(hashlib.sha256(DATA).digest())


@pytest.mark.parametrize(
    ("algorithm", "check"),
    [
        # The check values of the CRC catalogue are those of "123456789".
        ("crc32", "cbf43926"),
        ("crc32c", "e3069283"),
        ("crc64nvme", "ae8b14860a799888"),
        ("md5", "25f9e794323b453885f5181f1b624d0b"),
        ("sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    ],
)
def test_each_algorithm_gives_its_published_check_value(algorithm: str, check: str) -> None:
    whole, split = MAKERS[algorithm](), MAKERS[algorithm]()
    whole.update(DATA)
    split.update(DATA[:4])
    split.update(DATA[4:])
    assert whole.digest().hex() == split.digest().hex() == check


@pytest.mark.parametrize(
    "headers",
    [
        {"content-md5": b64(hashlib.md5(DATA, usedforsecurity=False).digest())},
        {"content-digest": f"sha-256=:{SHA256}:"},
        {"repr-digest": f"sha-256=:{SHA256}:, sha-512=:{b64(hashlib.sha512(DATA).digest())}:"},
        {"repr-digest": f"unixsum=:AAAA:,sha-256=:{SHA256}:"},
        {"x-amz-checksum-sha256": SHA256},
        {"x-amz-checksum-crc32": b64(zlib.crc32(DATA).to_bytes(4, "big"))},
        {"x-amz-content-sha256": hashlib.sha256(DATA).hexdigest()},
    ],
)
def test_a_digest_is_held_against_what_came(headers: dict[str, str]) -> None:
    right, wrong = Digests(declared(headers)), Digests(declared(headers))
    assert right.expected
    right.update(DATA)
    right.check()
    wrong.update(DATA[:-1] + b"8")
    with pytest.raises(Refused) as raised:
        wrong.check()
    assert raised.value.refusal.kind == "bad-digest"
    assert next(iter(headers)) in raised.value.refusal.detail


@pytest.mark.parametrize(
    "headers",
    [
        {"content-md5": "not base64!"},
        {"content-md5": b64(b"too short")},
        {"content-digest": "sha-256=abc"},
        {"repr-digest": "sha-256=:AAAA:"},
        {"repr-digest": ":::"},
        {"x-amz-checksum-sha256": f"{SHA256},{SHA256}"},
    ],
)
def test_a_digest_that_cant_be_read_is_refused_before_the_file(headers: dict[str, str]) -> None:
    with pytest.raises(Refused) as raised:
        declared(headers)
    assert raised.value.refusal.status == 400


def test_no_digest_is_none() -> None:
    assert (
        declared({"content-type": "text/plain", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}) == []
    )
    assert amz([("x-amz-checksum-type", "FULL_OBJECT"), ("x-amz-date", "x")]) == []


def test_a_digest_may_follow_the_file_where_its_algorithm_was_announced() -> None:
    names = announced({"x-amz-trailer": "x-amz-checksum-crc32"})
    assert names == ("x-amz-checksum-crc32",)
    digests = Digests(also=("crc32",))
    digests.update(DATA)
    digests.check([Declared(names[0], "crc32", bytes.fromhex("cbf43926"))])
    with pytest.raises(Refused):
        digests.check([Declared(names[0], "crc32", bytes(4))])


@pytest.mark.parametrize("trailer", ["x-amz-checksum-md6", "expires", "x-amz-checksum-"])
def test_a_trailer_that_isnt_known_is_said_to_be_so(trailer: str) -> None:
    with pytest.raises(Refused) as raised:
        announced({"x-amz-trailer": trailer})
    assert raised.value.refusal.status == 501


def test_a_checksum_that_isnt_known_is_said_to_be_so() -> None:
    with pytest.raises(Refused) as raised:
        declared({"x-amz-checksum-xxhash": "AAAA"})
    assert raised.value.refusal.status == 501
    assert all(algorithm in MAKERS for algorithm in AMZ_ALGORITHMS)


def test_the_size_and_sha256_are_always_known() -> None:
    digests = Digests()
    digests.update(DATA)
    assert (digests.size, digests.hex()) == (9, hashlib.sha256(DATA).hexdigest())
