"""Memory stays flat over many documents, and one very long document is bounded."""

from __future__ import annotations

import random

from services.enrichment.annotators.entities import MAX_MENTIONS, EntityFinder
from services.enrichment.annotators.pieces import MAX_READ
from services.enrichment.annotators.recogniser import SpacyRecogniser
from tests.enrichment.kit import draft, model

DOCUMENTS = 3000


def invented(random_: random.Random) -> str:
    """A sentence with names that no text has had before."""
    first, last, town = ("".join(random_.choices("abdeilmnorstu", k=9)).title() for _ in range(3))
    return f"{first} {last} met the mayor of {town} on Monday, the Riverton Gazette said."


def test_thousands_of_documents_leave_no_words_behind() -> None:
    """Counted, not timed: each of the 3,000 documents brings three words never seen."""
    finder, strings = EntityFinder(model()), model().nlp.vocab.strings
    source = random.Random(2)  # noqa: S311 (names, not secrets)
    finder.annotate([draft(invented(source))])
    before = len(strings)
    for _ in range(DOCUMENTS // 50):
        finder.annotate([draft(invented(source)) for _ in range(50)])
    assert len(strings) - before < 20


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
    (block,) = EntityFinder(model()).annotate([draft(text)])
    assert block.status == "done"
    assert block.reason is not None
    assert f"new names looked for in the first {MAX_READ} characters only" in block.reason
    assert "mentions only" not in block.reason
    (person,) = (entity for entity in block.entities if entity.key == "person:joe biden")
    assert len(person.mentions) == 4601
    for mention in person.mentions:
        assert text[mention.start : mention.end] == mention.text
    assert person.mentions[-1].end == len(text) - len(" left.")


def test_of_endless_names_the_first_are_marked_and_the_rest_is_said() -> None:
    """A text of nothing but names must not make an event ten times its size."""
    text = "Joe Biden spoke in Paris. " * 6000
    (block,) = EntityFinder(model()).annotate([draft(text)])
    assert block.reason == f"the first {MAX_MENTIONS} mentions only"
    starts = sorted(mention.start for entity in block.entities for mention in entity.mentions)
    assert len(starts) == MAX_MENTIONS
    assert starts[-1] < text.rindex("Joe Biden")
