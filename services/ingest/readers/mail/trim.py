"""What mail programs and senders put around a text: quotes, signatures, footers, forwards.

Everything taken off is set apart with its line, nothing is lost.  Where all of a message is
such, nothing is: a forwarded newsletter may consist of one quotation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.article import SourceLine
from services.ingest.readers.finding import SPEAKS
from services.ingest.readers.lines import clean, ends_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import SetApartKind
    from services.ingest.readers.lines import Line

SIGNATURE_LINES = 15
"""Non-blank lines after a "-- ": RFC 3676 asks for four, companies' disclaimers take a dozen."""

FOOTER_LINES = 30
"""How far from the end of a newsletter the way to unsubscribe may stand."""

TOP_LINES = 6
"""How far from the start "View in browser" may stand."""

MAX_FOOTER = 400
"""Characters of a footer's paragraph."""

ADDRESS_LINES = 8
"""Lines of address, registration and links that may follow the way to unsubscribe."""

_QUOTED = re.compile(r"[ \t]?>[> \t]*")
_ATTRIBUTION = re.compile(
    r"(?:on|am|le|el|il|op|den|em) .{5,200}"
    r"(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|schreef|skrev|escreveu)\s?:",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"-{3,}\s?(?:original message|forwarded message|forwarded by .{1,80}|weitergeleitete nachricht"
    r"|ursprüngliche nachricht|message transféré|mensaje reenviado)\s?-{3,}"
    r"|begin forwarded message:",
    re.IGNORECASE,
)
_FORWARDED_FIELD = re.compile(
    r"\*?(?:from|date|sent|subject|to|cc|reply-to|von|datum|gesendet|betreff|an|de|envoyé|objet|à"
    r"|fecha|asunto|para):\*? ?",
    re.IGNORECASE,
)
_TOP = re.compile(
    r"(?:(?:view|read|see|open) (?:(?:this|it|the|our) )?(?:(?:e-?mail|message|newsletter|issue|web"
    r"|edition|version) ){0,2}(?:online|on the web|(?:in|with) (?:your|a|the) (?:web )?browser)"
    r".{0,60}"
    r"|(?:having )?(?:trouble|problems?|difficulty) (?:viewing|reading|seeing) this\b.{0,120}"
    r"|(?:is )?this (?:e-?mail|message|newsletter) (?:is )?not display.{0,120}"
    r"|(?:im|newsletter im|e-?mail im) browser (?:ansehen|öffnen|anzeigen|lesen).{0,60}"
    r"|(?:voir|afficher|lire) .{0,40}(?:dans (?:le|votre) navigateur|en ligne).{0,40}"
    r"|ver (?:en|no) (?:el )?navegador.{0,40}|web version|webversion)",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"""
    (?:click\ here\ )?(?:to\ )?unsubscribe\b(?!\s+(?:said|from\ the\ (?:idea|view))).{0,200}
    |(?:to|if\ you|don[’']t\ want|no\ longer\ (?:want|wish)|you\ can|you\ may|manage|update|change
       |review|edit)\b.{0,120}
       \b(?:unsubscribe|opt[- ]out|(?:e-?mail\ |your\ )(?:preferences|subscriptions?|settings))\b
       .{0,160}
    |(?:you(?:[’']re|\ are|\ have)?\ (?:receiv(?:ed|ing)|got|getting)|why\ (?:did|am)\ i\ (?:get|
       getting|receiving))\b.{0,20}\bthis\b.{0,300}
    |this\ (?:e-?mail|message|newsletter)\ (?:was|is|has\ been)\ (?:being\ )?sent\ (?:to|by).{0,300}
    |(?:sent|delivered)\ to\ \S{1,80}@\S{1,80}.{0,120}
    |(?:forwarded\ this|was\ this)\ (?:e-?mail|newsletter)(?:\ forwarded)?\b.{0,160}
    |(?:privacy\ (?:policy|notice)|terms\ of\ (?:use|service)|contact\ us|manage\ preferences
       |preferences)(?:\s?[|·•,/–-]\s?.{1,120})?
    |(?:newsletter\ )?(?:abbestellen|abmelden|austragen)\b.{0,120}
    |(?:wenn|falls|um|sie)\b.{0,200}\b(?:abbestellen|abmelden|newsletter\ erhalten)\b.{0,120}
    |(?:se\ )?(?:désabonner|désinscrire|désinscription)\b.{0,120}
    |(?:pour|si\ vous|vous)\b.{0,200}\b(?:désabonner|désinscrire|désinscription)\b.{0,120}
    |(?:darse\ de\ baja|cancelar\ (?:la\ )?suscripción|uitschrijven|afmelden|avmeld)\b.{0,120}
    |.{1,80}\ mailing\ list
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REPORTS = re.compile(r"\b(?:said|says|told|added|warned|announced|according to)\b")
"""News about unsubscribing is news."""

_LINK = r"[<(\[]?\s?(?:https?://|www\.)[^\s<>]{1,2000}\s?[>)\]]?"
_LINK_LINE = re.compile(rf"(?:{_LINK}\s?){{1,3}}", re.IGNORECASE)
_LINK_AFTER = re.compile(r"\s?[<(\[]\s?https?://[^\s<>)\]]{1,2000}\s?[>)\]]", re.IGNORECASE)
_RULE_LINE = re.compile(r"[-=_*~#•·+.— ]{2,}")
_IMAGE_LINE = re.compile(r"\[(?:image|cid|logo|bild)\b[^\]]{0,200}\]", re.IGNORECASE)


@dataclass
class Trimmed:
    """The lines that stay (blank where one was taken off, so numbers hold), and the others."""

    lines: list[str]
    apart: list[SourceLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def take(self, index: int, kind: SetApartKind) -> None:
        """Set the line at ``index`` apart."""
        if shown := clean(self.lines[index]):
            self.apart.append(SourceLine(kind=kind, text=shown, line=index + 1))
        self.lines[index] = ""


def plain_text(text: str) -> Trimmed:
    """Take quotes, signature and the header of a forward off a plain text."""
    work = Trimmed(text.split("\n"))
    _take_forward(work)
    _take_signature(work)
    _take_quotes(work)
    return work


def _take_forward(work: Trimmed) -> None:
    found = [n for n, line in enumerate(work.lines) if "-" in line or line[:1] in "bB>"]
    for start in found:
        if not _FORWARD.fullmatch(_unquoted(work.lines[start]).strip()):
            continue
        work.warnings.append("forwarded within the text: sender and date are the forwarder's")
        work.take(start, "front_matter")
        at, seen = start + 1, 0
        while at < len(work.lines) and at < start + SIGNATURE_LINES:
            line = _unquoted(work.lines[at]).strip()
            if _FORWARDED_FIELD.match(line):
                seen += 1
                work.take(at, "front_matter")
            elif line or seen:
                break
            at += 1
        return


def _unquoted(line: str) -> str:
    match = _QUOTED.match(line)
    return line[match.end() :] if match else line


def _take_signature(work: Trimmed) -> None:
    lines = work.lines
    end = len(lines)
    count = 0
    for index in range(end - 1, -1, -1):
        if lines[index].rstrip("\r\xa0 ") == "--":
            if any(clean(line) for line in lines[:index]):
                for taken in range(index, end):
                    work.take(taken, "markup")
            return
        count += bool(lines[index].strip())
        if count > SIGNATURE_LINES:
            return


def _take_quotes(work: Trimmed) -> None:
    quoted = [n for n, line in enumerate(work.lines) if _QUOTED.match(line)]
    if not quoted:
        return
    lines = work.lines
    introduced = _attributions(lines)
    apart = {*quoted, *introduced}
    if not any(line.strip() for n, line in enumerate(lines) if n not in apart):
        work.warnings.append("all of the text is a quotation: it was taken as the text")
        for n in quoted:
            lines[n] = _unquoted(lines[n])
        return
    for n in sorted(apart):
        work.take(n, "markup")


def _attributions(lines: Sequence[str]) -> set[int]:
    """The lines that introduce a quotation ("On Monday … wrote:"), also wrapped in two."""
    found: set[int] = set()
    for n, line in enumerate(lines):
        if not line.rstrip().endswith(":"):
            continue
        before = lines[n - 1].strip() if n else ""
        if _ATTRIBUTION.fullmatch(line.strip()):
            found.add(n)
        elif before and _ATTRIBUTION.fullmatch(f"{before} {line.strip()}"):
            found.update((n - 1, n))
    return found


def unflow(lines: list[str], *, delete_space: bool) -> list[str]:
    """``format=flowed`` undone (RFC 3676): a line that ends in a space goes on in the next.

    The joined text stands where its first line stood; the others become blank.
    """
    done = [""] * len(lines)
    first, parts = 0, list[str]()
    for number, line in enumerate(lines):
        plain = line.removeprefix(" ")
        if not parts:
            first = number
        soft = plain.endswith(" ") and plain.rstrip() != "--"
        parts.append(plain[:-1] if soft and delete_space else plain)
        if not soft:
            done[first] = "".join(parts)
            parts = []
    if parts:
        done[first] = "".join(parts)
    return done


def footers(lines: Sequence[Line]) -> tuple[list[Line], list[SourceLine]]:
    """``lines`` without the newsletter's own (view in browser, unsubscribe), and those."""
    kinds: dict[int, SetApartKind] = {}
    for index, line in enumerate(lines):
        if kind := _service_kind(line.text, index, len(lines)):
            kinds[index] = kind
    _extend_footer(lines, kinds)
    if len(kinds) == len(lines):
        return list(lines), []
    kept = [line for index, line in enumerate(lines) if index not in kinds]
    apart = [
        SourceLine(kind=kinds[index], text=lines[index].text, line=lines[index].number)
        for index in sorted(kinds)
    ]
    return kept, apart


def _service_kind(text: str, index: int, count: int) -> SetApartKind | None:
    if len(text) > MAX_FOOTER:
        return None
    if _RULE_LINE.fullmatch(text) or _LINK_LINE.fullmatch(text) or _IMAGE_LINE.fullmatch(text):
        return "markup"
    at_end = index >= count - FOOTER_LINES
    if (at_end or index < TOP_LINES) and _is_top(text):
        return "promo"
    footer = at_end and _FOOTER.fullmatch(_bare(text)) and not _REPORTS.search(text)
    return "promo" if footer else None


def _extend_footer(lines: Sequence[Line], kinds: dict[int, SetApartKind]) -> None:
    """What follows the way to unsubscribe, up to the end, is the sender's address and the like."""
    ways_out = [n for n, kind in kinds.items() if kind == "promo" and not _is_top(lines[n].text)]
    if not ways_out:
        return
    after = [n for n in range(min(ways_out) + 1, len(lines)) if n not in kinds]
    if len(after) <= ADDRESS_LINES and not any(_is_prose(lines[n].text) for n in after):
        for n in after:
            kinds[n] = "promo"


def _is_top(text: str) -> bool:
    return _TOP.fullmatch(_bare(text)) is not None


def _is_prose(text: str) -> bool:
    return len(text) > MAX_FOOTER // 2 or (ends_sentence(text) and bool(SPEAKS.search(text)))


def _bare(text: str) -> str:
    """A footer's words without the link targets that plain text prints after them."""
    return _LINK_AFTER.sub("", text).strip(" |*_") or text
