"""Tokens: how they are made and kept, who is let in with which, and what the others are told."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from services.bus.errors import StopWorking
from services.indexer.api.models import SCOPES
from services.serving import tokens
from services.serving.table import NOTE_USE_EVERY, TRUSTED_FOR
from services.serving.tokens import BadToken, TokenBook
from tests.api.access_kit import START, House, Shelf

if TYPE_CHECKING:
    from services.indexer.api.models import Scope

PATHS: tuple[tuple[str, Scope], ...] = (
    ("/v1/articles", "read"),
    ("/v1/articles/8f14e45f", "read"),
    ("/v1/entities/wd:Q1", "read"),
    ("/v1/what-comes-later", "read"),
    ("/not-there", "read"),
    ("/v1/events", "subscribe"),
    ("/v1/desk", "operate"),
    ("/v1/desk/more", "operate"),
)
PUBLIC = ("/", "/static/css/base.css", "/favicon.ico", "/v1/openapi.json")


@pytest.fixture
def house() -> House:
    return House()


# --- making and keeping -------------------------------------------------------------------
def test_a_token_has_160_random_bits_and_more_and_two_are_never_alike() -> None:
    made = [tokens.make(["read"], START)[0] for _ in range(100)]
    secrets = {text.split("_")[2] for text in made}
    assert len(secrets) == len({text.split("_")[1] for text in made}) == 100
    assert all(len(secret) * 4 >= 160 for secret in secrets)


def test_only_a_hash_of_the_token_is_kept() -> None:
    shelf = Shelf()
    text, kept = tokens.make(["read"], START)
    tokens.add(shelf, "archive", kept)
    (document,) = shelf.entries("token").values()
    assert text.split("_")[2] not in document
    assert json.loads(document)["sha256"] == sha256(text.encode()).hexdigest()


def test_scopes_are_kept_as_they_are_given_and_once() -> None:
    _, kept = tokens.make(["operate", "read", "read"], START)
    assert kept.scopes == ("operate", "read")


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "ä", "x" * 65, "a\nb"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadToken, match="can't be a token's name"):
        tokens.add(Shelf(), name, tokens.make(["read"], START)[1])


def test_a_name_that_is_taken_is_refused_and_the_first_token_stays() -> None:
    shelf = Shelf()
    _, first = tokens.make(["read"], START)
    tokens.add(shelf, "archive", first)
    with pytest.raises(BadToken, match="already"):
        tokens.add(shelf, "archive", tokens.make(["operate"], START)[1])
    assert tokens.read(shelf) == {"archive": first}


def test_a_document_that_cant_be_read_stops_the_reading_and_names_the_token() -> None:
    """It isn't passed over: a desk whose only token is spoilt would stand open."""
    shelf = Shelf()
    shelf.put("token", "spoilt", "{}")
    with pytest.raises(StopWorking, match="wiredesk tokens remove spoilt"):
        tokens.read(shelf)


def test_an_unknown_id_and_a_wrong_secret_take_the_same_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One hash and one comparison of the same length each, in constant time."""
    text, kept = tokens.make(["read"], START)
    book = TokenBook({"archive": kept})
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def comparing(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", comparing)
    wrong_secret = text[:-1] + ("0" if text[-1] != "0" else "1")
    unknown_id = text[:3] + ("0" if text[3] != "0" else "1") + text[4:]
    assert book.holder(wrong_secret, START) is None
    assert book.holder(unknown_id, START) is None
    assert book.holder(text, START) is not None
    assert compared == [(64, 64)] * 3


# --- who is let in ------------------------------------------------------------------------
def test_while_there_is_no_token_all_from_this_machine_may_do_everything(house: House) -> None:
    for path, _ in PATHS:
        answer = house.ask(path)
        assert json.loads(answer.body)["scopes"] == ["read", "subscribe", "operate"]
    assert house.ask("/v1/articles", "wd_of_an_earlier_desk").status == 200


def test_as_soon_as_there_is_one_every_request_needs_one_but_public_files(house: House) -> None:
    house.token("archive", "read")
    assert {house.ask(path).status for path, _ in PATHS} == {401}
    assert house.ask("/v1").status == 401
    assert {house.ask(path).status for path in PUBLIC} == {200}


@pytest.mark.parametrize(("path", "needed"), PATHS)
def test_a_path_is_open_to_tokens_of_its_scope_alone(
    house: House, path: str, needed: Scope
) -> None:
    for scope in SCOPES:
        answer = house.ask(path, house.token(scope, scope))
        if scope == needed:
            assert (answer.status, json.loads(answer.body)["scopes"]) == (200, [scope])
        else:
            assert answer.status == 403
            challenge = answer.headers["www-authenticate"]
            assert challenge.startswith('Bearer realm="wiredesk", error="insufficient_scope"')
            assert f'scope="{needed}"' in challenge
            assert needed in answer.problem()["detail"]


def test_what_this_is_may_be_asked_with_any_token(house: House) -> None:
    for scope in SCOPES:
        answer = house.ask("/v1", house.token(scope, scope))
        assert json.loads(answer.body)["scopes"] == [scope]


def test_who_presents_nothing_is_told_the_scheme_and_no_error_code(house: House) -> None:
    house.token("archive", "read")
    answer = house.ask()
    assert answer.headers["www-authenticate"] == 'Bearer realm="wiredesk"'
    problem = answer.problem()
    assert problem["type"] == "urn:wiredesk:problem:unauthorized"
    assert "wiredesk tokens add" in problem["detail"]
    assert problem["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"


@pytest.mark.parametrize(
    "credentials", ["Basic d2Q6d2Q=", "Bearer", "Token x", "", "wd_00_11", "BearerX y"]
)
def test_another_scheme_is_as_nothing(house: House, credentials: str) -> None:
    house.token("archive", "read")
    answer = house.ask(headers=[("authorization", credentials)])
    assert answer.status == 401
    # "Bearer" alone names the scheme and presents no token that could be right.
    assert ("invalid_token" in answer.headers["www-authenticate"]) == (credentials == "Bearer")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_without_case(house: House, scheme: str) -> None:
    text = house.token("archive", "read")
    assert house.ask(headers=[("authorization", f"{scheme} {text}")]).status == 200


@pytest.mark.parametrize("change", ["cut", "longer", "upper", "spaced", "null", "latin", "empty"])
def test_a_malformed_token_is_invalid(house: House, change: str) -> None:
    text = house.token("archive", "read")
    changed = {
        "cut": text[:-1],
        "longer": text + "0",
        "upper": text.upper(),
        "spaced": text.replace("_", " "),
        "null": text + "\x00",
        "latin": text[:-1] + "\xe9",
        "empty": "",
    }[change]
    answer = house.ask(token=changed)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_two_authorization_headers_are_a_bad_request(house: House) -> None:
    text = house.token("archive", "read")
    twice = [("authorization", f"Bearer {text}")] * 2
    answer = house.ask(headers=twice)
    assert answer.status == 400
    assert 'error="invalid_request"' in answer.headers["www-authenticate"]


def test_two_tokens_hold_at_once_and_each_goes_alone(house: House) -> None:
    one, two = house.token("one", "read"), house.token("two", "read", "operate")
    assert house.ask(token=one).status == house.ask("/v1/desk", two).status == 200
    tokens.remove(house.shelf, "one")
    house.table.read()
    assert house.ask(token=one).status == 401
    assert house.ask(token=two).status == 200


def test_a_token_ends_when_its_time_is_over(house: House) -> None:
    text = house.token("trial", "read", expires_in=60)
    house.clock.seconds += 59
    house.table.read()
    assert house.ask(token=text).status == 200
    house.clock.seconds += 1
    answer = house.ask(token=text)
    assert answer.status == 401
    assert "its time is over" in answer.problem()["detail"]
    # An expired token is a token still: the desk doesn't open because of it.
    assert house.ask().status == 401


def test_a_token_of_a_name_that_was_given_again_is_another_one(house: House) -> None:
    old = house.token("archive", "read")
    tokens.remove(house.shelf, "archive")
    new = house.token("archive", "read")
    assert house.ask(token=old).status == 401
    assert house.ask(token=new).status == 200


def test_where_others_reach_the_desk_it_never_opens() -> None:
    """Also when the last token was removed while it serves."""
    house = House(address="192.0.2.7")
    house.token("archive", "read")
    tokens.remove(house.shelf, "archive")
    house.table.read()
    for path, _ in PATHS:
        answer = house.ask(path)
        assert answer.status == 401
        assert "wiredesk tokens add" in answer.problem()["detail"]
    assert {house.ask(path).status for path in PUBLIC} == {200}


# --- when the store can't be read -----------------------------------------------------------
def test_tokens_are_believed_for_a_while_then_nobody_is_let_in(house: House) -> None:
    text = house.token("archive", "read")
    house.shelf.away = True
    house.clock.seconds += TRUSTED_FOR - 1
    assert house.ask(token=text).status == 200
    house.clock.seconds += 1
    answer = house.ask(token=text)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert house.ask("/").status == 200
    house.shelf.away = False
    house.table.read()
    assert house.ask(token=text).status == 200


def test_an_open_desk_closes_too_when_its_tokens_cant_be_known(house: House) -> None:
    house.clock.seconds += TRUSTED_FOR
    assert house.ask().status == 503


# --- last use -------------------------------------------------------------------------------
def uses(shelf: Shelf) -> dict[str, Any]:
    return {name: token.last_used_at for name, token in tokens.read(shelf).items()}


def test_when_a_token_was_used_is_noted_now_and_then(house: House) -> None:
    text = house.token("archive", "read")
    house.token("idle", "read")
    house.table.refresh()
    house.ask(token=text)
    house.table.refresh()
    assert uses(house.shelf) == {"archive": None, "idle": None}
    used = house.clock.now()
    house.clock.seconds += NOTE_USE_EVERY
    house.table.refresh()
    assert uses(house.shelf) == {"archive": used, "idle": None}


def test_a_use_is_not_noted_on_a_token_that_was_made_anew_meanwhile(house: House) -> None:
    text = house.token("archive", "read")
    house.ask(token=text)
    tokens.remove(house.shelf, "archive")
    house.token("archive", "read")
    house.clock.seconds += NOTE_USE_EVERY
    house.table.refresh()
    assert uses(house.shelf) == {"archive": None}


def test_a_wrong_token_is_no_use_of_the_right_one(house: House) -> None:
    text = house.token("archive", "read")
    house.ask(token=text[:-1] + ("0" if text[-1] != "0" else "1"))
    house.clock.seconds += NOTE_USE_EVERY
    house.table.refresh()
    assert uses(house.shelf) == {"archive": None}


def test_a_store_that_is_away_is_told_once_and_opened_anew(house: House) -> None:
    house.shelf.away = True
    with capture_logs() as lines:
        house.table.refresh()
        house.table.refresh()
    assert [line["event"] for line in lines] == ["api.tokens_unknown"]
    assert house.shelf.closed == 2
    house.shelf.away = False
    house.clock.seconds += timedelta(days=1).total_seconds()
    house.table.refresh()
    assert house.ask().status == 200
