"""Settings that can't be read: nothing else can be looked at then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.console.doctor.checks import Check
from services.console.doctor.examining import Result
from services.console.doctor.findings import failure, merged

if TYPE_CHECKING:
    from pydantic import ValidationError

VALID = Check(
    name="settings.valid",
    looks_at="every setting's value",
    limits="fails with the first that can't be; nothing else is looked at then",
    why="No service starts.",
)


def refused(error: ValidationError) -> Result:
    """The result where a setting's value isn't one."""
    findings = []
    for item in error.errors(include_input=False, include_url=False):
        name = f"WIREDESK_{'_'.join(map(str, item['loc'])).upper()}"
        findings.append(
            failure(
                f"{name}: {item['msg']}", f"mend {name}; the README's table says what it may be"
            )
        )
    return Result(VALID, merged(findings, ""), 0.0)
