"""One file per database behind one contract (``base``)."""
