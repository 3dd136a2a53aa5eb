"""The receiver as an ASGI application: what is asked, and what it answers."""

from __future__ import annotations

import os
import re
import traceback
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from services import metrics
from services.effects import effect
from services.ingest.receiver import naming
from services.ingest.receiver.call import NO_STORE, Answer, Call, json_answer
from services.ingest.receiver.chunked import Decoded, Decoder
from services.ingest.receiver.digests import AMZ_PREFIX, announced, declared
from services.ingest.receiver.document import document
from services.ingest.receiver.refused import CutOff, Refused, bad_request, unsupported
from services.ingest.receiver.sigv4 import decoding_of
from services.ingest.receiver.threads import in_thread
from services.ingest.receiver.uploads import Wanted
from services.observability import get_logger, seldom

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from services.ingest.receiver.admission import Door
    from services.ingest.receiver.body import Pieces, Receive
    from services.ingest.receiver.call import Scope, Send
    from services.ingest.receiver.finding import Finder, Standing
    from services.ingest.receiver.sigv4 import Proof
    from services.ingest.receiver.uploads import Taken, Uploads
    from services.settings import Settings

log = get_logger(__name__)

ROOT = "/v1/drop"

MAX_KEY_CHARS = 255
"""Characters of an ``Idempotency-Key``; a UUID has 36."""

TOO_MANY = 429
SERVER_ERROR = 500

_KEY = re.compile(r"[!-~]+", re.ASCII)

_MULTIPART = "multipart/"

_NOT_DONE = ("content-range", "if-match", "x-amz-copy-source", "x-amz-server-side-encryption")
"""Headers that ask for something of which nothing would come."""

POLL_AFTER = {"retry-after": "1"}
"""Seconds after which to ask again for a receipt that isn't there yet."""


@dataclass
class Receiver:
    """Answers requests. Use as an ASGI application."""

    settings: Settings
    door: Door
    uploads: Uploads
    finder: Finder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        call = Call(scope, receive, send, self.settings.drop_timeout)
        try:
            await self._answer(call)
        except Refused as refused:
            _tell(call, refused)
            await call.refuse(refused)
        except CutOff:
            if call.method in {"POST", "PUT"}:
                metrics.DROP_UPLOADS.labels("cut_off").inc()
                log.info("drop.cut_off", sender=call.sender, request_id=call.request_id)
        except Exception as error:  # noqa: BLE001  (the last place where it can be kept from the log)
            await _fail(call, error)

    async def _answer(self, call: Call) -> None:
        proof = self.door.admit(call)
        if call.method in {"POST", "PUT"}:
            taken = await self._take(call, proof)
            effect("receiver.answer")
            await call.answer(self._received(call, taken))
        elif call.method in {"GET", "HEAD"}:
            await call.answer(await self._look(call))
        else:
            raise _not_here()

    # --- uploads ------------------------------------------------------------------------
    async def _take(self, call: Call, proof: Proof | None) -> Taken:
        name, target = _named(call)
        headers = call.headers
        packing = None if proof is None else decoding_of(headers)
        _check_kind(headers, packed=packing is not None)
        trailers = announced(headers) if packing else ()
        wanted = Wanted(
            sender=call.sender or "",
            name=name,
            length=_length(headers, packed=packing is not None),
            key=_key(headers),
            target=target,
            declared=tuple(declared(headers)),
            also=tuple(
                [each.removeprefix(AMZ_PREFIX) for each in trailers]
                + (["md5"] if call.by_s3 else [])
            ),
        )
        taken = await self.uploads.take(wanted, _pieces(call, proof, packing, trailers))
        upload = taken.upload
        metrics.DROP_UPLOADS.labels("repeated" if taken.repeated else "received").inc()
        log.info(
            "drop.received",
            file=upload.file,
            upload=upload.id,
            sender=call.sender,
            bytes=upload.size,
            repeated=taken.repeated,
            duration_ms=call.milliseconds,
            request_id=call.request_id,
        )
        return taken

    def _received(self, call: Call, taken: Taken) -> Answer:
        upload = taken.upload
        where = self._address(upload.id)
        if call.by_s3:
            # What PutObject is answered with: no body, and the MD5 that clients look at.
            etag = f'"{taken.digests.hex("md5")}"'
            return Answer(200, {"etag": etag, "location": where, **NO_STORE})
        body = {
            "id": upload.id,
            "file": upload.file,
            "size": upload.size,
            "sha256": upload.sha256,
            "state": "received",
            "receipt": where,
        }
        return json_answer(202, body, {"location": where, **POLL_AFTER})

    def _address(self, upload_id: str) -> str:
        base = (self.settings.drop_url or "").rstrip("/")
        return f"{base}{ROOT}/{upload_id}"

    # --- what became of them --------------------------------------------------------------
    async def _look(self, call: Call) -> Answer:
        if call.path == ROOT:
            if call.by_s3 and call.method == "GET":
                raise unsupported(501, "of S3, objects are neither listed here nor given back")
            return json_answer(200, self._about())
        if call.path == f"{ROOT}/openapi.json":
            return json_answer(200, document())
        upload_id = call.path.removeprefix(f"{ROOT}/")
        standing = None
        if naming.ID_SHAPE.fullmatch(upload_id):
            find = partial(self.finder.find, upload_id, call.sender or "")
            standing = await in_thread(find)
        if standing is None:
            raise Refused(404, "not-found", "there is no upload of yours with this id")
        return await self._told(standing)

    def _about(self) -> Mapping[str, object]:
        settings = self.settings
        return {
            "max_bytes": settings.drop_max_bytes,
            "uploads_at_once": settings.drop_uploads,
            "description": self._address("openapi.json"),
        }

    async def _told(self, standing: Standing) -> Answer:
        if standing.state == "gone":
            raise Refused(
                410,
                "gone",
                "neither the file nor its receipt is there any more: somebody took it away",
            )
        if standing.receipt is not None:
            return await _receipt(standing.receipt)
        upload, progress = standing.upload, standing.progress
        body: dict[str, object] = {"id": upload.id, "file": upload.file}
        if upload.sha256:
            body |= {"size": upload.size, "sha256": upload.sha256}
        body["state"] = standing.state
        if progress is not None:
            body |= {"records": progress.records, "settled": progress.settled}
        body["receipt"] = self._address(upload.id)
        return json_answer(202, body, POLL_AFTER)


async def _receipt(path: Path) -> Answer:
    """The receipt as it lies on disk."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = await in_thread(partial(os.open, path, flags))
    return Answer(200, {"content-type": "application/json", **NO_STORE}, file=descriptor)


def _named(call: Call) -> tuple[str, str | None]:
    """What the client calls its file, and under which name it PUTs it."""
    parameters = call.parameters()
    if call.method == "POST" and call.path == ROOT:
        names = [value for name, value in parameters if name == "name"]
        if len(names) != len(parameters) or len(names) > 1:
            raise bad_request("the query may hold a name and nothing else: ?name=story.xml")
        headers = call.headers
        given = naming.from_headers(headers.get("content-disposition"), headers.get("content-type"))
        return (names[0] if names else given), None
    if call.method == "PUT" and call.path.startswith(f"{ROOT}/"):
        # "x-id" is what S3 clients say for the reader of a log.
        if any(name != "x-id" for name, _ in parameters):
            raise _no_parts()
        target = naming.decoded(call.path.removeprefix(f"{ROOT}/"))[: naming.MAX_NAME_CHARS]
        if not target.strip("/"):
            raise bad_request("PUT needs a name: /v1/drop/story.xml")
        return target, target
    if call.by_s3 and call.method == "POST":
        raise _no_parts()
    raise _not_here()


def _no_parts() -> Refused:
    return unsupported(
        501, "of S3, only whole objects can be put here: raise the client's multipart threshold"
    )


def _not_here() -> Refused:
    return Refused(
        405,
        "method-not-allowed",
        "POST /v1/drop or PUT /v1/drop/NAME drops a file, GET /v1/drop/ID asks for its receipt",
        {"allow": "GET, HEAD, POST, PUT"},
    )


def _check_kind(headers: Mapping[str, str], *, packed: bool) -> None:
    if headers.get("content-type", "").strip().lower().startswith(_MULTIPART):
        raise unsupported(
            415, "send the file's bytes as they are, not as a form: curl -T FILE, or --data-binary"
        )
    coding = {each.strip().lower() for each in headers.get("content-encoding", "").split(",")}
    if coding - {"", "identity"} - ({"aws-chunked"} if packed else set()):
        raise unsupported(
            415, "send a packed file as it is, without Content-Encoding; it is unpacked here"
        )
    for name in headers:
        if name.startswith(_NOT_DONE):
            raise unsupported(501, f"{name} isn't heeded here, so the file isn't taken with it")


def _length(headers: Mapping[str, str], *, packed: bool) -> int | None:
    name = "x-amz-decoded-content-length" if packed else "content-length"
    text = headers.get(name)
    if text is None:
        if packed:
            raise bad_request(f"{name} is missing")
        return None
    # A number of hundreds of digits is not worth making one.
    if not (text.isascii() and text.isdigit()) or len(text) > 18:  # noqa: PLR2004  (10^18: an exabyte)
        raise bad_request(f"{name} isn't a number of bytes")
    return int(text)


def _key(headers: Mapping[str, str]) -> str | None:
    text = headers.get("idempotency-key")
    if text is None:
        return None
    if len(text) > MAX_KEY_CHARS or _KEY.fullmatch(text) is None:
        raise bad_request(
            f"an Idempotency-Key is 1 to {MAX_KEY_CHARS} letters, digits and marks, no spaces"
        )
    return text


def _pieces(
    call: Call, proof: Proof | None, packing: str | None, trailers: tuple[str, ...]
) -> Pieces:
    if packing is None:
        return call.body
    signed = proof if "HMAC" in packing else None
    return Decoded(call.body, Decoder(signed, packing.endswith("-TRAILER")), trailers)


def _tell(call: Call, refused: Refused) -> None:
    refusal = refused.refusal
    if call.method in {"POST", "PUT"}:
        ending = "failed" if refusal.status >= SERVER_ERROR else "refused"
        metrics.DROP_UPLOADS.labels(ending).inc()
    # A flood must not become one of the log; a receipt that isn't there is asked for often.
    quiet = refusal.status == TOO_MANY or call.method in {"GET", "HEAD"}
    write = log.debug if quiet else log.warning
    if seldom("drop.refused", (refusal.status, call.sender or call.address)):
        write(
            "drop.refused",
            status=refusal.status,
            reason=refusal.detail,
            sender=call.sender,
            address=call.address,
            request_id=call.request_id,
        )


async def _fail(call: Call, error: Exception) -> None:
    """Something nobody foresaw; its message may quote a file, so only where it was is logged."""
    metrics.DROP_UPLOADS.labels("failed").inc()
    frames = traceback.extract_tb(error.__traceback__)[-10:]
    log.error(
        "receiver.failed",
        error=type(error).__name__,
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        request_id=call.request_id,
    )
    if not call.began:
        detail = "something went wrong in the receiver; its log has this request's id"
        await call.refuse(Refused(SERVER_ERROR, "internal", detail))
