"""Reading runs in child processes with limits: see ``pool`` (ingest's side) and ``child``."""

from services.ingest.readers.base import Progress
from services.ingest.sandbox.pool import Sandbox

__all__ = ["Progress", "Sandbox"]
