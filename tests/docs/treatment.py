"""How each block is treated: what its marks say, and who runs it.

========================================  ==========================================================
no mark                                   run as it stands; it must end with 0
``test: ends with 1``                     run; it must end with this code (``0 or 1``: either)
``test: stays until "words"``             run beside what follows, which waits for these words of
                                          its output; ended by Ctrl-C when the document ends
``test: long``, ``long with NAME=value``  run by ``python -m tests.docs.run_all`` only, with these
                                          variables where it would take very long
``test: needs docker`` (``kubernetes``)   run there only, where one answers
``test: static: reason``                  not run: what it names is looked up
``test: desk NAME``                       at which desk the document's commands are typed
``example: name`` and the like            a test of its own runs it, see :data:`OWNERS`
========================================  ==========================================================

What isn't run by the suite is looked up by it: programs, their options, files (:mod:`.lookup`).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.docs.markdown import DATA, PROGRAMS, SHELL

if TYPE_CHECKING:
    from tests.docs.markdown import Block


class How(StrEnum):
    """Who runs a block, and when."""

    RUN = "run"
    STAYS = "stays"
    LONG = "long"
    NEEDS = "needs"
    STATIC = "static"
    OWNED = "owned"
    DATA = "data"


ENGINES = frozenset({"docker", "kubernetes", "postgres", "promtool"})
"""What a block may need that isn't on every machine."""

DESKS = frozenset({"fresh", "running", "dead-letters", "webhooks"})
"""Where the commands of a document are typed; see :mod:`tests.docs.desks`."""

OWNERS = {
    ("README.md", "example"): "tests/repo/test_readme.py",
    ("docs/access.md", "commands"): "tests/api/test_access_docs.py",
    ("docs/api.md", "example"): "tests/api/test_api_doc.py",
    ("docs/drop.md", "example"): "tests/receiver/test_drop_doc.py",
    ("docs/enrichment.md", "commands"): "tests/repo/test_enrichment_doc.py",
    ("docs/enrichment.md", "example"): "tests/repo/test_enrichment_doc.py",
    ("docs/events.md", "example"): "tests/docs/test_events_doc.py",
    ("docs/stores.md", "sh"): "tests/console/test_stores_doc.py",
    ("docs/stores.md", "sql"): "tests/console/test_stores_doc.py",
    ("docs/subscribe.md", "example"): "tests/node/test_subscribe_examples.py",
    ("docs/webhooks.md", "example"): "tests/webhooks/test_webhooks_doc.py",
}
"""Which test runs the blocks of a document that carry a mark of this kind (``example: name``)."""


class UnknownTreatmentError(Exception):
    """A block that nobody would run or look up: it needs a mark, or another one."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done with a block.

    ``codes``: how its commands may end.  ``until``: the words that say that it is there.
    ``needs``: the engine.  ``environ``: what a long one is run with.  ``owner``: the test.
    """

    how: How
    codes: frozenset[int] = frozenset({0})
    until: str = ""
    needs: str = ""
    reason: str = ""
    owner: str = ""
    environ: dict[str, str] = field(default_factory=dict)


FORMS = (
    (re.compile(r'stays until "(?P<until>[^"]+)"'), How.STAYS),
    (re.compile(r"ends with (?P<codes>\d+(?: or \d+)*)"), How.RUN),
    (re.compile(r"long(?: with (?P<environ>.+))?"), How.LONG),
    (re.compile(r"needs (?P<needs>[a-z]+)"), How.NEEDS),
    (re.compile(r"static: (?P<reason>.+)"), How.STATIC),
)


def treatment(block: Block) -> Treatment:
    """What is done with ``block``; :class:`UnknownTreatmentError` where that isn't clear."""
    told = [mark.removeprefix("test: ") for mark in block.marks if mark.startswith("test: ")]
    told = [one for one in told if not one.startswith("desk ")]
    if len(told) > 1:
        raise UnknownTreatmentError(f"{block.place}: two marks that contradict each other: {told}")
    if told:
        return _told(block, told[0])
    owner = owner_of(block)
    if owner:
        return Treatment(How.OWNED, owner=owner)
    if block.language in SHELL:
        return Treatment(How.RUN)
    if block.language in PROGRAMS:
        return Treatment(How.RUN)
    if block.language in DATA:
        return Treatment(How.DATA)
    raise UnknownTreatmentError(
        f"{block.place}: what is in a fence of {block.language or 'no language'!r}? "
        f"Commands are {sorted(SHELL)}, programs {sorted(PROGRAMS)}, the rest {sorted(DATA)}"
    )


def _told(block: Block, told: str) -> Treatment:
    for form, how in FORMS:
        match = form.fullmatch(told)
        if match is not None:
            return _made(block, how, match.groupdict())
    raise UnknownTreatmentError(f"{block.place}: no such mark: test: {told}")


def _made(block: Block, how: How, given: dict[str, str | None]) -> Treatment:
    needs = given.get("needs") or ""
    if needs and needs not in ENGINES:
        raise UnknownTreatmentError(
            f"{block.place}: needs {needs}: only {sorted(ENGINES)} are known"
        )
    codes = re.findall(r"\d+", given.get("codes") or "0")
    pairs = [word.partition("=") for word in shlex.split(given.get("environ") or "")]
    return Treatment(
        how,
        codes=frozenset(map(int, codes)),
        until=given.get("until") or "",
        needs=needs,
        reason=given.get("reason") or "",
        environ={name: value for name, _, value in pairs},
    )


def owner_of(block: Block) -> str:
    """The test file that runs a block with a mark like ``example: name``; empty: none."""
    for mark in block.marks:
        kind = mark.partition(":")[0]
        if (block.document, kind) in OWNERS:
            return OWNERS[block.document, kind]
    return ""


def mark_name(block: Block) -> str:
    """``name`` of the mark ``example: name``."""
    return next((mark.partition(": ")[2] for mark in block.marks if ": " in mark), "")


def desk_of(blocks: tuple[Block, ...]) -> str:
    """The desk at which a document's commands are typed."""
    told = [
        mark.removeprefix("test: desk ")
        for block in blocks
        for mark in block.marks
        if mark.startswith("test: desk ")
    ]
    if len(set(told)) > 1 or set(told) - DESKS:
        raise UnknownTreatmentError(f"one desk of {sorted(DESKS)} for a document, not {told}")
    return told[0] if told else ""
