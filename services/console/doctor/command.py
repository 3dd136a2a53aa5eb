"""The ``wiredesk doctor`` command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from pydantic import ValidationError

from services import observability
from services.console.options import AsJson, Inbox, fail, plain_console, settings_of
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.console.doctor.checks import Check
    from services.console.doctor.examining import Result

Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="CHECK",
        help="Only this check, e.g. server.memory, or this area, e.g. folders. May be repeated.",
    ),
]


def doctor(inbox: Inbox = None, only: Only = None, as_json: AsJson = False) -> None:  # noqa: FBT002  (typer's way to say a flag)
    """Look at everything that a desk needs, and say what to do where something isn't right.

    Ends with 0 when all is ok, 1 with warnings, 2 with failures, 3 when something could not be
    looked at, as monitoring plugins do. Nothing is changed; trial files and keys are removed again.
    """
    from services.console.doctor.catalogue import NoSuchCheck, chosen  # noqa: PLC0415  (help needs none)
    from services.console.doctor.show import as_document, exit_code, show  # noqa: PLC0415

    try:
        results = _results(inbox, chosen(only or ()))
    except NoSuchCheck as error:
        fail(str(error), 3)
    if as_json:
        print(orjson.dumps(as_document(results)).decode())  # noqa: T201  (a console's output)
    else:
        show(results, plain_console())
    code = exit_code(results)
    if code:
        raise typer.Exit(code)


def _results(inbox: Path | None, checks: Sequence[Check]) -> list[Result]:
    from services.console.doctor.checks import Surroundings  # noqa: PLC0415  (see above)
    from services.console.doctor.examining import examine  # noqa: PLC0415
    from services.console.doctor.valid import refused  # noqa: PLC0415

    # What libraries log while they are tried is told by the findings.
    observability.configure(Settings.model_construct(log_level="ERROR"), "doctor")
    try:
        settings = settings_of(inbox)
    except ValidationError as error:
        return [refused(error)]
    return examine(checks, Surroundings(settings))
