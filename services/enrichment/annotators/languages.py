"""Whether an article is in the language that our models are made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from services.enrichment.annotators.base import Draft

MODEL_LANGUAGE = "en"


def base_language(tag: str | None) -> str | None:
    """The primary subtag of a BCP 47 tag in lower case: ``en-GB`` gives ``en``."""
    return tag.replace("_", "-").split("-")[0].strip().lower() or None if tag else None


def english_or_reason(draft: Draft) -> str | None:
    """None for an English text; else why the English models leave it out."""
    _, reason = language_or_reason(draft, (MODEL_LANGUAGE,))
    return reason


def language_or_reason(
    draft: Draft, languages: Container[str]
) -> tuple[str, None] | tuple[None, str]:
    """The text's language, which is one of ``languages``; else why the models leave it out.

    Without a language block (it isn't configured, or it failed) the source's word
    is taken, and without that the text is assumed to be English.
    """
    if not draft.article.text.strip():
        return None, "no text"
    if draft.language is None:
        code = base_language(draft.article.language) or MODEL_LANGUAGE
    else:
        code = draft.language.code
    if code == "und":
        return None, "the language can't be told"
    if code not in languages:
        return None, f"no model for language '{code}'"
    return code, None
