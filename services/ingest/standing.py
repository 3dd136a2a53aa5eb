"""How the inbox stands, for operators: health, gauges, and how far long files are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services import metrics
from services.bus.sampler import tell_free
from services.bus.vitals import Pulse, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.bus.vitals import Vitals
    from services.ingest.files import Files
    from services.ingest.inbox import Inbox
    from services.ingest.journal import Journal
    from services.ingest.waits import Clock
    from services.ingest.works import Works
    from services.settings import Settings


class Standing:
    """What keeps the desk from its work. Read from any thread, written by one.

    ``pulse`` is beaten by each step of a round, and by each piece of a file that is copied.
    """

    def __init__(self, settings: Settings, clock: Clock, files: Files) -> None:
        self.pulse = Pulse("inbox", settings.handler_timeout)
        self._settings = settings
        self._clock = clock
        self._troubles: Mapping[str, str] = {}
        files.at_work = self.pulse.beat

    def watched(self, vitals: Vitals, owned: Callable[[], bool]) -> None:
        """Let operators ask; ``owned`` tells whether the folder is ours."""
        vitals.watch(self.pulse)
        vitals.ready("folder", lambda: self.verdict(owned=owned()))
        vitals.gauge(self.tell_disks)

    def failed(self, key: str, why: str) -> None:
        """What ``key`` names can't be done now."""
        self._troubles = {**self._troubles, key: why}

    def resumed(self, key: str) -> None:
        """It can be done again."""
        self._troubles = {each: why for each, why in self._troubles.items() if each != key}

    def verdict(self, *, owned: bool) -> Verdict:
        """Whether the folder is ``owned``, and nothing is missing for the work on it."""
        troubles = self._troubles
        if not owned:
            why = troubles.get("start", "another ingest owns the inbox; this one waits")
            return Verdict(ok=False, reason=why)
        return Verdict(not troubles, "; ".join(troubles.values()) or None)

    def tell_disks(self) -> None:
        """Set how much is free for the inbox, the archive and the journal. Raises ``OSError``."""
        ours = self._settings
        folders = {"inbox": ours.inbox, "done": ours.done, "rejected": ours.rejected}
        tell_free({**folders, "state": ours.state})

    def tell_files(self, journal: Journal, inbox: Inbox, is_taken: Callable[[bytes], bool]) -> None:
        """Set how many files wait and are on their way, and how old the oldest is. Blocks."""
        number, first = journal.open_files()
        waiting, longest = inbox.waiting(is_taken, self._clock.monotonic())
        metrics.INBOX_FILES.labels("on_their_way").set(number)
        metrics.INBOX_FILES.labels("waiting").set(waiting)
        taken = 0.0 if first is None else (self._clock.now() - first).total_seconds()
        metrics.INBOX_OLDEST.set(max(0.0, taken, longest))


def progress_of(works: Works, journal: Journal) -> list[dict[str, object]]:
    """How far each long file is. From any thread.

    ``offset`` and ``size`` in bytes; ``settled`` of the ``records`` have an outcome.
    """
    return [
        {
            "file": each.file,
            "drop_id": str(each.drop_id),
            "offset": each.offset,
            "size": each.size,
            "records": each.records,
            "settled": max(0, each.records - journal.waiting(each.drop_id)),
            "since": each.since.isoformat(),
        }
        for each in works.progress()
    ]
