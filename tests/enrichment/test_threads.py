"""The settings of the linear algebra, which its library reads when it is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.enrichment import threads

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDE = "avx512f avx512cd avx512bw avx512dq avx512vl"
CORE = "OPENBLAS_CORETYPE"


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """An environment that says nothing about linear algebra."""
    for name in [*threads._VARIABLES, CORE]:
        monkeypatch.setenv(name, "")  # so that what the call sets is taken back
        monkeypatch.delenv(name)
    return os.environ


def processor(folder: Path, vendor: str = "AuthenticAMD", flags: str = f"fpu avx2 {WIDE}") -> Path:
    """Two processors' descriptions; the second is one that nothing is true of."""
    about = folder / "cpuinfo"
    about.write_text(
        f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: Some: model\nflags\t\t: {flags}\n"
        "\nprocessor\t: 1\nvendor_id\t: Another\nflags\t\t:\n",
        encoding="ascii",
    )
    return about


def limited(monkeypatch: pytest.MonkeyPatch, cpu_info: Path) -> None:
    monkeypatch.setattr(threads, "_CPU_INFO", cpu_info)
    threads.limit_threads()


def test_there_is_one_thread_unless_the_environment_says_otherwise(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    limited(monkeypatch, processor(tmp_path))
    assert environ["OMP_NUM_THREADS"] == "3"
    assert {environ[name] for name in threads._VARIABLES[1:]} == {"1"}


def test_an_amd_processor_with_wide_units_gets_the_kernels_for_them(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limited(monkeypatch, processor(tmp_path))
    assert environ[CORE] == "SkylakeX"


def test_what_the_environment_asks_for_is_kept(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(CORE, "Haswell")
    limited(monkeypatch, processor(tmp_path))
    assert environ[CORE] == "Haswell"


@pytest.mark.parametrize(
    ("vendor", "flags"),
    [
        ("GenuineIntel", WIDE),  # OpenBLAS knows these by itself
        ("AuthenticAMD", "fpu avx2"),
        ("AuthenticAMD", WIDE.replace("avx512bw", "")),  # one missing is an illegal instruction
        ("AuthenticAMD", ""),
        ("", WIDE),
    ],
)
def test_other_processors_are_left_to_the_library(
    environ: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    vendor: str,
    flags: str,
) -> None:
    limited(monkeypatch, processor(tmp_path, vendor, flags))
    assert CORE not in environ


@pytest.mark.parametrize("text", [None, "", "Processor : AArch64\nFeatures : fp asimd\n", "\x00é"])
def test_a_system_that_describes_its_processor_otherwise_is_left_alone(
    environ: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text: str | None,
) -> None:
    about = tmp_path / "cpuinfo"
    if text is not None:
        about.write_text(text, encoding="utf-8")
    limited(monkeypatch, about)
    assert CORE not in environ


def test_the_library_that_is_installed_knows_these_kernels() -> None:
    """A name that it doesn't know is passed over in silence, and the gain would be gone."""
    if not threads._is_underrated(Path("/proc/cpuinfo")):
        assert CORE not in os.environ or os.environ[CORE] != "SkylakeX"
        return
    script = (
        "from services.enrichment.threads import limit_threads\n"
        "limit_threads()\n"
        "import numpy, threadpoolctl\n"
        "print(threadpoolctl.threadpool_info()[0]['architecture'])"
    )
    environ = {name: value for name, value in os.environ.items() if name != CORE}
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True, env=environ
    )
    assert told.stdout.strip() == "SkylakeX"
