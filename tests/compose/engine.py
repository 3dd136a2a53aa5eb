"""``docker compose`` over the unedited docker-compose.yml, under a project's name of its own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.compose.one_network import override
from tests.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"

COMMAND_TIMEOUT = 600.0
"""Seconds that a command may take: starting everything waits for models from a cold disk."""

BUILD_TIMEOUT = 3600.0
"""Seconds that building the images may take: it fetches some hundred packages."""

RESTART_TIMEOUT = 180.0
"""Seconds until a container that was killed is ready again: Docker's pause before the start,
models, and the next look of its healthcheck."""

DATA = {"redis": "/data", "postgres": "/var/lib/postgresql/data"}
"""Servers whose images begin as root and become the owner of their data."""

PROFILES = ("console", "drop", "postgres", "monitoring")


class CommandFailed(Exception):  # noqa: N818  (what happened, as subprocess names its own)
    """A command of Docker's that ended with an error; the text has what it said."""


@dataclass(frozen=True, slots=True)
class State:
    """One container: how often it was started again, and how it is."""

    name: str
    service: str
    running: bool
    health: str
    restarts: int
    exit_code: int
    killed_for_memory: bool
    started: str

    @property
    def well(self) -> bool:
        """Whether it runs, and is healthy where it has a healthcheck."""
        return self.running and self.health in {"healthy", ""}


def answers() -> bool:
    """Whether an engine and Compose are there."""
    try:
        for command in (["docker", "info"], ["docker", "compose", "version"]):
            subprocess.run(command, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def has_bridge() -> bool:
    """Whether containers can have networks of their own: every engine that may has one to begin."""
    return _is_there("network", "bridge")


def has_image(image: str) -> bool:
    """Whether it is on this machine."""
    return _is_there("image", image)


def _is_there(kind: str, name: str) -> bool:
    command = ["docker", kind, "inspect", name]
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0


def _said(command: Sequence[str], **more: Any) -> str:
    """What a command wrote; raises :class:`CommandFailed`."""
    settings: dict[str, Any] = {"timeout": COMMAND_TIMEOUT, "capture_output": True, **more}
    done = subprocess.run(command, text=True, check=False, **settings)
    if done.returncode != 0:
        shown = " ".join(command)
        told = f"{done.stdout or ''}{done.stderr or ''}"
        raise CommandFailed(f"{shown} ended with {done.returncode}:\n{told}")
    return str(done.stdout).strip()


@dataclass
class Compose:
    """One project. ``work``: a folder for the override; ``environ``: variables of the desk."""

    project: str
    work: Path
    environ: dict[str, str]
    one_network: bool
    profiles: list[str] = field(default_factory=list)
    scales: dict[str, int] = field(default_factory=dict)

    # --- commands ---------------------------------------------------------------------------
    def command(self, *arguments: str, profiles: Sequence[str] | None = None) -> list[str]:
        """``docker compose`` of this project; with the override where there is one network."""
        files = ["--file", str(COMPOSE_FILE)]
        if self.one_network:
            files += ["--file", str(self._override())]
        chosen = self.profiles if profiles is None else profiles
        named = [part for profile in chosen for part in ("--profile", profile)]
        # Nothing of a .env file that lies beside docker-compose.yml.
        nothing = ["--env-file", os.devnull]
        head = [
            "docker",
            "compose",
            "--progress",
            "quiet",
            "--project-name",
            self.project,
            *nothing,
            *files,
            *named,
        ]
        return [*head, *arguments]

    def run(self, *arguments: str, **more: Any) -> str:
        """What ``docker compose …`` wrote; raises :class:`CommandFailed`."""
        return _said(self.command(*arguments), env=self.environment(), **more)

    def environment(self) -> dict[str, str]:
        """The environment of the commands: none of this shell's own settings."""
        ours = {name: value for name, value in os.environ.items() if not _sets_the_desk(name)}
        return {**ours, **self.environ}

    def _override(self) -> Path:
        path = self.work / "one-network.yaml"
        if not path.exists():
            path.write_text(override(self.config(), "wiredesk-ingest"), encoding="utf-8")
        return path

    def config(self) -> dict[str, Any]:
        """The file as Compose understands it, with the services of all profiles."""
        named = [part for profile in PROFILES for part in ("--profile", profile)]
        head = ["docker", "compose", "--env-file", os.devnull, "--file", str(COMPOSE_FILE), *named]
        told: dict[str, Any] = json.loads(
            _said([*head, "config", "--format", "json"], env=self.environment())
        )
        return told

    # --- the desk ---------------------------------------------------------------------------
    def build(self) -> None:
        """Build the images of the services; what is said is shown."""
        self.run("build", capture_output=False, timeout=BUILD_TIMEOUT)

    def up(self, *services: str) -> None:
        """Start what isn't running, and come back when all of it is healthy."""
        # Compose takes no number for what isn't started.
        started = {name for name in self.scales if not services or name in services}
        scaled = [f"--scale={name}={self.scales[name]}" for name in sorted(started)]
        pull = ["--pull", "missing"]
        self.run("up", "--detach", "--wait", "--no-build", *pull, *scaled, *services)

    def stop(self, *services: str) -> None:
        """Stop services as ``docker compose stop`` does: SIGTERM, and their time to end."""
        self.run("stop", *services)

    def down(self) -> None:
        """Remove all of it, with its volumes."""
        everything = self.command("down", "--volumes", "--timeout", "1", profiles=PROFILES)
        _said([*everything, "--remove-orphans"], env=self.environment())

    def logs(self, lines: int = 40) -> str:
        """The last lines of every container's log."""
        asked = self.command("logs", "--no-color", "--tail", str(lines), profiles=PROFILES)
        return _said(asked, env=self.environment())

    # --- within containers ------------------------------------------------------------------
    def execute(self, service: str, *command: str, index: int = 1, user: str | None = None) -> str:
        """Run a command in a container that runs."""
        whom = [] if user is None else ["--user", user]
        return self.run("exec", "-T", *whom, "--index", str(index), service, *command)

    def console(
        self,
        *command: str,
        program: str = "wiredesk",
        mounts: Mapping[Path, str] | None = None,
        path: str = "",
    ) -> str:
        """Run a command of the console beside the desk, as an operator would.

        ``path``: where Python looks for more modules.
        """
        only = ["--rm", "--no-deps", "-T", "--entrypoint", program]
        return self.run("run", *only, *_given(mounts or {}, path), "wiredesk", *command)

    def detached(self, name: str, mounts: Mapping[Path, str], path: str, *command: str) -> None:
        """Run a Python program beside the desk until the desk is removed."""
        only = ["--detach", "--no-deps", "--name", name, "--entrypoint", "python3"]
        self.run("run", *only, *_given(mounts, path), "wiredesk", *command)

    def kill_from_within(self, service: str, index: int = 1) -> None:
        """SIGKILL everything in a container but its init: the process dies as in a crash.

        ``docker kill`` would not do: the engine takes it for an operator's wish, and starts
        nothing again.
        """
        data = DATA.get(service)
        # Root without capabilities may kill nobody else's process, so it is done as its user.
        user = None if data is None else self.execute(service, "stat", "-c", "%u", data)
        self.execute(service, "sh", "-c", "kill -9 -1", index=index, user=user)

    def remove(self, name: str) -> None:
        """Remove a container of :meth:`detached`."""
        _said(["docker", "rm", "--force", name])

    # --- containers -------------------------------------------------------------------------
    def ids(self, service: str) -> list[str]:
        """The containers of a service, running or not, in the order of their numbers."""
        asked = self.command("ps", "--all", "--quiet", service, profiles=PROFILES)
        return _said(asked, env=self.environment()).split()

    def inspected(self, service: str) -> list[dict[str, Any]]:
        """What the engine tells of the containers of a service."""
        ids = self.ids(service)
        found: list[dict[str, Any]] = json.loads(_said(["docker", "inspect", *ids])) if ids else []
        return found

    def states(self, service: str) -> list[State]:
        """How the containers of a service are."""
        return [_state(told) for told in self.inspected(service)]

    def wait_until_well(self, service: str, restarts: int) -> None:
        """Wait until each container of a service runs, after at least so many restarts in all."""

        def well() -> bool:
            states = self.states(service)
            enough = sum(state.restarts for state in states) >= restarts
            return bool(states) and enough and all(state.well for state in states)

        wait_until(well, f"{service} is ready again", RESTART_TIMEOUT)


def _given(mounts: Mapping[Path, str], path: str) -> list[str]:
    volumes = [f"--volume={each}:{inside}" for each, inside in mounts.items()]
    return [*volumes, *(["--env", f"PYTHONPATH={path}"] if path else [])]


def _sets_the_desk(name: str) -> bool:
    """Whether a variable is a setting; names of images stay, which a machine may need."""
    return name.startswith("WIREDESK_") and not name.endswith("_IMAGE")


def _state(told: dict[str, Any]) -> State:
    state = told["State"]
    return State(
        name=told["Name"].removeprefix("/"),
        service=told["Config"]["Labels"]["com.docker.compose.service"],
        running=state["Running"],
        health=(state.get("Health") or {}).get("Status", ""),
        restarts=told["RestartCount"],
        exit_code=state["ExitCode"],
        killed_for_memory=state["OOMKilled"],
        started=state["StartedAt"],
    )
