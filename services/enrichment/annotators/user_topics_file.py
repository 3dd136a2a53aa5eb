"""The file of a desk's own topics: YAML, read at start and whenever it changes.

One entry for each topic, its name in codes first::

    ports:
      name: Ports and harbours
      words: {harbour: 2, quay: 1}     # or a list; a word that says more weighs more
      phrases: [container terminal]
      examples:                        # a sentence or more of such articles
        - The dredger deepened the fairway for larger container ships.
      threshold: 0.5                   # 0 to 1; least score, default 0.5
      broader: medtop:04000000         # the Media Topic that it is a part of
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import yaml

from services.enrichment.annotators.user_topics import (
    THRESHOLD,
    UserTopic,
    UserTopics,
    Vector,
    tokens,
)
from services.enrichment.watched_file import WatchedFile
from services.observability import get_logger, printable

if TYPE_CHECKING:
    from pathlib import Path

_LOG = get_logger(__name__)

CODE_PREFIX = "user:"
MOST_TOPICS = 1000
MOST_CUES = 500
"""Words and phrases of one topic."""

MOST_EXAMPLES = 100
MOST_WEIGHT = 100.0
"""Of one word; with 10 a single mention is as good as certain."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_FIELDS = ("name", "words", "phrases", "examples", "threshold", "broader")
_SCALAR, _SEQUENCE, _MAPPING = yaml.ScalarNode, yaml.SequenceNode, yaml.MappingNode

Known = Callable[[str], bool]
"""Whether a code is one of the vocabulary's."""


class UserTopicsError(ValueError):
    """The file of topics is wrong; the message begins with ``file:line:``."""


class UserTopicsFile:
    """The topics of a file, as of its last good state.

    ``vector`` makes an example's vector, ``known`` says whether a Media Topic exists.
    Raises :class:`UserTopicsError` at construction when the file can't be used.
    """

    def __init__(self, path: Path, vector: Vector, known: Known) -> None:
        self._file = WatchedFile(path)
        self._vector = vector
        self._known = known
        self.topics = self._read()
        self.fault: str | None = None

    def refresh(self) -> None:
        """Read the file again if it changed; a bad change keeps the old topics.

        It is logged once, and ``fault`` says it until the file is good again.
        """
        if not self._file.changed():
            return
        try:
            self.topics = self._read()
        except UserTopicsError as error:
            self.fault = f"the desk's own topics are those before the last change: {error}"
            _LOG.warning("topics.user_file_bad", reason=str(error))
        else:
            self.fault = None
            _LOG.info("topics.user_file_read", topics=len(self.topics.topics))

    def _read(self) -> UserTopics:
        path = self._file.path
        try:
            data = self._file.read()
        except OSError as error:
            raise UserTopicsError(f"{path}: can't be read: {error.strerror or error}") from error
        return UserTopics.of(
            parse(data, str(path), self._known), hashlib.sha256(data).hexdigest(), self._vector
        )


def parse(data: bytes, name: str, known: Known) -> tuple[UserTopic, ...]:
    """The topics in ``data``, in its order; ``name`` is the file's, for messages.

    Raises :class:`UserTopicsError` for the first fault.
    """
    try:
        root = yaml.compose(data, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserTopicsError(f"{name}:{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise UserTopicsError(f"{name}:1: not valid YAML: {printable(str(error))}") from error
    if root is None:
        return ()
    return _Parser(name, known).topics(root)


class _Parser:
    """Takes YAML's nodes apart; each fault is told with its line."""

    def __init__(self, name: str, known: Known) -> None:
        self._name = name
        self._known = known

    def topics(self, root: yaml.Node) -> tuple[UserTopic, ...]:
        entries = self._mapping(root, "the file must have an entry for each topic, its name first")
        if len(entries) > MOST_TOPICS:
            raise self._error(root, f"more than {MOST_TOPICS} topics")
        return tuple(self._topic(key, value) for key, value in entries)

    def _topic(self, key: yaml.Node, value: yaml.Node) -> UserTopic:
        code = self._text(key, "a topic's name in codes")
        if not _NAME.fullmatch(code):
            message = f"'{code}': a topic's name in codes is of a-z, 0-9, - and _, at most 64"
            raise self._error(key, message)
        parts = self._fields(code, value)
        cues = self._cues(parts.get("words")) | self._cues(parts.get("phrases"))
        examples = self._examples(parts.get("examples"))
        if not cues and not examples:
            raise self._error(key, f"'{code}' needs words, phrases or examples")
        if len(cues) > MOST_CUES:
            raise self._error(key, f"'{code}' has more than {MOST_CUES} words and phrases")
        name = self._text(parts["name"], "name") if "name" in parts else code
        return UserTopic(
            code=f"{CODE_PREFIX}{code}",
            name=name,
            cues=tuple(cues.items()),
            examples=examples,
            threshold=self._threshold(parts.get("threshold")),
            broader=self._broader(parts.get("broader")),
        )

    def _fields(self, code: str, value: yaml.Node) -> dict[str, yaml.Node]:
        parts: dict[str, yaml.Node] = {}
        for key, part in self._mapping(value, f"'{code}' must say its words or examples"):
            field = self._text(key, "a field")
            if field not in _FIELDS:
                message = f"there is no field '{field}'; there are: {', '.join(_FIELDS)}"
                raise self._error(key, message)
            parts[field] = part
        return parts

    def _cues(self, node: yaml.Node | None) -> dict[tuple[str, ...], float]:
        """Words or phrases with their weights; a list's weigh 1."""
        if node is None:
            return {}
        if isinstance(node, _SEQUENCE):
            return {self._cue(item): 1.0 for item in node.value}
        entries = self._mapping(node, "must be a list, or words with their weights")
        return {
            self._cue(key): self._number(value, "a weight", MOST_WEIGHT) for key, value in entries
        }

    def _cue(self, node: yaml.Node) -> tuple[str, ...]:
        words = tuple(token.word for token in tokens(self._text(node, "a word")))
        if not words:
            raise self._error(node, "a word needs a letter or a digit")
        return words

    def _examples(self, node: yaml.Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        if not isinstance(node, _SEQUENCE) or len(node.value) > MOST_EXAMPLES:
            raise self._error(node, f"examples must be a list of at most {MOST_EXAMPLES} texts")
        return tuple(self._text(item, "an example") for item in node.value)

    def _threshold(self, node: yaml.Node | None) -> float:
        return THRESHOLD if node is None else self._number(node, "threshold", 1.0)

    def _broader(self, node: yaml.Node | None) -> str | None:
        if node is None:
            return None
        code = self._text(node, "broader")
        if not self._known(code):
            raise self._error(node, f"there is no Media Topic '{code}'")
        return code

    def _number(self, node: yaml.Node, what: str, most: float) -> float:
        text = self._text(node, what)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0.0 < number <= most:
            raise self._error(node, f"{what} must be a number above 0, at most {most:g}")
        return number

    def _mapping(self, node: yaml.Node, message: str) -> list[tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, _MAPPING) or not node.value:
            raise self._error(node, message)
        entries: list[tuple[yaml.Node, yaml.Node]] = node.value
        seen: set[str] = set()
        for key, _ in entries:
            name = self._text(key, "a key")
            if name in seen:
                raise self._error(key, f"'{printable(name)}' comes twice")
            seen.add(name)
        return entries

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, _SCALAR) or not node.value.strip():
            raise self._error(node, f"{what} must be a text")
        value: str = node.value
        return value

    def _error(self, node: yaml.Node, message: str) -> UserTopicsError:
        return UserTopicsError(f"{self._name}:{node.start_mark.line + 1}: {printable(message)}")
