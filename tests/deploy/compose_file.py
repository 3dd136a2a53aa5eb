"""docker-compose.yml as Compose would read it, without Compose."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
TEXT = FILE.read_text(encoding="utf-8")
HEAD, _, BODY = TEXT.partition("\nname: wiredesk\n")

VARIABLE = re.compile(r"\$\{(\w+)(?::-((?:[^${}]|\$\{[^{}]*\})*))?\}")
"""``${NAME}`` or ``${NAME:-default}``; a default may hold one variable of its own."""

OURS = ("ingest", "enrichment", "indexer")

ONE_SHOTS = frozenset({"prepare", "wiredesk"})
"""Services that end when they have done what they are for."""


def filled(text: str, environ: Mapping[str, str]) -> str:
    """``text`` with the variables of ``environ``, or their defaults; ``$$`` is a dollar."""

    def value(found: re.Match[str]) -> str:
        given = environ.get(found[1])
        return given or filled(found[2] or "", environ)

    return VARIABLE.sub(value, text).replace("$$", "$")


@cache
def services() -> dict[str, dict[str, Any]]:
    """The services of the file with nothing in the environment."""
    found: dict[str, dict[str, Any]] = read({})["services"]
    return found


def running() -> dict[str, dict[str, Any]]:
    """Those that run all the time."""
    return {name: told for name, told in services().items() if name not in ONE_SHOTS}


def read(environ: Mapping[str, str]) -> dict[str, Any]:
    """The whole file with these variables."""
    document: dict[str, Any] = _filled_in(yaml.safe_load(TEXT), environ)
    return document


def _filled_in(value: Any, environ: Mapping[str, str]) -> Any:
    """Variables are looked for in texts, after the YAML is read: none can break it."""
    if isinstance(value, dict):
        return {key: _filled_in(each, environ) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled_in(each, environ) for each in value]
    return filled(value, environ) if isinstance(value, str) else value


def used() -> dict[str, set[str]]:
    """Every variable that the file asks for, with the defaults that it gives; ``""``: none."""
    found: dict[str, set[str]] = {}
    texts = [BODY]
    while texts:
        for name, default in VARIABLE.findall(texts.pop()):
            found.setdefault(name, set()).add(default)
            texts.append(default)
    return found


def seconds(duration: str) -> float:
    """``30s`` or ``2m`` in seconds."""
    return float(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


def size(written: str) -> int:
    """Bytes of ``512m``, ``2g`` or the server's ``2gb``."""
    found = re.fullmatch(r"(\d+)([kmg])b?", written.lower())
    assert found is not None, written
    return int(found[1]) << 10 * (1 + "kmg".index(found[2]))


def listens(name: str, told: dict[str, Any]) -> list[int]:
    """The ports that a service listens on in its container."""
    environ = told.get("environment", {})
    command = " ".join(told.get("command", []))
    if name in ONE_SHOTS:
        return []
    found = re.findall(r"--port (\d+)|port=(\d+)|listen-address=\S*?:(\d+)", command)
    ports = [int("".join(each)) for each in found]
    for key in ("WIREDESK_HEALTH_PORT", "GF_SERVER_HTTP_PORT"):
        ports += [int(environ[key])] if environ.get(key) else []
    if name in {"indexer", "receiver"}:
        ports += [int(told["ports"][0].rpartition(":")[2])]
    return ports


def mounts() -> list[tuple[str, str, str]]:
    """Service, source and the rest of each mount."""
    return [
        (name, *volume.split(":", 1))
        for name, told in services().items()
        for volume in told.get("volumes", [])
    ]
