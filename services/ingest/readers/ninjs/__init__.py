"""ninjs, the IPTC's news in JSON: versions 1.0 to 1.6, 2.0 to 2.2, and 3.0 and 3.1.

A reader of other JSON asks ``editions.looks_like`` for each object that it finds, and has ninjs
items read by ``records.to_record`` (or ``records.to_records``, with the articles associated with
them).  Nothing is imported here: ``sniff`` takes the names of the fields from ``editions``, and the
reader rests on ``sniff``.
"""
