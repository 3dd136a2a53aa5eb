"""Writes the README's table of settings: ``python -m services.settings_doc``.

The table is made from :class:`services.settings.Settings`, between two marker
lines.  ``--check`` writes nothing and ends with 1 where the table is not current.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.fields import FieldInfo

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN = "<!-- settings: made by `make generated` -->"
END = "<!-- end of settings -->"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value == {}:
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


def between(text: str, begin: str, end: str, made: str) -> str:
    """``text`` with ``made`` between its marker lines ``begin`` and ``end``.

    Raises ``ValueError`` where the two markers are not there, once each and in order.
    """
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end) or begin in after or end in after:
        raise ValueError(f"the markers {begin!r} and {end!r} must be there once each, in order")
    return f"{before}{begin}\n{made}\n{end}{after}"


def with_table(text: str) -> str:
    """``text`` with the current table between its markers; raises as :func:`between`."""
    return between(text, BEGIN, END, table())


def keep_current(
    argv: list[str] | None, document: Path, renew: Callable[[str], str], parser: ArgumentParser
) -> int:
    """Write ``document`` as ``renew`` makes it, or with ``--check`` compare it; the exit code."""
    parser.add_argument("--check", action="store_true", help="compare only")
    check: bool = parser.parse_args(argv).check
    text = document.read_text(encoding="utf-8")
    current = renew(text)
    if not check:
        document.write_text(current, encoding="utf-8")
    elif current != text:
        sys.stderr.write(f"the table in {document.name} is not current: run make generated\n")
        return 1
    return 0


def main(argv: list[str] | None = None, readme: Path = README) -> int:
    """Write the table, or with ``--check`` compare it; the exit code."""
    parser = ArgumentParser(prog="python -m services.settings_doc", description=__doc__)
    return keep_current(argv, readme, with_table, parser)


if __name__ == "__main__":
    sys.exit(main())
