"""The README's table of settings is made from the settings themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.settings import Settings
from services.settings_doc import (
    BEGIN,
    COMPOSE,
    CONTAINERS_OWN,
    END,
    MADE,
    README,
    main,
    passed_on,
    table,
    with_list,
    with_table,
)

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = f"# Desk\n\n{BEGIN}\nold\n{END}\n\nMore.\n"


def test_the_table_in_the_readme_and_the_list_of_compose_are_current() -> None:
    assert main(["--check"]) == 0
    assert set(MADE) == {README, COMPOSE}


def test_compose_hands_each_setting_on_but_for_those_that_are_its_own() -> None:
    """Else one that is given in the environment would have no effect in the containers."""
    names = {line.strip(" :").removeprefix("WIREDESK_").lower() for line in passed_on().split("\n")}
    assert names | CONTAINERS_OWN == set(Settings.model_fields)
    assert not names & CONTAINERS_OWN


def test_a_setting_that_is_new_to_compose_is_refused_until_it_is_made(tmp_path: Path) -> None:
    compose = tmp_path / "docker-compose.yml"
    current = COMPOSE.read_text(encoding="utf-8")
    compose.write_text(current.replace("  WIREDESK_NAMESPACE:\n", ""), encoding="utf-8")
    assert main(["--check"], {compose: with_list}) == 1
    assert main([], {compose: with_list}) == 0
    assert compose.read_text(encoding="utf-8") == current


def test_every_setting_has_one_row_with_its_variable_default_and_description() -> None:
    rows = table().splitlines()[2:]

    assert len(rows) == len(Settings.model_fields)
    for row, (name, field) in zip(rows, Settings.model_fields.items(), strict=True):
        assert row.startswith(f"| `WIREDESK_{name.upper()}` | ")
        assert field.description
        assert row.endswith(f" | {field.description} |")


def test_no_cell_breaks_the_table() -> None:
    assert all(row.count(" | ") == 2 for row in table().splitlines()[2:])


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("REDIS_URL", "not set"),
        ("NAMESPACE", "`news`"),
        ("CLAIM_AFTER", "`30`"),
        ("SETTLE_TIME", "`2`"),
        ("RETAIN_DEAD", "`7776000`"),
        (
            "ANNOTATORS",
            (
                '`["language", "entities", "values", "topics", "quotes", "summary", "duplicates", '
                '"story"]`'
            ),
        ),
    ],
)
def test_defaults_are_written_as_the_variable_takes_them(name: str, default: str) -> None:
    assert f"| `WIREDESK_{name}` | {default} | " in table()


def test_the_shown_default_of_a_list_is_what_the_variable_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    default = Settings.model_fields["annotators"].default
    (row,) = [line for line in table().splitlines() if "WIREDESK_ANNOTATORS" in line]
    monkeypatch.setenv("WIREDESK_ANNOTATORS", row.split("`")[3])

    assert Settings().annotators == default


def test_only_what_is_between_the_markers_is_written(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(EMPTY, encoding="utf-8")

    assert main([], {readme: with_table}) == 0

    assert readme.read_text(encoding="utf-8") == EMPTY.replace("old", table())
    assert main(["--check"], {readme: with_table}) == 0


def test_a_table_that_is_not_current_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(EMPTY, encoding="utf-8")

    assert main(["--check"], {readme: with_table}) == 1

    assert readme.read_text(encoding="utf-8") == EMPTY
    assert "make generated" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ["# Desk\n", f"{BEGIN}\n", f"{END}\n", f"{END}\n{BEGIN}\n", f"{EMPTY}{BEGIN}\n{END}\n"],
)
def test_a_text_without_its_two_markers_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="markers"):
        with_table(text)
