"""How the page's files are served, and what must not be in them; no browser is needed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.indexer.web import FOLDER, INDEX, MEDIA_TYPES, load
from services.settings import Settings
from tests.api.client import asking, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.client import Client

SCRIPTS = sorted(FOLDER.glob("*.js"))
TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = Settings(state_dir=tmp_path_factory.mktemp("page"))
    with serving(settings) as app, asking(app) as opened:
        yield opened


def test_the_page_names_files_that_are_there_by_the_release(client: Client) -> None:
    """They may be kept for ever; the page itself is asked for again."""
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    named = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(named) > 10
    for path in named:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"] == MEDIA_TYPES[Path(path).suffix]


def test_what_the_browser_has_is_not_sent_again(client: Client) -> None:
    etag = client.get("/").headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        assert client.get("/", headers={"If-None-Match": known}).status_code == 304
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_file_without_the_release_is_asked_for_again(client: Client) -> None:
    assert client.get("/static/app.js").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["nothing.js", "../__init__.py", "..%2f__init__.py", "__init__.py", "css", "", "%00", INDEX],
)
def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_another_content_is_another_release(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text('<link href="/static/a.css">')
    (tmp_path / "a.css").write_text("a {}")
    first = load(tmp_path)
    load.cache_clear()
    (tmp_path / "a.css").write_text("b {}")
    assert load(tmp_path).digest != first.digest
    load.cache_clear()


def test_every_module_is_fetched_at_once() -> None:
    """Else the browser learns of each only when it has read the one that imports it."""
    page = (FOLDER / INDEX).read_text()
    named = set(re.findall(r'modulepreload" href="/static/([^"]+)"', page))
    assert named == {path.name for path in SCRIPTS} - {"app.js", "theme.js"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_parses_html_or_text_as_code(path: Path) -> None:
    """Nor does any ask another server for anything."""
    code = path.read_text()
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
    assert not re.search(forbidden, code)
    assert not re.search(r"""(?:fetch|import|from)\s*\(?["']https?:""", code)
    assert not re.search(r"""setAttribute\(["']style""", code)
    assert len(code.splitlines()) < 400


def test_nothing_is_inline() -> None:
    """The policy forbids it, so it wouldn't work."""
    page = (FOLDER / INDEX).read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script>", page)
    for sheet in (FOLDER / "css").glob("*.css"):
        assert not re.search(r"@import|url\(", sheet.read_text()), sheet


def test_the_wheel_has_all_files() -> None:
    """Hatch takes whole packages, and nothing leaves these out."""
    wheel = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert "services" in wheel["targets"]["wheel"]["packages"]
    assert "exclude" not in wheel["targets"]["wheel"]
    ignored = [line for line in (TOP / ".gitignore").read_text().splitlines() if line]
    assert not {"*.js", "*.css", "*.html", "*.svg", "web/"} & set(ignored)
