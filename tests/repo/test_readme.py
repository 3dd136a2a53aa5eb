"""What the README says is so: its examples run, its commands and outcomes are the real ones."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from select import select
from typing import TYPE_CHECKING, get_args

from jsonschema import Draft202012Validator
from typer.main import get_command

from schemas.article import EnrichedArticle
from schemas.events import ENRICHED, CloudEvent, OutcomeKind
from schemas.generate import event_schema
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, Keys
from services.console.main import app
from tests.api.live import served
from tests.bus.desk import Desk
from tests.bus.test_stream_client import enriched_event
from tests.repo.lock_check import ROOT
from tests.wait import wait_until

if TYPE_CHECKING:
    from redis import Redis

    from services.settings import Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    """The code block under the marker ``<!-- example: name -->``."""
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_the_example_event_fits_the_schema_and_the_model() -> None:
    Draft202012Validator(event_schema(ENRICHED)).validate(json.loads(example("event")))

    event = CloudEvent[EnrichedArticle].model_validate_json(example("event"))

    assert event.subject == str(event.data.article_id)


def test_the_example_event_has_only_fields_that_there_are() -> None:
    event = CloudEvent[EnrichedArticle].model_validate_json(example("event"))

    assert not event.model_extra
    assert not event.data.model_extra
    assert not event.data.drop.model_extra


def test_the_offsets_of_the_example_event_are_right() -> None:
    article = CloudEvent[EnrichedArticle].model_validate_json(example("event")).data

    mentions = [mention for entity in article.entities for mention in entity.mentions]
    assert mentions
    assert all(article.text[m.start : m.end] == m.text for m in mentions)
    assert [article.text[part.start : part.end] for part in article.sections] == article.text.split(
        "\n\n"
    )


def test_the_example_subscriber_reads_every_article_once(redis: Redis, redis_url: str) -> None:
    stream = Keys("news").stream(ENRICHED_STREAM)
    for _ in range(12):
        redis.xadd(stream, {DATA_FIELD: example("event")})

    def subscribe() -> list[str]:
        result = subprocess.run(
            [sys.executable, "-c", example("subscriber")],
            env=os.environ | {"WIREDESK_REDIS_URL": redis_url},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return result.stdout.splitlines()

    assert subscribe() == ["Harbour closes ['Ana Petrova']"] * 12
    assert subscribe() == []


def test_the_shortest_client_tells_what_comes(redis: Redis, settings: Settings) -> None:
    """It begins with now, so articles are put on the stream until it tells of one."""
    desk = Desk(redis, settings)
    settings = settings.model_copy(update={"api_port": 0})
    with served(settings) as api:
        program = example("client").replace("http://127.0.0.1:8420", api.url)
        assert api.url in program
        with subprocess.Popen(
            [sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout is not None
            told = running.stdout
            numbers = itertools.count(1)

            def heard() -> bool:
                desk.put(enriched_event(next(numbers)), ENRICHED_STREAM)
                return bool(select([told], [], [], 0.2)[0])

            wait_until(heard, "the client tells of an article")
            assert told.readline().startswith("Article ")
            running.kill()


def test_every_command_in_the_readme_is_one_of_wiredesk() -> None:
    named = set(re.findall(r"`(?:\.venv/bin/)?wiredesk ([a-z-]+)", README))
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]  # a group has commands

    assert named <= commands
    assert {"up", "search", "show", "tail", "status", "check", "run"} <= named


def test_every_option_in_the_readme_is_one_of_search() -> None:
    options = {
        option
        for parameter in get_command(app).commands["search"].params  # type: ignore[attr-defined]  # see above
        for option in parameter.opts
    }

    assert {"--entity", "--topic", "--language", "--inbox", "--json"} <= options


def test_the_table_of_outcomes_is_that_of_the_contract() -> None:
    named = re.findall(r"^\| `([a-z]+)` \| (?:is|replaced|was|came|could)", README, re.MULTILINE)

    assert named == list(get_args(OutcomeKind))


def test_every_make_target_in_the_readme_and_the_help_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    texts = (README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))

    named = {target for text in texts for target in re.findall(r"(?m)(?:^|`)make ([a-z-]+)", text)}
    assert {"demo", "run", "test", "lint", "types", "lock", "generated"} <= named & targets
    assert named <= targets


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
