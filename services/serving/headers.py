"""The security headers of every answer."""

from __future__ import annotations

_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""All that the page needs comes from here; nothing inline, nothing from elsewhere, in no frame."""

_EVERYWHERE = {
    "x-content-type-options": "nosniff",
    # Words of a search stand in the page's address: no site that an article links to sees them.
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# No Strict-Transport-Security: there is no TLS here; what stands before the desk and speaks TLS
# says it.


def _encoded(policy: str) -> tuple[tuple[bytes, bytes], ...]:
    named = {"content-security-policy": policy, **_EVERYWHERE}
    return tuple((name.encode(), value.encode()) for name, value in named.items())


DATA, _PAGE = _encoded(_DATA_POLICY), _encoded(_PAGE_POLICY)
_NAMES = frozenset(name for name, _ in DATA)

Headers = list[tuple[bytes, bytes]]


def secured(headers: Headers, *, page: bool) -> Headers:
    """``headers`` with ours in place of any of the same names; those of a page, or of data."""
    kept = [(name, value) for name, value in headers if name.lower() not in _NAMES]
    return [*kept, *(_PAGE if page else DATA)]
