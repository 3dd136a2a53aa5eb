"""Archives: zip and tar bundles, each member read by the reader for what it holds.

Nothing is ever unpacked to disk: names of members are only shown, never opened.
"""
