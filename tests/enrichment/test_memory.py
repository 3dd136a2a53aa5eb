"""Memory stays flat over many documents, and one very long document is bounded."""

from __future__ import annotations

import random

import spacy

from services.enrichment.annotators.entities import MAX_MENTIONS
from services.enrichment.annotators.pieces import MAX_READ
from services.enrichment.annotators.recogniser import SpacyRecogniser, Vocabulary
from tests.enrichment.decode_kit import stock
from tests.enrichment.decode_texts import long_texts
from tests.enrichment.kit import annotator, draft, model

DOCUMENTS = 3000
BATCH = 50
KEPT = 300
"""Words that a recogniser keeps here: few, so that it is soon past them."""


def invented(random_: random.Random) -> str:
    """A sentence with names that no text has had before."""
    first, last, town = ("".join(random_.choices("abdeilmnorstu", k=9)).title() for _ in range(3))
    return f"{first} {last} met the mayor of {town} on Monday, the Riverton Gazette said."


def test_thousands_of_documents_leave_no_words_behind() -> None:
    """Counted, not timed: each of the 3,000 documents brings three words never seen."""
    recogniser, strings = (
        SpacyRecogniser(model().nlp, Vocabulary(model().nlp, KEPT)),
        model().nlp.vocab.strings,
    )
    source = random.Random(2)  # noqa: S311 (names, not secrets)
    recogniser.find([invented(source) for _ in range(KEPT)])
    before = len(strings)
    for _ in range(DOCUMENTS // BATCH):
        recogniser.find([invented(source) for _ in range(BATCH)])
    assert len(strings) == before


def test_no_more_words_stay_than_were_asked_for_and_a_batch_brings() -> None:
    """Words and not strings: a word has up to five (its suffix, its shape …)."""
    nlp = model().nlp
    recogniser = SpacyRecogniser(nlp, Vocabulary(nlp, KEPT))
    source = random.Random(4)  # noqa: S311
    texts = [invented(source) for _ in range(KEPT)]
    before = len(nlp.vocab.strings)
    for start in range(0, len(texts), BATCH):
        recogniser.find(texts[start : start + BATCH])
    grown = len(nlp.vocab.strings) - before
    assert KEPT / 2 < grown < 5 * (KEPT + 3 * BATCH)


def test_what_is_kept_changes_no_name() -> None:
    """Found while words are being kept, in a zone, and in a zone with some words known."""
    source = random.Random(5)  # noqa: S311
    texts = [invented(source) for _ in range(60)]
    nlp = model().nlp
    keeping, forgetting = (SpacyRecogniser(nlp, Vocabulary(nlp, kept)) for kept in (10**6, 0))
    first = forgetting.find(texts)
    assert any(first)
    assert keeping.find(texts) == first == forgetting.find(texts)


def test_spacys_tables_are_made_anew_after_so_many_words_with_those_that_stay() -> None:
    """A forgotten word's place in them is never given back: only so they don't grow for ever."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "GPE", "pattern": "Riverton"}])  # type: ignore[attr-defined]
    vocabulary = Vocabulary(nlp, 50, 500)
    recogniser = SpacyRecogniser(nlp, vocabulary)
    source = random.Random(6)  # noqa: S311
    texts = [invented(source) for _ in range(30)]
    wanted = recogniser.find(texts)  # more than 50 words, which stay
    assert all(wanted)
    stays = sorted(lexeme.orth_ for lexeme in nlp.vocab)
    most, renewals = 0, 0
    for _ in range(100):
        before = len(nlp.vocab)
        recogniser.find([invented(source) for _ in range(10)])
        most, renewals = max(most, len(nlp.vocab)), renewals + (len(nlp.vocab) < before)
        assert recogniser.find(texts) == wanted
    assert renewals > 2
    assert most < len(stays) + 500 + BATCH
    assert sorted(lexeme.orth_ for lexeme in nlp.vocab) == stays


def test_the_models_own_tables_are_made_anew_without_a_change_of_names() -> None:
    texts = long_texts()[:2]
    nlp = stock("en_core_web_sm")
    recogniser = SpacyRecogniser(nlp, Vocabulary(nlp, 0, 1))
    wanted = recogniser.find(texts)
    assert len(wanted[0]) > 50
    assert recogniser.find(texts) == wanted


def test_the_same_count_sees_what_is_kept_without_a_zone() -> None:
    """Guards the test above: the measure does grow when nothing frees the words."""
    nlp = model().nlp
    text = invented(random.Random(3))  # noqa: S311
    with nlp.memory_zone():
        before = len(nlp.vocab.strings)
        list(nlp.pipe([text]))
        assert len(nlp.vocab.strings) >= before + 3
    assert len(nlp.vocab.strings) == before


def test_an_error_in_the_middle_of_a_batch_leaves_a_usable_recogniser() -> None:
    recogniser = SpacyRecogniser(model().nlp)
    texts = ["Ana Petrova met Joe Biden in Paris."]
    wanted = recogniser.find(texts)
    try:
        recogniser.find([*texts, None])  # type: ignore[list-item]  # what breaks it
    except (TypeError, AttributeError):
        assert recogniser.find(texts) == wanted
    else:
        raise AssertionError("None is no text")


def test_five_megabytes_are_read_with_right_offsets_and_a_note_on_what_was_not() -> None:
    """Names found in the part that the model reads are marked to the very end."""
    filler = "the wall of the quay had moved and the ferries did not run at all. " * 16
    text = f"Joe Biden spoke in Paris. {filler}\n\n" * 4600 + "Then Joe Biden left."
    assert len(text) > 5_000_000 > MAX_READ
    (block,) = annotator("entities").annotate([draft(text)])
    assert block.status == "done"
    assert block.reason is not None
    assert f"new names looked for in the first {MAX_READ} characters only" in block.reason
    assert "mentions only" not in block.reason
    (person,) = (entity for entity in block.entities if entity.name == "Joe Biden")
    assert len(person.mentions) == 4601
    for mention in person.mentions:
        assert text[mention.start : mention.end] == mention.text
    assert person.mentions[-1].end == len(text) - len(" left.")


def test_of_endless_names_the_first_are_marked_and_the_rest_is_said() -> None:
    """A text of nothing but names must not make an event ten times its size."""
    text = "Joe Biden spoke in Paris. " * 6000
    (block,) = annotator("entities").annotate([draft(text)])
    assert block.reason == f"the first {MAX_MENTIONS} mentions only"
    starts = sorted(mention.start for entity in block.entities for mention in entity.mentions)
    assert len(starts) == MAX_MENTIONS
    assert starts[-1] < text.rindex("Joe Biden")
