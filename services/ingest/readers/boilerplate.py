"""Lines of a scraped page that are not the article's text, told by their own words alone.

:func:`classify` looks at one line; what needs the lines around it is decided in
``page.py``.  Each rule wants the *whole* line to be of its kind, so that a
sentence which merely mentions "our newsletter" or "photo" stays in the article.
When in doubt a line is text: a stray credit in the body is a blemish, a lost
paragraph is a fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ingest.readers.bylines import byline, times
from services.ingest.readers.credit_lines import copyright_notice, photo_credit
from services.ingest.readers.promotion import promo, related

if TYPE_CHECKING:
    from services.ingest.readers.finding import Finding

MAX_CHARS = 400
"""Longer lines are prose and no rule looks at them: this bounds what a hostile line costs."""

_RULES = (times, byline, photo_credit, copyright_notice, related, promo)


def classify(text: str) -> Finding | None:
    """What kind of boilerplate the line ``text`` is; None: a line of the article."""
    if len(text) > MAX_CHARS:
        return None
    return next((finding for rule in _RULES if (finding := rule(text))), None)
