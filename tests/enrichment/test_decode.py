"""The fast decoder sets exactly what spaCy's own recogniser sets, on any text."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span

from services.enrichment.decode import accelerate, component, decoder, transitions
from services.enrichment.models import find_model
from tests.enrichment.decode_kit import OF_TOKEN, differences, fast, named, stock, untaught
from tests.enrichment.decode_kit import decoder as inside
from tests.enrichment.decode_texts import long_texts, short_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spacy.language import Language

MD, SM, FR = "en_core_web_md", "en_core_web_sm", "fr_core_news_sm"
TEXTS = 10_500
"""Of which more than 10,000 are different."""


def _set_by(recogniser: Any, documents: Sequence[Doc]) -> list[bytes]:
    """What the component sets for each token of each document; the documents are left without."""
    found = []
    for document in recogniser.pipe(documents, batch_size=64):
        found.append(document.to_array(OF_TOKEN).tobytes())
        document.set_ents([], default="missing")
    return found


@pytest.mark.parametrize(("model", "count"), [(SM, TEXTS // 3), (MD, TEXTS)])
def test_ten_thousand_texts_are_read_as_spacy_reads_them(model: str, count: int) -> None:
    """Both get the same tokens, since splitting texts twice takes as long as the decoder.

    Of the small model, which is read by the same code, a third will do.
    """
    texts = short_texts(count)
    assert len(set(texts)) > count * 0.95
    tokenised = [stock(model).make_doc(text) for text in texts]
    theirs, ours = (_set_by(nlp.get_pipe("ner"), tokenised) for nlp in (stock(model), fast(model)))
    assert [text for text, a, b in zip(texts, theirs, ours, strict=True) if a != b] == []


def test_the_texts_are_full_of_names_of_every_type() -> None:
    """Guards the test above: two that find nothing would agree."""
    found = [span.label_ for doc in fast(SM).pipe(short_texts(1000)) for span in doc.ents]
    assert len(found) > 1500
    assert len(set(found)) >= 15


@pytest.mark.parametrize("model", [SM, MD])
def test_long_texts_too(model: str) -> None:
    assert differences(stock(model), fast(model), long_texts()) == []


def test_another_languages_model_too() -> None:
    assert differences(stock(FR), fast(FR), short_texts(1000, seed=5)) == []


def test_the_batch_and_the_order_change_nothing() -> None:
    texts = short_texts(400, seed=6)
    nlp = fast(MD)
    alone = [named(nlp(text)) for text in texts]
    for size in (1, 8, 64, 1000):
        assert [named(doc) for doc in nlp.pipe(texts, batch_size=size)] == alone
    places = list(range(len(texts)))
    random.Random(7).shuffle(places)  # noqa: S311 (an order, no secret)
    shuffled = nlp.pipe([texts[place] for place in places], batch_size=8)
    assert [named(doc) for doc in shuffled] == [alone[place] for place in places]


def test_where_the_work_is_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks shorter than a text, groups of one, entities longer than what goes in lockstep."""
    texts = [*short_texts(200, seed=8), *long_texts()[:5]]
    nlp = fast(SM)
    wanted = [named(doc) for doc in nlp.pipe(texts)]
    monkeypatch.setattr(decoder, "CHUNK", 7)
    monkeypatch.setattr(component, "GROUP_TOKENS", 5)
    monkeypatch.setattr(transitions, "LOCKSTEP", 1)
    assert [named(doc) for doc in nlp.pipe(texts, batch_size=8)] == wanted


def test_a_second_time_the_words_are_known_and_the_names_the_same() -> None:
    texts = short_texts(300, seed=9)
    first = [named(doc) for doc in fast(SM).pipe(texts)]
    assert [named(doc) for doc in fast(SM).pipe(texts)] == first


@pytest.mark.parametrize("batch_size", [1, 8])
def test_documents_without_a_token_go_through(batch_size: int) -> None:
    docs = list(fast(SM).pipe(["", "Joe Biden spoke.", ""], batch_size=batch_size))
    assert [len(doc) for doc in docs] == [0, 4, 0]
    assert [span.text for span in docs[1].ents] == ["Joe Biden"]
    assert list(fast(SM).pipe([])) == []


def test_sentence_borders_bind_it_as_they_bind_spacy() -> None:
    """Whole pipelines set them: no entity goes over one."""
    texts = [*short_texts(150, seed=10), long_texts()[0]]
    whole = spacy.load(find_model(SM))
    wanted = [named(doc) for doc in whole.pipe(texts)]
    assert accelerate(whole) is None
    assert whole.pipe_names[-1] == "ner"
    assert [named(doc) for doc in whole.pipe(texts)] == wanted


def _cut(nlp: Language, text: str) -> Doc:
    """With a sentence starting at every other token."""
    return Doc(
        nlp.vocab,
        words=text.split(),
        sent_starts=[bool(place % 2) for place in range(len(text.split()))],
    )


def test_a_border_in_the_middle_of_a_name_ends_it() -> None:
    text = "President Joe Biden met Vladimir Vladimirovich Putin in New York City"
    theirs, ours = (named(nlp(_cut(nlp, text))) for nlp in (stock(SM), fast(SM)))
    assert ours == theirs
    assert ours != named(fast(SM)(text))


def _preset(nlp: Language) -> Doc:
    document = nlp.make_doc("Yesterday Joe Biden and Paris Hilton met in Riverton.")
    document.set_ents([Span(document, 4, 5, "GPE", kb_id="Q90")], default="missing")
    return document


def test_entities_set_beforehand_stay_and_bind_it() -> None:
    theirs, ours = (named(nlp(_preset(nlp))) for nlp in (stock(SM), fast(SM)))
    assert ours == theirs
    assert ("Paris", "GPE") in ours[0]
    assert ours[1][4][2] != 0


def test_what_is_too_near_to_call_is_spacys_to_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing far enough apart all documents are; the names stay the same."""
    texts = [text for text in short_texts(150, seed=11) if text.strip()]
    nlp = fast(SM)
    wanted = [named(doc) for doc in nlp.pipe(texts)]
    monkeypatch.setattr(transitions, "TOLERANCE", 1e6)
    undecided = inside(nlp).entities([nlp.make_doc(text) for text in texts])
    # Where no entity may start and none is open there is but one legal action.
    assert {spans is None for spans in undecided} == {True}
    assert [named(doc) for doc in nlp.pipe(texts)] == wanted


def test_hardly_anything_is_too_near_to_call() -> None:
    """Guards the speed: a document that spaCy decides costs ten times as much."""
    nlp = fast(SM)
    found = inside(nlp).entities([nlp.make_doc(text) for text in short_texts(1000, seed=12)])
    assert sum(spans is None for spans in found) <= 5


def test_of_equal_scores_spacy_takes_the_first_and_is_asked_for_it() -> None:
    """An upper layer that prefers any entity to none, but none of them to another."""
    nlp = untaught()
    recogniser: Any = nlp.get_pipe("ner")
    upper = recogniser.model.get_ref("upper")
    upper.set_param("W", upper.get_param("W") * 0)
    names = [recogniser.moves.get_class_name(number) for number in range(len(upper.get_param("b")))]
    upper.set_param("b", np.array([float(name != "O") for name in names], np.float32))
    text = "One two three four."
    wanted = named(nlp(text))
    assert wanted[0]
    assert accelerate(nlp) is None
    assert inside(nlp).entities([nlp.make_doc(text)]) == [None]
    assert named(nlp(text)) == wanted


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("width", [8, 13])
@pytest.mark.parametrize("pieces", [2, 4])
def test_other_widths_depths_and_pieces_are_decoded(depth: int, width: int, pieces: int) -> None:
    """Weights at random decide at random: long entities, and every action somewhere."""
    nlp = untaught(
        {"hidden_width": 9, "maxout_pieces": pieces},
        embed={"width": width},
        encode={"width": width, "depth": depth, "maxout_pieces": pieces},
        seed=depth * width * pieces,
    )
    texts = short_texts(150, seed=13)
    wanted = [named(doc) for doc in nlp.pipe(texts)]
    assert accelerate(nlp) is None
    assert [named(doc) for doc in nlp.pipe(texts)] == wanted


def test_one_attribute_alone_is_decoded() -> None:
    nlp = untaught(embed={"attrs": ["NORM"], "rows": [40]})
    texts = short_texts(100, seed=14)
    wanted = [named(doc) for doc in nlp.pipe(texts)]
    assert accelerate(nlp) is None
    assert [named(doc) for doc in nlp.pipe(texts)] == wanted
