"""How long a text takes to read."""

from __future__ import annotations

import math
import re

from schemas.annotations import ReadingTime

WORDS_PER_MINUTE = 238
"""Silent reading of English non-fiction by adults: Brysbaert (2019), "How many words do we
read per minute?", Journal of Memory and Language 109, a meta-analysis of 190 studies."""

CHARACTERS_PER_MINUTE = 332
"""The same for Chinese and Japanese characters: 255 a minute aloud (Trauzettel-Klosinski and Dietz
2012, IOVS 53, Chinese texts), times 238/183, what Brysbaert found silent reading to be faster
than reading aloud."""

CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Kana and Han characters, which no white space parts. Korean has spaces between its words."""

_CJK_RUN = re.compile(rf"{CJK.pattern}++")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def reading_time(text: str) -> ReadingTime:
    """Words of ``text`` (what white space parts and holds a letter or digit) and seconds.

    Each Chinese or Japanese character counts as a word of its own.
    """
    spaced, runs = _CJK_RUN.subn(" ", text) if CJK.search(text) else (text, 0)
    characters = len(text) - len(spaced) + runs
    parts = spaced.split()
    alone = [part for part in parts if not part.isalnum() and not _LETTER_OR_DIGIT.search(part)]
    words = len(parts) - len(alone)
    minutes = words / WORDS_PER_MINUTE + characters / CHARACTERS_PER_MINUTE
    return ReadingTime(words=words + characters, seconds=math.ceil(minutes * 60))
