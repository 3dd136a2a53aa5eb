"""Every command of every document is run, or is looked up where it can't be.

A failure names the document and the line.  What takes long, or needs Docker or Kubernetes, is run
by ``python -m tests.docs.run_all``; here it is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import documents
from tests.docs.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("docs")) as made:
        yield made


@pytest.mark.parametrize("name", documents())
def test_the_commands_of_a_document_do_what_it_says(world: World, name: str) -> None:
    world.run(name)
