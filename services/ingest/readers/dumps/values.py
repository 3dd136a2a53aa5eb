"""What stands in a field of a record, as the values of an article."""

from __future__ import annotations

import html
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from schemas.article import Picture, Place, Subject
from services.ingest.addresses import canonical_url
from services.ingest.readers import fragments, subjects
from services.ingest.readers.dates import YEARS
from services.ingest.readers.html_metadata import language_tag
from services.ingest.readers.html_people import authors_of
from services.ingest.readers.lines import clean, split, wrap_width
from services.ingest.readers.lines import paragraphs as joined
from services.ingest.readers.timestamps import parse_stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.notes import Notes

MAX_LISTED: Final = 1_000
"""Entries taken of one list (authors, keywords, pictures): more is no list that people keep."""

MAX_DEPTH: Final = 6
"""Levels of a text's structure; fundus has four (body, sections, section, paragraphs)."""

MAX_HEADLINE: Final = 2_000
"""Characters: no headline is as long, but a dump may have the whole text in its title."""

_TAG: Final = re.compile(r"<[a-zA-Z/!?]")
_EPOCH_MILLIS: Final = 10**11
"""From here on a number is in milliseconds: as seconds it would be after the year 5000, and as
milliseconds it is after March 1973."""

_EPOCH_TEXT: Final = re.compile(r"[0-9]{10}(?:[0-9]{3})?(?:\.[0-9]{1,6})?")
_NAMES: Final = ("name", "title", "label", "main", "rendered", "text", "value", "webTitle", "id")
_TEXTS: Final = ("rendered", "html", "text", "value", "content")
_PARTS: Final = ("headline", "paragraphs", "body", "sections")
_LISTED: Final = re.compile(r"\s*[,;|]\s*")
_CANCELLED: Final = frozenset(
    {"true", "yes", "1", "cancelled", "canceled", "withdrawn", "withheld"}
)

_LANGUAGES: Final = {
    # English name and ISO 639-2 code to ISO 639-1: GDELT writes the one, Event Registry the other.
    word: code
    for code, words in {
        "ar": "arabic ara", "bg": "bulgarian bul", "bn": "bengali ben", "ca": "catalan cat",
        "cs": "czech ces", "da": "danish dan", "de": "german deu", "el": "greek ell",
        "en": "english eng", "es": "spanish spa", "et": "estonian est", "fa": "persian fas",
        "fi": "finnish fin", "fr": "french fra", "he": "hebrew heb", "hi": "hindi hin",
        "hr": "croatian hrv", "hu": "hungarian hun", "id": "indonesian ind", "it": "italian ita",
        "ja": "japanese jpn", "ka": "georgian kat", "ko": "korean kor", "lt": "lithuanian lit",
        "lv": "latvian lav", "mk": "macedonian mkd", "nl": "dutch nld", "no": "norwegian nor",
        "pl": "polish pol", "pt": "portuguese por", "ro": "romanian ron", "ru": "russian rus",
        "sk": "slovak slk", "sl": "slovenian slv", "sq": "albanian sqi", "sr": "serbian srp",
        "sv": "swedish swe", "ta": "tamil tam", "th": "thai tha", "tr": "turkish tur",
        "uk": "ukrainian ukr", "ur": "urdu urd", "vi": "vietnamese vie", "zh": "chinese zho",
    }.items()
    for word in words.split()
}  # fmt: skip


def line(value: Any) -> str | None:
    """``value`` as one line of text without markup; None where it is none."""
    if value is None:
        return None
    if isinstance(value, dict):
        value = next((value[key] for key in _NAMES if value.get(key)), None)
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bool | None) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    if _TAG.search(text):
        return " ".join(fragments.paragraphs(text)) or None
    return clean(html.unescape(text)) or None


def paragraphs(value: Any, depth: int = 0) -> tuple[str, ...]:
    """``value`` as paragraphs: HTML, lines of text, or lists and objects of these.

    Raises :class:`~services.ingest.readers.base.Unreadable` for more lines than an article has.
    """
    if isinstance(value, str):
        return _of_text(value)
    if depth >= MAX_DEPTH:
        return ()
    if isinstance(value, list):
        return tuple(text for each in value for text in paragraphs(each, depth + 1))
    if isinstance(value, dict):
        same_text = [value[key] for key in _TEXTS if value.get(key)][:1]
        parts = [*same_text, *(value[key] for key in _PARTS if value.get(key))]
        return tuple(text for part in parts for text in paragraphs(part, depth + 1))
    return ()


def _of_text(text: str) -> tuple[str, ...]:
    if _TAG.search(text):
        return fragments.paragraphs(text)
    lines = split(html.unescape(text).replace("\r\n", "\n").replace("\r", "\n"))
    return tuple(found.text for found in joined(lines, wrap_width(lines)))


def strings(value: Any) -> tuple[str, ...]:
    """``value`` as a list of short texts: a list, or a text with commas, semicolons or bars."""
    if value is None:
        return ()
    if isinstance(value, str):
        listed: list[Any] = list(_LISTED.split(value, maxsplit=MAX_LISTED))[:MAX_LISTED]
    else:
        listed = value[:MAX_LISTED] if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(found for each in listed if (found := line(each))))


def people(value: Any) -> tuple[tuple[str, ...], str | None]:
    """The authors, and the byline where ``value`` is one text."""
    if value is None:
        return (), None
    if isinstance(value, str):
        text = line(value)
        return authors_of([text] if text else []), text
    listed = value[:MAX_LISTED] if isinstance(value, list) else [value]
    named = (line(each) for each in listed if isinstance(each, str | dict))  # numbers are keys
    return authors_of(filter(None, named)), None


def moment(field: str, value: Any, notes: Notes) -> datetime | None:
    """The moment in UTC; None, and a note, where it has no zone or is no time."""
    if isinstance(value, str) and _EPOCH_TEXT.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _epoch(field, value, notes)
    text = line(value)
    if text is None:
        return None
    when = parse_stamp(text)
    if when.warning:
        notes.add(f"{field}: {when.warning}")
    return when.moment


def _epoch(field: str, value: float, notes: Notes) -> datetime | None:
    """A number of seconds or milliseconds since 1970; 0 is how databases write "none"."""
    if value == 0:
        return None
    if math.isfinite(value) and value > 0:
        seconds = value / 1000 if value >= _EPOCH_MILLIS else value
        try:
            found = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            found = None
        # A year or a day written as a number is no moment of January 1970.
        if found is not None and found.year in YEARS and found.year > 1970:  # noqa: PLR2004
            return found
    notes.add(f"{field}: no time taken from {value!s:.40}: no seconds or milliseconds since 1970")
    return None


def language(value: Any, notes: Notes) -> str | None:
    """A BCP 47 tag, also of a language's English name or three-letter code."""
    text = line(value)
    if text is None:
        return None
    tag = _LANGUAGES.get(text.casefold()) or language_tag(text)
    if tag is None:
        notes.add(f"'{text[:40]}' is not a language tag")
    return tag


def address(value: Any, notes: Notes) -> str | None:
    """A web address; None, and a note, where it is none."""
    if isinstance(value, dict):
        value = value.get("@id") or value.get("url") or value.get("href")
    if not isinstance(value, str) or not (text := clean(value)):
        return None
    if canonical_url(text) is not None:
        return text
    notes.add(f"'{text[:80]}' is not a web address")
    return None


def number(value: Any, most: int) -> int | None:
    """A whole number from 0 to ``most``, also as digits; None where it is none."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) <= len(str(most)) + 1:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    return None


def is_cancelled(value: Any) -> bool:
    """Whether a mapped field says that the article is withdrawn."""
    return str(line(value) if not isinstance(value, bool) else value).casefold() in _CANCELLED


def coded(value: Any) -> tuple[Subject, ...]:
    """Subjects: codes, or objects with code, name and scheme."""
    if value is None:
        return ()
    listed = value if isinstance(value, list) else [value]
    return subjects.distinct(_coded(listed[:MAX_LISTED]))


def _coded(listed: list[Any]) -> Iterator[Subject]:
    for each in listed:
        if not isinstance(each, dict):
            yield subjects.subject(line(each))
            continue
        code = next((each[key] for key in ("code", "qcode", "uri", "id") if each.get(key)), None)
        yield subjects.subject(line(code), line(each.get("name")), line(each.get("scheme")))


def places(value: Any) -> tuple[Place, ...]:
    """Places by name."""
    return tuple(
        Place(name=name) for name in strings(value if isinstance(value, list) else [value])
    )


def pictures(value: Any, caption: Any, credit: Any) -> tuple[Picture, ...]:
    """Pictures: addresses, or objects with address, caption and credit."""
    if value is None and caption is None:
        return ()
    listed = value[:MAX_LISTED] if isinstance(value, list) else [value]
    found = [_picture(each) for each in listed]
    if len(found) <= 1 and (line(caption) or line(credit)):
        url = found[0].url if found else None
        found = [Picture(caption=line(caption), credit=line(credit), url=url)]
    return tuple(each for each in dict.fromkeys(found) if each.url or each.caption)


def _picture(value: Any) -> Picture:
    fields = value if isinstance(value, dict) else {"url": value}
    url = next((fields[key] for key in ("url", "src", "href", "@id") if fields.get(key)), None)
    text = clean(url) if isinstance(url, str) else ""
    caption = fields.get("caption") or fields.get("description") or fields.get("alt")
    return Picture(
        caption=line(caption),
        credit=line(fields.get("credit") or fields.get("copyright")),
        url=text if canonical_url(text) else None,
    )
