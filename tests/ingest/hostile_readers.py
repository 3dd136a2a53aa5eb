"""Readers that do what a parser does that hostile bytes have taken over, or worse.

The dropped file is a script: each line is one record, ``deed`` or ``deed: argument``.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from schemas.article import ReaderInfo
from services.ingest.readers.base import (
    BadRecord,
    Limits,
    ReadArticle,
    Reader,
    ReaderFault,
    Resume,
    Source,
    Unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from services.ingest.readers.base import Record

INFO = ReaderInfo(name="script", version="1", format="text/x-script")
LIBC = ctypes.CDLL(None)
# Found before anything is given up, as any library has its functions.
C_OPEN, C_READ, C_WRITE, C_MKDIR = LIBC.open, LIBC.read, LIBC.write, LIBC.mkdir
C_SOCKET, C_CONNECT, C_KILL = LIBC.socket, LIBC.connect, LIBC.kill
LINES_A_RECORD = 1000

if hasattr(sys.modules["__main__"], "LIBRARIES"):
    # In a reading process: scripts need none of what reads news, which takes most of its start.
    vars(sys.modules["__main__"])["LIBRARIES"] = ()


def article(position: int, headline: str, *body: str, checkpoint: str | None = None) -> ReadArticle:
    return ReadArticle(position, headline, body, INFO, checkpoint=checkpoint)


class Script(Reader):
    """Can go on after any line."""

    name = "script"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:
        return name.endswith(".script") and bool(head)

    def read(self, source: Source) -> Iterator[Record]:
        yield from self.resume(source, Resume(0, "0"))

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        with source.open() as stream:
            stream.seek(int(resume.checkpoint or 0))
            refuse = resume.refuse
            for position in itertools.count(resume.position + 1):
                line = stream.readline()
                if not line:
                    return
                checkpoint = str(stream.tell())
                if refuse:
                    yield BadRecord(position, refuse, "Leave it.", checkpoint=checkpoint)
                else:
                    yield from do(line.decode().strip(), position, checkpoint)
                refuse = None


class OneWay(Script):
    """Must begin at the start each time."""

    def read(self, source: Source) -> Iterator[Record]:
        return Script.resume(self, source, Resume(0, "0"))

    def resume(self, source: Source, resume: Resume) -> Iterator[Record]:
        return Reader.resume(self, source, resume)


def do(line: str, position: int, checkpoint: str) -> Iterator[Record]:
    deed, _, argument = line.partition(": ")
    result = DEEDS[deed](argument)
    if deed == "position":
        position = int(argument)
    headline, *body = result if isinstance(result, list) else [str(result)]
    yield article(position, headline, *body, checkpoint=checkpoint)


def read_script(
    source: Source, limits: Limits, resume: Resume | None = None
) -> Generator[Record, None, None]:
    reader = OneWay(limits) if source.name.startswith("oneway") else Script(limits)
    yield from reader.read(source) if resume is None else reader.resume(source, resume)


def read_lines(
    source: Source, _limits: Limits, _resume: Resume | None = None
) -> Generator[Record, None, None]:
    """One article for every thousand lines."""
    with source.open() as stream:
        for position in itertools.count(1):
            lines = list(itertools.islice(stream, LINES_A_RECORD))
            if not lines:
                return
            yield article(position, f"{len(lines)} lines", lines[0].decode().strip())


def read_many(
    source: Source, _limits: Limits, _resume: Resume | None = None
) -> Generator[Record, None, None]:
    """As many articles as the file says, of about the length that news have."""
    with source.open() as stream:
        count = int(stream.read())
    for position in range(1, count + 1):
        yield article(
            position, f"Ferry {position} sails again", *["The harbour office says. " * 16] * 8
        )


def refuse_to_start() -> NoReturn:
    raise AssertionError("the module has no such function")


def hang(_argument: str) -> NoReturn:
    while True:
        pass


def hang_in_c(_argument: str) -> bool:
    """One call that holds the interpreter's lock for longer than the world lasts."""
    return re.match(r"(a+)+$", "a" * 64 + "b") is not None


def eat(_argument: str) -> NoReturn:
    kept = []
    while True:
        kept.append(bytearray(b"x" * (4 << 20)))


def eat_in_one_piece(argument: str) -> int:
    return len(bytearray(int(argument)))


def segfault(_argument: str) -> bytes:
    return ctypes.string_at(0)


def write(path: str) -> int:
    return Path(path).write_text("hacked")


def write_in_c(path: str) -> int:
    descriptor = C_OPEN(path.encode(), os.O_WRONLY | os.O_CREAT, 0o600)
    return int(C_WRITE(descriptor, b"hacked", 6))


def make_folder(path: str) -> None:
    Path(path).mkdir()


def make_folder_in_c(path: str) -> int:
    return int(C_MKDIR(path.encode(), 0o700))


def read(path: str) -> str:
    return Path(path).read_text()


def read_in_c(path: str) -> str:
    buffer = ctypes.create_string_buffer(1000)
    descriptor = C_OPEN(path.encode(), os.O_RDONLY)
    return buffer.raw[: max(0, C_READ(descriptor, buffer, 1000))].decode()


def entries(path: str) -> list[str]:
    return ["entries", *os.listdir(path)]  # noqa: PTH208  (the plain call is the audited one)


def connect(port: str) -> None:
    socket.create_connection(("127.0.0.1", int(port)), timeout=5).sendall(b"hello")


def connect_in_c(port: str) -> int:
    descriptor = C_SOCKET(socket.AF_INET, socket.SOCK_STREAM, 0)
    address = struct.pack("=H", socket.AF_INET) + struct.pack("!HI8x", int(port), 0x7F000001)
    result = int(C_CONNECT(descriptor, address, len(address)))
    os.close(descriptor)
    return result


def datagram(port: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        return out.sendto(b"hello", ("127.0.0.1", int(port)))


def resolve(name: str) -> object:
    return socket.getaddrinfo(name, 80)


def signal_parent(_argument: str) -> None:
    os.kill(os.getppid(), signal.SIGUSR1)


def signal_parent_in_c(_argument: str) -> int:
    return int(C_KILL(os.getppid(), signal.SIGUSR1))


class Unprintable(Exception):  # noqa: N818  (its name is its nature)
    def __str__(self) -> str:
        raise ValueError("no text")


ODD = (
    KeyError("id"),
    RecursionError("too deep"),
    StopIteration(7),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid \udcff byte"),
    Unprintable(),
    AssertionError("a \x00 and a \x1b[31m"),
    ExceptionGroup("many", [ValueError("one")]),
)
ENDING = (SystemExit(3), KeyboardInterrupt(), GeneratorExit())


def throw(number: str) -> NoReturn:
    raise (*ODD, *ENDING)[int(number)]


def refuse(reason: str) -> NoReturn:
    raise Unreadable(reason, "Drop it again.")


def refuse_for(reason: str) -> NoReturn:
    """As a reader refuses a file of which its library said what is wrong."""
    raise Unreadable(reason, "Drop it again.") from ValueError("bad byte at 3")


def fault_behind(reason: str) -> NoReturn:
    raise ReaderFault(reason, "Drop it again.") from ZeroDivisionError("in the depth")


def fail(number: str) -> NoReturn:
    raise OSError(int(number), os.strerror(int(number)))


def fail_without_number(message: str) -> NoReturn:
    raise OSError(message)


def print_much(_argument: str) -> str:
    print("x" * 1_000_000)  # noqa: T201  (the deed)
    print("x" * 1_000_000, file=sys.stderr)  # noqa: T201
    os.write(1, b"y" * 100)
    return "printed"


def channel() -> int:
    """The descriptor of the socket to ingest."""
    return next(
        number
        for number in range(3, 64)
        if _exists(number) and stat.S_ISSOCK(os.fstat(number).st_mode)
    )


def _exists(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def send_raw(text: str) -> str:
    r"""Send bytes as they stand, ``\\x`` escapes and all."""
    os.write(channel(), text.encode().decode("unicode_escape").encode("latin-1"))
    time.sleep(60)
    return "not noticed"


def send_frame(text: str) -> str:
    r"""``kind payload``: a well-framed message, of which the payload is hostile."""
    kind, _, payload = text.partition(" ")
    os.write(channel(), struct.pack("!IB", len(payload.encode()), int(kind)) + payload.encode())
    time.sleep(60)
    return "not noticed"


def hang_up(_argument: str) -> None:
    os.close(channel())
    time.sleep(60)


def sleep(seconds: str) -> str:
    time.sleep(float(seconds))
    return "slept"


def once(path: str) -> str:
    """Ends a process that has worked on another record before, and only such a one."""
    if DONE:
        os._exit(7)
    return path


def more_memory(argument: str) -> int:
    KEPT.append(bytearray(b"x" * int(argument)))
    return len(KEPT)


def say(text: str) -> str:
    DONE.append(text)
    return text


def raise_limits(_argument: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


DONE: list[str] = []
KEPT: list[bytearray] = []
DEEDS: dict[str, Callable[[str], object]] = {
    "say": say,
    "position": say,
    "once": once,
    "keep": more_memory,
    "process": lambda _: str(os.getpid()),
    "environment": lambda _: [
        "environment",
        *(f"{key}={value}" for key, value in os.environ.items()),
    ],
    "folder": lambda _: Path.cwd(),
    "descriptors": lambda _: ["open", *(str(number) for number in range(64) if _exists(number))],
    "hang": hang,
    "hang in C": hang_in_c,
    "sleep": sleep,
    "eat": eat,
    "eat in one piece": eat_in_one_piece,
    "segfault": segfault,
    "abort": lambda _: os.abort(),
    "exit": lambda code: os._exit(int(code)),
    "terminate": lambda _: signal.raise_signal(signal.SIGTERM),
    "interrupt": lambda _: signal.raise_signal(signal.SIGINT),
    "write": write,
    "write in C": write_in_c,
    "make folder": make_folder,
    "make folder in C": make_folder_in_c,
    "read": read,
    "read in C": read_in_c,
    "entries": entries,
    "connect": connect,
    "connect in C": connect_in_c,
    "datagram": datagram,
    "resolve": resolve,
    "bind": lambda port: socket.create_server(("127.0.0.1", int(port))),
    "run": lambda command: subprocess.run([command], check=False),
    "fork": lambda _: os.fork(),
    "system": os.system,
    "load library": ctypes.CDLL,
    "signal parent": signal_parent,
    "signal parent in C": signal_parent_in_c,
    "raise limits": raise_limits,
    "throw": throw,
    "refuse": refuse,
    "refuse for": refuse_for,
    "fault": fault_behind,
    "fail": fail,
    "fail without number": fail_without_number,
    "print": print_much,
    "huge": lambda size: ["huge", "x" * int(size)],
    "surrogate": lambda _: "a lone \udcff",
    "nul": lambda _: "a \x00",
    "send raw": send_raw,
    "send frame": send_frame,
    "hang up": hang_up,
    "standard input": lambda _: sys.stdin.read(),
}
