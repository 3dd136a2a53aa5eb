"""Regular expressions mean the same in every Python that is supported.

Before 3.11.5 a possessive quantifier behind a group forgot what the group had tried: ``(?:a|b)*+``
went past where it had to stop.  Debian 12 has 3.11.2, and no XML was read there.  An atomic group
with the quantifier, ``(?>a|b)*+``, is right in all of them.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


BEHIND_A_GROUP = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+")


def groups(pattern: str) -> Iterator[tuple[str, str]]:
    """Each group of ``pattern`` with what opens it, and what stands behind its end."""
    opened: list[int] = []
    in_class = False
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
        elif in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
            at += pattern.startswith(("[^]", "[]"), at) + pattern.startswith("[^]", at)
        elif sign == "(":
            opened.append(at)
        elif sign == ")" and opened:
            yield pattern[opened.pop() : at + 1], pattern[at + 1 :]
        at += 1


def misread(pattern: str) -> list[str]:
    """The groups of ``pattern`` that an early 3.11 would go past."""
    return [
        group
        for group, behind in groups(pattern)
        if BEHIND_A_GROUP.match(f"){behind}") and not group.startswith("(?>")
    ]


def texts(source: str) -> Iterator[str]:
    """Every constant that may be a part of a regular expression."""
    if not BEHIND_A_GROUP.search(source):
        return  # most files: nothing is parsed in vain
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            if "(?" in text:
                yield text


@pytest.mark.parametrize("folder", ["schemas", "services"])
def test_no_group_is_possessive_unless_it_is_atomic(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {group}"
        for path in (ROOT / folder).rglob("*.py")
        for text in texts(path.read_text("utf-8"))
        for group in misread(text)
    }
    assert found == set()


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        (r"(?:a|b)*+", ["(?:a|b)"]),
        (r"x(?P<one>a|b)?+", ["(?P<one>a|b)"]),
        (r"(?:ab?c){2,5}+z", ["(?:ab?c)"]),
        (r"(?>(?:[^)]|\))*+x)*+", [r"(?:[^)]|\))"]),
        (r"(?>a|b)*+ (?:a++|b)* [()*+]*+ \)++ (?:[\](]++)", []),
        (r"(?:a)* +", []),
    ],
)
def test_the_look_for_them_would_find_one(pattern: str, wrong: list[str]) -> None:
    re.compile(pattern)
    assert misread(pattern) == wrong
