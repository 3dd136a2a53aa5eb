"""The language block: py3langid's naive Bayes over byte sequences.

Of its labels those with an ISO 639-1 code are asked for (114 of 140): the rest are
small relatives (Nigerian Pidgin, Wu, Egyptian Arabic, …) that would take a part
of the probability of a short English, Chinese or Arabic text and that the
contract has no code for.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from py3langid import langid  # type: ignore[import-untyped]  # ships no types

from schemas.article import Language
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.languages import base_language

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.enrichment.annotators.base import Draft

MAX_CHARS = 1000
"""Characters that are looked at: the accuracy is flat beyond some hundreds, and this bounds
the time to half a millisecond."""

_NO_LANGUAGE = "zxx"
"""The model's label for what is no language at all (tables, codes); kept as a bin for it."""

FLOOR = 0.5
"""Probability below which nothing is named: the guess would be wrong more often than right."""

DECLARED_ODDS = 20.0
"""How many times likelier the declared language is than any one other, before the text is
looked at.  Sources declare wrongly (a site's template says ``en`` on every page), so this
decides where the text says little (a headline, a name) and never against a plain text,
whose own odds are in the thousands."""

FEWEST_LETTERS = 2
"""Letters below which there is nothing to tell from."""

SCORE_DIGITS = 4


class LanguageIdentifier(Annotator):
    """Names the language of any text; ``und`` where it can't be told.

    The confidence is the probability of the language named; for ``und`` it is the
    probability of the best guess, which was too low to be named, and 0 where
    there was nothing to guess from.
    """

    block: ClassVar[str] = "language"

    def __init__(self) -> None:
        file = Path(langid.MODEL_DIR) / langid.MODEL_FILE
        self._identifier = langid.LanguageIdentifier.from_model_file(file, norm_probs=True)
        labels = self._identifier.labels
        self._identifier.set_languages(
            [code for code in labels if len(code) == 2 or code == _NO_LANGUAGE]  # noqa: PLR2004 (639-1)
        )
        # Rows side by side in memory: choosing columns left them apart, where each of a text's
        # three hundred features took a hundred look-ups all over 23 MB.
        self._identifier.nb_ptc = np.ascontiguousarray(self._identifier.nb_ptc)
        self._maker = Maker(
            annotator="language.py3langid",
            version="1",
            model="py3langid",
            model_version=version("py3langid"),
            model_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        )

    @property
    def maker(self) -> Maker:
        """Name, version and model of the identifier."""
        return self._maker

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The language of each draft."""
        return [Block(language=self._identify(draft)) for draft in drafts]

    def _identify(self, draft: Draft) -> Language:
        text = draft.article.text[:MAX_CHARS]
        if sum(map(str.isalpha, text)) < FEWEST_LETTERS:
            return Language(code="und", confidence=0.0)
        code, confidence = self._best(text, base_language(draft.article.language))
        if confidence < FLOOR or code == _NO_LANGUAGE:
            code = "und"
        return Language(code=code, confidence=round(confidence, SCORE_DIGITS))

    def _best(self, text: str, declared: str | None) -> tuple[str, float]:
        """The likeliest language by Bayes: what the text says times the declaration's odds."""
        weighed = {
            str(code): float(probability) * (DECLARED_ODDS if code == declared else 1.0)
            for code, probability in self._identifier.rank(text)
        }
        best = max(weighed, key=weighed.__getitem__)
        return best, weighed[best] / sum(weighed.values())
