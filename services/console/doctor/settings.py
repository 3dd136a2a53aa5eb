"""Checks of the settings: known, not against each other, and their ports free."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking, Unavailable
from services.bus.listening import address_of, listen
from services.bus.service import unknown_settings
from services.console.doctor.checks import LocalCheck
from services.console.doctor.contradictions import contradictions
from services.console.doctor.findings import Finding, failure, merged, ok, warning
from services.console.missing import elsewhere
from services.indexer.store.opening import open_store, store_exists

if TYPE_CHECKING:
    from services.console.doctor.checks import Surroundings
    from services.settings import Settings

ASK_SECONDS = 1.0
"""For whoever has a port to answer: ours does in milliseconds."""

HEALTH_PORTS = 33
"""WIREDESK_HEALTH_PORT and the 32 above it."""

ASK_BYTES = 4096
"""Of an answer: what is ours says so at its beginning."""


def _unknown(scene: Surroundings) -> Finding:
    findings = []
    for given, meant in unknown_settings(scene.environ):
        advice = f"write {meant}, or unset {given}" if meant else f"unset {given}"
        findings.append(warning(f"{given} is no setting: it has no effect", advice))
    return merged(findings, "every WIREDESK_ variable is a setting")


def _contradictions(scene: Surroundings) -> Finding:
    return merged(contradictions(scene), "no setting is against another")


def _exposed(scene: Surroundings) -> Finding:
    settings = scene.settings
    if not settings.api:
        return ok("the API is off")
    try:
        from services.indexer.api.sockets import check_address  # noqa: PLC0415
        from services.serving.tokens import KIND  # noqa: PLC0415  (an extra)
    except ImportError as error:
        if why := elsewhere("api"):
            return ok(why)
        return failure(f"the API can't be loaded: {error}", "pip install 'wiredesk[api]'")
    try:
        tokens = _tokens(settings, KIND)
        _, address = check_address(settings, tokens=tokens > 0)
    except StopWorking as error:
        return failure(str(error), "wiredesk tokens add NAME, or set WIREDESK_API_HOST=127.0.0.1")
    except Unavailable as error:
        return failure(f"the store can't be asked for tokens: {error}", "see stores.store")
    return ok(f"the API listens on {address}; {tokens} access tokens")


def _tokens(settings: Settings, kind: str) -> int:
    if not store_exists(settings):
        return 0
    with open_store(settings, read_only=True) as store:
        return len(store.entries(kind))


# --- ports ------------------------------------------------------------------------------------
def _ports(scene: Surroundings) -> Finding:
    settings = scene.settings
    findings = []
    if settings.api and settings.api_port:
        findings.append(_api_port(settings))
    if settings.health and settings.health_port:
        findings.append(_health_port(settings))
    return merged(findings, "no port is asked for")


def _api_port(settings: Settings) -> Finding:
    host, port = settings.api_host, settings.api_port
    refused = _refused(host, port)
    if refused is None:
        return ok(f"API port {port} is free")
    if _ours(host, port, "/v1/openapi.json", b"Wiredesk"):
        return ok(f"API port {port} is taken by Wiredesk's own API")
    return failure(
        f"API port {port} of {host} can't be taken: {refused}",
        f"end what has it (ss -ltnp 'sport = :{port}'), or set WIREDESK_API_PORT",
    )


def _health_port(settings: Settings) -> Finding:
    host, first = settings.health_host, settings.health_port
    ports = range(first, min(first + HEALTH_PORTS, 65536))
    refused = _refused(host, first)
    if refused is None:
        return ok(f"health port {first} is free")
    if _ours(host, first, "/metrics", b"wiredesk_"):
        return ok(f"health port {first} is taken by a service of Wiredesk's own")
    found = f"health port {first} of {host} can't be taken: {refused}"
    if any(_refused(host, port) is None for port in ports):
        return warning(
            f"{found}; a service takes one of the 32 above it, where nobody looks for it",
            "set WIREDESK_HEALTH_PORT to a port that is free",
        )
    return failure(f"{found}, and none of the 32 above it", "set WIREDESK_HEALTH_PORT")


def _refused(host: str, port: int) -> str | None:
    """Why a port can't be listened on; None where it can."""
    try:
        address = address_of(host)
        if address is None:
            return "no IPv4 or IPv6 address"
        listen(address, port).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _ours(host: str, port: int, path: str, mark: bytes) -> bool:
    """Whether who has a port answers as ours does."""
    asked = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (asked, not bound)
    connection = http.client.HTTPConnection(asked, port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", path)
        return mark in connection.getresponse().read(ASK_BYTES)
    except (OSError, http.client.HTTPException, socket.gaierror):
        return False
    finally:
        connection.close()


CHECKS = (
    LocalCheck(
        name="settings.unknown",
        looks_at="variables of the environment that begin with WIREDESK_ and are no setting",
        limits="warns with the first",
        why="A misspelt setting has no effect, and nobody notices.",
        look=_unknown,
    ),
    LocalCheck(
        name="settings.contradictions",
        looks_at="settings that don't go together, or without effect beside another; see below",
        limits="fails where a service would not start, warns otherwise",
        why="Each is sensible by itself; together they surprise.",
        look=_contradictions,
    ),
    LocalCheck(
        name="settings.exposed",
        looks_at="the API's address, and whether there are access tokens",
        limits="fails where others could reach it and there is none",
        why="The indexer refuses to start then.",
        look=_exposed,
        seconds=15.0,
    ),
    LocalCheck(
        name="settings.ports",
        looks_at="whether the ports of API and health are free, or taken by Wiredesk itself",
        limits="fails where another program has the API's, or all of health's; warns where it has "
        "health's first",
        why="Everything else goes on, but nobody can look.",
        look=_ports,
    ),
)
