"""Web addresses in the form in which two links to one page are equal.

What does not tell pages apart: scheme, default port, user, ``www.`` and the hosts for phones,
AMP in all its spellings, the way of writing a host or a character, doubled and trailing slashes,
the name of a folder's default page, session ids, tracking parameters, the order of the others,
and the fragment.  Everything else does: ``?id=1`` and ``?id=2`` are two pages.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

_TRACKING: Final = re.compile(
    # Of analytics
    r"utm_\w+|mtm_\w+|pk_\w+|piwik_\w+|matomo_\w+|at_\w+|wt_\w+|wt\.\w+|ns_\w+|hsa_\w+|cx_\w+|xtor"
    r"|_ga|_gl|_openstat|_branch_match_id|traffic_source|campaign_id|s_cid|spm"
    # Of advertising and social networks
    r"|fbclid|fb_(?:action_ids|action_types|ref|source)|gclid|gclsrc|gbraid|wbraid|gad_\w+|srsltid"
    r"|dclid|msclkid|yclid|ysclid|ymclid|twclid|ttclid|li_fat_id|igshid|igsh|mibextid|irclickid|epik"
    r"|rb_clickid|tblci|dicbo|__twitter_impression|ref_src|ref_url"
    # Of newsletters
    r"|mc_[ce]id|_hs(?:enc|mi)|hsctatracking|mkt_tok|vero_(?:id|conv)|oly_(?:anon|enc)_id"
    r"|ml_subscriber(?:_hash)?|emc"
    # Of publishers
    r"|cmpid|cmp|int_?cmp|icid|intcid|ocid|ito|ncid|smid|smtyp|sref|srnd|taid|ftag|guccounter"
    r"|guce_\w+",
    re.IGNORECASE,
)
"""Query parameters that say where a reader came from, and nothing about the article."""

_ORIGIN: Final = re.compile(
    r"ref|referrer|source|src|from|via|partner|feature|share", re.IGNORECASE
)
_ORIGINS: Final = frozenset({
    "app", "email", "facebook", "fb", "feed", "google", "home", "homepage", "linkedin", "mail",
    "newsletter", "push", "reddit", "rss", "share", "social", "telegram", "twitter", "whatsapp",
    "youtu.be",
})  # fmt: skip
"""Parameters that name an origin with these values, and may name anything else with others."""

_SESSION: Final = re.compile(
    r"phpsessid|jsessionid|aspsessionid\w*|asp\.net_sessionid|cfid|cftoken|oscsid|zenid|session_?id",
    re.IGNORECASE,
)
_SESSION_VALUE: Final = re.compile(r"[0-9a-fA-F]{24,}")
"""``sid`` is a session with such a value; with a short number it is a story."""

_PATH_SESSION: Final = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*", re.IGNORECASE)
_AMP_OF: Final = re.compile(r"outputtype|output|view|type", re.IGNORECASE)
_MOBILE: Final = re.compile(r"m|mobile|amp|_amp|isamp", re.IGNORECASE)
_YES: Final = frozenset({"", "1", "true", "yes", "amp"})

_HOST_LABELS: Final = frozenset({"www", "m", "mobile", "touch", "amp", "wap"})
_SECOND_LEVEL: Final = frozenset(
    ["ac", "co", "com", "edu", "go", "gob", "gov", "ne", "net", "or", "org"]
)
"""What may stand before a country's two letters: ``m.co.uk`` is a site."""

_DEFAULT_PORTS: Final = frozenset({80, 443})
_DEFAULT_PAGE: Final = re.compile(
    r"/(?:index|default)\.(?:html?|xhtml|shtml|php\d?|aspx?|jsp|cgi)$", re.IGNORECASE
)
_AMP_TAIL: Final = re.compile(
    r"(?<=[^/])(?:/amp(?:\.html?)?|\.amp(?=\.html?$)|\.amp)(?=$|\.html?$)"
)
_AMP_START: Final = re.compile(r"^/amp/(?=.)")
_COPIES: Final = (
    (
        re.compile(r"(?:.+\.)?cdn\.ampproject\.org\.?"),
        re.compile(r"/[acivr]/(?:s/)?(?=[^/]+\.[^/]+/)"),
    ),
    (
        re.compile(r"(?:www\.)?(?:google|bing)\.[a-z.]{2,6}"),
        re.compile(r"/amp/(?:s/)?(?=[^/]+\.[^/]+/)"),
    ),
)
"""Hosts of AMP caches and viewers, and what stands there before the page's own address."""

_UNRESERVED: Final = "!$&'()*+,;=:@~"
_SLASHES: Final = re.compile(r"/{2,}")

MAX_CHARS: Final = 8192
"""Of an address: what servers take at most; a longer one leads nowhere."""

MAX_LAYERS: Final = 3
"""Caches within viewers within caches: a search engine's link to a cache has two."""


def canonical_url(url: str) -> str | None:
    """``url`` as equal links to one page are written; None if it is no web address.

    Applying it once more changes nothing.
    """
    if len(url) > MAX_CHARS:
        return None
    try:
        parts = _uncached(urlsplit(url.strip()))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        where = _host(parts.hostname)
        port = parts.port
        query = _query(parts.query)
        path = _path(parts.path, is_copy=any(host.fullmatch(where) for host, _ in _COPIES))
    except ValueError:
        return None
    if any(char.isspace() for char in where):
        return None
    if port is not None and port not in _DEFAULT_PORTS:
        where = f"{where}:{port}"
    anchor = f"#{parts.fragment}" if parts.fragment.startswith("!") else ""
    return f"https://{where}{path}{'?' + query if query else ''}{anchor}"


def _uncached(parts: SplitResult) -> SplitResult:
    """The page's own address, where ``parts`` is that of a copy in an AMP cache or viewer."""
    for _ in range(MAX_LAYERS):
        host = parts.hostname or ""
        pattern = next((path for copies, path in _COPIES if copies.fullmatch(host)), None)
        start = pattern.match(parts.path) if pattern else None
        if start is None:
            break
        rest = urlsplit(f"https://{parts.path[start.end() :]}")
        parts = rest._replace(query=parts.query, fragment=parts.fragment)
    return parts


def _host(host: str) -> str:
    host = host.rstrip(".")
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = host.casefold()
    labels = host.split(".")
    while labels[0] in _HOST_LABELS and _is_site(labels[1:]):
        labels = labels[1:]
    if len(labels) >= len(("en", "m", "site", "org")) and labels[1] == "m":
        labels = [labels[0], *labels[2:]]
    host = ".".join(labels)
    return f"[{host}]" if ":" in host else host


def _is_site(labels: list[str]) -> bool:
    if len(labels) < len(("site", "org")):
        return False
    is_suffix = len(labels) == len(("co", "uk")) and labels[0] in _SECOND_LEVEL
    return not (is_suffix and len(labels[1]) == len("uk"))


def _path(path: str, *, is_copy: bool) -> str:
    path = _SLASHES.sub("/", _PATH_SESSION.sub("", path))
    path = "/".join(_encoded(part) for part in _without_dots(path.split("/")))
    before = None
    while before != path:
        before = path
        path = path if is_copy else _AMP_START.sub("/", _AMP_TAIL.sub("", path))
        path = _DEFAULT_PAGE.sub("", path).rstrip("/")
    return path


def _without_dots(parts: list[str]) -> list[str]:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            # The first part is what stands before the first slash: nothing.
            kept = kept[:-1] or kept
        elif part != ".":
            kept.append(part)
    return kept


def _encoded(part: str) -> str:
    """One way of writing each character: those that need no escape without, hex in capitals."""
    return quote(unquote_to_bytes(part), safe=_UNRESERVED)


def _query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    kept = sorted(pair for pair in pairs if _tells(*pair))
    return urlencode(kept, errors="surrogateescape")


def _tells(name: str, value: str) -> bool:
    """Whether a parameter says anything about which page it is."""
    lower = value.casefold()
    if _TRACKING.fullmatch(name) or _SESSION.fullmatch(name):
        return False
    if _ORIGIN.fullmatch(name):
        return lower not in _ORIGINS
    if name.casefold() in ("sid", "s"):
        return not _SESSION_VALUE.fullmatch(value)
    if _MOBILE.fullmatch(name):
        return lower not in _YES
    return not (_AMP_OF.fullmatch(name) and lower == "amp")
