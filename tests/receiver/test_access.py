"""Who may drop files: tokens, S3 keys, and the files that they are kept in."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.errors import StopWorking, Unavailable
from services.ingest.receiver import keys
from services.ingest.receiver.admission import check_address
from services.ingest.receiver.keys import KeyTable, TokensFile, keys_in, token_line, tokens_in
from services.serving import tokens
from services.serving.table import TRUSTED_FOR
from tests.receiver.kit import START, STORY, Hall, settings_of
from tests.receiver.s3_client import in_chunks, signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY_LINE = "wire AKWIRE 0123456789abcdef0123456789abcdef"


def token_of(name: str, *, minutes: int | None = None) -> tuple[str, str]:
    """A token and its line, which ends after ``minutes``."""
    end = None if minutes is None else START + timedelta(minutes=minutes)
    text, kept = tokens.make([keys.SCOPE], START, end)
    return text, token_line(name, kept)


def as_bearer(text: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {text}")]


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("# nobody yet\n", encoding="utf-8")
    return path


# --- tokens ---------------------------------------------------------------------------------
def test_a_token_opens_and_its_name_is_the_sender(
    hall_of: Callable[..., Hall], tokens_file: Path, logs: list[Any]
) -> None:
    text, line = token_of("newswire")
    tokens_file.write_text(f"# senders\n\n{line}\n", encoding="utf-8")
    assert text not in line
    hall = hall_of(drop_tokens_file=tokens_file)
    told = hall.drop(headers=as_bearer(text), host="drop.example.org")
    upload = hall.book.find(told["id"])
    assert upload is not None
    assert upload.sender == "newswire"
    assert hall.ask("GET", told["receipt"], headers=as_bearer(text)).status == 202
    assert text not in str(logs)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 401),
        ([("Authorization", "Basic d2lyZTpzZWNyZXQ=")], 401),
        (as_bearer("wd_000000000000_" + "0" * 48), 401),
        (as_bearer("nothing"), 401),
        (as_bearer("a") + as_bearer("b"), 400),
    ],
)
def test_without_a_right_token_nothing_opens(
    hall_of: Callable[..., Hall], tokens_file: Path, headers: list[tuple[str, str]], status: int
) -> None:
    _, line = token_of("newswire")
    tokens_file.write_text(line, encoding="utf-8")
    hall = hall_of(drop_tokens_file=tokens_file)
    answer = hall.ask("POST", "/v1/drop", STORY, headers)
    assert answer.status == status
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert hall.files() == {}


def test_a_file_without_tokens_lets_nobody_in(
    hall_of: Callable[..., Hall], tokens_file: Path
) -> None:
    assert hall_of(drop_tokens_file=tokens_file).ask("GET", "/v1/drop").status == 401


def test_the_uploads_of_another_sender_arent_found(
    hall_of: Callable[..., Hall], tokens_file: Path
) -> None:
    (one, one_line), (two, two_line) = token_of("newswire"), token_of("photo")
    tokens_file.write_text(f"{one_line}\n{two_line}\n", encoding="utf-8")
    hall = hall_of(drop_tokens_file=tokens_file)
    told = hall.drop(headers=as_bearer(one))
    assert hall.ask("GET", told["receipt"], headers=as_bearer(two)).status == 404


def test_a_token_counts_until_its_time_is_over_or_its_line_is_gone(
    hall_of: Callable[..., Hall], tokens_file: Path
) -> None:
    over, over_line = token_of("old", minutes=-1)
    text, line = token_of("newswire")
    tokens_file.write_text(f"{over_line}\n{line}\n", encoding="utf-8")
    hall = hall_of(drop_tokens_file=tokens_file)
    assert hall.ask("GET", "/v1/drop", headers=as_bearer(over)).status == 401
    assert hall.ask("GET", "/v1/drop", headers=as_bearer(text)).status == 200
    tokens_file.write_text("", encoding="utf-8")
    hall.door.refresh()
    assert hall.ask("GET", "/v1/drop", headers=as_bearer(text)).status == 401


def test_a_file_that_cant_be_read_any_more_is_believed_for_a_while(
    hall_of: Callable[..., Hall], tokens_file: Path, logs: list[Any]
) -> None:
    text, line = token_of("newswire")
    tokens_file.write_text(line, encoding="utf-8")
    hall = hall_of(drop_tokens_file=tokens_file)
    table = hall.door.tokens
    assert table is not None
    seconds = table._monotonic()
    tokens_file.unlink()
    hall.door.refresh()
    assert hall.ask("GET", "/v1/drop", headers=as_bearer(text)).status == 200
    table._monotonic = lambda: seconds + TRUSTED_FOR + 1
    answer = hall.ask("GET", "/v1/drop", headers=as_bearer(text))
    assert (answer.status, answer.kind()) == (503, "unavailable")
    assert "api.tokens_unknown" in [line["event"] for line in logs]


@pytest.mark.parametrize(
    "line",
    [
        "newswire",
        "newswire abc sha256=xyz",
        "newswire abc " + "0" * 64,
        "new/wire abc sha256=" + "0" * 64,
        "newswire abc sha256=" + "0" * 64 + " until=2026-01-01T00:00:00Z",
        "newswire abc sha256=" + "0" * 64 + " expires=tomorrow",
        "newswire abc sha256=" + "0" * 64 + " more",
    ],
)
def test_a_line_that_is_wrong_is_named_by_its_number_and_not_shown(line: str) -> None:
    with pytest.raises(StopWorking, match="tokens, line 2:") as raised:
        tokens_in(f"# one\n{line}\n", "tokens")
    assert "0" * 64 not in str(raised.value)


def test_two_lines_of_one_name_are_refused() -> None:
    (_, one), (_, two) = token_of("newswire"), token_of("newswire")
    with pytest.raises(StopWorking, match="'newswire' above"):
        tokens_in(f"{one}\n{two}\n", "tokens")


def test_lines_come_back_as_they_were_made() -> None:
    text, line = token_of("newswire", minutes=90)
    token = tokens_in(line, "tokens")["newswire"]
    assert token.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert token_line("newswire", token) == line


@pytest.mark.parametrize(
    ("data", "error"), [(b"\xff\xfe", StopWorking), (b"#" * 2**21, StopWorking)]
)
def test_a_file_that_is_no_list_is_refused(
    tokens_file: Path, data: bytes, error: type[Exception]
) -> None:
    tokens_file.write_bytes(data)
    with pytest.raises(error):
        TokensFile(tokens_file).entries("token")


def test_the_tokens_file_is_only_read(tokens_file: Path) -> None:
    file = TokensFile(tokens_file)
    assert not file.put("token", "a", "{}")
    assert not file.remove("token", "a")
    assert tokens_file.read_text(encoding="utf-8") == "# nobody yet\n"


# --- S3 keys --------------------------------------------------------------------------------
@pytest.fixture
def s3_hall(hall_of: Callable[..., Hall], tmp_path: Path) -> Hall:
    path = tmp_path / "keys"
    path.write_text(f"{KEY_LINE}\n", encoding="utf-8")
    return hall_of(drop_s3_keys_file=path)


def test_an_s3_client_is_answered_as_s3_answers(s3_hall: Hall) -> None:
    headers = signed("PUT", "/v1/drop/story.html", KEY_LINE, STORY)
    answer = s3_hall.ask("PUT", "/v1/drop/story.html", STORY, headers, query="x-id=PutObject")
    assert answer.status == 403, "the query is signed as well"
    headers = signed("PUT", "/v1/drop/story.html", KEY_LINE, STORY, query="x-id=PutObject")
    answer = s3_hall.ask("PUT", "/v1/drop/story.html", STORY, headers, query="x-id=PutObject")
    assert (answer.status, answer.body) == (200, b"")
    md5 = hashlib.md5(STORY, usedforsecurity=False).hexdigest()
    assert answer.headers["etag"] == f'"{md5}"'
    (name,) = s3_hall.files()
    upload_id = answer.headers["location"].removeprefix("/v1/drop/")
    assert name == f"story~{upload_id}.html"
    upload = s3_hall.book.find(upload_id)
    assert upload is not None
    assert upload.sender == "wire"


def test_what_an_s3_client_signed_is_held_against_what_came(s3_hall: Hall) -> None:
    headers = signed("PUT", "/v1/drop/story.html", KEY_LINE, STORY)
    answer = s3_hall.ask("PUT", "/v1/drop/story.html", STORY.upper(), headers)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/xml"
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in answer.body
    assert s3_hall.files() == {}


@pytest.mark.parametrize("signed_chunks", [True, False])
def test_an_s3_client_may_send_in_chunks(s3_hall: Hall, *, signed_chunks: bool) -> None:
    headers, body = chunked(STORY, signed_chunks=signed_chunks)
    answer = s3_hall.ask("PUT", "/v1/drop/story.html", [body[:30], body[30:]], headers)
    assert answer.status == 200, answer.body
    assert list(s3_hall.files().values()) == [STORY]


def chunked(
    data: bytes, *, signed_chunks: bool, **over: str
) -> tuple[list[tuple[str, str]], bytes]:
    return in_chunks("/v1/drop/story.html", KEY_LINE, data, signed_chunks=signed_chunks, **over)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"x-amz-decoded-content-length": "7"}, b"InvalidRequest"),
        ({"x-amz-decoded-content-length": "99999999999"}, b"EntityTooLarge"),
        ({"x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"}, b"NotImplemented"),
        ({"x-amz-trailer": "x-amz-checksum-xxhash"}, b"NotImplemented"),
        ({"x-amz-trailer": "x-amz-checksum-sha1"}, b"InvalidRequest"),
        ({"content-encoding": "aws-chunked,gzip"}, b"NotImplemented"),
    ],
)
def test_chunks_that_arent_what_was_announced_are_refused(
    s3_hall: Hall, over: dict[str, str], code: bytes
) -> None:
    headers, body = chunked(STORY, signed_chunks=False, **over)
    answer = s3_hall.ask("PUT", "/v1/drop/story.html", body, headers)
    assert b"<Code>" + code + b"</Code>" in answer.body
    assert s3_hall.files() == {}


@pytest.mark.parametrize(
    ("method", "path", "query", "more", "code"),
    [
        ("POST", "/v1/drop/a.xml", "uploads=", {}, b"NotImplemented"),
        ("PUT", "/v1/drop/a.xml", "partNumber=1&uploadId=x", {}, b"NotImplemented"),
        ("GET", "/v1/drop", "list-type=2", {}, b"NotImplemented"),
        ("GET", "/v1/drop/a.xml", "", {}, b"NoSuchKey"),
        ("DELETE", "/v1/drop/a.xml", "", {}, b"MethodNotAllowed"),
        ("PUT", "/v1/drop/a.xml", "", {"x-amz-copy-source": "/drop/b.xml"}, b"NotImplemented"),
        (
            "PUT",
            "/v1/drop/a.xml",
            "",
            {"x-amz-server-side-encryption": "AES256"},
            b"NotImplemented",
        ),
    ],
)
def test_what_else_s3_offers_is_said_not_to_be_here(
    s3_hall: Hall, method: str, path: str, query: str, more: dict[str, str], code: bytes
) -> None:
    headers = signed(method, path, KEY_LINE, STORY, query=query, more=more)
    answer = s3_hall.ask(method, path, STORY, headers, query=query)
    assert b"<Code>" + code + b"</Code>" in answer.body, answer.body
    assert s3_hall.files() == {}


@pytest.mark.parametrize(
    "line",
    ["wire AKWIRE another-secret-of-length", "wire AKOTHER 0123456789abcdef0123456789abcdef"],
)
def test_another_secret_or_key_opens_nothing(s3_hall: Hall, line: str) -> None:
    answer = s3_hall.ask(
        "PUT", "/v1/drop/a.xml", STORY, signed("PUT", "/v1/drop/a.xml", line, STORY)
    )
    assert answer.status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in answer.body
    assert s3_hall.files() == {}


def test_with_keys_alone_no_token_opens(s3_hall: Hall) -> None:
    text, _ = token_of("newswire")
    assert s3_hall.ask("GET", "/v1/drop", headers=as_bearer(text)).status == 401
    assert s3_hall.ask("GET", "/v1/drop").status == 401


def test_an_s3_key_also_asks_for_receipts(s3_hall: Hall) -> None:
    put = s3_hall.ask(
        "PUT", "/v1/drop/a.xml", STORY, signed("PUT", "/v1/drop/a.xml", KEY_LINE, STORY)
    )
    where = put.headers["location"]
    assert s3_hall.ask("GET", where, headers=signed("GET", where, KEY_LINE, b"")).status == 202


@pytest.mark.parametrize("line", ["wire AKWIRE", "wire AKWIRE short", "wire A/B " + "x" * 32])
def test_a_line_of_keys_that_is_wrong_is_named_without_its_secret(line: str) -> None:
    with pytest.raises(StopWorking, match="keys, line 1:") as raised:
        keys_in(line, "keys")
    assert "x" * 32 not in str(raised.value)


def test_two_keys_of_one_id_are_refused_and_a_secret_is_never_shown() -> None:
    with pytest.raises(StopWorking, match="'AKWIRE' above"):
        keys_in(f"{KEY_LINE}\n{KEY_LINE}\n", "keys")
    assert "0123456789abcdef" not in repr(keys_in(KEY_LINE, "keys"))


def test_keys_that_cant_be_read_any_more_are_believed_for_a_while(
    tmp_path: Path, logs: list[Any]
) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{KEY_LINE}\n", encoding="utf-8")
    seconds = [0.0]
    table = KeyTable(path, lambda: seconds[0])

    def trusted() -> bool:
        return table.trusted

    assert not trusted()
    table.read()
    path.unlink()
    table.refresh()
    table.refresh()
    assert trusted()
    assert table.key("AKWIRE").name == "wire"
    seconds[0] = TRUSTED_FOR
    assert not trusted()
    assert [line["event"] for line in logs] == ["receiver.keys_unknown"]
    with pytest.raises(Unavailable):
        table.read()


def test_a_made_key_is_a_line_of_the_file() -> None:
    made = keys.make_key("wire")
    (key,) = keys_in(made, "keys").values()
    assert key.name == "wire"
    assert keys.make_key("wire") != made


# --- where it may listen -------------------------------------------------------------------------
def test_without_tokens_it_listens_for_this_machine_only(tmp_path: Path) -> None:
    def checked(host: str, **over: Any) -> str:
        return check_address(settings_of(tmp_path, drop_host=host, **over))[1]

    assert checked("127.0.0.1") == "127.0.0.1"
    with pytest.raises(StopWorking, match="WIREDESK_DROP_TOKENS_FILE"):
        checked("0.0.0.0")  # noqa: S104  (it must be refused)
    for name in ("drop_tokens_file", "drop_s3_keys_file"):
        assert checked("0.0.0.0", **{name: tmp_path / "file"}) == "0.0.0.0"  # noqa: S104
