"""Whether bytes start as a mail message or a mailbox does: by the syntax of the lines alone."""

from __future__ import annotations

import re

FIELD = re.compile(rb"([!-9;-~]{1,80})[ \t]{0,8}:([^\n]*(?:\n[ \t][^\n]*)*)(?:\n|\Z)")
"""A header field with its folded lines (RFC 5322, 2.2): name and raw body."""

MIN_SIGNS = 3
"""A text may well start "From: our correspondent" or "Date: …"; three fields, each with the
syntax that mail asks of it, are no chance."""

LONG_HEADER = 4096
"""Bytes: so long a run of nothing but fields, with one that only mail has, is a header."""

_ADDRESS = rb"[^\s<>@]{1,64}@[^\s<>@,]{1,255}"
_SIGNS: dict[bytes, tuple[re.Pattern[bytes], bool]] = {
    # Field: what its value must look like, and whether it is found in mail alone.
    b"from": (re.compile(_ADDRESS), True),
    b"to": (re.compile(_ADDRESS), False),
    b"cc": (re.compile(_ADDRESS), False),
    b"reply-to": (re.compile(_ADDRESS), False),
    b"return-path": (re.compile(rb"<(?:" + _ADDRESS + rb")?>"), True),
    b"delivered-to": (re.compile(_ADDRESS), True),
    b"message-id": (re.compile(rb"<[^<>\s]{1,500}>"), True),
    b"received": (re.compile(rb"\b(?:from|by)\b[^;]{1,2000};", re.DOTALL), True),
    b"mime-version": (re.compile(rb"\s*1\.0\b"), True),
    b"date": (re.compile(rb"\b\d{1,2}\s+[A-Z][a-z]{2}\s+\d{2,4}\s+\d{1,2}:\d{2}"), False),
    b"subject": (re.compile(rb"\S"), False),
    b"content-type": (re.compile(rb"\s*[a-zA-Z]{2,20}/[\w.+-]{1,80}"), False),
    b"dkim-signature": (re.compile(rb"\bb="), True),
}
_POSTMARK = re.compile(
    rb"From [^\r\n]{0,400}?\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? "
    rb"(?:(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2}"
    rb"|\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))"
    rb"[^\r\n]{0,30}? \d{1,2}:\d{2}[^\r\n]{0,60}(?:\r?\n|\Z)"
)


def is_postmark(line: bytes) -> bool:
    """Whether ``line`` is the one that parts messages of an mbox file: ``From who date``."""
    return line.startswith(b"From ") and _POSTMARK.match(line) is not None


def is_mailbox(head: bytes) -> bool:
    """Whether ``head`` starts an mbox file: a "From " line with a date, then a header field."""
    match = _POSTMARK.match(head)
    return match is not None and FIELD.match(head, match.end()) is not None


def is_message(head: bytes) -> bool:
    """Whether ``head`` starts with a mail's header: fields only, and the signs of mail in them."""
    signs, proper, at = 0, False, len(head) - len(head.removeprefix(b"\xef\xbb\xbf"))
    seen: set[bytes] = set()
    while field := FIELD.match(head, at):
        at = field.end()
        name = field[1].lower()
        pattern, alone = _SIGNS.get(name, (None, False))
        if name not in seen and pattern is not None and pattern.search(field[2][:2000]):
            seen.add(name)
            signs += 1
            proper = proper or alone
    rest = head[at:]
    if rest.startswith((b"\n", b"\r\n")):
        return proper and signs >= MIN_SIGNS
    after = rest.find(b"\n") + 1
    if after and FIELD.match(rest, after):  # a line wrapped without its indent
        return proper and signs >= MIN_SIGNS
    # Cut in the midst of it: what relays put on top may fill the head alone.
    cut = b"\n" not in rest
    return cut and proper and signs >= (1 if at >= LONG_HEADER else MIN_SIGNS)
