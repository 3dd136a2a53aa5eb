"""``wiredesk`` without its start: a process that has imported everything forks for each command.

The documents hold some hundred commands, and each would spend most of a second on imports.  What
runs is the console's own ``main`` in a process of its own, with the arguments, the folder, the
environment and the files of whoever typed it.

:func:`start` begins to serve; :data:`CLIENT` is the program that is put on PATH.
Commands that start processes of their own are handed to the installed ``wiredesk``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from tests.repo.lock_check import ROOT

CLIENT = """#!{python} -SEs
import json, os, socket, sys
if sys.argv[1:2] and sys.argv[1] in {{"up", "run", "serve", "demo"}}:
    os.execv({wiredesk!r}, [{wiredesk!r}, *sys.argv[1:]])
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
asked = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environ": dict(os.environ)}}
asked = json.dumps(asked).encode()
socket.send_fds(line, [len(asked).to_bytes(4, "big")], [0, 1, 2])
line.sendall(asked)
answer = line.makefile("rb").read()
sys.exit(int(answer) if answer else 70)
"""
"""Sends what was asked with its own standard files, and ends as the command did."""

LOADED = (
    "services.console.add",
    "services.console.dead",
    "services.console.doctor.catalogue",
    "services.console.explain",
    "services.console.ledger",
    "services.console.main",
    "services.console.read",
    "services.console.status_watch",
    "services.console.tokens",
    "services.console.webhooks",
    "services.indexer.store.sqlite",
)
"""Imported before anything is asked: what more than one command of the documents needs."""

PATIENCE = 10.0
"""Seconds in which a command has to end at Ctrl-C."""

PUBLIC = "93.184.215.14"
"""An address that anybody may reach: the names of the documentation, below example.org, are
nobody's and lead nowhere; yours would."""


def main() -> NoReturn:
    """Serve until killed."""
    for name in LOADED:
        __import__(name)
    _know_examples()
    # Children are nobody's to wait for: each tells its end itself.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{sys.argv[1]}~")
    listener.listen()
    # It is there once it answers.
    Path(f"{sys.argv[1]}~").rename(sys.argv[1])
    while True:
        line, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _serve(line)
        line.close()


def _know_examples() -> None:
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        example = isinstance(host, str) and host.endswith(".example.org")
        return real(PUBLIC if example else host, *rest, **more)

    socket.getaddrinfo = look_up


def _serve(line: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    size, files, _, _ = socket.recv_fds(line, 4, 3)
    asked = bytearray()
    while len(asked) < int.from_bytes(size, "big"):
        asked += line.recv(65536)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()
    code = _run(json.loads(asked))
    with suppress(OSError):  # whoever typed it is gone
        line.sendall(str(code).encode())
    os._exit(code)


def _end_with(line: socket.socket) -> None:
    """Ctrl-C reaches whoever typed the command, and through it us."""
    if not line.recv(1):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(PATIENCE)
        os._exit(1)


def _run(asked: dict[str, Any]) -> int:
    """The exit code of one command."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environ"])
    sys.argv = ["wiredesk", *asked["arguments"]]
    try:
        _console()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  (what the interpreter does at the end of a program)
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _console() -> None:
    from services.console.main import main as console  # noqa: PLC0415  (it was loaded before)

    console()


def client(address: Path) -> str:
    """The program ``wiredesk`` that asks the server at ``address``."""
    wiredesk = str(Path(sys.executable).with_name("wiredesk"))
    return CLIENT.format(python=sys.executable, wiredesk=wiredesk, address=str(address))


def start(address: Path) -> subprocess.Popen[bytes]:
    """Serve at ``address``, which is there once everything is loaded; whoever starts it ends it."""
    # Not -m: the console would take its name from the module.
    command = [sys.executable, "-c", "from tests.docs.warm import main; main()", str(address)]
    environ = {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"}
    return subprocess.Popen(command, cwd=ROOT, env=environ)
