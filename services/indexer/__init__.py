"""Enriched articles in, a searchable store out."""
