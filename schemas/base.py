"""What every model of the contract has in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, StringConstraints


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A point in time; a zone is required, and it is written in UTC (``…Z``)."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest as 64 lower-case hexadecimal digits."""


class Model(BaseModel):
    """Base of every model that crosses the wire.

    Fields that a reader doesn't know are kept and forwarded (``extra="allow"``):
    an older consumer must not erase what a newer producer wrote.  Models are
    frozen, so that a stage can only add by making a new one.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
