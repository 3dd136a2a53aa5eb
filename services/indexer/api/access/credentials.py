"""Who a request is from, and whether it may: RFC 6750 bearer tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.indexer.api.models import SCOPES
from services.serving.refusals import REALM, Refusal, bearer, not_valid, unauthorized

if TYPE_CHECKING:
    from services.indexer.api.access.rules import Rule
    from services.indexer.api.models import Scope
    from services.serving.table import TokenTable
    from services.serving.tokens import Holder

STORE_WAIT = 5
"""Seconds after which a caller may try again where tokens can't be read: a server's restart."""

NEEDED = (
    "a token is needed: send the header 'Authorization: Bearer <token>'; an operator makes one "
    "with `wiredesk tokens add NAME`"
)


@dataclass(frozen=True, slots=True)
class Admission:
    """A caller who is let in. ``holder`` None: without a token, on an open desk or path."""

    scopes: tuple[Scope, ...]
    holder: Holder | None = None


def admit(
    table: TokenTable, authorization: list[str], rule: Rule, *, local: bool
) -> Admission | Refusal:
    """Whether a request with these ``Authorization`` headers may go to a path with this rule.

    ``local``: only this machine can reach the desk, which then needs no token while
    there is none.
    """
    if rule.public:
        return Admission(())
    if not table.trusted:
        return _unknown()
    if not table.any:
        return Admission(SCOPES) if local else _no_token_exists()
    return _by_token(table, authorization, rule)


def _by_token(table: TokenTable, authorization: list[str], rule: Rule) -> Admission | Refusal:
    presented = bearer(authorization, NEEDED)
    if isinstance(presented, Refusal):
        return presented
    holder = table.holder(presented)
    if holder is None:
        return not_valid()
    if rule.scope is not None and rule.scope not in holder.scopes:
        return _insufficient(rule.scope)
    return Admission(tuple(s for s in SCOPES if s in holder.scopes), holder)


def _unknown() -> Refusal:
    detail = "the store can't be read now, so tokens can't be checked"
    return Refusal(503, "unavailable", detail, {"retry-after": str(STORE_WAIT)})


def _no_token_exists() -> Refusal:
    return unauthorized(
        "no token exists on this desk any more, and it isn't reached from its own machine only; "
        "an operator makes one with `wiredesk tokens add NAME`"
    )


def _insufficient(scope: Scope) -> Refusal:
    challenge = f'{REALM}, error="insufficient_scope", scope="{scope}"'
    detail = f"this token lacks the scope '{scope}'"
    return Refusal(403, "forbidden", detail, {"www-authenticate": challenge})
