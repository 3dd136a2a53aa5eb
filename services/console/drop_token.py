"""``wiredesk drop-token``: a new token, or S3 key, for who drops files at the receiver."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from services.console.options import AsJson, fail, plain_console, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from services.settings import Settings


def drop_token(
    name: Annotated[str, typer.Argument(help="Who drops files with it, e.g. newswire.")],
    expires: Annotated[
        str | None, typer.Option(help="After which time it ends, e.g. 90d, 12h. Default: never.")
    ] = None,
    s3: Annotated[  # noqa: FBT002  (typer's way to say a flag)
        bool, typer.Option("--s3", help="A key id and a secret for an S3 client instead.")
    ] = False,
    add: Annotated[  # noqa: FBT002  (see s3)
        bool, typer.Option("--add", help="Add the line to the file that the settings name.")
    ] = False,
    as_json: AsJson = False,  # noqa: FBT002  (see s3)
) -> None:
    """Make a token for the receiver: for the sender, and as the line that the receiver keeps.

    The line goes into the file that WIREDESK_DROP_TOKENS_FILE names (with --s3:
    WIREDESK_DROP_S3_KEYS_FILE), or into the Secret that is mounted there. A running receiver
    takes it up within two seconds.
    """
    from services.serving.tokens import NAME_SHAPE  # noqa: PLC0415  (not for help)

    if NAME_SHAPE.fullmatch(name) is None:
        fail(f"'{name}' can't be a name: 1 to 64 letters, digits and . _ - @")
    if s3 and expires is not None:
        fail("an S3 key has no end; remove its line to end it")
    settings = settings_of()
    handed, line = _key(name) if s3 else _token(name, expires)
    if add:
        _append(_file(settings, s3=s3), line, s3=s3)
    _say(handed, line, added=add, as_json=as_json)


def _token(name: str, expires: str | None) -> tuple[dict[str, str], str]:
    from services.console.tokens import end_of  # noqa: PLC0415  (see drop_token)
    from services.ingest.receiver.keys import SCOPE, token_line  # noqa: PLC0415
    from services.serving import tokens  # noqa: PLC0415

    now = datetime.now(UTC)
    text, kept = tokens.make([SCOPE], now, end_of(expires, now))
    return {"token": text}, token_line(name, kept)


def _key(name: str) -> tuple[dict[str, str], str]:
    from services.ingest.receiver.keys import make_key  # noqa: PLC0415  (see drop_token)

    line = make_key(name)
    _, key_id, secret = line.split()
    return {"aws_access_key_id": key_id, "aws_secret_access_key": secret}, line


def _file(settings: Settings, *, s3: bool) -> Path:
    path = settings.drop_s3_keys_file if s3 else settings.drop_tokens_file
    if path is None:
        fail(f"--add needs WIREDESK_DROP_{'S3_KEYS' if s3 else 'TOKENS'}_FILE")
    return path


def _append(path: Path, line: str, *, s3: bool) -> None:
    """Add a line to the file, which is made where there is none, for its owner only."""
    from services.ingest.receiver import keys  # noqa: PLC0415  (see drop_token)

    text = keys.read_text(path) if path.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    # As the receiver will read it: a name that is there already, or a line that is broken, is
    # told now and not when it starts.
    (keys.keys_in if s3 else keys.tokens_in)(f"{text}{line}\n", path)
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text}{line}\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _say(handed: dict[str, str], line: str, *, added: bool, as_json: bool) -> None:
    from services.console.read import print_json  # noqa: PLC0415  (see drop_token)

    console = plain_console()
    if as_json:
        print_json(console, {**handed, "line": line})
        return
    # On lines of their own, whole: to be selected, or taken by a pipe.
    for name, value in handed.items():
        shown = value if name == "token" else f"{name} = {value}"
        console.print(shown, soft_wrap=True, markup=False)
    if not added:
        console.print(line, soft_wrap=True, markup=False)
    console.print(
        "The sender gets what stands first, this one time. "
        + ("Its line is in the file." if added else "The last line is for the receiver's file."),
        soft_wrap=True,
    )
