"""AWS Signature Version 4, held against the examples that AWS publishes for S3.

The key, dates and signatures are those of "Authenticating Requests (AWS Signature Version 4)":
"Examples: Signature calculations", "Signature calculations … in multiple chunks", and the same
with trailers.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest.receiver import sigv4
from services.ingest.receiver.chunked import Decoded, Decoder
from services.ingest.receiver.keys import NO_SECRET, S3Key
from services.ingest.receiver.refused import Refused
from services.ingest.receiver.sigv4 import Asked, Proof, verify
from tests.receiver.kit import Sent

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = S3Key("wire", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
TIME = "20130524T000000Z"
SCOPE = "20130524/us-east-1/s3/aws4_request"
EMPTY = hashlib.sha256(b"").hexdigest()
HOST = "examplebucket.s3.amazonaws.com"


def header(names: str, signature: str, key_id: str = KEY.id) -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={key_id}/{SCOPE},SignedHeaders={names},Signature={signature}"
    )


def proven(
    names: str, signature: str, asked: Asked, key: S3Key = KEY, now: datetime = NOW
) -> Proof:
    return verify(sigv4.parsed(header(names, signature)), key, asked, now)


PUT_NAMES = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class"
PUT_SIGNATURE = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
PUT = Asked(
    "PUT",
    "/test%24file.text",
    "",
    {
        "host": HOST,
        "date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-date": TIME,
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": hashlib.sha256(b"Welcome to Amazon S3.").hexdigest(),
    },
)
PLAIN = {"host": HOST, "x-amz-content-sha256": EMPTY, "x-amz-date": TIME}


@pytest.mark.parametrize(
    ("asked", "names", "signature"),
    [
        (PUT, PUT_NAMES, PUT_SIGNATURE),
        (replace(PUT, path="/test$file.text"), PUT_NAMES, PUT_SIGNATURE),
        (
            Asked("GET", "/test.txt", "", {**PLAIN, "range": "bytes=0-9"}),
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Asked("GET", "/", "lifecycle", PLAIN),
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Asked("GET", "/", "prefix=J&max-keys=2", PLAIN),
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_published_signatures_are_right(asked: Asked, names: str, signature: str) -> None:
    assert proven(names, signature, asked).name == "wire"


def refused(code: str, *args: Any, **more: Any) -> None:
    with pytest.raises(Refused) as raised:
        proven(*args, **more)
    assert raised.value.s3_code == code


@pytest.mark.parametrize(
    "asked",
    [
        replace(PUT, method="POST"),
        replace(PUT, path="/other.text"),
        replace(PUT, query="x-id=PutObject"),
        replace(PUT, headers={**PUT.headers, "x-amz-content-sha256": EMPTY}),
        replace(PUT, headers={**PUT.headers, "host": "other.example"}),
        replace(PUT, headers={**PUT.headers, "x-amz-date": "20130524T000001Z"}),
    ],
)
def test_a_request_that_was_changed_isnt_signed(asked: Asked) -> None:
    refused("SignatureDoesNotMatch", PUT_NAMES, PUT_SIGNATURE, asked)


def test_another_secret_and_nobodys_key_sign_nothing() -> None:
    refused("SignatureDoesNotMatch", PUT_NAMES, PUT_SIGNATURE, PUT, replace(KEY, secret="x" * 40))
    nobody = S3Key("", KEY.id, NO_SECRET)
    signed = sigv4.parsed(header(PUT_NAMES, "0" * 64))
    text = sigv4.canonical_request(signed, PUT, PUT.headers["x-amz-content-sha256"])
    to_sign = "\n".join((sigv4.ALGORITHM, TIME, SCOPE, hashlib.sha256(text.encode()).hexdigest()))
    signature = sigv4.sign(sigv4.signing_key_of(NO_SECRET, signed), to_sign)
    refused("SignatureDoesNotMatch", PUT_NAMES, signature, PUT, nobody)


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_signature_of_another_time_is_refused(minutes: int) -> None:
    at = NOW + timedelta(minutes=minutes)
    refused("RequestTimeTooSkewed", PUT_NAMES, PUT_SIGNATURE, PUT, now=at)


@pytest.mark.parametrize("time", ["", "yesterday", "20130525T000000Z", "20130524T000000"])
def test_a_date_that_is_none_or_another_is_refused(time: str) -> None:
    asked = replace(PUT, headers={**PUT.headers, "x-amz-date": time})
    refused("InvalidRequest", PUT_NAMES, PUT_SIGNATURE, asked)


@pytest.mark.parametrize(
    "names",
    [
        "date;host;x-amz-content-sha256;x-amz-date",  # an x-amz- header isn't signed
        "date;x-amz-content-sha256;x-amz-date;x-amz-storage-class",  # nor is the host
        f"{PUT_NAMES};x-missing",
    ],
)
def test_what_matters_must_be_signed(names: str) -> None:
    refused("AccessDenied", names, PUT_SIGNATURE, PUT)


@pytest.mark.parametrize(
    "text",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=, SignedHeaders=host, Signature=" + "0" * 64,
        header("host", "not hex"),
        header("", "0" * 64),
        header("host", "0" * 64).replace("/s3/", "/ec2/"),
        header("host", "0" * 64).replace("20130524", "2013"),
    ],
)
def test_a_header_that_isnt_one_is_refused(text: str) -> None:
    with pytest.raises(Refused) as raised:
        sigv4.parsed(text)
    assert raised.value.s3_code == "AuthorizationHeaderMalformed"


# --- in chunks -------------------------------------------------------------------------------
STREAM = Asked(
    "PUT",
    "/examplebucket/chunkObject.txt",
    "",
    {
        "host": "s3.amazonaws.com",
        "x-amz-date": TIME,
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
    },
)
STREAM_NAMES = (
    "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
    "x-amz-decoded-content-length;x-amz-storage-class"
)
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = (
    (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
)
TRAILED = (
    (65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
    (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
    (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
)
TRAILER = (
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:"
    b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"
)


def packed(
    chunks: tuple[tuple[int, str], ...], trailer: bytes = b"", letter: bytes = b"a"
) -> bytes:
    body = b""
    for size, signature in chunks:
        body += b"%x;chunk-signature=%s\r\n" % (size, signature.encode())
        body += letter * size + (b"\r\n" if size else b"")
    return body + trailer + b"\r\n"


def seed(asked: Asked, names: str, signature: str) -> Proof:
    return proven(names, signature, asked)


def unpacked(decoder: Decoder, body: bytes, step: int) -> bytes:
    return b"".join(
        piece for at in range(0, len(body), step) for piece in decoder.feed(body[at : at + step])
    )


def trailed_proof() -> Proof:
    headers: Mapping[str, str] = {
        name: value for name, value in STREAM.headers.items() if name != "content-length"
    }
    asked = replace(
        STREAM,
        headers={
            **headers,
            "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            "x-amz-trailer": "x-amz-checksum-crc32c",
        },
    )
    names = (
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class;x-amz-trailer"
    )
    signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    return seed(asked, names, signature)


@pytest.mark.parametrize("step", [997, 65536, 10**6])
def test_the_published_chunks_are_right_however_they_are_cut(step: int) -> None:
    decoder = Decoder(seed(STREAM, STREAM_NAMES, SEED))
    assert len(packed(CHUNKS)) == 66824
    assert unpacked(decoder, packed(CHUNKS), step) == b"a" * 66560
    assert decoder.complete


def test_the_published_trailer_is_right() -> None:
    decoder = Decoder(trailed_proof(), trailed=True)
    assert unpacked(decoder, packed(TRAILED, TRAILER), 4096) == b"a" * 66560
    assert decoder.complete
    assert decoder.trailers[0] == ("x-amz-checksum-crc32c", "sOO8/Q==")
    assert base64.b64decode("sOO8/Q==")


@pytest.mark.parametrize(
    "body",
    [
        packed(CHUNKS, letter=b"b"),
        packed((CHUNKS[1], CHUNKS[0], CHUNKS[2])),
        packed((CHUNKS[0], CHUNKS[2])),
        packed((CHUNKS[0], (1024, "0" * 64), CHUNKS[2])),
    ],
)
def test_chunks_that_were_changed_dropped_or_put_in_another_order_are_refused(body: bytes) -> None:
    decoder = Decoder(seed(STREAM, STREAM_NAMES, SEED))
    with pytest.raises(Refused) as raised:
        unpacked(decoder, body, 65536)
    assert raised.value.s3_code == "SignatureDoesNotMatch"
    assert not decoder.complete


@pytest.mark.parametrize("trailer", [TRAILER.replace(b"sOO8", b"sOO9"), TRAILER[:32], b""])
def test_a_trailer_that_was_changed_or_isnt_signed_is_refused(trailer: bytes) -> None:
    with pytest.raises(Refused) as raised:
        unpacked(Decoder(trailed_proof(), trailed=True), packed(TRAILED, trailer), 65536)
    assert raised.value.s3_code == "SignatureDoesNotMatch"


async def decoded(body: bytes) -> bytes:
    pieces = Decoded(Sent(*(body[at : at + 1] for at in range(len(body)))), Decoder(trailed=True))
    return b"".join([piece async for piece in pieces])


# --- chunks without signatures -----------------------------------------------------------------
def test_chunks_may_be_without_signatures_where_the_request_says_so() -> None:
    decoder = Decoder(trailed=True)
    body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"
    assert unpacked(decoder, body, 3) == b"hello world"
    assert decoder.complete
    assert decoder.trailers == [("x-amz-checksum-crc32", "DUoRhQ==")]


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        b"z\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"5\r\nhello!\r\n",
        b"5;chunk-signature=" + b"0" * 64 + b"\r\nhello\r\n",
        b"11111111111111111\r\n",
        b"5" * 2000,
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\n\r\n0\r\n\r\n",
        b"0\r\n" + b"x-a:b\r\n" * 9 + b"\r\n",
    ],
)
def test_what_isnt_aws_chunked_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as raised:
        asyncio.run(decoded(body))
    assert raised.value.refusal.status == 400
