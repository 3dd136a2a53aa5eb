"""The check of the receiver's settings: who may send, and who could read the keys."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking, Unavailable
from services.console.doctor.checks import LocalCheck
from services.console.doctor.findings import Finding, failure, merged, ok, warning

if TYPE_CHECKING:
    from pathlib import Path

    from services.console.doctor.checks import Surroundings
    from services.settings import Settings


def _look(scene: Surroundings) -> Finding:
    settings = scene.settings
    files = (settings.drop_tokens_file, settings.drop_s3_keys_file)
    default = type(settings).model_fields["drop_host"].default
    if not settings.drop and files == (None, None) and settings.drop_host == default:
        return ok("no receiver is asked for")
    from services.ingest.receiver.admission import check_address  # noqa: PLC0415  (only where asked)

    try:
        _, address = check_address(settings)
        senders = _senders(settings)
    except (StopWorking, Unavailable) as error:
        return failure(
            str(error), "mend it; the receiver doesn't start like this. See docs/drop.md"
        )
    findings = [] if settings.drop_s3_keys_file is None else _readable(settings.drop_s3_keys_file)
    return merged(findings, f"the receiver listens on {address}; {senders} senders")


def _senders(settings: Settings) -> int:
    """How many tokens and keys there are. Raises ``StopWorking`` and ``Unavailable``."""
    from services.ingest.receiver import keys  # noqa: PLC0415  (see _look)

    count = 0
    for path, reader in (
        (settings.drop_tokens_file, keys.tokens_in),
        (settings.drop_s3_keys_file, keys.keys_in),
    ):
        if path is not None:
            count += len(reader(keys.read_text(path), path))
    return count


def _readable(path: Path) -> list[Finding]:
    if not path.stat().st_mode & stat.S_IROTH:
        return []
    return [
        warning(
            f"everybody on this machine may read {path}, which holds the secrets of S3 clients",
            f"chmod o-r {path}",
        )
    ]


CHECKS = (
    LocalCheck(
        name="settings.receiver",
        looks_at="the receiver's address, its files of tokens and of S3 keys, and who may read the "
        "latter",
        limits="fails where the receiver would not start; warns where everybody may read the keys",
        why="Senders find a receiver that is away, or more people than they hope can send.",
        look=_look,
    ),
)
