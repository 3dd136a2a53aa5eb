"""The ``wiredesk`` command."""
