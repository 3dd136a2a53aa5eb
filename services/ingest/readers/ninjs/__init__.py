"""ninjs, the IPTC's news in JSON: versions 1.0 to 1.6, 2.0 to 2.2, and 3.0 and 3.1.

A reader of other JSON asks :func:`looks_like` for each object that it finds, and has ninjs items
read by :func:`to_record` (or :func:`to_records`, with the articles associated with them).
"""

from services.ingest.readers.ninjs.editions import looks_like
from services.ingest.readers.ninjs.reader import NinjsReader
from services.ingest.readers.ninjs.records import to_record, to_records

__all__ = ["NinjsReader", "looks_like", "to_record", "to_records"]
