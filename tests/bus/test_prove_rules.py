"""The proof that the rules are tested stays runnable: its mutations fit the source."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.bus import prove_rules
from tests.bus.mutations import MUTATIONS, Edit, Mutation
from tests.bus.prove_rules import ROOT, mutate

if TYPE_CHECKING:
    from pathlib import Path

RULES = range(1, 15)
IDS = [f"{m.rule}: {m.what}" for m in MUTATIONS]


def test_each_rule_is_broken_in_at_least_one_way() -> None:
    assert {mutation.rule for mutation in MUTATIONS} == set(RULES)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=IDS)
def test_each_mutation_changes_text_that_occurs_once(mutation: Mutation) -> None:
    for edit in mutation.edits:
        text = (ROOT / edit.file).read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, f"{edit.file}: {edit.old!r}"
        assert edit.old != edit.new
        if edit.file.endswith(".py"):
            ast.parse(text.replace(edit.old, edit.new))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=IDS)
def test_each_mutation_names_tests_that_exist(mutation: Mutation) -> None:
    text = (ROOT / "tests" / "bus" / mutation.file).read_text(encoding="utf-8")
    for name in mutation.tests:
        assert f"def {name}(" in text


def test_a_mutation_is_applied_and_can_be_taken_back(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("one\ntwo\n", encoding="utf-8")
    edits = (Edit("a.py", "one", "1"), Edit("a.py", "two", "2"))
    assert mutate(tmp_path, Mutation(1, "x", edits, "", ())) == {source: "one\ntwo\n"}
    assert source.read_text(encoding="utf-8") == "1\n2\n"


def test_a_mutation_whose_text_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\n", encoding="utf-8")
    with pytest.raises(ValueError, match="occurs 0 times"):
        mutate(tmp_path, Mutation(1, "x", (Edit("a.py", "two", "2"),), "", ()))


def test_a_mutant_that_survives_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prove_rules, "copy_tree", lambda _tree: None)
    monkeypatch.setattr(prove_rules, "unbroken", lambda _tree, _mutations: True)
    verdicts = iter(["test_x", None])
    monkeypatch.setattr(prove_rules, "failing_test", lambda _tree, _mutation: next(verdicts))
    assert prove_rules.prove(MUTATIONS[:2]) == 1
    assert "it survives" in capsys.readouterr().out
