"""Writes the README's table of settings: ``python -m services.settings_doc``.

The table is made from :class:`services.settings.Settings`, between two marker
lines.  ``--check`` writes nothing and ends with 1 where the table is not current.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from services.settings import Settings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- settings: made by `make generated` -->"
END = "<!-- end of settings -->"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"  # as the environment variable is written
    if isinstance(value, float):
        return f"`{value:g}`" if value < 1e6 else f"`{value:.0f}`"  # noqa: PLR2004  # 1e+06 reads badly
    return f"`{value}`"


def table() -> str:
    """The settings as a Markdown table, in the order of the class."""
    prefix = Settings.model_config["env_prefix"]
    rows = [
        f"| `{prefix}{name.upper()}` | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows])


def with_table(text: str) -> str:
    """``text`` with the current table between its markers.

    Raises ``ValueError`` where the two markers are not there, once each and in order.
    """
    before, found, rest = text.partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not (found and found_end) or BEGIN in after or END in after:
        raise ValueError(f"the markers {BEGIN!r} and {END!r} must be there once each, in order")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(argv: list[str] | None = None, readme: Path = README) -> int:
    """Write the table, or with ``--check`` compare it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.settings_doc", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check: bool = parser.parse_args(argv).check
    text = readme.read_text(encoding="utf-8")
    current = with_table(text)
    if not check:
        readme.write_text(current, encoding="utf-8")
    elif current != text:
        sys.stderr.write(f"the settings in {readme.name} are not current: run make generated\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
