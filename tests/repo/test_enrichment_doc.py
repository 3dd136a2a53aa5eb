"""What docs/enrichment.md shows works as it is written there."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from typer.main import get_command
from typer.testing import CliRunner

from schemas.article import Language
from services.bus.errors import StopWorking
from services.console.main import app
from services.console.reenrich_choice import Choice
from services.enrichment.annotators.base import Draft
from services.enrichment.annotators.topics import TopicTagger
from services.enrichment.linking import Knowledge
from services.settings import Settings
from tests.factories import make_enriched, make_provenance, make_raw
from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEXT = (ROOT / "docs" / "enrichment.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    """The code block under the marker ``<!-- example: name -->``."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found[1]


def test_the_names_of_the_example_mean_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "names.yaml"
    file.write_text(example("aliases"), encoding="utf-8")
    knowledge = Knowledge.load(file)
    (authority,) = knowledge.candidates("RPA")
    assert (authority.name, authority.type) == ("Riverton Port Authority", "ORG")
    assert [one.wikidata for one in knowledge.candidates("the Lion of Riverton")] == ["Q2866"]


def test_the_topic_of_the_example_is_found(tmp_path: Path) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(example("topics"), encoding="utf-8")
    text = "Harbour to be dredged\n\nThe harbour of Riverton gets a container terminal next year."
    draft = Draft(make_raw(text=text), language=Language(code="en", confidence=1.0))
    (block,) = TopicTagger(file).annotate([draft])
    assert [t.name for t in block.topics if t.code == "user:ports"] == ["Ports and harbours"]


def test_the_commands_and_settings_of_the_text_are_there() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group of commands
    entities = commands["entities"].commands
    for command, subcommand in re.findall(r"`wiredesk (\w+)(?: (\w+))?", TEXT):
        assert command in commands
        assert not subcommand or command != "entities" or subcommand in entities
    for name in re.findall(r"WIREDESK_([A-Z_]+)", TEXT):
        assert name.lower() in Settings.model_fields


def test_the_commands_of_enriching_again_are_what_the_command_takes(tmp_path: Path) -> None:
    """Each is typed as it stands there: what it lacks is a store, and nothing else."""
    (tmp_path / "inbox").mkdir()
    lines = re.findall(r"<!-- commands: reenrich -->\n```bash\n(.*?)```", TEXT, re.DOTALL)
    typed = [shlex.split(line)[1:] for line in lines[0].splitlines()]
    assert len(typed) == 9
    for arguments in typed:
        done = CliRunner().invoke(app, [*arguments, "--inbox", str(tmp_path / "inbox")])
        assert isinstance(done.exception, StopWorking), arguments
        assert "no store" in str(done.exception)


def test_a_condition_of_the_text_chooses_what_it_says() -> None:
    made = [
        make_provenance("entities", model="en_core_web_sm", model_version="3.7.1"),
        make_provenance("topics", annotator="topics.linear", version="1"),
    ]
    old = make_enriched(provenance=tuple(made))
    assert Choice(model=("3.8",)).takes(old)
    assert Choice(annotator=("topics.linear=2",)).takes(old)
    assert not Choice(model=("3.7",)).takes(old)
