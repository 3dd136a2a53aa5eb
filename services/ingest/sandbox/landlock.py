"""Landlock, Linux's way for a process to give up what it may touch, by its system calls.

Numbers are those of <linux/landlock.h> and, equal on every architecture, <asm-generic/unistd.h>.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1 << 0
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3

_FILE_RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))
"""From which version on there are how many rights over files (13: up to making device nodes;
then moving between folders, truncating, ioctl)."""

_NET_VERSION, _NET_RIGHTS = 4, 0b11
"""Binding and connecting TCP sockets."""

_SCOPE_VERSION, _SCOPES = 6, 0b11
"""No abstract Unix socket and no signal to a process outside."""


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("net", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


class _Calls:
    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.syscall.restype = ctypes.c_long

    def call(self, number: int, *arguments: object) -> int:
        result: int = self._libc.syscall(ctypes.c_long(number), *arguments)
        return result

    def give_up_privileges(self) -> bool:
        zero = ctypes.c_ulong(0)
        one = ctypes.c_ulong(1)
        return bool(self._libc.prctl(_PR_SET_NO_NEW_PRIVS, one, zero, zero, zero) == 0)


def version() -> int:
    """Which version of Landlock the kernel has; 0: none."""
    if sys.platform != "linux":
        return 0
    return max(0, _Calls().call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def restrict(readable: Iterable[Path]) -> int:
    """From now on read below the folders ``readable`` only, and connect to nothing.

    What is open stays open.  Gives the kernel's version of Landlock; 0: nothing was done,
    for there is none.
    """
    found = version()
    if not found:
        return 0
    calls = _Calls()
    ruleset = calls.call(_CREATE_RULESET, *_ruleset(found))
    if ruleset < 0:
        return 0
    try:
        for folder in readable:
            _allow(calls, ruleset, folder)
        done = calls.give_up_privileges()
        done = done and calls.call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0
    finally:
        os.close(ruleset)
    return found if done else 0


def _ruleset(found: int) -> tuple[object, ...]:
    """What is forbidden unless a rule allows it, as far as this version knows it."""
    rights = max(count for since, count in _FILE_RIGHTS if found >= since)
    rules = _Ruleset(
        files=(1 << rights) - 1,
        net=_NET_RIGHTS if found >= _NET_VERSION else 0,
        scopes=_SCOPES if found >= _SCOPE_VERSION else 0,
    )
    # Kernels that don't know the later fields take them as long as they are zero.
    return ctypes.byref(rules), ctypes.c_size_t(ctypes.sizeof(rules)), ctypes.c_uint32(0)


def _allow(calls: _Calls, ruleset: int, folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = _PathBeneath(allowed=_READ_FILE | _READ_DIR, descriptor=descriptor)
        calls.call(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(descriptor)
