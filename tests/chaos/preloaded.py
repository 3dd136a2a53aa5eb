"""Imported once, by the process that forks the services of :mod:`tests.chaos.forked`."""

from __future__ import annotations

import gc

import services.enrichment.__main__
import services.enrichment.annotators.language
import services.enrichment.pipeline
import services.indexer.__main__
import services.ingest.__main__  # noqa: F401
from services.ingest.sandbox.child import load
from services.ingest.sandbox.pool import READ_FILE
from tests.chaos.forked import know_languages

load(READ_FILE)
know_languages()
# A search for garbage would touch all of it, and so copy it into each process that is forked.
gc.collect()
gc.freeze()
