"""What is taken out of an image, and what has to stay: ``deploy/slim.py`` on invented folders."""

from __future__ import annotations

import importlib.util
import marshal
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest

from deploy import slim

HEADER = 16
"""Bytes before the code of a ``.pyc``: magic number, flags, hash of the source."""

STATUS = """\
Package: dash
Status: install ok installed
Version: 0.5

Package: apt
Status: install ok installed
Description: package manager
 It has more lines.

Package: libnettle8t64
Architecture: amd64
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A small Debian: three packages, documents, and a Python in /usr/lib."""
    for name, text in {
        "var/lib/dpkg/status": STATUS,
        "var/lib/dpkg/info/apt.list": "/.\n/bin\n/usr\n/usr/bin\n/usr/bin/apt\n/bin/apt-link\n",
        "var/lib/dpkg/info/apt.postinst": "",
        "var/lib/dpkg/info/libnettle8t64:amd64.list": "/usr/lib/libnettle.so.8\n/gone/already\n",
        "var/lib/dpkg/info/dash.list": "/usr/bin/sh\n",
        "var/lib/apt/lists/big": "",
        "var/cache/apt/pkgcache.bin": "",
        "usr/bin/apt": "",
        "usr/bin/sh": "",
        "usr/lib/libnettle.so.8": "",
        "usr/share/doc/dash/copyright": "",
        "usr/share/doc/dash/changelog.gz": "",
        "usr/share/locale/de/messages.mo": "",
        "usr/share/zoneinfo/UTC": "",
        "usr/lib/python3/dist-packages/pip/__pycache__/build.cpython-311.pyc": "",
        "usr/lib/python3/json.py": "LOADED = __file__\n",
        "usr/lib/python3/test/test_json.py": "",
        "usr/lib/python3/site-packages/pip/__init__.py": "",
        "usr/lib/python3/lib-dynload/_ssl.so": "",
    }.items():
        written(tmp_path / name, text)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "usr/bin/apt-link").symlink_to("apt")
    return tmp_path


def written(path: Path, text: str = "") -> Path:
    """The file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def left(folder: Path) -> set[str]:
    """Every file there is, below ``folder``; bytecode aside."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_dir() and path.suffix != ".pyc"
    }


def test_of_a_system_stays_what_python_and_a_shell_need(system: Path) -> None:
    slim.slim_system(system, system / "usr/lib/python3")

    assert left(system) == {
        "var/lib/dpkg/status",
        "var/lib/dpkg/info/dash.list",
        "usr/bin/sh",
        "usr/share/doc/dash/copyright",
        "usr/share/zoneinfo/UTC",
        "usr/lib/python3/json.py",
        "usr/lib/python3/lib-dynload/_ssl.so",
    }
    assert not list(system.rglob("dist-packages/*"))
    # A link that packages list as a folder of theirs: without it no program would start.
    assert (system / "bin/sh").exists()


def test_the_list_of_packages_names_what_is_there_and_nothing_else(system: Path) -> None:
    """Scanners for known weaknesses go by it."""
    slim.drop_packages(system)

    kept = (system / "var/lib/dpkg/status").read_text("utf-8")
    assert kept == STATUS.split("\n\n", maxsplit=1)[0] + "\n"


def test_a_list_of_packages_that_is_not_understood_is_no_empty_one(system: Path) -> None:
    written(system / "var/lib/dpkg/status", "Paket: dash\n")
    with pytest.raises(ValueError, match="without Package"):
        slim.drop_packages(system)


@pytest.mark.parametrize(
    "name",
    [
        *("libc6", "libssl3", "libstdc++6", "zlib1g", "libgmp10", "ca-certificates", "tzdata"),
        *("dash", "coreutils", "sed", "tar", "python3.11", "libpython3.11-stdlib"),
    ],
)
def test_what_services_load_is_never_dropped(name: str) -> None:
    assert slim.DROPPED.fullmatch(name) is None


@pytest.mark.parametrize(
    "name", ["libapt-pkg6.0", "libapt-pkg7.0", "debconf", "python3.11-venv", "python3-pip"]
)
def test_what_is_dropped_goes_by_whole_names(name: str) -> None:
    assert slim.DROPPED.fullmatch(name)
    assert slim.DROPPED.fullmatch(f"{name}-of-yours") is None


def test_no_program_makes_another_user_of_who_starts_it(tmp_path: Path) -> None:
    program, plain = written(tmp_path / "su"), written(tmp_path / "sh")
    program.chmod(0o6755)
    plain.chmod(0o750)

    slim.drop_privileges(tmp_path)

    assert [stat.S_IMODE(path.stat().st_mode) for path in (program, plain)] == [0o755, 0o750]


def test_links_are_removed_and_never_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    kept = written(outside / "kept")
    inside.mkdir()
    (inside / "link").symlink_to(outside)

    slim.remove([inside / "link", inside / "not there"])

    assert kept.exists()
    assert list(inside.iterdir()) == []


def test_of_packages_stays_what_is_loaded(tmp_path: Path) -> None:
    for name in (
        *("desk/__init__.py", "desk/testing.py", "desk/data.json", "desk/py.typed"),
        *("desk/tests/test_desk.py", "desk/inner/tests/data.bin", "desk/fast.pyx", "desk/fast.h"),
        *("desk/fast.pyi", "zstandard/_cffi.cpython-313.so", "babel/locale-data/fr.dat"),
        *("babel/locale-data/en.dat", "babel/locale-data/root.dat", "babel/global.dat"),
        *("desk-1.0.dist-info/METADATA", "desk-1.0.dist-info/licenses/LICENSE"),
    ):
        written(tmp_path / "lib/python3.13/site-packages" / name)

    slim.slim_packages(tmp_path)

    assert left(tmp_path / "lib/python3.13/site-packages") == {
        *("desk/__init__.py", "desk/testing.py", "desk/data.json", "desk/py.typed"),
        *("babel/locale-data/en.dat", "babel/locale-data/root.dat", "babel/global.dat"),
        *("desk-1.0.dist-info/METADATA", "desk-1.0.dist-info/licenses/LICENSE"),
    }


def test_libraries_lose_their_symbols_but_for_those_that_wheels_bring_along(
    tmp_path: Path,
) -> None:
    """The latter were patched, and ``strip`` can damage what was."""
    told = tmp_path / "told"
    strip = written(tmp_path / "strip", f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\n')
    strip.chmod(0o755)
    site = tmp_path / "site"
    for name in ("desk/fast.cpython-313.so", "desk.libs/libz.so.1", "desk/libblas.so.3"):
        written(site / name).write_bytes(slim.ELF)
    written(site / "desk/not-a-library.so", "text")
    written(site / "desk/model").write_bytes(slim.ELF)

    slim.slim_packages(site, strip=str(strip))

    option, *stripped = told.read_text("utf-8").splitlines()
    assert option == "--strip-unneeded"
    assert {str(Path(path).relative_to(site)) for path in stripped} == {
        "desk/fast.cpython-313.so",
        "desk/libblas.so.3",
    }


def test_what_strip_refuses_ends_the_build(tmp_path: Path) -> None:
    written(tmp_path / "fast.so").write_bytes(slim.ELF)
    with pytest.raises(subprocess.CalledProcessError):
        slim.slim_packages(tmp_path, strip="false")


def bytecode(source: Path) -> bytes:
    """What is kept of the compiled module."""
    return Path(importlib.util.cache_from_source(str(source))).read_bytes()


def test_bytecode_is_used_whatever_the_age_of_the_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of an image get other times when they are copied; nothing could be compiled anew."""
    module = written(tmp_path / "aged_desk.py", "SAID = 'as compiled'\n")
    slim.compiled(tmp_path)
    module.write_text("SAID = 'as written since'\n", "utf-8")
    os.utime(module, (0, 0))

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    assert importlib.import_module("aged_desk").SAID == "as compiled"
    assert int.from_bytes(bytecode(module)[4:8], "little") == 1  # hash-based, not checked


def test_tracebacks_name_files_as_they_will_lie(tmp_path: Path) -> None:
    """Our own package is laid out in a folder that isn't there at run time."""
    module = written(tmp_path / "opt/desk/inner.py", "def work(): ...\n")

    slim.slim_packages(tmp_path / "opt", tmp_path)

    code = marshal.loads(bytecode(module)[HEADER:])  # noqa: S302  (we made it)
    assert isinstance(code, CodeType)
    assert code.co_filename == "/opt/desk/inner.py"


def test_a_module_that_can_not_be_compiled_ends_the_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "broken.py", "def (:\n")
    with pytest.raises(SystemExit, match="could be compiled"):
        slim.slim_packages(tmp_path)
    assert "broken.py" in capsys.readouterr().out


def test_the_command_slims_the_folder_that_it_is_given(tmp_path: Path) -> None:
    written(tmp_path / "opt/desk/tests/test_desk.py")
    written(tmp_path / "opt/desk/__init__.py")

    slim.main(["packages", str(tmp_path / "opt"), "--root", str(tmp_path)])

    assert left(tmp_path) == {"opt/desk/__init__.py"}


def test_the_command_wants_to_know_what_to_slim(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing by itself: ``system`` means this one."""
    with pytest.raises(SystemExit):
        slim.main([])
    assert "required" in capsys.readouterr().err
