"""Mail (RFC 5322 and MIME): one message, its text as an article and its attachments as items.

``envelope`` tells a message from a text, ``mime`` takes it apart, ``headers`` reads what its
fields say, ``content`` chooses the text, ``trim`` sets apart what mail programs put around it,
and ``reader`` is the :class:`~services.ingest.readers.base.Reader`.
"""
