"""One file per step behind one contract (``base``)."""
