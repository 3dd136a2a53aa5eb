"""One file per format behind one contract (``base``)."""
