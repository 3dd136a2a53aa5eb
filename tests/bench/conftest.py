"""Every bench runs with one thread of linear algebra, as the enrichment service does."""

from __future__ import annotations

from services.enrichment.threads import limit_threads

# Here and not in a fixture: the libraries look when they are first imported.
limit_threads()
