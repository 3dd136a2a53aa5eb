"""Documents as the tests see them: blocks with the marks above them, headings, links.

A *block* is what stands in a fence.  A *mark* is an HTML comment in the line above: it isn't
shown to readers, and it tells the tests how to treat the block.  CONTRIBUTING.md lists them.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

MARK = re.compile(r"<!--\s*(.*?)\s*-->", re.DOTALL)

SHELL = frozenset({"sh", "bash", "console"})
"""Commands; in ``console`` each has ``$ `` before it, and what it prints below it."""

PROGRAMS = frozenset({"python", "js"})
"""Whole programs, or parts that a test of their own completes."""

DATA = frozenset({"json", "yaml", "text", "sql", "ini", "toml", "dotenv", "dockerfile"})
"""Nothing to run; JSON and YAML are parsed where nothing is left out of them."""

PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Block:
    """A fence of ``document`` (its path below the repository), at ``line`` from 1."""

    document: str
    line: int
    language: str
    code: str
    marks: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it is, as compilers say it."""
        return f"{self.document}:{self.line}"


@dataclass(frozen=True, slots=True)
class Typed:
    """A command of a ``console`` block and the lines that are shown below it."""

    command: str
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a document holds; ``anchors`` are those of its headings, as they are linked to."""

    name: str
    blocks: tuple[Block, ...]
    indented: tuple[Block, ...]
    anchors: frozenset[str]
    links: tuple[str, ...]
    inline: tuple[Block, ...]


def documents() -> list[str]:
    """Every document, by its path below the repository."""
    found = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("**/*.md"))
    return ["README.md", "CONTRIBUTING.md", *found]


@cache
def document(name: str) -> Document:
    """A document of the repository."""
    return parsed(name, (ROOT / name).read_text(encoding="utf-8"))


def parsed(name: str, text: str) -> Document:
    """A document out of its text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return Document(
        name,
        tuple(_blocks(name, tokens, "fence")),
        tuple(_blocks(name, tokens, "code_block")),
        frozenset(_anchors(tokens)),
        tuple(_links(tokens)),
        tuple(_inline(name, tokens)),
    )


def _blocks(name: str, tokens: Sequence[Token], kind: str) -> Iterator[Block]:
    marks: list[str] = []
    end = 0
    for token in tokens:
        if token.map is None:
            continue
        start = token.map[0]
        if token.type == "html_block":
            # Marks below each other all belong to the block below them.
            marks = [*(marks if start == end else []), *MARK.findall(token.content)]
            end = start + len(token.content.rstrip("\n").split("\n"))
        elif token.type == kind:
            above = tuple(marks) if start == end else ()
            yield Block(name, start + 1, token.info.strip(), token.content, above)
            marks = []


def _anchors(tokens: Sequence[Token]) -> Iterator[str]:
    """GitHub's: lower case, words joined by hyphens, a number behind what comes again."""
    seen: dict[str, int] = {}
    for token, inline in itertools.pairwise(tokens):
        if token.type == "heading_open":
            slug = slug_of(plain(inline))
            count = seen[slug] = seen.get(slug, -1) + 1
            yield f"{slug}-{count}" if count else slug


def slug_of(heading: str) -> str:
    """The anchor of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def plain(inline: Token) -> str:
    """The words of a line without its markup."""
    return "".join(child.content for child in inline.children or ())


def _links(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        for child in token.children or ():
            if child.type in {"link_open", "image"}:
                yield str(child.attrGet("href") or child.attrGet("src") or "")


def _inline(name: str, tokens: Sequence[Token]) -> Iterator[Block]:
    """What stands between backticks within a text."""
    line = 0
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        for child in token.children or ():
            if child.type == "code_inline":
                yield Block(name, line, "", " ".join(child.content.split()))


def typed(block: Block) -> list[Typed]:
    """The commands of a ``console`` block, each with what is shown below it."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.code.splitlines():
        if line.startswith(PROMPT):
            found.append(([line.removeprefix(PROMPT)], []))
        elif not found:
            raise ValueError(f"{block.place}: a console block begins with a command: $ …")
        elif found[-1][0][-1].endswith("\\") and not found[-1][1]:
            found[-1][0].append(line.removeprefix("> "))
        else:
            found[-1][1].append(line)
    return [Typed("\n".join(command), tuple(shown)) for command, shown in found]


def commands(block: Block) -> str:
    """What is typed in a block of commands."""
    if block.language == "console":
        return "".join(f"{one.command}\n" for one in typed(block))
    return block.code
