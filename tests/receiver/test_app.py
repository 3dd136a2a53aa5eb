"""What is asked of the receiver and what it answers, without a network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services import metrics
from services.ingest.receiver import app as app_module
from services.ingest.receiver import body as body_module
from services.ingest.receiver.document import document
from services.ingest.receiver.refused import TITLES
from tests.receiver.kit import STORY, Hall, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHA256 = hashlib.sha256(STORY).hexdigest()


def counted(ending: str) -> float:
    return float(metrics.DROP_UPLOADS.labels(ending)._value.get())


# --- dropping --------------------------------------------------------------------------------
def test_a_posted_file_is_answered_with_the_address_of_its_receipt(
    hall: Hall, logs: list[Any]
) -> None:
    before = counted("received")
    answer = hall.ask("POST", "/v1/drop", STORY, query="name=story.html")
    told = answer.json()
    assert answer.status == 202
    assert told == {
        "id": told["id"],
        "file": f"story~{told['id']}.html",
        "size": len(STORY),
        "sha256": SHA256,
        "state": "received",
        "receipt": f"/v1/drop/{told['id']}",
    }
    assert answer.headers["location"] == told["receipt"]
    assert hall.files() == {told["file"]: STORY}
    assert counted("received") == before + 1
    (line,) = [line for line in logs if line["event"] == "drop.received"]
    assert (line["file"], line["bytes"], line["sender"]) == (told["file"], len(STORY), "")


def test_a_file_that_is_put_has_the_name_in_its_address(hall: Hall) -> None:
    told = hall.ask("PUT", "/v1/drop/wire/2026/F%C3%A4hre.xml", STORY).json()
    assert told["file"] == f"Fähre~{told['id']}.xml"
    assert hall.ask("PUT", "/v1/drop/wire/2026/F%C3%A4hre.xml", STORY).json() == told
    assert hall.files() == {told["file"]: STORY}


@pytest.mark.parametrize(
    ("headers", "query", "name"),
    [
        ([("Content-Disposition", 'attachment; filename="a.xml"')], "", "a~{}.xml"),
        ([("Content-Type", "application/json")], "", "upload~{}.json"),
        ([("Content-Type", "application/x-www-form-urlencoded")], "", "upload~{}"),
        ([("Content-Disposition", "filename=a.xml")], "name=b.xml", "b~{}.xml"),
        ([], "name=..%2F..%2Fetc%2Fpasswd", "passwd~{}"),
        ([], "name=a%00b.xml", "a_b~{}.xml"),
        ([], "name=", "upload~{}"),
        ([], "name=" + "x" * 7000, "x" * 120 + "~{}"),
    ],
)
def test_the_name_comes_from_the_query_or_the_headers(
    hall: Hall, headers: Sequence[tuple[str, str]], query: str, name: str
) -> None:
    told = hall.ask("POST", "/v1/drop", STORY, headers, query=query).json()
    assert told["file"] == name.format(told["id"])
    assert list(hall.files()) == [told["file"]]


def test_the_address_begins_as_the_settings_say(hall_of: Callable[..., Hall]) -> None:
    told = hall_of(drop_url="https://drop.example.org/").drop()
    assert told["receipt"] == f"https://drop.example.org/v1/drop/{told['id']}"


def test_a_key_makes_it_the_same_upload(hall: Hall) -> None:
    key = [("Idempotency-Key", "5d2f-1")]
    before = counted("repeated")
    told = hall.drop(headers=key)
    assert hall.drop(headers=key) == told
    assert counted("repeated") == before + 1
    other = hall.ask("POST", "/v1/drop", b"else", key)
    assert (other.status, other.kind()) == (422, "key-reused")
    assert list(hall.files()) == [told["file"]]


def test_digests_are_checked(hall: Hall) -> None:
    digest = base64.b64encode(hashlib.sha256(STORY).digest()).decode()
    headers = [("Repr-Digest", f"sha-256=:{digest}:")]
    hall.drop(headers=headers)
    answer = hall.ask("POST", "/v1/drop", STORY + b" ", headers)
    assert (answer.status, answer.kind()) == (400, "bad-digest")
    assert len(hall.files()) == 1


@pytest.mark.parametrize(
    ("method", "path", "headers", "query", "status", "kind"),
    [
        ("POST", "/v1/drop", [("Content-Type", "multipart/form-data")], "", 415, "unsupported"),
        ("POST", "/v1/drop", [("Content-Encoding", "gzip")], "", 415, "unsupported"),
        ("POST", "/v1/drop", [("Content-Encoding", "aws-chunked")], "", 415, "unsupported"),
        ("PUT", "/v1/drop/a", [("Content-Range", "bytes 0-1/2")], "", 501, "unsupported"),
        ("POST", "/v1/drop", [("Content-Length", "99999999999999")], "", 413, "too-large"),
        ("POST", "/v1/drop", [("Content-Length", "9" * 400)], "", 400, "bad-request"),
        ("POST", "/v1/drop", [("Content-Length", "-1")], "", 400, "bad-request"),
        ("POST", "/v1/drop", [("Idempotency-Key", "")], "", 400, "bad-request"),
        ("POST", "/v1/drop", [("Idempotency-Key", "x" * 256)], "", 400, "bad-request"),
        ("POST", "/v1/drop", [("Idempotency-Key", "a b")], "", 400, "bad-request"),
        ("POST", "/v1/drop", [("Content-MD5", "???")], "", 400, "bad-request"),
        ("POST", "/v1/drop", [], "nam=story.xml", 400, "bad-request"),
        ("POST", "/v1/drop", [], "name=a&name=b", 400, "bad-request"),
        ("PUT", "/v1/drop/a.xml", [], "partNumber=1&uploadId=x", 501, "unsupported"),
        ("POST", "/v1/drop/a.xml", [], "uploads", 405, "method-not-allowed"),
        ("PUT", "/v1/drop/", [], "", 400, "bad-request"),
        ("PUT", "/v1/drop", [], "", 405, "method-not-allowed"),
        ("DELETE", "/v1/drop/a.xml", [], "", 405, "method-not-allowed"),
        ("OPTIONS", "/v1/drop", [], "", 405, "method-not-allowed"),
        ("POST", "/v1/drop", [("Origin", "https://evil.example")], "", 403, "forbidden"),
        ("POST", "/v1/drop", [("Sec-Fetch-Site", "cross-site")], "", 403, "forbidden"),
        ("POST", "/v1/drop", [], "name=" + "x" * 9000, 414, "too-large"),
        ("POST", "/v1/drop", [("X-Long", "x" * 17_000)], "", 431, "too-large"),
    ],
)  # fmt: skip
def test_what_cant_be_taken_is_refused_with_a_reason_and_leaves_nothing(
    hall: Hall,
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    query: str,
    status: int,
    kind: str,
) -> None:
    wire = Wire([STORY])
    answer = hall.ask(method, path, headers=headers, query=query, wire=wire)
    assert (answer.status, answer.kind()) == (status, kind)
    assert answer.problem()["detail"]
    assert answer.headers["connection"] == "close"
    assert answer.complete
    assert hall.files() == {}
    assert hall.hidden() == []


def test_an_empty_file_is_refused(hall: Hall) -> None:
    assert hall.ask("POST", "/v1/drop", b"").kind() == "bad-request"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", None, "10.0.0.1:8424"])
def test_without_tokens_only_this_machines_names_are_answered(hall: Hall, host: str | None) -> None:
    assert hall.ask("GET", "/v1/drop", host=host).status == 421
    assert hall.ask("GET", "/v1/drop", host="localhost:8424").status == 200


def test_a_sender_who_goes_away_is_answered_nothing_and_leaves_nothing(
    hall: Hall, logs: list[Any]
) -> None:
    before = counted("cut_off")
    wire = Wire([STORY], cut=True)
    answer = hall.ask("POST", "/v1/drop", wire=wire)
    assert not answer.status
    assert (hall.files(), hall.hidden()) == ({}, [])
    assert counted("cut_off") == before + 1
    assert [line["event"] for line in logs] == ["drop.cut_off"]


def test_a_sender_who_stalls_is_given_up(
    hall_of: Callable[..., Hall], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "LINGER_SECONDS", 0.05)
    hall = hall_of(drop_timeout=0.05)
    answer = hall.ask("POST", "/v1/drop", wire=Wire([STORY], stall=True))
    assert (answer.status, answer.kind()) == (408, "too-slow")
    assert (hall.files(), hall.hidden()) == ({}, [])


def test_a_refused_body_is_read_on_for_a_little_so_that_the_answer_arrives(hall: Hall) -> None:
    wire = Wire([STORY] * 10)
    hall.ask("DELETE", "/v1/drop", wire=wire)
    assert wire.read == 10 * len(STORY)


def test_but_not_where_the_sender_waits_for_our_word(hall: Hall) -> None:
    wire = Wire([STORY])
    answer = hall.ask("DELETE", "/v1/drop", headers=[("Expect", "100-continue")], wire=wire)
    assert answer.complete
    assert wire.read == 0


def test_a_fault_of_ours_is_told_without_what_it_says(
    hall: Hall, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise ValueError("the secret story")

    monkeypatch.setattr(app_module, "_key", broken)
    answer = hall.ask("POST", "/v1/drop", STORY)
    assert (answer.status, answer.kind()) == (500, "internal")
    assert "secret" not in answer.body.decode() + json.dumps(logs)
    (line,) = logs
    assert line["event"] == "receiver.failed"
    assert line["request_id"] == answer.headers["x-request-id"]


# --- receipts --------------------------------------------------------------------------------
def test_the_address_answers_until_there_is_a_receipt_and_then_with_it(hall: Hall) -> None:
    told = hall.drop()
    waiting = hall.ask("GET", told["receipt"])
    assert waiting.status == 202
    assert waiting.json() == told
    assert int(waiting.headers["retry-after"]) >= 1
    receipt = json.dumps({"summary": {"indexed": 1}, "long": "x" * 600_000})
    hall.settle(told["file"], text=receipt)
    answer = hall.ask("GET", told["receipt"])
    assert answer.status == 200
    assert answer.body.decode() == receipt
    assert answer.headers["content-length"] == str(len(receipt))
    opened = len(list(Path("/proc/self/fd").iterdir()))
    head = hall.ask("HEAD", told["receipt"])
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(receipt))
    assert len(list(Path("/proc/self/fd").iterdir())) == opened, "nothing stays open"


def test_who_doesnt_read_a_receipt_is_given_up(hall_of: Callable[..., Hall]) -> None:
    hall = hall_of(drop_timeout=0.05)
    told = hall.drop()
    hall.settle(told["file"])

    class Deaf(Wire):
        async def send(self, message: Any) -> None:
            await super().send(message)
            if message.get("body"):
                await asyncio.Event().wait()

    answer = hall.ask("GET", told["receipt"], wire=Deaf([b""]))
    assert answer.status == 200
    assert not answer.complete


def test_it_says_so_after_a_restart_too(hall_of: Callable[..., Hall]) -> None:
    hall = hall_of()
    told = hall.drop()
    hall.close()
    assert hall_of(marked=False).ask("GET", told["receipt"]).json() == told


@pytest.mark.parametrize(
    "path",
    [
        "/v1/drop/aaaaaaaaaaaaaaaaaaaa",
        "/v1/drop/../../etc/passwd",
        "/v1/drop/%2e%2e%2finbox",
        "/v1/drop/story.xml",
        "/v1/drop/",
        "/v1/articles",
        "/",
    ],
)
def test_what_isnt_an_upload_isnt_found(hall: Hall, path: str) -> None:
    hall.drop()
    answer = hall.ask("GET", path)
    assert (answer.status, answer.kind()) == (404, "not-found")


def test_what_is_gone_is_said_to_be_so(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    told = hall.drop()
    (hall.inbox / told["file"]).unlink()
    monkeypatch.setattr(hall.finder, "_progress", lambda _file: (None, True))
    answer = hall.ask("GET", told["receipt"])
    assert (answer.status, answer.kind()) == (410, "gone")


# --- what is said of itself ----------------------------------------------------------------------
def test_the_limits_are_said(hall: Hall) -> None:
    told = hall.ask("GET", "/v1/drop").json()
    assert told["max_bytes"] == hall.settings.drop_max_bytes
    assert hall.ask("HEAD", "/v1/drop").status == 200


def test_the_description_is_for_everybody_and_describes_what_is_there(
    hall_of: Callable[..., Hall], tmp_path: Any
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("", encoding="utf-8")
    hall = hall_of(drop_tokens_file=tokens)
    told = hall.ask("GET", "/v1/drop/openapi.json").json()
    assert told == json.loads(json.dumps(document()))
    assert hall.ask("GET", "/v1/drop").status == 401
    methods = {path: sorted(each) for path, each in told["paths"].items()}
    assert methods == {
        "/v1/drop": ["get", "post"],
        "/v1/drop/{name}": ["get", "put"],
        "/v1/drop/openapi.json": ["get"],
    }
    kinds = told["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert kinds == [f"urn:wiredesk:problem:{kind}" for kind in TITLES]


def test_every_reference_of_the_description_leads_somewhere() -> None:
    described = document()
    text = json.dumps(described)
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.partition('"')[0] in described["components"]["schemas"]


def test_every_answer_has_the_security_headers(hall: Hall) -> None:
    for answer in (hall.ask("GET", "/v1/drop"), hall.ask("GET", "/v1/none")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_requests_beyond_the_rate_are_told_to_wait(hall_of: Callable[..., Hall]) -> None:
    hall = hall_of(drop_rate=6)
    assert hall.ask("GET", "/v1/drop").status == 200
    answer = hall.ask("GET", "/v1/drop")
    assert (answer.status, answer.kind()) == (429, "too-many")
    assert int(answer.headers["retry-after"]) > 0
