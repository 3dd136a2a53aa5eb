"""Who a request is from, and whether it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.ingest.receiver import keys, sigv4
from services.ingest.receiver.refused import RETRY_AFTER, Refused
from services.serving.hosts import Hosts, is_loopback
from services.serving.rates import Limiter
from services.serving.refusals import Refusal, bearer, not_valid
from services.serving.sizes import head_refusal
from services.serving.sockets import Place
from services.serving.table import TokenTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from services.bus.listening import Address
    from services.ingest.receiver.call import Call
    from services.ingest.receiver.sigv4 import Proof
    from services.serving.rates import Verdict
    from services.settings import Settings

REFUSALS_PER_MINUTE = 60
"""Refused requests a minute that one address is told the reason of, and that are logged."""

LOCAL = ""
"""The sender of what comes from this machine without a token."""

NEEDED = (
    "a token is needed: send the header 'Authorization: Bearer <token>'; the operator of the desk "
    "makes one with `wiredesk drop-token NAME`"
)

PUBLIC = frozenset({"/v1/drop/openapi.json"})


def place_of(settings: Settings) -> Place:
    """Where the receiver listens."""
    return Place("the receiver", settings.drop_host, settings.drop_port, "WIREDESK_DROP_HOST")


def check_address(settings: Settings) -> Address:
    """Where to listen; :class:`StopWorking` where others could reach it and need no token."""
    family, address = place_of(settings).address()
    without = settings.drop_tokens_file is None and settings.drop_s3_keys_file is None
    if without and not is_loopback(address):
        raise StopWorking(
            f"the receiver would take files from everybody who can reach {settings.drop_host}. "
            "Make a token with `wiredesk drop-token NAME` and set WIREDESK_DROP_TOKENS_FILE, or "
            "set WIREDESK_DROP_HOST to 127.0.0.1"
        )
    return family, address


class Door:
    """Lets requests in. ``open``: without a token, because only this machine can ask."""

    def __init__(
        self,
        settings: Settings,
        address: str,
        clock: Callable[[], datetime] = keys.now,
    ) -> None:
        tokens = settings.drop_tokens_file
        self.tokens = None if tokens is None else TokenTable(lambda: keys.TokensFile(tokens))
        self.keys = keys.KeyTable(settings.drop_s3_keys_file)
        self.open = tokens is None and settings.drop_s3_keys_file is None and is_loopback(address)
        self._clock = clock
        self._hosts = Hosts(settings.drop_host)
        self._callers = Limiter(settings.drop_rate)
        self._strangers = Limiter(REFUSALS_PER_MINUTE)

    def read(self) -> None:
        """Read tokens and keys. Blocks; raises ``Unavailable`` and ``StopWorking``."""
        if self.tokens is not None:
            self.tokens.read()
        self.keys.read()

    def refresh(self) -> None:
        """Read them again; what can't be read is only told of. Blocks."""
        if self.tokens is not None:
            self.tokens.refresh()
        self.keys.refresh()

    def admit(self, call: Call) -> Proof | None:
        """Let a request in, or raise :class:`Refused`; the proof where it is an S3 client's.

        ``call.sender`` is who it is from then.
        """
        try:
            proof = self._judged(call)
        except Refused:
            # Counted apart: nobody uses up the requests of others behind the same address.
            self._count(self._strangers, f"address:{call.address}")
            raise
        caller = f"sender:{call.sender}" if call.sender else f"address:{call.address}"
        self._count(self._callers, caller)
        return proof

    def _judged(self, call: Call) -> Proof | None:
        _raise(head_refusal(call.scope))
        _check_no_page(call)
        if call.path in PUBLIC:
            return None
        if self.open:
            if not self._hosts.allowed(call.headers.get("host")):
                raise Refused(421, "wrong-host", "the receiver doesn't answer to this name")
            call.sender = LOCAL
            return None
        if call.by_s3:
            return self._by_signature(call)
        call.sender = self._by_token(call)
        return None

    def _by_token(self, call: Call) -> str:
        presented = bearer(call.authorization, NEEDED)
        if isinstance(presented, Refusal):
            raise _as_refused(presented)
        if self.tokens is None:
            raise _as_refused(not_valid())
        if not self.tokens.trusted:
            raise _unknown()
        holder = self.tokens.holder(presented)
        if holder is None:
            raise _as_refused(not_valid())
        return holder.name

    def _by_signature(self, call: Call) -> Proof:
        if not self.keys.trusted:
            raise _unknown()
        signed = sigv4.parsed(call.authorization[0])
        key = self.keys.key(signed.key_id)
        proof = sigv4.verify(signed, key, call.asked(), self._clock())
        call.sender = proof.name
        return proof

    @staticmethod
    def _count(limiter: Limiter, caller: str) -> None:
        verdict: Verdict = limiter.take(caller)
        if not verdict.allowed:
            seconds = max(1, verdict.wait)
            wait = {"retry-after": str(seconds)}
            raise Refused(429, "too-many", f"too many requests; wait {seconds} s", wait)


def _check_no_page(call: Call) -> None:
    """A page in somebody's browser must not drop files at a desk on their machine."""
    if "origin" in call.headers or call.headers.get("sec-fetch-site", "none") != "none":
        raise Refused(403, "forbidden", "pages in a browser can't drop files")


def _unknown() -> Refused:
    return Refused(
        503, "unavailable", "the tokens can't be read now, so nobody is let in", RETRY_AFTER
    )


def _as_refused(refusal: Refusal) -> Refused:
    return Refused(refusal.status, refusal.kind, refusal.detail, refusal.headers)


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise _as_refused(refusal)
