"""Who may drop files: the tokens file and the S3 keys file, and how they are read again.

Both are text with a line for each sender, and ``#`` for remarks, so that they can be mounted as a
Secret.  The tokens file holds digests only.  The keys file holds the secrets themselves: a
signature is made with the secret, and so can be checked with nothing less.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from services.bus.errors import StopWorking, Unavailable
from services.observability import get_logger
from services.serving.table import TRUSTED_FOR
from services.serving.tokens import NAME_SHAPE, Token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

log = get_logger(__name__)

SCOPE = "drop"
"""What a token of the receiver may do; there is nothing else."""

MAX_FILE_BYTES = 1024 * 1024
"""Bytes of a file of tokens or keys: about 6,000 senders, all that a Kubernetes Secret holds."""

KEY_ID_SHAPE = re.compile(r"[A-Za-z0-9_-]{4,128}", re.ASCII)
SECRET_SHAPE = re.compile(r"[!-~]{16,256}", re.ASCII)

NO_SECRET = "0" * 64
"""Signed with where a key id is unknown, so that finding it unknown takes as long."""

_DIGEST = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)


def token_line(name: str, token: Token) -> str:
    """The line of a token in the tokens file."""
    times = {"created": token.created_at, "expires": token.expires_at}
    more = [f"{what}={at:%Y-%m-%dT%H:%M:%SZ}" for what, at in times.items() if at is not None]
    return " ".join([name, token.id, f"sha256={token.sha256}", *more])


def make_key(name: str) -> str:
    """The line of a new S3 key: name, key id, secret."""
    return f"{name} WD{secrets.token_hex(9).upper()} {secrets.token_hex(20)}"


def tokens_in(text: str, path: object) -> dict[str, Token]:
    """The tokens in a tokens file by name; :class:`StopWorking` names the line that is wrong."""
    found: dict[str, Token] = {}
    for number, words in _lines(text):
        try:
            name, token = _token(words)
        except ValueError as error:
            raise StopWorking(
                f"{path}, line {number}: not a line that `wiredesk drop-token NAME` makes"
            ) from error
        if name in found:
            raise StopWorking(f"{path}, line {number}: there is a '{name}' above already")
        found[name] = token
    return found


def _token(words: list[str]) -> tuple[str, Token]:
    name, token_id, digest, *more = words
    fields = dict(each.split("=", 1) for each in more)
    match = _DIGEST.fullmatch(digest)
    if match is None or not NAME_SHAPE.fullmatch(name) or fields.keys() - {"created", "expires"}:
        raise ValueError
    document = {
        "id": token_id,
        "sha256": match[1],
        "scopes": [SCOPE],
        "created_at": fields.get("created", "1970-01-01T00:00:00Z"),
        "expires_at": fields.get("expires"),
    }
    try:
        return name, Token.model_validate(document)
    except ValidationError as error:
        raise ValueError from error


def keys_in(text: str, path: object) -> dict[str, S3Key]:
    """The keys in a keys file by their ids; :class:`StopWorking` names the line that is wrong."""
    found: dict[str, S3Key] = {}
    for number, words in _lines(text):
        shapes = (NAME_SHAPE, KEY_ID_SHAPE, SECRET_SHAPE)
        if len(words) != len(shapes) or not all(map(re.Pattern.fullmatch, shapes, words)):
            raise StopWorking(f"{path}, line {number}: not a line of NAME KEY-ID SECRET")
        key = S3Key(*words)
        if key.id in found:
            raise StopWorking(f"{path}, line {number}: there is a '{key.id}' above already")
        found[key.id] = key
    return found


def _lines(text: str) -> list[tuple[int, list[str]]]:
    lines = enumerate(text.splitlines(), start=1)
    return [(at, line.split()) for at, line in lines if line.strip() and line.strip()[0] != "#"]


def read_text(path: Path) -> str:
    """A file of tokens or keys. Raises ``Unavailable`` and ``StopWorking``."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unavailable(f"{path}: {error.strerror}") from error
    if len(data) > MAX_FILE_BYTES:
        raise StopWorking(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StopWorking(f"{path} is no text in UTF-8") from error


@dataclass(frozen=True, slots=True)
class TokensFile:
    """The tokens file, as :class:`services.serving.table.TokenTable` reads a registry."""

    path: Path

    def entries(self, _kind: str) -> Mapping[str, str]:
        """Every token's document by name. Raises ``Unavailable`` and ``StopWorking``."""
        found = tokens_in(read_text(self.path), self.path)
        return {name: token.model_dump_json() for name, token in found.items()}

    def put(self, kind: str, name: str, document: str, *, expected: str | None = None) -> bool:
        """Nothing: the file is written by operators only."""
        del kind, name, document, expected
        return False

    def remove(self, kind: str, name: str) -> bool:
        """Nothing, likewise."""
        del kind, name
        return False


@dataclass(frozen=True, slots=True)
class S3Key:
    """A key of an S3 client: whose it is, its id, the secret that it signs with."""

    name: str
    id: str
    secret: str = field(repr=False)


@dataclass
class KeyTable:
    """The S3 keys as a running receiver knows them; ``path`` None: there are none."""

    path: Path | None
    monotonic: Callable[[], float] = time.monotonic
    _keys: Mapping[str, S3Key] = field(default_factory=dict)
    _read_at: float | None = None
    _failing: bool = False

    @property
    def trusted(self) -> bool:
        """Whether the keys were read lately enough to judge by."""
        read_at = self._read_at
        return read_at is not None and self.monotonic() - read_at < TRUSTED_FOR

    def read(self) -> None:
        """Read the keys. Blocks; raises ``Unavailable`` and ``StopWorking``."""
        if self.path is not None:
            self._keys = keys_in(read_text(self.path), self.path)
        self._read_at = self.monotonic()

    def refresh(self) -> None:
        """Read again; a file that can't be read is only told of."""
        try:
            self.read()
        except (Unavailable, StopWorking) as error:
            if not self._failing:
                log.warning("receiver.keys_unknown", reason=str(error), trusted_for_s=TRUSTED_FOR)
            self._failing = True
        else:
            self._failing = False

    def key(self, key_id: str) -> S3Key:
        """The key of an id; for an unknown one a key of nobody, by which nothing is signed."""
        found = self._keys.get(key_id)
        return S3Key("", key_id, NO_SECRET) if found is None else found


def same(one: str, other: str) -> bool:
    """Whether two signatures are the same, in constant time."""
    return hmac.compare_digest(one.encode(), other.encode())


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
