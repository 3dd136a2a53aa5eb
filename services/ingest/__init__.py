"""Watched folder in, raw articles out, a receipt for every file."""
