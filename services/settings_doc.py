"""Writes the README's table of settings and docker-compose.yml's list of them.

    python -m services.settings_doc

Both are made from :class:`services.settings.Settings`, between two marker lines.  ``--check``
writes nothing and ends with 1 where one is not current.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN = "<!-- settings: made by `make generated` -->"
END = "<!-- end of settings -->"

COMPOSE = ROOT / "docker-compose.yml"
COMPOSE_BEGIN = "  # settings: made by `make generated`"
COMPOSE_END = "  # end of settings"

CONTAINERS_OWN = frozenset(
    {"inbox", "done_dir", "rejected_dir", "state_dir", "store_path", "store_url"}
)
"""Not handed to every container: folders are where they are mounted, and the store's password is
for those that open the store."""


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


def passed_on() -> str:
    """The settings as Compose hands them on: without a value, each is the environment's own."""
    prefix = Settings.model_config["env_prefix"]
    names = (name for name in Settings.model_fields if name not in CONTAINERS_OWN)
    return "\n".join(f"  {prefix}{name.upper()}:" for name in names)


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


def with_list(text: str) -> str:
    """``text`` of docker-compose.yml with the current list; raises as :func:`between`."""
    return between(text, COMPOSE_BEGIN, COMPOSE_END, passed_on())


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
        sys.stderr.write(f"what is made in {document.name} is not current: run make generated\n")
        return 1
    return 0


MADE: Mapping[Path, Callable[[str], str]] = {README: with_table, COMPOSE: with_list}
"""The documents, each with what renews its text."""


def main(
    argv: list[str] | None = None, documents: Mapping[Path, Callable[[str], str]] = MADE
) -> int:
    """Write the table and the list, or with ``--check`` compare them; the exit code."""
    return max(keep_current(argv, each, renew, _parser()) for each, renew in documents.items())


def _parser() -> ArgumentParser:
    return ArgumentParser(prog="python -m services.settings_doc", description=__doc__)


if __name__ == "__main__":
    sys.exit(main())
