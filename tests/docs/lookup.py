"""Looks up what a command names: its program, subcommands and options, targets, modules, files.

For commands that the suite doesn't run.  It can't tell whether they do what a document says, but
it finds what was renamed, removed or misspelt.
"""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import subprocess
import tomllib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from typer.main import get_command

from services.console.main import app
from tests.repo.lock_check import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


ENDS = frozenset({";", "&&", "||", "|", "&", "(", ")", "|&"})
REDIRECTS = frozenset({">", ">>", "<", ">&", "&>", "<<<"})
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
WORDS = frozenset({"do", "done", "then", "fi", "else", "{", "}", "!"})
"""Of the shell's grammar, before or behind a command."""

SHELL_OWN = frozenset(
    {"cd", "export", "echo", "printf", "test", "set", "source", ".", ":", "for", "if", "while"}
    | {"read", "wait", "kill", "exit", "trap", "ulimit", "true", "false", "eval", "unset"}
)
"""What every shell has, or every system."""

ELSEWHERE = {
    "git": "git",
    "curl": "curl",
    "grep": "grep",
    "sed": "sed",
    "cat": "coreutils",
    "chmod": "coreutils",
    "cp": "coreutils",
    "head": "coreutils",
    "ls": "coreutils",
    "mkdir": "coreutils",
    "mv": "coreutils",
    "rm": "coreutils",
    "k3s": "k3s",
    "kind": "kind",
    "openssl": "openssl",
    "pg_dump": "postgresql-client",
    "pg_restore": "postgresql-client",
    "psql": "postgresql-client",
    "promtool": "prometheus",
    "redis-cli": "redis-tools",
    "valkey-cli": "valkey-tools",
    "valkey-server": "valkey-server",
    "redis-server": "redis-server",
}
"""Programs of others, each with the package that has it; their options are looked up where they
are installed."""


class NotThereError(AssertionError):
    """A command names something that there isn't."""


def look_up(code: str) -> int:
    """Look up every command of a block; how many there were. Raises :class:`NotThereError`."""
    count = 0
    for words in commands_of(code):
        _command(words)
        count += 1
    return count


def commands_of(code: str) -> Iterator[list[str]]:
    """The simple commands of a script, without assignments and redirections."""
    for line in re.sub(r"\\\n", " ", code).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if word in ENDS or word in WORDS:
                yield from _whole(words)
                words = []
            else:
                words.append(word)
        yield from _whole(words)


def _whole(words: Sequence[str]) -> Iterator[list[str]]:
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word in REDIRECTS:
            next(rest, None)
            if kept and kept[-1].isdigit():
                kept.pop()
        elif kept or not ASSIGNMENT.match(word):
            kept.append(word)
    if kept:
        yield kept


def _command(words: Sequence[str]) -> None:
    program, *arguments = words
    _files(words)
    name = Path(program).name
    if name in SHELL_OWN or "$" in program:
        return
    if "/" in program and (ROOT / program).is_file():
        return
    if name in KNOWN:
        KNOWN[name](arguments)
    elif name in ELSEWHERE:
        _elsewhere(name, arguments)
    else:
        raise NotThereError(f"nobody knows the program {program!r}: {shlex.join(words)}")


def _files(words: Sequence[str]) -> None:
    """Words that begin with a folder of the repository name something that is there."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"build", "inbox"}
    for word in words:
        path = word.partition("=")[2] if word.startswith("--") else word
        first, slash, rest = path.removeprefix("./").partition("/")
        if (
            slash
            and rest
            and first in folders
            and not list(ROOT.glob(f"{first}/{rest}".rstrip("/")))
        ):
            raise NotThereError(f"there is no {path}")


@cache
def _console() -> Any:
    """The whole tree of commands: making it takes long."""
    return get_command(app)


def _wiredesk(arguments: Sequence[str]) -> None:
    """Subcommands, options and the number of arguments, as the command itself reads them."""
    command = _console()
    rest = list(arguments)
    while hasattr(command, "commands"):
        if not rest or rest[0] in {"--help", "-h"}:
            return
        name = rest.pop(0)
        if name not in command.commands:
            raise NotThereError(f"wiredesk has no {name!r}: {shlex.join(arguments)}")
        command = command.commands[name]
    _parameters(command, rest)


def _parameters(command: Any, arguments: Sequence[str]) -> None:
    flags = {text: one for one in command.params for text in (*one.opts, *one.secondary_opts)}
    room = sum(one.nargs if one.nargs > 0 else 99 for one in command.params if not flagged(one))
    given = 0
    rest = iter(arguments)
    for word in rest:
        name, equals, _ = word.partition("=")
        if not word.startswith("-") or word == "-":
            given += 1
        elif name not in flags and name not in {"--help", "-h"}:
            raise NotThereError(f"{command.name} has no option {name}")
        elif not equals and name in flags and not flags[name].is_flag:
            next(rest, None)
    if given > room:
        raise NotThereError(f"{command.name} takes {room} arguments, not {given}")


def flagged(parameter: Any) -> bool:
    """Whether a parameter is an option and no argument."""
    return bool(parameter.param_type_name == "option")


def _make(arguments: Sequence[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in arguments:
        name, equals, _ = word.partition("=")
        known = rf"^{name}:" if not equals else rf"^{name}\b *\??=|\$\({name}\)"
        if not re.search(known, makefile, re.MULTILINE):
            raise NotThereError(f"the Makefile has no {word}")


def _python(arguments: Sequence[str]) -> None:
    """A module of ours, and its options in its source."""
    if not arguments or arguments[0] != "-m":
        return
    module, *rest = arguments[1:]
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise NotThereError(f"there is no module {module}")
    origin = Path(spec.origin)
    if ROOT not in origin.parents or "site-packages" in origin.parts:
        return
    files = origin.parent.glob("*.py") if origin.name == "__init__.py" else [origin]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    for word in rest:
        if word.startswith("--") and f'"{word.partition("=")[0]}"' not in source:
            raise NotThereError(f"{module} has no option {word}")


def _pip(arguments: Sequence[str]) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in arguments:
        for extra in re.findall(r"wiredesk\[([\w,-]+)\]", word):
            missing = set(extra.split(",")) - set(extras["optional-dependencies"])
            if missing:
                raise NotThereError(f"there is no extra {sorted(missing)}")


def _docker(arguments: Sequence[str]) -> None:
    """Files and targets of ``build``; files, services and profiles of ``compose``."""
    if arguments[:1] == ["build"]:
        dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
        for flag, value in itertools.pairwise(arguments):
            if flag == "--target" and not re.search(
                rf"^FROM .* AS {value}$", dockerfile, re.MULTILINE
            ):
                raise NotThereError(f"deploy/Dockerfile has no target {value}")
    if arguments[:1] != ["compose"]:
        return
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    services = compose["services"]
    profiles = {name for one in services.values() for name in one.get("profiles", [])}
    for flag, value in itertools.pairwise(arguments):
        if flag in {"-f", "--file"} and not (ROOT / value).exists():
            raise NotThereError(f"there is no {value}")
        if flag == "--profile" and value not in profiles:
            raise NotThereError(f"docker-compose.yml has no profile {value}")
        if flag == "--scale" and value.partition("=")[0] not in services:
            raise NotThereError(f"docker-compose.yml has no service {value}")


def _kubectl(arguments: Sequence[str]) -> None:
    if "--" in arguments:
        # What a container is to run is a command of its own.
        inside = arguments[arguments.index("--") + 1 :]
        arguments = arguments[: arguments.index("--")]
        _command(inside)
    words = [word for word in arguments if not word.startswith("-")]
    if words[:1] == ["kustomize"]:
        folders = words[1:]
    else:
        folders = [b for a, b in itertools.pairwise(arguments) if a == "-k"]
    for folder in folders:
        # Another is one that the reader makes.
        if folder.startswith("deploy") and not (ROOT / folder / "kustomization.yaml").exists():
            raise NotThereError(f"{folder} is nothing to build")
    words = _words(arguments)
    _options(("kubectl", *words[: DEEPER.get(words[0], 1) if words else 0]), arguments)


def _words(arguments: Sequence[str]) -> list[str]:
    """The words of a kubectl command that are neither options nor their values."""
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            break
        if not word.startswith("-"):
            words.append(word)
        elif re.fullmatch(r"-[a-zA-Z]|--[a-z-]+", word) and word not in BARE:
            next(rest, None)
    return words


def _script(arguments: Sequence[str]) -> None:
    if arguments and not arguments[0].startswith("-") and not (ROOT / arguments[0]).exists():
        raise NotThereError(f"there is no {arguments[0]}")


def _elsewhere(program: str, arguments: Sequence[str]) -> None:
    if shutil.which(program) is not None:
        _options((program,), arguments)


DEEPER = {"create": 3, "rollout": 2, "config": 2}
"""Commands of kubectl whose options are those of what is below them: how many words that takes."""

BARE = frozenset({"-i", "-t", "-w", "-A", "--all", "--wait", "--watch", "--previous", "--rm"})
"""Options of kubectl without a value behind them."""

LOOKED_UP = frozenset({"kubectl", "pg_dump", "pg_restore", "psql", "promtool"})
"""Programs with long options that their ``--help`` lists whole."""


def _options(program: tuple[str, ...], arguments: Sequence[str]) -> None:
    """Long options are in the program's help."""
    if program[0] not in LOOKED_UP:
        return
    told = _help(program)
    for word in arguments:
        name = word.partition("=")[0]
        if name.startswith("--") and name != "--" and name not in told:
            raise NotThereError(f"{' '.join(program)} has no option {name}")


@cache
def _help(program: tuple[str, ...]) -> str:
    return _said(*program, "--help") + (_said("kubectl", "options") if len(program) > 1 else "")


@cache
def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


KNOWN: dict[str, Callable[[Sequence[str]], None]] = {
    "wiredesk": _wiredesk,
    "make": _make,
    "python": _python,
    "python3": _python,
    "pip": _pip,
    "docker": _docker,
    "kubectl": _kubectl,
    "bash": _script,
    "sh": _script,
}
"""Programs that are ours, or that work on files of ours."""
