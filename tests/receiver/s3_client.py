"""Signs requests as S3 clients do, written from the description, without the receiver's code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib

HOST = "127.0.0.1:8424"
TIME = "20260302T120000Z"
SCOPE = "20260302/eu-west-1/s3/aws4_request"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in SCOPE.split("/"):
        key = _hmac(key, part)
    return key


def signed(
    method: str,
    path: str,
    key_line: str,
    body: bytes,
    *,
    query: str = "",
    more: dict[str, str] | None = None,
) -> list[tuple[str, str]]:
    """The headers of a request with a signed payload; ``path`` must need no encoding."""
    _, key_id, secret = key_line.split()
    headers = {
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": TIME,
        **(more or {}),
    }
    canonical = sorted({**headers, "host": HOST}.items())
    names = ";".join(name for name, _ in canonical)
    asked = f"{method}\n{path}\n{query}\n"
    asked += "".join(f"{name}:{value}\n" for name, value in canonical)
    asked += f"\n{names}\n{headers['x-amz-content-sha256']}"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    signature = _hmac(_key(secret), f"AWS4-HMAC-SHA256\n{TIME}\n{SCOPE}\n{digest}").hex()
    credential = f"AWS4-HMAC-SHA256 Credential={key_id}/{SCOPE}"
    text = f"{credential}, SignedHeaders={names}, Signature={signature}"
    return [*headers.items(), ("authorization", text)]


def in_chunks(
    path: str, key_line: str, data: bytes, *, signed_chunks: bool, **over: str
) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of an ``aws-chunked`` PUT with a trailing CRC-32."""
    kind = "AWS4-HMAC-SHA256-PAYLOAD-TRAILER" if signed_chunks else "UNSIGNED-PAYLOAD-TRAILER"
    more = {
        "x-amz-content-sha256": f"STREAMING-{kind}",
        "x-amz-decoded-content-length": str(len(data)),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
        **over,
    }
    headers = signed("PUT", path, key_line, b"", more=more)
    previous = headers[-1][1].rpartition("=")[2]
    key = _key(key_line.split()[2])
    body = b""
    for piece in (data, b""):
        body += b"%x" % len(piece)
        if signed_chunks:
            nothing, this = (hashlib.sha256(each).hexdigest() for each in (b"", piece))
            text = f"AWS4-HMAC-SHA256-PAYLOAD\n{TIME}\n{SCOPE}\n{previous}\n{nothing}\n{this}"
            previous = _hmac(key, text).hex()
            body += b";chunk-signature=" + previous.encode()
        body += b"\r\n" + piece + (b"\r\n" if piece else b"")
    checksum = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    trailer = f"x-amz-checksum-crc32:{checksum}"
    body += f"{trailer}\r\n".encode()
    if signed_chunks:
        digest = hashlib.sha256(f"{trailer}\n".encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256-TRAILER\n{TIME}\n{SCOPE}\n{previous}\n{digest}"
        body += f"x-amz-trailer-signature:{_hmac(key, text).hex()}\r\n".encode()
    return headers, body + b"\r\n"
