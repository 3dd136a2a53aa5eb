"""How messages move; the only code that knows Redis."""
