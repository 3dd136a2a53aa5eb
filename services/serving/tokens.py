"""Access tokens: how they are made, kept and told apart.

A token is ``wd_<id>_<secret>``.  The id is public: it finds the token's document.  Only the
SHA-256 of the whole text is kept.  A slow hash (argon2, bcrypt) protects what people choose,
because that can be guessed; of 192 random bits nothing can be, however fast the hash is.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  (pydantic reads it)
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from pydantic import Field, ValidationError

from schemas.base import Model, Sha256, UtcDatetime
from services.bus.errors import StopWorking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KIND = "token"
"""The kind of a token's document in a registry."""

ID_BYTES = 6
"""48 random bits tell the tokens of one desk apart; they are no secret."""

SECRET_BYTES = 24
"""192 random bits: guessing a thousand million a second would take 10^41 years."""

TOKEN_SHAPE = re.compile(r"wd_([0-9a-f]{12})_[0-9a-f]{48}", re.ASCII)
NAME_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}", re.ASCII)

TOKEN_IN_TEXT = re.compile(r"wd_[0-9A-Za-z_]{8,}")
"""Anything like a token, also a cut one, where a client put it in the wrong place."""


class Registry(Protocol):
    """Where tokens are kept: each as a document of :data:`KIND`, by name."""

    def entries(self, kind: str) -> Mapping[str, str]:
        """Every document of a kind, as JSON text, by name."""

    def put(self, kind: str, name: str, document: str, *, expected: str | None = None) -> bool:
        """Keep a document; False, and nothing changed, where what is there isn't as expected."""

    def remove(self, kind: str, name: str) -> bool:
        """Forget a document; False where there was none."""


class Token(Model):
    """What is kept of a token: never the token."""

    id: str
    sha256: Sha256
    scopes: tuple[str, ...] = Field(min_length=1)
    created_at: UtcDatetime
    expires_at: UtcDatetime | None = None
    last_used_at: UtcDatetime | None = Field(
        default=None, description="to within some minutes: it isn't written at every request"
    )


@dataclass(frozen=True, slots=True)
class Holder:
    """A token that was presented and is valid: its name, id and scopes."""

    name: str
    id: str
    scopes: frozenset[str]


class BadToken(ValueError):  # noqa: N818  (named for what is wrong)
    """A token that can't be made as asked; the message says why, and what to do."""


def digest(token: str) -> str:
    """What is kept in a token's place."""
    return sha256(token.encode()).hexdigest()


NOBODY = Token.model_validate(
    {"id": "", "sha256": digest(""), "scopes": ("none",), "created_at": "1970-01-01T00:00:00Z"}
)
"""Compared with where an id is unknown, so that finding it unknown takes as long as a mismatch.
No text of a token's shape has its digest."""


def make(
    scopes: Iterable[str], now: datetime, expires_at: datetime | None = None
) -> tuple[str, Token]:
    """A new token as it is handed out, once, and what is kept of it."""
    token_id = secrets.token_hex(ID_BYTES)
    text = f"wd_{token_id}_{secrets.token_hex(SECRET_BYTES)}"
    kept = Token(
        id=token_id,
        sha256=digest(text),
        scopes=tuple(dict.fromkeys(scopes)),
        created_at=now,
        expires_at=expires_at,
    )
    return text, kept


def add(registry: Registry, name: str, token: Token) -> None:
    """Keep a new token under its name; :class:`BadToken` where that can't be."""
    if NAME_SHAPE.fullmatch(name) is None:
        raise BadToken(
            f"'{name}' can't be a token's name: 1 to 64 letters, digits and . _ - @, the first "
            "one a letter or digit"
        )
    if not registry.put(KIND, name, token.model_dump_json()):
        raise BadToken(
            f"there is a token '{name}' already; remove it first, or take another name for the "
            "new one"
        )


def remove(registry: Registry, name: str) -> bool:
    """Forget a token; False where there is none of this name."""
    return registry.remove(KIND, name)


def read(registry: Registry) -> dict[str, Token]:
    """All tokens by name; :class:`StopWorking` where one's document can't be read."""
    return {name: _token(name, text) for name, text in registry.entries(KIND).items()}


def _token(name: str, document: str) -> Token:
    try:
        return Token.model_validate_json(document)
    except ValidationError as error:
        raise StopWorking(
            f"the document of token '{name}' can't be read; remove it with "
            f"`wiredesk tokens remove {name}` and make a new one"
        ) from error


def note_use(registry: Registry, used: Mapping[str, datetime]) -> None:
    """Write when tokens (by id) were last used; one that was changed meanwhile is left alone."""
    for name, document in registry.entries(KIND).items():
        token = _token(name, document)
        at = used.get(token.id)
        if at is not None and (token.last_used_at is None or token.last_used_at < at):
            noted = token.model_copy(update={"last_used_at": at})
            registry.put(KIND, name, noted.model_dump_json(), expected=document)


class TokenBook:
    """The tokens of one reading, by id; says who presents one."""

    def __init__(self, tokens: Mapping[str, Token]) -> None:
        self._tokens = {token.id: (name, token) for name, token in tokens.items()}

    def __len__(self) -> int:
        return len(self._tokens)

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def holder(self, text: str, now: datetime) -> Holder | None:
        """Who presents this token; None where it isn't one of ours, or its time is over.

        An unknown id and a wrong secret take the same steps.
        """
        shape = TOKEN_SHAPE.fullmatch(text)
        if shape is None:
            return None
        name, token = self._tokens.get(shape[1], ("", NOBODY))
        same = hmac.compare_digest(digest(text), token.sha256)
        if not same or not _in_time(token, now):
            return None
        return Holder(name, token.id, frozenset(token.scopes))

    def holds(self, holder: Holder, now: datetime) -> bool:
        """Whether a token that was valid is so still, with the scopes that it had."""
        name, token = self._tokens.get(holder.id, ("", NOBODY))
        return name == holder.name and holder.scopes <= set(token.scopes) and _in_time(token, now)


def _in_time(token: Token, now: datetime) -> bool:
    return token.expires_at is None or now < token.expires_at
