"""The receiver: files come by HTTP, land whole in the inbox, and their receipts are asked for.

A process of its own beside ingest: ``python -m services.ingest.receiver``.
"""
