"""Names of uploads: ids that nobody guesses, and what a client calls its file made safe.

A client's name is only a hint for people.  What is kept of it is one part of a path, printable,
short, neither hidden nor what programs call unfinished; the id in it makes it unique.
"""

from __future__ import annotations

import base64
import re
import secrets
import unicodedata
from urllib.parse import unquote_to_bytes

from services.ingest.names import is_temporary

ID_BYTES = 12
"""96 random bits: who doesn't know an id doesn't find it, and no two are alike."""

ID_SHAPE = re.compile(r"[a-z2-7]{20}", re.ASCII)
ID_IN_NAME = re.compile(r"~([a-z2-7]{20})(?:\.[A-Za-z0-9.]*)?", re.ASCII)

MAX_STEM_BYTES = 120
"""Bytes kept of a name before its extension: with id, extension and the receipt's suffix well below
the 255 that file systems take."""

MAX_NAME_CHARS = 4096
"""Characters of a client's name that are looked at: the longest path of any system."""

NAMELESS = "upload"

_EXTENSION = re.compile(r"(?:\.[A-Za-z0-9]{1,10}){1,2}\Z", re.ASCII)
"""One or two, so that ``.warc.gz`` stays together."""

_UNSAFE = re.compile(r'[\\/:*?"<>|]')
"""What some system takes for more than a letter of a name."""

_OF_TYPE = {
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "message/rfc822": ".eml",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/xml": ".xml",
}
"""Extensions for files without a name. Only for people: ingest goes by what is in a file."""

_PARAMETER = re.compile(
    r""";\s*(?P<key>filename\*?)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^;\s]*))""",
    re.IGNORECASE,
)


def new_id() -> str:
    """An id of 20 letters and digits."""
    return base64.b32encode(secrets.token_bytes(ID_BYTES)).decode("ascii").rstrip("=").lower()


def file_name(given: str, upload_id: str) -> str:
    """The name in the inbox of an upload that its sender calls ``given``."""
    stem, extension = split(clean(given))
    name = f"{stem}~{upload_id}{extension}"
    # "story.part" is a whole file, whatever its sender calls it.
    return f"{name}.data" if is_temporary(name.encode()) else name


def id_in(name: str) -> str | None:
    """The id in a name that :func:`file_name` made."""
    found = ID_IN_NAME.search(name)
    return None if found is None else found[1]


def clean(given: str) -> str:
    """The last part of what a client calls its file, harmless on every system."""
    text = unicodedata.normalize("NFC", given[-MAX_NAME_CHARS:])
    last = re.split(r"[\\/]", text.rstrip("\\/"))[-1]
    shown = "".join(each if _is_shown(each) else "_" for each in last)
    return _UNSAFE.sub("_", shown).strip(" .~") or NAMELESS


def split(name: str) -> tuple[str, str]:
    """``name`` before its extension, shortened, and the extension."""
    found = _EXTENSION.search(name)
    at = len(name) if found is None or found.start() == 0 else found.start()
    stem = name[:at].encode()[:MAX_STEM_BYTES].decode("utf-8", "ignore")
    return stem.rstrip(" .~") or NAMELESS, name[at:]


def _is_shown(character: str) -> bool:
    # No control and format characters (which turn a name around), no line ends, no half of a pair.
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def decoded(text: str) -> str:
    """``%41`` as ``A``; bytes that aren't UTF-8 are replaced."""
    return unquote_to_bytes(text).decode("utf-8", "replace")


def from_headers(disposition: str | None, content_type: str | None) -> str:
    """The name that ``Content-Disposition`` gives (RFC 6266), else one by the media type."""
    found = {each["key"].lower(): each for each in _PARAMETER.finditer(f";{disposition or ''}")}
    if "filename*" in found:
        given = found["filename*"]["plain"] or found["filename*"]["quoted"] or ""
        # charset'language'value; any charset but UTF-8 has gone out of use.
        return decoded(given.rpartition("'")[2])
    if "filename" in found:
        plain, quoted = found["filename"]["plain"], found["filename"]["quoted"]
        return plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return NAMELESS + _OF_TYPE.get(media_type, "")
