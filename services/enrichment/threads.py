"""One thread for the linear algebra of this process, with the widest units the processor has."""

from __future__ import annotations

import os
from pathlib import Path

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")

_CPU_INFO = Path("/proc/cpuinfo")
_WIDE = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})
"""What OpenBLAS' kernels for Skylake's servers need."""


def limit_threads() -> None:
    """Keep BLAS to one thread, unless the environment already says how many.

    To be called before NumPy is first imported: the libraries read these when they
    are loaded.  Two threads make spaCy's small matrices two to three times slower;
    a service that should use more cores is started more than once.  Where OpenBLAS would
    take kernels too narrow for the processor, it is told which, unless the environment does.
    """
    for name in _VARIABLES:
        os.environ.setdefault(name, "1")
    if _is_underrated(_CPU_INFO):
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")


def _is_underrated(cpu_info: Path) -> bool:
    """Whether OpenBLAS would take kernels of half the width that this processor has.

    NumPy 2.4's OpenBLAS 0.3.31 takes AMD's Zen 5 for a Haswell. Its 288 x 288 by 288 x 512
    product, one layer of the recogniser, takes 0.75 ms there and 0.40 ms with these kernels.
    """
    try:
        about = cpu_info.read_text(encoding="ascii", errors="replace").partition("\n\n")[0]
    except OSError:  # not Linux
        return False
    rows = (row.partition(":") for row in about.split("\n"))
    fields = {key.strip(): value.split() for key, _, value in rows}
    return fields.get("vendor_id") == ["AuthenticAMD"] and set(fields.get("flags", ())) >= _WIDE
