"""The HTTP API: reading what is stored, following what is enriched, watching the desk."""
