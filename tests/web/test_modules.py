"""The page's modules by themselves, in the browser that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.web.kit import Look


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("abcabba", "cbabac"),
        ("", "abc"),
        ("abc", ""),
        ("same", "same"),
        ("xaaay", "xbbby"),
        ("kitten", "sitting"),
    ],
)
def test_differences_lead_from_one_list_to_the_other(look: Look, before: str, after: str) -> None:
    """What is kept and what went is the first; what is kept and what came is the second."""
    lists = [list(before), list(after)]
    found = look.call("diff.js", "m.differences(...argument)", lists)
    assert "".join(item for sign, item in found if sign != "+") == before
    assert "".join(item for sign, item in found if sign != "-") == after


def test_differences_are_as_few_as_can_be(look: Look) -> None:
    """Myers' own example needs five."""
    found = look.call("diff.js", "m.differences([...'abcabba'], [...'cbabac'])")
    assert sum(sign != "=" for sign, _ in found) == 5


def test_changes_of_words_that_follow_each_other_are_told_together(look: Look) -> None:
    """And nothing of either text is lost by that."""
    texts = ["Ferries to stop for nine days.", "Ferries sail on for twelve days, perhaps."]
    (shown,) = look.call("diff.js", "m.paragraphs(...argument)", texts)
    assert shown["sign"] == "~"
    assert shown["pieces"][:3] == [["=", "Ferries"], ["=", " "], ["-", "to stop"]]
    assert shown["pieces"][3] == ["+", "sail on"]
    for text, other in zip(texts, "+-", strict=True):
        assert "".join(piece for sign, piece in shown["pieces"] if sign != other) == text


def test_texts_that_have_nothing_in_common_are_not_compared_for_ever(look: Look) -> None:
    script = "m.differences(argument[0], argument[1], 50)"
    lists = [[f"a{n}" for n in range(200)], [f"b{n}" for n in range(200)]]
    assert look.call("diff.js", script, lists) is None
    texts = ["\n\n".join(each) for each in lists]
    shown = look.call("diff.js", "m.paragraphs(...argument)", texts)
    assert len(shown) == 200


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_whole_whatever_pieces_they_come_in(look: Look, size: int) -> None:
    """Lines end with LF, CR LF or CR; comments and unknown fields are passed over."""
    stream = (
        ': hello\nretry: 2000\n\nid: 1-0\nevent: a\ndata: {"x":\ndata: 1}\n\n'
        "id: 2-0\r\ndata: two\r\n\r\nfoo: bar\rdata:three\r\r: end\n"
    )
    script = """(() => { const p = new m.EventParser(); const [text, size] = argument;
        const all = []; for (let i = 0; i < text.length; i += size)
            all.push(...p.push(text.slice(i, i + size)));
        return all; })()"""
    assert look.call("stream.js", script, [stream, size]) == [
        {"id": "1-0", "type": "a", "data": '{"x":\n1}'},
        {"id": "2-0", "type": "message", "data": "two"},
        {"id": None, "type": "message", "data": "three"},
    ]


@pytest.mark.parametrize(
    ("first", "last", "unit", "bars"),
    [
        ("2026-03-02", "2026-03-02", "day", 1),
        ("2026-01-01", "2026-03-31", "day", 90),
        ("2025-12-01", "2026-11-30", "week", 53),
        ("2020-01-15", "2026-01-15", "month", 73),
    ],
)
def test_days_become_bars_without_gaps(
    look: Look, first: str, last: str, unit: str, bars: int
) -> None:
    """Each begins where the one before ends, and none is lost in the sum."""
    days = [{"day": first, "count": 2}, {"day": last, "count": 3}]
    made = look.call("plot.js", "m.barsOf(argument)", days)
    assert (made["unit"], len(made["bars"])) == (unit, bars)
    pairs = zip(made["bars"], made["bars"][1:], strict=False)
    assert all(left["until"] == right["from"] for left, right in pairs)
    assert sum(bar["count"] for bar in made["bars"]) == 5


def test_offsets_of_characters_become_those_of_the_browser(look: Look) -> None:
    text = "a\U0001f6a2b\U0001f30dc"
    script = "[0, 1, 2, 3, 4, 5, 9].map(m.unitsOf(argument, [0, 1, 2, 3, 4, 5, 9]))"
    assert look.call("marks.js", script, text) == [0, 1, 3, 4, 6, 7, 7]


def test_a_text_is_cut_at_every_boundary_of_its_marks(look: Look) -> None:
    """Marks that overlap without one being in the other are there in all of their runs."""
    spans = [
        {"start": 0, "end": 6, "kind": "entity", "of": "a"},
        {"start": 4, "end": 9, "kind": "entity", "of": "b"},
        {"start": 5, "end": 6, "kind": "hit", "of": None},
    ]
    runs = look.call("marks.js", "m.runsOf(0, 12, argument)", spans)
    assert [(r["start"], r["end"], [e["of"] for e in r["entities"]], r["hit"]) for r in runs] == [
        (0, 4, ["a"], False),
        (4, 5, ["a", "b"], False),
        (5, 6, ["a", "b"], True),
        (6, 9, ["b"], False),
        (9, 12, [], False),
    ]


def test_a_pair_of_surrogates_is_never_cut_in_two(look: Look) -> None:
    text = "x" + "\U0001f30d" * 20_000
    blocks = look.call("body.js", "m.blocksOf(argument, 0, argument.length)", text)
    units = text.encode("utf-16-le")
    parts = [units[2 * b["start"] : 2 * b["end"]].decode("utf-16-le") for b in blocks]
    assert "".join(parts) == text


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt:alert(1)", None),
        ("data:text/html,<b>", None),
        ("//a.example", None),
        ("", None),
    ],
)
def test_links_lead_to_the_web_only(look: Look, url: str, safe: str | None) -> None:
    assert look.call("format.js", "m.outward(argument)", url) == safe


def desk(**over: Any) -> dict[str, Any]:
    """A desk that is well."""
    stages = ("ingest", "enrichment", "indexer")
    group = {"kind": "stage", "lag": 0, "pending": 0, "oldest_seconds": None}
    fields = {
        "server": "up",
        "dead_letters": 0,
        "workers": [
            {"stage": stage, "host": "h", "waiting_for": None, "busy_seconds": 1}
            for stage in stages
        ],
        "streams": [
            {"name": "raw", "groups": [{**group, "name": "enrichment"}]},
            {"name": "enriched", "groups": [{**group, "name": "indexer"}]},
            {"name": "outcomes", "groups": [{**group, "name": "ingest:1"}]},
        ],
    }
    return fields | over


def lagging(lag: int | None, oldest: float | None = None) -> dict[str, Any]:
    """A desk whose enrichment has so much to do."""
    made = desk()
    made["streams"][0]["groups"][0] |= {"lag": lag, "oldest_seconds": oldest}
    return made


def alarms(look: Look, *looks: dict[str, Any]) -> list[str]:
    said: list[str] = look.call("alarms.js", "m.alarms(argument)", list(looks))
    return said


def test_a_desk_that_is_well_gives_no_alarm(look: Look) -> None:
    """Nor does one that works through a pile."""
    assert alarms(look, desk()) == []
    assert alarms(look, *(lagging(lag) for lag in (500, 400, 300, 200, 100, 50))) == []
    assert alarms(look, lagging(None)) == []


def test_what_is_wrong_with_a_desk_is_said(look: Look) -> None:
    assert "Redis" in alarms(look, desk(server="down", workers=[], streams=[]))[0]
    assert alarms(look, desk(workers=desk()["workers"][:2])) == [
        "Indexer isn't running: what is dropped waits safely."
    ]
    assert alarms(look, *(lagging(lag) for lag in (1, 2, 5, 9, 14))) == [
        "Enrichment falls behind: 14 wait, and more with every look."
    ]
    assert alarms(look, lagging(3, 300.0)) == [
        "Enrichment: the oldest article has waited for 5 min."
    ]
    assert "dead letter" in alarms(look, desk(dead_letters=2))[0]
