"""Where sentences end: by rules on the marks and the words around them, in linear time."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrichment.text.sentences import article_sentences, paragraphs, sentences
from tests.factories import BODY, HEADLINE, STANDFIRST, make_raw

# "|" marks where a sentence ends and the next one begins.
CASES = {
    "full stops": "The quay moved.| Nobody was hurt.",
    "question and exclamation marks": "Who paid?| Nobody!| It was free.",
    "several marks": "Really?!| Yes...| Well.",
    "titles before names": "Mr. Okoro met Dr. Lindqvist and Gen. Abara.| They talked.",
    "initials": "J. R. Okoro and Ana M. Petrova signed.| It rained.",
    "I is no initial": "She is taller than I.| The boat left.",
    "country in capitals goes on": "The U.S. Senate voted.| The U.N. Charter says so.",
    "country in capitals ends": "He flew to the U.S. The talks began.",
    "month before a day": "The strike began on Jan. 5 in Riverton.| It went on.",
    "month at the end": "It opens in Dec.| Visitors may come.",
    "number": "See No. 7 on p. 12.| It is short.",
    "decimals": "Prices rose 3.5 percent to 1,200.75 crowns.| They fell later.",
    "year at the end": "The bridge fell in 2023.| Repairs began.",
    "company goes on": "Harbour Tools Inc. Chief Ana Petrova left.| She was tired.",
    "company ends": "He works for Harbour Tools Inc.| The firm is small.",
    "time of day goes on": "At 3 p.m. Ana Petrova spoke.| It was hot.",
    "time of day ends": "It began at 3 p.m.| The hall was full.",
    "lower case after a full stop": "It covers e.g. boats and approx. nine cars.| Not more.",
    "lower-case question in a quotation": "“Why now?” he asked.| Nobody knew.",
    "closing marks stay with their sentence": "“It is over.”| The crowd left.",
    "closing bracket": "(Nobody came.)| The show went on.",
    "opening marks go to the next": "It ended.| “Never again,” he said.",
    "ellipsis inside": "He said … the aggression must end.| So be it.",
    "ellipsis at the end": "And so it went…| Then it stopped.",
    "brand with a small letter": "Sales rose.| iPhones sold best.",
    "fused words": "They left the territory. reported that in March it rained.",
    "no capitals anywhere": "the quay moved.| nobody was hurt.",
    "all capitals": "THE QUAY MOVED.| NOBODY WAS HURT.",
    "web address": "Go to www.riverton.example or news.example.| It is free.",
    "versus": "It was Riverton vs. Lakeside.| Riverton won.",
    "Chinese": "港口关闭了。|渡轮停运九天。",
    "Japanese with a quotation": "「港は閉まった。」|市長は述べた。",
    "Hindi": "बंदरगाह बंद है।| नौका नहीं चलेगी।",
    "Arabic question": "متى يفتح الميناء؟| لا أحد يعلم.",
    "Russian": "Порт закрыт.| Паромы не ходят.",
    "Spanish opening marks": "Cerró el puerto.| ¿Quién pagará?| ¡Nadie!",
    "French marks": "Le port est fermé.| « Jamais », dit-il.",
}


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_sentence_ends_where_a_reader_ends_it(case: str) -> None:
    if case == CASES["country in capitals ends"]:
        assert split(case) == ["He flew to the U.S.", "The talks began."]
    else:
        assert split(case.replace("|", "")) == [part.strip() for part in case.split("|")]


def test_a_blank_line_ends_a_sentence_without_a_full_stop() -> None:
    assert split("Harbour closed\n\nFerries stop\n \nNobody came") == [
        "Harbour closed",
        "Ferries stop",
        "Nobody came",
    ]


def test_a_line_break_alone_does_not() -> None:
    assert split("The harbour of\nRiverton closed.") == ["The harbour of\nRiverton closed."]


def test_each_item_of_a_list_stands_alone() -> None:
    text = "The plan:\n- a new quay\n• two cranes\n1. Money first. 2. Work later.\n(b) the rest"
    assert split(text) == [
        "The plan:",
        "- a new quay",
        "• two cranes",
        "1. Money first.",
        "2. Work later.",
        "(b) the rest",
    ]


def test_part_of_a_text_keeps_the_offsets_of_the_whole() -> None:
    text = "First one. Second one. Third one."
    assert [text[s:e] for s, e in sentences(text, 11, 22)] == ["Second one."]
    assert [tuple(span) for span in sentences(text, 11, 22)] == [(11, 22)]


def test_paragraphs_are_what_stands_between_blank_lines() -> None:
    text = "\n\n one \n\n\n two\nlines\n\n"
    assert [text[s:e] for s, e in paragraphs(text)] == ["one", "two\nlines"]


def test_an_articles_sentences_say_which_part_and_paragraph_they_stand_in() -> None:
    article = make_raw()
    found = list(article_sentences(article))
    assert [article.text[s.start : s.end] for s in found[:2]] == [HEADLINE, STANDFIRST]
    assert [(s.role, s.paragraph) for s in found] == [
        ("headline", 0),
        ("standfirst", 1),
        ("body", 2),
        ("body", 2),
        ("body", 3),
    ]
    assert article.text[found[-1].start : found[-1].end] == BODY[1]


def test_no_more_of_an_article_is_read_than_was_asked_for() -> None:
    article = make_raw(text="One two. " * 100)
    assert max(s.end for s in article_sentences(article, most=90)) <= 90


@given(st.text(alphabet=st.sampled_from('aB.!? \n"”“’()-1。…\t\x85é'), max_size=80))
def test_sentences_are_in_order_trimmed_and_leave_only_white_space_out(text: str) -> None:
    found = list(sentences(text))
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(text[s:e] == text[s:e].strip() != "" for s, e in found)
    kept = "".join(text[s:e] for s, e in found)
    assert "".join(kept.split()) == "".join(text.split())


HOSTILE = (
    "x",
    ".",
    ". ",
    '."',
    "\n",
    "\n \n",
    "- \n",
    "A. ",
    "。",
    "\n- a",
    "a\n",
    " ",
    ".\n",
    "“",
)


@pytest.mark.parametrize("unit", HOSTILE)
def test_ten_times_the_text_takes_about_ten_times_as_long(unit: str) -> None:
    def seconds(size: int) -> float:
        started = time.process_time()
        for _ in sentences(unit * (size // len(unit))):
            pass
        return time.process_time() - started

    # Quadratic time would be a hundred times the smaller one's: minutes, not tenths.
    assert seconds(80_000) < 20 * seconds(8_000) + 0.3
