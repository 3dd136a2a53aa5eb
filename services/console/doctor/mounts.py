"""What kind of file system a path is on, as the kernel says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SHARES = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre",
        "gpfs", "beegfs", "virtiofs", "vboxsf", "davfs", "fuse.sshfs", "fuse.glusterfs",
        "fuse.s3fs", "fuse.rclone", "fuse.davfs", "fuse.vmhgfs-fuse", "fuse.osxfs", "fuse.grpcfuse",
    }
)  # fmt: skip
"""Types that are reached over a network or from a virtual machine's host: their locks and shared
memory don't hold between machines, and often not between processes."""

UNKNOWN = "an unknown file system"


def type_of(path: Path, mounts: Path) -> str:
    """The type of the file system that holds ``path``; :data:`UNKNOWN` off Linux.

    ``mounts``: a table like /proc/self/mountinfo (see proc(5)).
    """
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return UNKNOWN
    target = path.resolve()
    best, kind = -1, UNKNOWN
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if len(fields) < _POINT + 1 or not rest[0]:
            continue
        point = _plain(fields[_POINT])
        # Of two mounts at one place the later hides the earlier.
        if (target == type(path)(point) or target.is_relative_to(point)) and len(point) >= best:
            best, kind = len(point), rest[0]
    return kind


_POINT = 4
"""Column of the place where it is mounted."""


def _plain(written: str) -> str:
    """A path of the table: spaces, tabs, line breaks and backslashes stand in it as octals."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), written)
