"""Takes out of an image what no service needs: ``slim.py system`` or ``slim.py packages FOLDER``.

It runs in stages of the Dockerfile whose files are then copied into an empty image, so that
what it removes is in no layer.  ``system`` is for the base (package managers, tools of the
system's start, documents), ``packages`` for a venv (tests, sources in C, debug symbols).  Both
compile what is left: an image that can't be written to couldn't keep bytecode later.

Only Python's own library is used: nothing else is installed where it runs.
"""  # noqa: INP001  (a script; deploy/ is no package)

from __future__ import annotations

import compileall
import os
import py_compile
import re
import shutil
import stat
import subprocess
import sysconfig
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DROPPED = re.compile(
    r"""
    # Package managers, what checks their downloads, and what configures packages.
    apt | libapt-pkg[\d.]+ | dpkg | gpgv | sqv | debian-archive-keyring
    | debconf | libdebconfclient0 | libgnutls30 | libp11-kit0 | libunistring\d+ | libidn2-0
    | libnettle\d+ | libhogweed\d+ | libtasn1-6 | libgcrypt20 | libgpg-error0
    | libseccomp2 | libxxhash0 | perl-base
    # Users, logins, disks and the start of a machine: a container has none of it.
    | adduser | passwd | login | login\.defs | libpam[\w-]* | libsemanage[\w-]* | libsepol\d+
    | util-linux(-extra)? | bsdutils | mount | libmount1 | libfdisk1 | libsmartcols1
    | e2fsprogs | logsave | libext2fs2 | libss2 | sysvinit-utils | init-system-helpers
    | libsystemd0 | libudev1 | hostname
    # Comfort of a terminal; sh, coreutils, grep, sed, find and tar stay for whoever looks inside.
    | bash | ncurses-bin | diffutils | mawk | openssl(-provider-legacy)?
    # What installs Python packages, where Python is Debian's own.
    | python3-(pip|pip-whl|setuptools|setuptools-whl|wheel|pkg-resources|venv|distutils|lib2to3)
    | python3\.\d+-venv
    """,
    re.VERBOSE,
)
"""Debian's packages that no service uses, by name; trixie ends some with ``t64``."""

LEFTOVERS = (
    "var/lib/apt",
    "var/cache/*",
    "var/log/*",
    "usr/share/man/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "usr/share/perl5",
    "usr/share/pixmaps",
    "usr/lib/python3/dist-packages/*",
    "usr/local/include",
    "usr/local/bin/pip*",
    "usr/local/bin/idle*",
    "usr/local/bin/pydoc*",
    "usr/local/bin/2to3*",
    "root/.cache",
)
"""Folders and files that belong to no package, or are documents and translations of many."""

UNUSED_LIBRARY = (
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "test",
    "tkinter",
    "turtledemo",
    "config-*",
    "site-packages/*",
)
"""Parts of Python's library: its own tests, editor and demonstrations, and what pip installed
beside it. The services' packages are in a venv, which sees none of those."""

TESTS = frozenset({"tests", "test"})
"""Folders of a package's own tests."""

SOURCES = frozenset((".c", ".cc", ".cpp", ".h", ".hpp", ".pxd", ".pxi", ".pyx", ".a", ".pyi"))
"""What compilers and type checkers read; not ``.cu``, which thinc reads when it is loaded."""

UNUSED_FILES = ("zstandard/_cffi*.so", "babel/locale-data/*.dat")
"""Single files of packages. zstandard: a second way to the same library, for other Pythons than
CPython. Babel: 29 MB of how each language writes dates and numbers; we read the English names of
currencies, and courlan, which trafilatura brings, takes a locale that isn't there for none."""

USED_FILES = frozenset({"root.dat", "en.dat", "en_US.dat"})
"""Names that stay all the same."""

ELF = b"\x7fELF"

PATCHED = ".libs"
"""How folders end with the libraries that wheels bring along: these were patched in a way that
``strip`` can damage, and have little to take out."""


def slim_system(root: Path, library: Path) -> None:
    """Slim the base in ``root``; ``library`` is where its Python has its own modules."""
    drop_packages(root)
    for pattern in LEFTOVERS:
        remove(root.glob(pattern))
    remove(
        path
        for path in root.glob("usr/share/doc/**/*")
        # Licences stay with what they are for.
        if path.name != "copyright" and not path.is_dir()
    )
    for pattern in UNUSED_LIBRARY:
        remove(library.glob(pattern))
    drop_privileges(root)
    compiled(library)


def drop_packages(root: Path) -> None:
    """Remove Debian's packages of :data:`DROPPED`, and what the system knows of them.

    What stays known is what is there: scanners for weak packages read the same list.
    """
    known = root / "var/lib/dpkg"
    status = known / "status"
    kept = []
    for entry in status.read_text("utf-8").strip().split("\n\n"):
        name = _field(entry, "Package")
        if DROPPED.fullmatch(name.removesuffix("t64")):
            _drop(root, known / "info", name)
        else:
            kept.append(entry)
    status.write_text("\n\n".join(kept) + "\n", "utf-8")


def _field(entry: str, name: str) -> str:
    found = re.search(rf"^{name}: (\S+)$", entry, re.MULTILINE)
    if found is None:
        raise ValueError(f"dpkg's list has an entry without {name}")
    return found[1]


def _drop(root: Path, info: Path, name: str) -> None:
    notes = [*info.glob(f"{name}.*"), *info.glob(f"{name}:*")]
    for note in notes:
        if note.suffix == ".list":
            listed = (root / line.lstrip("/") for line in note.read_text("utf-8").splitlines())
            # Folders are listed too, and shared with others; /bin and /lib are links to some.
            remove(path for path in listed if not path.is_dir())
    remove(notes)


def remove(paths: Iterable[Path]) -> None:
    """Remove files, links and whole folders; what is gone already is no matter."""
    for path in list(paths):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def drop_privileges(root: Path) -> None:
    """Take from every program the right to become another user (setuid, setgid)."""
    for path in files(root):
        mode = path.stat().st_mode
        if mode & (stat.S_ISUID | stat.S_ISGID):
            path.chmod(stat.S_IMODE(mode) & ~(stat.S_ISUID | stat.S_ISGID))


def files(folder: Path) -> Iterator[Path]:
    """Every file below ``folder``, on its own file system: not what the kernel shows there."""
    device = folder.stat().st_dev
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if os.lstat(Path(here, name)).st_dev == device]
        yield from (
            path for name in names if (path := Path(here, name)).is_file() and not path.is_symlink()
        )


def slim_packages(packages: Path, root: Path = Path("/"), strip: str = "strip") -> None:
    """Slim what is installed in the folder ``packages``.

    ``root`` is what it lies in only now: bytecode names files without it. ``strip`` is the
    program of binutils.
    """
    remove(path for path in packages.glob("**/*") if path.name in TESTS and path.is_dir())
    remove(path for path in files(packages) if path.suffix in SOURCES)
    for pattern in UNUSED_FILES:
        found = packages.glob(f"**/{pattern}")
        remove(path for path in found if path.name not in USED_FILES)
    libraries = [path for path in files(packages) if is_library(path, packages)]
    if libraries:
        subprocess.run([strip, "--strip-unneeded", *libraries], check=True)  # noqa: S603  (ours to name)
    compiled(packages, root)


def is_library(path: Path, packages: Path) -> bool:
    """Whether ``path`` is a compiled module of its package, and not a library brought along."""
    if any(part.endswith(PATCHED) for part in path.relative_to(packages).parts):
        return False
    with path.open("rb") as file:
        return ".so" in path.suffixes and file.read(len(ELF)) == ELF


def compiled(folder: Path, root: Path = Path("/")) -> None:
    """Keep bytecode beside each module, to be used without a look at the module's age.

    Copying files into an image may set their times, and bytecode that seems old is made anew at
    every start: half of a service's start.
    """
    done = compileall.compile_dir(
        folder,
        quiet=1,
        force=True,
        stripdir=root,
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise SystemExit(f"not all of {folder} could be compiled")


def main(arguments: Sequence[str] | None = None) -> None:
    """Slim what the command line names."""
    parser = ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("system")
    packages = commands.add_parser("packages")
    packages.add_argument("folder", type=Path)
    packages.add_argument("--root", type=Path, default=Path("/"), help="what it lies in only now")
    asked = parser.parse_args(arguments)
    if asked.command == "system":
        slim_system(Path("/"), Path(sysconfig.get_path("stdlib")))
    else:
        slim_packages(asked.folder, asked.root)


if __name__ == "__main__":
    main()
