"""A process that runs an ingest desk on a folder; ``python -m tests.ingest.lock_holder INBOX``.

It writes a line when it waits, when it owns the folder and when it has
published something, and runs until it is stopped.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from services.observability import configure
from tests.ingest.desk_kit import MemoryBus, assemble, make_settings, read

if __name__ == "__main__":
    from services.ingest.desk import IngestDesk

    settings = make_settings(
        Path(sys.argv[1]), settle_time=0.0, scan_interval=0.05, log_format="json"
    )
    configure(settings, "ingest", sys.stdout)
    desk = IngestDesk(settings, MemoryBus(), read, assemble)
    asyncio.run(desk.run(asyncio.Event(), asyncio.Event()))
