"""The table of words' vectors: each word once, right after it starts anew, never out of bounds."""

from __future__ import annotations

import numpy as np
from spacy.vectors import Vectors  # type: ignore[import-not-found]  # ships no types for it

from services.enrichment.decode import accelerate, weights
from services.enrichment.decode.embeddings import EMPTY, Embeddings
from tests.enrichment.decode_kit import decoder, named, untaught
from tests.enrichment.decode_texts import short_texts


def table(capacity: int) -> Embeddings:
    nlp = untaught()
    network = weights.read(nlp.get_pipe("ner"), nlp.vocab.strings)
    return Embeddings(network.embedding, nlp.vocab, capacity)


def attributes(*words: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    """What three columns say of each word."""
    return np.array([(word, word % 7, word % 3) for word in words], np.uint64)


def vectors(embeddings: Embeddings, *words: int) -> list[list[float]]:
    rows = embeddings.rows(attributes(*words))
    return [[float(value) for value in row] for row in embeddings.table[rows].round(4)]


def test_a_word_has_one_row_and_none_has_the_row_of_zeros() -> None:
    embeddings = table(10)
    first = embeddings.rows(attributes(5, 6, 5))
    assert first[0] == first[2] != first[1]
    assert EMPTY not in first
    assert (embeddings.rows(attributes(6, 5)) == [first[1], first[0]]).all()
    assert not embeddings.table[EMPTY].any()


def test_a_vector_is_what_the_models_own_layers_give() -> None:
    nlp = untaught()
    embed = nlp.get_pipe("ner").model.get_ref("tok2vec").layers[0].get_ref("embed")  # type: ignore[attr-defined]
    document = nlp.make_doc("Ana met Joe in Paris, and Ana left.")
    (wanted,) = embed.predict([document])
    network = weights.read(nlp.get_pipe("ner"), nlp.vocab.strings)
    embeddings = Embeddings(network.embedding, nlp.vocab)
    rows = embeddings.rows(np.ascontiguousarray(document.to_array(list(embeddings.columns))))
    assert np.abs(embeddings.table[rows] - wanted).max() < 1e-5


def test_a_full_table_starts_anew_and_gives_the_same() -> None:
    embeddings = table(4)
    wanted = vectors(embeddings, 1, 2, 3)
    vectors(embeddings, 4, 5, 6)
    assert vectors(embeddings, 1, 2, 3) == wanted
    assert len(embeddings.table) == 4 + 1


def test_one_text_may_take_it_past_its_bound_and_the_next_brings_it_back() -> None:
    embeddings = table(4)
    one = vectors(embeddings, *range(9))
    assert len(embeddings.table) == 9 + 1
    assert vectors(embeddings, 20) != one[:1]
    assert len(embeddings.table) == 4 + 1
    assert vectors(embeddings, 0, 1, 2) == one[:3]


def test_words_that_end_in_zero_bytes_stay_apart() -> None:
    embeddings = table(10)
    keys = np.array([(256, 0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 0), (0, 0, 256)], np.uint64)
    assert len(set(embeddings.rows(keys).tolist())) == 5


def test_names_stay_the_same_while_it_starts_anew_again_and_again() -> None:
    nlp = untaught()
    texts = short_texts(300, seed=21)
    wanted = [named(doc) for doc in nlp.pipe(texts)]
    assert accelerate(nlp) is None
    decoder(nlp)._embeddings._capacity = 30
    decoder(nlp)._embeddings._rows = {}
    assert [named(doc) for doc in nlp.pipe(texts, batch_size=4)] == wanted


def test_it_never_outgrows_its_bound_over_thousands_of_new_words() -> None:
    embeddings = table(100)
    for start in range(0, 20_000, 50):
        embeddings.rows(attributes(*range(start, start + 50)))
        assert len(embeddings._rows) <= 100
    assert embeddings.table.shape == (101, 12)


def test_static_vectors_are_found_by_the_word_and_others_have_zeros() -> None:
    known = short_texts(100, seed=22)
    words = sorted({word for text in known for word in text.split()})[::2]
    chance = np.random.default_rng(3)
    data = chance.normal(size=(len(words), 6)).astype("float32")
    nlp = untaught(
        embed={"include_static_vectors": True},
        vectors=Vectors(data=data, keys=words),
    )
    wanted = [named(doc) for doc in nlp.pipe(known)]
    assert accelerate(nlp) is None
    assert len(decoder(nlp)._embeddings.columns) == 3 + 1
    assert [named(doc) for doc in nlp.pipe(known)] == wanted
