"""Doctor's checks of the settings: misspelt, against each other, exposed, ports taken."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from services.console.doctor import settings as checks
from services.console.doctor.contradictions import RULES
from services.indexer.store.sqlite import SqliteStore
from services.serving import tokens
from services.settings import Settings
from tests.console.doctor.kit import but, is_green, is_red, look, said
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Settings:
    """The defaults; the tests' own environment turns some of them off."""
    return Settings.model_validate(
        {
            "inbox": tmp_path,
            "api": True,
            "health": True,
            "failure_budget_percent": 50,
            "failure_budget_in_a_row": 50,
        }
    )


# --- unknown ----------------------------------------------------------------------------------
def test_a_misspelt_setting_is_told_with_what_is_meant(desk: Settings) -> None:
    finding = look("settings.unknown", desk, environ={"WIREDESK_SETLE_TIME": "1", "HOME": "/"})
    assert is_red(finding, "warning", "WIREDESK_SETLE_TIME is no setting")
    assert "write WIREDESK_SETTLE_TIME" in finding.advice[0]
    strange = look("settings.unknown", desk, environ={"WIREDESK_QQQQ": "1"})
    assert strange.advice == ("unset WIREDESK_QQQQ",)


def test_known_settings_are_green(desk: Settings) -> None:
    assert is_green(look("settings.unknown", desk, environ={"WIREDESK_SETTLE_TIME": "1"}))


# --- contradictions ---------------------------------------------------------------------------
def test_the_defaults_do_not_contradict_each_other(desk: Settings) -> None:
    assert is_green(look("settings.contradictions", desk))


CONTRADICTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"settle_time": 0.0}, "warning", "still being written"),
    ({"claim_after": 1.0, "redrive_interval": 2.0}, "warning", "less than 4 times"),
    ({"claim_after": 5.0}, "warning", "WIREDESK_CLAIM_AFTER is 5 s"),
    ({"claim_after": 90.0, "redrive_interval": 90.0}, "warning", "WIREDESK_CLAIM_AFTER is 90 s"),
    ({"handler_timeout": 20.0}, "warning", "is not above WIREDESK_CLAIM_AFTER"),
    ({"redrive_interval": 10.0}, "warning", "read again while a worker has them"),
    ({"graceful_timeout": 30.0}, "warning", "kill after 30 s"),
    ({"marker_ttl": 3600.0}, "warning", "published again"),
    ({"bulk_backlog": 20_000}, "warning", "never give way"),
    ({"max_article_bytes": 2**30}, "warning", "want of memory"),
    ({"api_port": 8421}, "warning", "are both 8421"),
    ({"webhook_timeout": 25.0}, "warning", "cuts deliveries short"),
    ({"api_host": "192.0.2.1", "webhook_private_targets": True}, "warning", "reaches this machine"),
    ({"otlp_endpoint": "http://x:4318", "otlp_sample": 0.0}, "warning", "no trace is sent"),
    ({"annotators": ("language", "entites")}, "failure", "names entites"),
    ({"annotators": ("language", "language")}, "failure", "names one twice"),
    ({"annotators": ("language",), "spacy_model": "x"}, "warning", "has no 'entities'"),
    ({"failure_budget_percent": 100.0, "failure_budget_in_a_row": 0}, "warning", "budget is off"),
]


@pytest.mark.parametrize(("over", "state", "words"), CONTRADICTIONS, ids=str)
def test_settings_that_do_not_go_together_are_told(
    desk: Settings, over: dict[str, Any], state: str, words: str
) -> None:
    assert is_red(look("settings.contradictions", but(desk, **over)), state, words)


@pytest.mark.parametrize("folder", ["done_dir", "rejected_dir", "state_dir"])
def test_a_folder_that_is_the_inbox_itself_is_refused(desk: Settings, folder: str) -> None:
    same = but(desk, **{folder: desk.inbox})
    assert is_red(look("settings.contradictions", same), "failure", "is the inbox itself")


def test_done_and_rejected_in_one_folder_are_told(desk: Settings) -> None:
    same = but(desk, rejected_dir=desk.done)
    assert is_red(look("settings.contradictions", same), "warning", "are one folder")


def test_a_topics_file_without_the_annotator_has_no_effect(desk: Settings, tmp_path: Path) -> None:
    odd = but(desk, user_topics_file=tmp_path, annotators=("language",))
    assert is_red(look("settings.contradictions", odd), "warning", "has no 'topics'")


def test_two_stores_are_one_too_many(desk: Settings, tmp_path: Path) -> None:
    url = SecretStr("postgresql://localhost/wiredesk")
    both = but(desk, store_url=url, store_path=tmp_path / "store")
    assert is_red(look("settings.contradictions", both), "warning", "are both set")


def test_settle_time_0_on_a_share_fails(desk: Settings, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / {desk.inbox} rw - nfs4 server:/ rw")
    finding = look("settings.contradictions", but(desk, settle_time=0.0), mounts=mounts)
    assert is_red(finding, "failure", "on a network share (nfs4)")


def test_every_rule_has_its_reason_written_down() -> None:
    assert all(rule.__doc__ for rule in RULES)


# --- exposed ----------------------------------------------------------------------------------
def test_an_api_that_others_reach_needs_a_token(desk: Settings) -> None:
    open_to_all = but(desk, api_host="0.0.0.0")  # noqa: S104  (asked about, not bound)
    finding = look("settings.exposed", open_to_all)
    assert is_red(finding, "failure", "open to everybody")
    assert "wiredesk tokens add" in finding.advice[0]
    desk.state.mkdir()
    with SqliteStore(desk.store) as store:
        store.put(tokens.KIND, "dashboard", "{}")
    assert is_green(look("settings.exposed", open_to_all))


def test_an_api_for_this_machine_alone_needs_none(desk: Settings) -> None:
    assert is_green(look("settings.exposed", desk))
    assert is_green(look("settings.exposed", but(desk, api=False, api_host="0.0.0.0")))  # noqa: S104  (see above)


def test_an_address_that_is_none_of_this_machine_s_is_told(desk: Settings) -> None:
    finding = look("settings.exposed", but(desk, api_host="no.such.host.invalid"))
    assert is_red(finding, "failure", "can't listen on 'no.such.host.invalid'")


# --- ports ------------------------------------------------------------------------------------
@contextmanager
def taken(port: int) -> Iterator[None]:
    """Another program has the port, and says nothing."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


@contextmanager
def answering(port: int, text: bytes) -> Iterator[None]:
    """A web server has the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def ports(desk: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The desk on two ports that are free now."""
    monkeypatch.setattr(checks, "ASK_SECONDS", 0.1)
    return but(desk, api_port=free_port(), health_port=free_port())


def test_free_ports_are_green(ports: Settings) -> None:
    assert is_green(look("settings.ports", ports))
    assert is_green(look("settings.ports", but(ports, api_port=0, health=False)))


def test_an_api_port_that_another_program_has_is_told(ports: Settings) -> None:
    with taken(ports.api_port):
        finding = look("settings.ports", ports)
    assert is_red(finding, "failure", f"API port {ports.api_port}", "in use")


def test_a_port_that_another_web_server_has_is_taken_too(ports: Settings) -> None:
    with answering(ports.api_port, b"hello"):
        assert look("settings.ports", ports).state == "failure"


def test_ports_that_our_own_services_have_are_fine(ports: Settings) -> None:
    with (
        answering(ports.api_port, b'{"info": {"title": "Wiredesk"}}'),
        answering(ports.health_port, b"wiredesk_server_up 1"),
    ):
        finding = look("settings.ports", ports)
    assert is_green(finding)
    assert "Wiredesk's own" in said(finding)


def test_where_health_s_port_is_taken_the_next_is_used(ports: Settings) -> None:
    with taken(ports.health_port):
        assert is_red(look("settings.ports", ports), "warning", "one of the 32 above it")


def test_where_all_of_health_s_ports_are_taken_it_fails(
    ports: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "HEALTH_PORTS", 1)
    with taken(ports.health_port):
        assert is_red(look("settings.ports", ports), "failure", "none of the 32 above it")
