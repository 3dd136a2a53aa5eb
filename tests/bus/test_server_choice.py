"""Which server the tests use: a given one, else a container, else the bundled binary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import servers

if TYPE_CHECKING:
    import pytest


def test_a_given_server_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIREDESK_TEST_SERVER", raising=False)
    monkeypatch.setenv("WIREDESK_TEST_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(servers, "docker_answers", lambda: True)
    assert servers.choice() == "url"


def test_then_a_container_where_docker_answers_and_else_the_binary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("WIREDESK_TEST_SERVER", raising=False)
    monkeypatch.delenv("WIREDESK_TEST_REDIS_URL", raising=False)
    for answers, expected in ((True, "container"), (False, "bundled")):
        monkeypatch.setattr(servers, "docker_answers", lambda there=answers: there)
        assert servers.choice() == expected


def test_one_can_insist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIREDESK_TEST_SERVER", "bundled")
    monkeypatch.setenv("WIREDESK_TEST_REDIS_URL", "redis://127.0.0.1:1/0")
    assert servers.choice() == "bundled"


def test_where_no_engine_listens_docker_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert not servers.docker_answers.__wrapped__()
