"""Every link leads to a file and a heading that are there; the index names every document."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from services.settings import Settings
from tests.docs.markdown import document, documents, parsed, slug_of
from tests.docs.names import compose_variables, settings_named
from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "docs/README.md"
OUTSIDE = ("http://", "https://", "mailto:")


def target(name: str, link: str) -> tuple[str, str]:
    """The file (below the repository) and the heading that a link of a document leads to."""
    path, _, anchor = link.partition("#")
    if not path:
        return name, anchor
    parts: list[str] = []
    for part in (*PurePosixPath(name).parent.parts, *PurePosixPath(path).parts):
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts), anchor


def broken(name: str) -> list[str]:
    """The links of a document that lead nowhere."""
    found = []
    for link in document(name).links:
        if link.startswith(OUTSIDE):
            continue
        path, anchor = target(name, link)
        if not (ROOT / path).exists():
            found.append(f"{link}: no such file")
        elif anchor and path.endswith(".md") and anchor not in document(path).anchors:
            found.append(f"{link}: no such heading")
    return found


@pytest.mark.parametrize("name", documents())
def test_every_link_of_a_document_leads_somewhere(name: str) -> None:
    assert broken(name) == []


def test_the_index_names_every_document() -> None:
    named = {target(INDEX, link)[0] for link in document(INDEX).links}
    assert set(documents()) - named - {INDEX} == set()


def test_every_document_begins_with_its_title() -> None:
    for name in documents():
        assert (ROOT / name).read_text(encoding="utf-8").startswith("# "), name


@pytest.mark.parametrize("name", documents())
def test_every_setting_that_a_document_names_is_one(name: str) -> None:
    """Or a variable of docker-compose.yml, of the tests, or of the Makefile."""
    known = {f"WIREDESK_{field.upper()}" for field in Settings.model_fields}
    text = (ROOT / name).read_text(encoding="utf-8")
    assert settings_named(text) - known - compose_variables() == set()


def test_anchors_are_made_as_github_makes_them() -> None:
    headings = ("One `two`, three!", "Same", "Same", "`wiredesk doctor`")
    text = "".join(f"# {heading}\n\n" for heading in headings) + "[a](#same-1) ![p](p.svg)\n"
    made = parsed("x.md", text)
    assert made.anchors == {"one-two-three", "same", "same-1", "wiredesk-doctor"}
    assert made.links == ("#same-1", "p.svg")
    assert slug_of("/livez, /readyz") == "livez-readyz"


def test_a_link_is_followed_from_where_it_stands() -> None:
    assert target("docs/a.md", "b.md#c") == ("docs/b.md", "c")
    assert target("docs/a.md", "../README.md") == ("README.md", "")
    assert target("docs/a.md", "#here") == ("docs/a.md", "here")


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda p: p.name)
def test_a_picture_can_be_drawn_and_says_in_words_what_it_shows(picture: Path) -> None:
    root = ET.parse(picture).getroot()  # noqa: S314  (our own file)
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg"
    assert root.get("viewBox")
    assert (root.findtext(f"{space}desc") or "").strip()
