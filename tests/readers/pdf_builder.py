"""PDF files written by hand, object by object: texts at places, in sizes, in columns.

Only what the tests need of ISO 32000: the base fonts with WinAnsi encoding, content streams (also
Flate-compressed), the information dictionary, and the standard security handler of revision 2.
"""

from __future__ import annotations

import hashlib
import textwrap
import zlib
from dataclasses import dataclass, field

A4 = (595, 842)
_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
"""The 32 bytes that pad a password (ISO 32000-1, 7.6.3.3)."""


@dataclass
class Canvas:
    """The content stream of one page."""

    parts: list[bytes] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, size: float = 10, font: str = "F1") -> Canvas:
        """``text`` with its baseline starting at (x, y), in points from the lower left corner."""
        return self.raw(f"BT /{font} {size} Tf {x} {y} Td ".encode(), _shown(text), b" Tj ET")

    def turned(self, x: float, y: float, text: str, matrix: str, size: float = 10) -> Canvas:
        """``text`` under the first four numbers of a text matrix ("0 1 -1 0")."""
        return self.raw(f"BT /F1 {size} Tf {matrix} {x} {y} Tm ".encode(), _shown(text), b" Tj ET")

    def block(  # noqa: PLR0913  (what a setter of type decides)
        self,
        x: float,
        y: float,
        text: str,
        *,
        width: int = 90,
        size: float = 10,
        leading: float = 12,
        font: str = "F1",
        indent: float = 0,
    ) -> float:
        """A paragraph of ``width`` characters a line from (x, y) down; the y below it."""
        lines = textwrap.wrap(text, width, break_on_hyphens=False)
        return self.lines(x, y, lines, size=size, leading=leading, font=font, indent=indent)

    def lines(
        self,
        x: float,
        y: float,
        lines: list[str],
        *,
        size: float = 10,
        leading: float = 12,
        font: str = "F1",
        indent: float = 0,
    ) -> float:
        """These lines, one below the other; the y below them."""
        for number, line in enumerate(lines):
            self.text(x + (0 if number else indent), y, line, size, font)
            y -= leading
        return y

    def raw(self, *parts: bytes) -> Canvas:
        """Operators as they stand."""
        self.parts.append(b"".join(parts))
        return self

    @property
    def content(self) -> bytes:
        return b"\n".join(self.parts)


def _shown(text: str) -> bytes:
    data = text.replace("\ufb01", "\x01").replace("\ufb02", "\x02").encode("cp1252")
    return b"(" + data.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"


_FONTS = {"F1": "Helvetica", "F2": "Helvetica-Bold", "F3": "Times-Roman", "F4": "Times-Italic"}
_ENCODING = b"<< /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [1 /fi /fl] >>"
_HEBREW = (
    b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange"
    b" <00> <FF> endcodespacerange 1 beginbfrange <61> <7A> <05D0> endbfrange endcmap end end"
)
_IMAGE = (
    b"<< /Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray"
    b" /BitsPerComponent 8 /Length 4 >>\nstream\n\x00\xff\xff\x00\nendstream"
)


@dataclass
class Document:
    """A PDF in the making; see :func:`build`."""

    pages: list[Canvas]
    info: dict[str, str] = field(default_factory=dict)
    language: str | None = None
    version: str = "1.4"
    compress: bool = False
    rotate: int = 0
    size: tuple[int, int] = A4
    password: str | None = None
    """Encrypted with this user password; '' opens without one."""

    hebrew: bool = False
    """The letters a to z of every font are the Hebrew ones from alef on."""

    catalog: bytes = b""
    """Further entries of the catalog (an open action)."""


def build(document: Document) -> bytes:
    """The bytes of ``document``: header, objects, cross-reference table, trailer."""
    objects = _objects(document)
    key = _key(document.password) if document.password is not None else None
    out = bytearray(f"%PDF-{document.version}\n%\xe2\xe3\xcf\xd3\n".encode("latin-1"))
    places: list[int] = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        sealed = _sealed(body, key, number) if key is not None else body
        out += b"%d 0 obj\n%s\nendobj\n" % (number, sealed)
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R" % (len(objects) + 1)
    if document.password is not None:
        out += _encryption(document.password)
    return bytes(out + b" >>\nstartxref\n%d\n%%%%EOF\n" % at)


def _objects(document: Document) -> list[bytes]:
    count = len(document.pages)
    fonts, first = 5, 5 + len(_FONTS)
    kids = b" ".join(b"%d 0 R" % (first + 2 * n) for n in range(count))
    language = b"" if document.language is None else b" /Lang " + _shown(document.language)
    info = b" ".join(b"/%s %s" % (k.encode(), _string(v)) for k, v in document.info.items())
    named = b" ".join(b"/%s %d 0 R" % (n.encode(), fonts + i) for i, n in enumerate(_FONTS))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R%s %s >>" % (language, document.catalog),
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count),
        b"<< %s >>" % info,
        _IMAGE,
    ]
    letters = b" /ToUnicode %d 0 R" % (first + 2 * count) if document.hebrew else b""
    for name in _FONTS.values():
        font = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding %s%s >>"
        objects.append(font % (name.encode(), _ENCODING, letters))
    resources = b"<< /Font << %s >> /XObject << /Im1 4 0 R >> >>" % named
    for number, page in enumerate(document.pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Rotate %d /Contents %d 0 R"
            b" /Resources %s >>"
            % (*document.size, document.rotate, first + 2 * number + 1, resources)
        )
        objects.append(_stream(page.content, compress=document.compress))
    if document.hebrew:
        objects.append(_stream(_HEBREW, compress=False))
    return objects


def _stream(data: bytes, *, compress: bool) -> bytes:
    packed = zlib.compress(data, 9) if compress else data
    entries = b" /Filter /FlateDecode" if compress else b""
    return b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(packed), entries, packed)


def _string(text: str) -> bytes:
    """A text string: WinAnsi where that is enough, else UTF-16 in hexadecimal digits."""
    if text.isascii():
        return _shown(text)
    return b"<FEFF" + text.encode("utf-16-be").hex().upper().encode() + b">"


# --- Encryption (RC4 with 40 bits: revision 2 of the standard handler) -----------------------


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


_OWNER = "the owner"
_PERMISSIONS = -64  # printing, copying and all else forbidden
_ID = b"0123456789abcdef"


def _padded(password: str) -> bytes:
    return (password.encode("latin-1") + _PAD)[:32]


def _owner_entry(password: str) -> bytes:
    key = hashlib.md5(_padded(_OWNER)).digest()[:5]  # noqa: S324  (the format's own algorithm)
    return _rc4(key, _padded(password))


def _key(password: str) -> bytes:
    permissions = _PERMISSIONS.to_bytes(4, "little", signed=True)
    seed = _padded(password) + _owner_entry(password) + permissions + _ID
    return hashlib.md5(seed).digest()[:5]  # noqa: S324


def _encryption(password: str) -> bytes:
    owner, user = _owner_entry(password), _rc4(_key(password), _PAD)
    identity = _ID.hex().encode()
    return b" /Encrypt << /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P %d >> /ID [<%s> <%s>]" % (
        owner.hex().encode(),
        user.hex().encode(),
        _PERMISSIONS,
        identity,
        identity,
    )


def _sealed(body: bytes, key: bytes, number: int) -> bytes:
    """``body`` with its stream encrypted (strings of the information dictionary are left out)."""
    head, mark, rest = body.partition(b"\nstream\n")
    if not mark:
        return body
    data = rest.removesuffix(b"\nendstream")
    own = hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()  # noqa: S324
    return head + mark + _rc4(own[:10], data) + b"\nendstream"
