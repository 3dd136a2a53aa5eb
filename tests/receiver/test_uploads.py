"""Taking uploads in: limits, places, and the same upload once more."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services.ingest.receiver import uploads as uploads_module
from services.ingest.receiver.book import Upload
from services.ingest.receiver.refused import Refused
from services.ingest.receiver.threads import in_thread
from services.ingest.receiver.uploads import REPEAT_MS, Seats, Wanted
from tests.receiver.kit import STORY, Hall, Sent, take

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PUT = Wanted("wire", "story.html", target="story.html")
KEYED = Wanted("wire", "story.html", key="k1")


def refusal(hall: Hall, wanted: Wanted, *pieces: bytes) -> tuple[int, str]:
    """Status and kind with which an upload is refused; nothing is left of it."""
    before = hall.files()
    with pytest.raises(Refused) as raised:
        take(hall.uploads, wanted, *pieces)
    assert hall.files() == before
    assert hall.hidden() == []
    return raised.value.refusal.status, raised.value.refusal.kind


def test_an_upload_is_in_the_inbox_and_in_the_book_when_it_is_answered(hall: Hall) -> None:
    taken = take(hall.uploads, Wanted("wire", "story.html"), STORY[:5], STORY[5:])
    upload = taken.upload
    assert hall.files() == {upload.file: STORY}
    assert hall.book.find(upload.id) == upload
    assert upload.sha256 == hashlib.sha256(STORY).hexdigest()
    assert (upload.size, upload.sender, upload.received_at) == (len(STORY), "wire", hall.now)
    assert hall.hidden() == []


def test_many_megabytes_come_out_as_they_went_in(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_module, "WRITE_BYTES", 1000)
    pieces = [bytes([number]) * 333 for number in range(100)]
    taken = take(hall.uploads, Wanted("wire", "big.bin"), *pieces)
    assert hall.files() == {taken.upload.file: b"".join(pieces)}


def test_two_uploads_of_one_name_are_two_files(hall: Hall) -> None:
    one = take(hall.uploads, Wanted("wire", "story.html"), STORY)
    two = take(hall.uploads, Wanted("wire", "story.html"), STORY)
    assert not two.repeated
    assert sorted(hall.files()) == sorted([one.upload.file, two.upload.file])


# --- limits ---------------------------------------------------------------------------------
def test_a_file_that_is_too_large_is_refused_before_it_comes_where_that_was_said(
    hall_of: Callable[..., Hall],
) -> None:
    hall = hall_of(drop_max_bytes=100)
    wanted = Wanted("wire", "story.html", length=101)

    class Untouched(Sent):
        def __aiter__(self) -> Any:
            raise AssertionError("it must not be read")

    with pytest.raises(Refused) as raised:
        asyncio.run(hall.uploads.take(wanted, Untouched()))
    assert raised.value.refusal.status == 413


def test_a_file_that_turns_out_too_large_is_refused_while_it_comes(
    hall_of: Callable[..., Hall],
) -> None:
    hall = hall_of(drop_max_bytes=100)
    assert refusal(hall, Wanted("wire", "a"), b"x" * 60, b"x" * 60) == (413, "too-large")
    take(hall.uploads, Wanted("wire", "a"), b"x" * 60, b"x" * 40)


def test_fewer_or_more_bytes_than_announced_are_refused(hall: Hall) -> None:
    assert refusal(hall, Wanted("wire", "a", length=10), b"x" * 9) == (400, "bad-request")
    assert refusal(hall, Wanted("wire", "a", length=10), b"x" * 11) == (400, "bad-request")


def test_an_empty_file_is_refused(hall: Hall) -> None:
    assert refusal(hall, Wanted("wire", "a")) == (400, "bad-request")


def test_nothing_is_taken_while_the_inbox_is_away(hall_of: Callable[..., Hall]) -> None:
    assert refusal(hall_of(marked=False), PUT, STORY) == (503, "unavailable")


def test_a_sender_who_goes_away_leaves_nothing(hall: Hall) -> None:
    class Cut(Sent):
        def __aiter__(self) -> Any:
            return self._some()

        async def _some(self) -> AsyncIterator[bytes]:
            yield STORY
            raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(hall.uploads.take(PUT, Cut()))
    assert hall.files() == {}
    assert hall.hidden() == []


# --- places ----------------------------------------------------------------------------------
def test_one_sender_gets_half_of_the_places() -> None:
    seats = Seats(4)
    with seats.one("wire"), seats.one("wire"):
        with pytest.raises(Refused) as raised, seats.one("wire"):
            pass
        assert raised.value.refusal.status == 503
        assert "of one sender" in raised.value.refusal.detail
        assert raised.value.refusal.headers["retry-after"]
        with (
            seats.one("photo"),
            seats.one("photo"),
            pytest.raises(Refused, match=r"at once$"),
            seats.one("third"),
        ):
            pass
    with seats.one("wire"), seats.one("wire"):
        pass


def test_one_place_is_enough_for_one_sender() -> None:
    with Seats(1).one("wire"):
        pass


def test_uploads_beyond_the_places_are_told_to_come_again(hall_of: Callable[..., Hall]) -> None:
    hall = hall_of(drop_uploads=1)

    async def both() -> None:
        first_reads = asyncio.Event()

        class Slow(Sent):
            def __aiter__(self) -> Any:
                return self._some()

            async def _some(self) -> AsyncIterator[bytes]:
                yield STORY
                with pytest.raises(Refused) as raised:
                    await hall.uploads.take(replace(PUT, sender="photo"), Sent(STORY))
                assert raised.value.refusal.kind == "busy"
                first_reads.set()

        await hall.uploads.take(PUT, Slow())
        assert first_reads.is_set()
        await hall.uploads.take(replace(PUT, sender="photo"), Sent(STORY))

    asyncio.run(both())
    assert len(hall.files()) == 2


# --- keys -------------------------------------------------------------------------------------
def test_the_same_key_and_bytes_are_the_same_upload(hall_of: Callable[..., Hall]) -> None:
    hall = hall_of()
    one = take(hall.uploads, KEYED, STORY)
    again = take(hall.uploads, KEYED, STORY[:3], STORY[3:])
    assert (again.upload, again.repeated) == (one.upload, True)
    assert list(hall.files()) == [one.upload.file]
    hall.settle(one.upload.file)
    hall.close()
    restarted = hall_of(marked=False)
    restarted.now += 10 * REPEAT_MS
    assert take(restarted.uploads, KEYED, STORY).upload == one.upload
    assert restarted.files() == {}


def test_the_same_key_with_other_bytes_is_refused(hall: Hall) -> None:
    take(hall.uploads, KEYED, STORY)
    assert refusal(hall, KEYED, STORY.upper()) == (422, "key-reused")
    assert refusal(hall, replace(KEYED, length=1), b"x") == (422, "key-reused")


def test_a_key_is_each_senders_own(hall: Hall) -> None:
    one = take(hall.uploads, KEYED, STORY)
    other = take(hall.uploads, replace(KEYED, sender="photo"), b"something else")
    assert one.upload.id != other.upload.id


def test_of_two_at_once_with_one_key_the_second_waits_its_turn(hall: Hall) -> None:
    async def both() -> None:
        class Slow(Sent):
            def __aiter__(self) -> Any:
                return self._some()

            async def _some(self) -> AsyncIterator[bytes]:
                with pytest.raises(Refused) as raised:
                    await hall.uploads.take(KEYED, Sent(STORY))
                assert raised.value.refusal.status == 409
                yield STORY

        await hall.uploads.take(KEYED, Slow())
        assert (await hall.uploads.take(KEYED, Sent(STORY))).repeated

    asyncio.run(both())
    assert len(hall.files()) == 1


@pytest.mark.parametrize("same", [True, False])
def test_a_key_that_another_receiver_used_meanwhile_counts(hall: Hall, *, same: bool) -> None:
    """It isn't in the book when the upload begins, and is when it ends."""
    other = Upload(
        "a" * 20,
        "story~a.html",
        "wire",
        len(STORY),
        hashlib.sha256(STORY if same else b"").hexdigest(),
        hall.now,
        key="k1",
    )

    class Meanwhile(Sent):
        def __aiter__(self) -> Any:
            hall.book.add(other)
            return super().__aiter__()

    if same:
        taken = asyncio.run(hall.uploads.take(KEYED, Meanwhile(STORY)))
        assert (taken.upload, taken.repeated) == (other, True)
    else:
        with pytest.raises(Refused) as raised:
            asyncio.run(hall.uploads.take(KEYED, Meanwhile(STORY)))
        assert raised.value.refusal.status == 422
    assert hall.hidden() == []
    assert hall.files() == {}


# --- PUT once more -----------------------------------------------------------------------------
def test_the_same_bytes_put_under_the_same_name_are_the_same_upload_while_in_work(
    hall: Hall,
) -> None:
    one = take(hall.uploads, PUT, STORY)
    hall.now += 10 * REPEAT_MS
    again = take(hall.uploads, PUT, STORY)
    assert (again.upload, again.repeated) == (one.upload, True)
    assert list(hall.files()) == [one.upload.file]
    assert not take(hall.uploads, replace(PUT, sender="photo"), STORY).repeated
    assert not take(hall.uploads, replace(PUT, target="b.html"), STORY).repeated


def test_and_for_as_long_as_a_client_tries_once_it_is_settled(hall: Hall) -> None:
    one = take(hall.uploads, PUT, STORY)
    hall.settle(one.upload.file, "rejected")
    hall.now += REPEAT_MS - 1
    assert take(hall.uploads, PUT, STORY).upload == one.upload
    hall.now += 1
    later = take(hall.uploads, PUT, STORY)
    assert not later.repeated, "what was refused once may be sent again when that was mended"
    assert list(hall.files()) == [later.upload.file]


def test_an_older_version_that_is_put_again_is_a_new_upload(hall: Hall) -> None:
    one = take(hall.uploads, PUT, STORY)
    take(hall.uploads, PUT, STORY.upper())
    again = take(hall.uploads, PUT, STORY)
    assert not again.repeated
    assert again.upload.id != one.upload.id
    assert len(hall.files()) == 3


# --- threads --------------------------------------------------------------------------------------
def test_a_cancelled_upload_waits_for_the_disk_before_its_file_is_closed() -> None:
    """Else the thread would write to whatever gets the descriptor's number next."""
    order: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        begun, go_on = asyncio.Event(), asyncio.Event()

        def blocks() -> None:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
            order.append("written")

        async def upload() -> None:
            try:
                await in_thread(blocks)
            finally:
                order.append("closed")

        task = asyncio.create_task(upload())
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert order == ["written", "closed"]
