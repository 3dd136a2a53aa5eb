"""PDF with a text layer: the letters on the pages, put back into the order in which people read.

``glyphs`` takes words and their places from pdfium, ``layout`` finds columns and lines,
``flow`` makes paragraphs of them, ``document`` is what the file says of itself, and ``reader``
is the :class:`~services.ingest.readers.base.Reader`.
"""
