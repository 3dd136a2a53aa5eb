"""One thread for the linear algebra of this process."""

from __future__ import annotations

import os

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


def limit_threads() -> None:
    """Keep BLAS to one thread, unless the environment already says how many.

    To be called before NumPy is first imported: the libraries read these when they
    are loaded.  Two threads make spaCy's small matrices two to three times slower;
    a service that should use more cores is started more than once.
    """
    for name in _VARIABLES:
        os.environ.setdefault(name, "1")
