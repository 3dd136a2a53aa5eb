"""Which store the settings name."""

from __future__ import annotations

import builtins
import sys
from typing import TYPE_CHECKING, Any

import pytest

from services.bus.errors import StopWorking, Unavailable
from services.console import options
from services.indexer.store.opening import open_store, store_exists
from services.indexer.store.postgres import PostgresStore
from services.indexer.store.sqlite import SqliteStore
from services.settings import Settings
from tests import postgres
from tests.conformance.stores import filed, version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def url() -> Iterator[str]:
    made = postgres.new_database()
    yield made
    postgres.recycle(made)


def settings(folder: Path, url: str | None = None) -> Settings:
    return Settings.model_validate({"inbox": folder / "inbox", "store_url": url})


def test_without_a_url_it_is_the_file_of_the_desk(tmp_path: Path) -> None:
    wanted = settings(tmp_path)
    assert not store_exists(wanted)
    with open_store(wanted) as store:
        assert isinstance(store, SqliteStore)
        assert store.path == wanted.store
    assert store_exists(wanted)


def test_with_a_url_it_is_the_server_and_no_file_is_made(tmp_path: Path, url: str) -> None:
    wanted = settings(tmp_path, url)
    assert store_exists(wanted)
    with open_store(wanted) as store:
        assert isinstance(store, PostgresStore)
        assert filed(store, version(1)) == ["indexed"]
    assert not wanted.store.exists()
    with options.open_store(wanted) as shown:
        assert shown.count() == 1


def test_the_commands_open_it_for_reading_only(tmp_path: Path, url: str) -> None:
    with (
        options.open_store(settings(tmp_path, url)) as store,
        pytest.raises(Unavailable, match="no writes"),
    ):
        store.put("token", "a", "{}")


def test_without_the_driver_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("psycopg"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return original(name, *args, **options)

    for module in [name for name in sys.modules if "store.postgres" in name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StopWorking, match=r"wiredesk\[postgres\]"):
        open_store(settings(tmp_path, "postgresql://desk@127.0.0.1:1/desk"))


def test_settings_never_show_the_password(tmp_path: Path) -> None:
    wanted = settings(tmp_path, "postgresql://desk:s3cret@host/desk")
    assert "s3cret" not in repr(wanted)
    assert "s3cret" not in wanted.model_dump_json()
