"""Texts, JSON, mail, web archives and documents that mislead, go deep, or never end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.chaos.hostile import ANY, MIB, READ, REFUSED, Hostile, made, repeated
from tests.chaos.hostile_packed import good

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.hostile import Bait

DEEP = 100_000
LONG, SHORTER = 500 * MIB, 100 * MIB
"""Bytes of a single line: more than fits twice into what a reader may have; and, for formats that
come to their lines by the same ways, as many as are still no article."""

REGEX_BOMB = 8 * MIB - 1024
"""Bytes of a text on which a pattern that tries again from each place would take years: as many as
one article may have."""

ANSI = "\x1b[2J\x1b[31mPier\x1b]0;owned\x07\x9b5n shut\r\b\b\x1b]8;;http://example.org\x1b\\"
BIDI = "Pier \u202egnp.exe\u202c shut \u2066\u200f\u061c\u2069\u200b\ufeff\u00ad\U000e0041"
LINES = 1200
"""Records of a long dump: twenty parts or so, a second or two of enrichment."""


def long_lines() -> Iterator[Hostile]:
    """Up to half a gigabyte without a line break, in whatever might be read line by line."""
    words = b"pier stays shut until spring - "
    record = b'{"title": "Pier shut", "text": "'
    mail = b"From a@example.org Mon Nov  2 10:00:00 2026\nFrom: a@example.org\nSubject: Pier\n\n"
    feed = b"<rss><channel><item><title>Pier</title><description>"
    ends = {
        b"long-line.jsonl": (record, b'"}\n'),
        b"long-line.json": (b"[" + record, b'"}]'),
        b"long-line.txt": (b"Pier shut\n\n", b"\n"),
        b"long-line.xml": (feed, b"</description></item></channel></rss>"),
        b"long-line.html": (b"<html><body><p>", b"</html>"),
        b"long-line.mbox": (mail, b"\n"),
    }
    for name, (head, tail) in ends.items():
        size = LONG if name in {b"long-line.jsonl", b"long-line.xml"} else SHORTER
        pieces = repeated(head, words, tail, size)
        yield Hostile(name, pieces, REFUSED, "the limit is", slow=True)


def dump() -> Hostile:
    """A long dump in which every tenth line is broken in one of several ways."""
    broken = (b"{", b'{"title": 3}', b"\xff\xfe\xfd", b"null", b'{"title": "\\ud800"', b"[" * 5000)
    lines = []
    for number in range(LINES):
        record = {"title": f"Dump {number}", "text": f"Case {number}: the pier stays shut."}
        lines.append(json.dumps(record).encode())
        if number % 10 == 0:
            lines[-1] = broken[number // 10 % len(broken)]
    return made("dump.jsonl", b"\n".join(lines), ANY, slow=True)


def control_characters() -> Iterator[Hostile]:
    """What would colour a terminal, turn a text around, or end a C string."""
    for name, title in (("ansi", ANSI), ("bidi", BIDI), ("nul", "Pier\x00 shut")):
        yield made(f"{name}.txt", f"{title} {name}\n\n{title} stays shut {name}.\n".encode())
        record = {"title": f"{title} j{name}", "text": f"{title} {name} line", "author": title}
        yield made(f"{name}.jsonl", json.dumps(record).encode())
        page = f"<html><head><title>{title} h{name}</title></head><body><h1>{title}</h1>"
        yield made(f"{name}.html", f"{page}<p>{title} stays shut. {name}</p></html>".encode())
        mail = f"From: {title} <a@example.org>\nSubject: {title} m{name}\n\n{title} stays {name}.\n"
        yield made(f"{name}.eml", mail.encode())
    yield made("surrogates.txt", b"Pier \xed\xa0\x80\xed\xbf\xbf shut\n\nIt stays shut.\n")
    yield made("surrogates.jsonl", b'{"title": "Pier \\ud800 shut", "text": "It \\udfff stays."}\n')
    yield made("surrogates-16.txt", "Pier \ud800 16\n\nShut.".encode("utf-16", "surrogatepass"))
    yield made("only-nul.txt", bytes(MIB), REFUSED)


def encodings() -> Iterator[Hostile]:
    """Wrong labels, and labels of codecs that are none of text."""
    body = "Le quai fermé est à réparer jusqu’à l’été.\n"
    yield made("bom-lies-16.txt", b"\xff\xfe" + body.encode() * 3)
    yield made("bom-lies-8.txt", b"\xef\xbb\xbf" + body.encode("cp1252", "replace") * 3)
    for label in ("utf-16", "utf-7", "rot13", "zip", "unicode_escape", "idna", "x" * 5000, "\x1b["):
        short = "".join(c for c in label if c.isalnum())[:12]
        xml = f'<?xml version="1.0" encoding="{label}"?><rss><channel><item><title>Quai {short}'
        yield made(f"label-{short}.xml", f"{xml}</title></item></channel></rss>".encode())
        page = f'<html><head><meta charset="{label}"><title>Quai {short}</title></head><body><p>'
        yield made(f"label-{short}.html", f"{page}{body}{short}</p></body></html>".encode())
        mail = f'Subject: =?{label}?Q?Quai?= {short}\nContent-Type: text/plain; charset="{label}"\n'
        yield made(f"label-{short}.eml", f"From: a@example.org\n{mail}\n{body}{short}\n".encode())


def nested() -> Iterator[Hostile]:
    """A hundred thousand levels."""
    yield made("deep-arrays.json", b"[" * DEEP + b"]" * DEEP)
    yield made("deep-objects.json", b'{"a":' * DEEP + b"1" + b"}" * DEEP, REFUSED)
    record = b'{"title": "Pier shut", "text": "It stays.", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}"
    yield made("deep-records.jsonl", record + b'\n{"title": "After", "text": "the deep one"}\n')
    start = b"<html><head><title>Deep page</title></head><body>"
    for tag in (b"div", b"p", b"table", b"font", b"a", b"svg", b"template"):
        name = f"deep-{tag.decode()}.html"
        yield made(name, start + b"<" + tag + b">" * DEEP + b"Pier shut " + tag)
        yield made(f"{name}l", start + (b"<" + tag + b">") * DEEP + b"Pier shut again " + tag)
    yield made("deep.md", b"# Deep\n\n" + b"> " * DEEP + b"Pier shut\n")
    yield made("deep-list.md", b"# List\n\n" + b"".join(b" " * i + b"- a\n" for i in range(2000)))


def mails() -> Iterator[Hostile]:
    """Parts in parts, parts beside parts, headers without end."""
    start = b"From: a@example.org\nSubject: Parts\nMIME-Version: 1.0\n"
    levels = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (i, i) for i in range(1000)
    )
    yield made("deep-multiparts.eml", start + levels + b"\nPier shut\n")
    yield made("deep-messages.eml", start + b"Content-Type: message/rfc822\n\n" * DEEP + b"Shut\n")
    part = b"--b\nContent-Type: text/plain\n\nx\n"
    many = b'Content-Type: multipart/mixed; boundary="b"\n\n' + part * DEEP + b"--b--\n"
    yield made("many-parts.eml", start + many)
    yield made("long-header.eml", b"Subject: " + b"x " * MIB + b"\nFrom: a@example.org\n\nShut\n")
    yield made("many-headers.eml", start + b"X-A: b\n" * 200_000 + b"\nPier shut, many headers\n")
    yield made(
        "addresses.eml", start + b"To: " + b"<" * MIB + b"\nCc: " + b"(" * MIB + b"\n\nShut\n"
    )
    word = b"=?utf-8?B?" + b"QUJD" * 100_000 + b"?="
    yield made("encoded-word.eml", b"From: a@example.org\nSubject: " + word + b"\n\nShut, word\n")
    base64 = b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + b"=" * 4 * MIB
    yield made("padding.eml", start + base64)


def web_archives() -> Iterator[Hostile]:
    """Lengths that no record has."""
    for length in ("999999999999999999", "-1", "9" * 10_000, "0x10", "١٢"):
        record = (
            "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://example.org/pier\r\n"
            f"Content-Type: application/http\r\nContent-Length: {length}\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>Pier shut</p>\r\n\r\n"
        )
        yield made(f"length-{abs(hash_of(length))}.warc", record.encode(), REFUSED)
    yield made("headers.warc", b"WARC/1.0\r\n" + b"A: b\r\n" * 500_000, REFUSED)


def hash_of(text: str) -> int:
    """A short number for a name, the same each time."""
    return sum(ord(char) * (place + 1) for place, char in enumerate(text)) % 1000


def documents(bait: Bait) -> Iterator[Hostile]:
    """Pictures under false names, PDFs of garbage, a document that reaches out."""
    yield made("picture.xml", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40, REFUSED, "PNG")
    yield made("picture.txt", b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40, REFUSED, "JPEG")
    yield made("garbage.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 4000, REFUSED)
    kids = b"".join(
        b"%d 0 obj<</Type/Pages/Count 9/Kids[%d 0 R %d 0 R]>>endobj\n" % (i, i + 1, i)
        for i in range(2, 5000)
    )
    yield made("pages-in-a-circle.pdf", b"%PDF-1.7\n1 0 obj<</Pages 2 0 R>>endobj\n" + kids)
    act = b"<</S/URI/URI(%s)>>" % bait.url.encode()
    pdf = b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction " + act
    yield made("action.pdf", pdf + b">>endobj\ntrailer<</Root 1 0 R>>")
    page = (
        f'<html><head><title>Reaching page</title><base href="{bait.url}/"><link rel="canonical" '
        f'href="{bait.url}/c"><link rel="stylesheet" href="{bait.url}/s.css"><meta http-equiv='
        f'"refresh" content="0;url={bait.url}/r"></head><body><p>The pier stays shut until spring.'
        f'</p><img src="{bait.url}/i.png"><iframe src="{bait.canary.as_uri()}"></iframe>'
        f'<script src="{bait.url}/j.js"></script><object data="{bait.canary.as_uri()}"></object>'
    )
    yield made("reaching.html", page.encode())


RUNS = {
    "spaces": " ",
    "lines": "\n",
    "brackets": "[",
    "braces": "(",
    "links": "[a](",
    "tags": "<a ",
    "capitals": "A. ",
    "quotes": "> ",
}
SHORTER_RUNS = {
    "emphasis": "*a_",
    "ticks": "`",
    "entities": "&a",
    "dashes": "- ",
    "bylines": "By A ",
    "colons": "a: ",
    "dates": "1 May ",
    "pipes": "|-",
}
"""Of what patterns look for; the second ones are worse for Markdown than for their length."""


def regex_bombs() -> Iterator[Hostile]:
    """Runs on which a careless pattern tries again from every place."""
    for name, run in (RUNS | SHORTER_RUNS).items():
        size = REGEX_BOMB if name in RUNS else MIB
        text = (run * (size // len(run))).encode()
        yield made(f"run-{name}.txt", b"Pier shut " + text + b" shut\n")
        short = text[: MIB // 4]
        yield made(f"run-{name}.md", b"# Run " + name.encode() + b"\n\nPier " + short + b" end\n")
        yield made(f"run-{name}.html", b"<html><body><p>Pier shut " + short + b"</p></html>")


def names() -> Iterator[Hostile]:
    """Names that break listings, commands and terminals. Their content is good."""
    for number, name in enumerate(
        (
            b"new\nline.txt",
            b"not-utf8-\xff\xfe.txt",
            b"n" * 251 + b".txt",
            b"\x1b[31mred\x1b]0;owned\x07.txt",
            "turned-\u202etxt.exe.txt".encode(),
            b"--help",
            b"$(touch escaped) `touch escaped` ; .txt",
            b"%s%n{0}.txt",
            b" ",
            b"\\..\\escaped.txt",
        )
    ):
        yield made(name, good(f"name number {number}"), READ)


def files(bait: Bait) -> Iterator[Hostile]:
    """All of them."""
    yield from long_lines()
    yield dump()
    yield from control_characters()
    yield from encodings()
    yield from nested()
    yield from mails()
    yield from web_archives()
    yield from documents(bait)
    yield from regex_bombs()
    yield from names()
