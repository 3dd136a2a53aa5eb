"""Work that blocks, in threads, and what the disk refuses as an answer."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, TypeVar

from services.bus.errors import Unavailable
from services.ingest.receiver.refused import Refused, no_space, unavailable
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

log = get_logger(__name__)

T = TypeVar("T")

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


async def in_thread(call: Callable[[], T]) -> T:
    """Run ``call``, which blocks, in a thread; a cancellation waits until it has ended.

    What the disk refuses becomes a :class:`Refused`, and a line in the log.
    """
    work = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # The thread works on a descriptor that is closed next.
        await asyncio.wait({work})
        work.exception()  # whatever it was, nobody is there any more to be told
        raise
    except OSError as error:
        log.error("drop.failed", reason=error.strerror or str(error))  # noqa: TRY400  (the disk's)
        raise refused_for(error) from error
    except Unavailable as error:
        log.error("drop.failed", reason=str(error))  # noqa: TRY400  (likewise)
        raise unavailable("uploads can't be noted now; the receiver's log says why") from error


def refused_for(error: OSError) -> Refused:
    """The answer where the disk doesn't do what it should; the log gets the error itself."""
    if error.errno in FULL:
        return no_space()
    if error.errno == errno.EFBIG:
        return Refused(413, "too-large", "the file is too large for the file system here")
    return unavailable("the disk doesn't do what it should now; the receiver's log says why")
