"""What the models of all ninjs versions rest on: JSON Schema's rules, told as faults of fields.

There is one model per major version.  A field (or a value, or a name's pattern) that came with a
later minor version says so with :class:`Since`; the version that a document is held against is
the validation's context, a :class:`Check`.  As the schemas have it, a string with a ``format`` is
any string, ``null`` is no value of any field, and a key that isn't in the schema is refused.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from re import Pattern
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    Strict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

NEWEST: Final = 99
"""A minor version that knows every field of its major version."""

MAX_FAULTS: Final = 500
"""Faults that a level of associated items hands up to the one above. A receipt names twenty; each
level writes them anew, and a hostile document has thousands on each."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Since:
    """A field that the major version has from this minor version on."""

    minor: int


@dataclass(frozen=True, slots=True)
class Check:
    """What a document is held against: a minor version; or (``lenient``) only that it is usable.

    Lenient are the rules of structure (nothing is missing or unknown, ``null`` is absence); the
    types are the same.
    """

    minor: int
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """A place at which a document isn't as its schema says; ``path`` is empty for all of it."""

    path: Path
    kind: str
    reason: str
    value: object = None

    def __str__(self) -> str:
        # A path's parts may be keys of the document: of any length.
        where = "/".join(str(part)[:60] for part in self.path[:12]) or "the object"
        return f"{where}: {self.reason}"[:300]


def check_of(info: ValidationInfo) -> Check:
    """What the document is held against: the validation's context."""
    if not isinstance(info.context, Check):
        raise TypeError("ninjs models are validated with a Check as the context")
    return info.context


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("number_type", "must be a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _integer(value: object) -> int:
    whole = not isinstance(value, bool) and isinstance(value, int | float | Decimal)
    if not whole or (not isinstance(value, int) and value != value // 1):  # type: ignore[operator]
        raise PydanticCustomError("integer_type", "must be an integer")
    return int(value)


Text = Annotated[str, Strict()]
Number = Annotated[float, BeforeValidator(_number)]
Integer = Annotated[int, BeforeValidator(_integer)]
Percent = Annotated[Integer, Field(ge=0, le=100)]
AnyObject = Annotated[dict[str, Any], Strict()]

_WORDS: Final = {
    "string_type": "must be a string",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


class NinjsModel(BaseModel):
    """An object of a ninjs document; its fields' aliases are the keys of the JSON."""

    model_config = ConfigDict(frozen=True, populate_by_name=False)

    required: ClassVar[tuple[str, ...]] = ()
    open_to_others: ClassVar[bool] = False
    """Whether the schema allows keys that it doesn't name."""
    one_of: ClassVar[tuple[str, str] | None] = None
    """Two keys of which exactly one must be there."""
    patterns: ClassVar[tuple[tuple[Pattern[str], int], ...]] = ()
    """Names of further keys, and since when; their values are in ``__pydantic_extra__``."""

    @classmethod
    @cache
    def keys(cls) -> Mapping[str, int]:
        """The keys that the schema names, with the minor version from which on each is there."""
        return {
            info.alias or name: next((m.minor for m in info.metadata if isinstance(m, Since)), 0)
            for name, info in cls.model_fields.items()
        }

    @classmethod
    def knows(cls, key: str, minor: int = NEWEST) -> bool:
        """Whether a document of this version may have ``key``."""
        since = cls.keys().get(key)
        if since is not None:
            return since <= minor
        return any(at <= minor and pattern.search(key) for pattern, at in cls.patterns)

    @classmethod
    def demands(cls, minor: int) -> tuple[str, ...]:  # noqa: ARG003  (one of the schemas differs)
        """The keys that must be there."""
        return cls.required

    @classmethod
    def breaches(cls, value: Mapping[str, Any]) -> Iterable[str]:
        """What is wrong with the keys of ``value`` together."""
        if cls.one_of is not None and sum(key in value for key in cls.one_of) != 1:
            yield "must have either {} or {}".format(*cls.one_of)

    @model_validator(mode="wrap")
    @classmethod
    def _by_schema(
        cls, value: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        check = check_of(info)
        if not isinstance(value, dict):
            raise PydanticCustomError("model_type", "must be an object")
        if check.lenient:
            return handler({k: v for k, v in value.items() if v is not None and cls.knows(k)})
        kept, faults = cls._sorted(value, check.minor)
        try:
            model = handler(kept)
        except ValidationError as error:
            if not faults:
                raise  # as it is: pydantic puts the path in front
            inner = error.errors(include_url=False)[:MAX_FAULTS]
            raise _all(cls, faults + [_again(each) for each in inner]) from None
        if faults:
            raise _all(cls, faults)
        return model

    @classmethod
    def _sorted(
        cls, value: dict[str, Any], minor: int
    ) -> tuple[dict[str, Any], list[InitErrorDetails]]:
        """The keys that are to be looked at further, and what is wrong with the others."""
        kept: dict[str, Any] = {}
        faults = [_fault("one_of", reason, (), value) for reason in cls.breaches(value)]
        for key, item in value.items():
            if not cls.knows(key, minor):
                if not cls.open_to_others:
                    faults.append(_fault("unknown", cls._stranger(key), (key,), item))
            elif item is None:
                faults.append(_fault("null", "must not be null", (key,), item))
            else:
                kept[key] = item
        missing = [key for key in cls.demands(minor) if key not in value]
        faults += [_fault("missing", "is required", (key,), value) for key in missing]
        return kept, faults

    @classmethod
    def _stranger(cls, key: str) -> str:
        if not cls.knows(key):
            return "the schema has no such field"
        since = next(minor for minor in range(NEWEST) if cls.knows(key, minor))
        return f"there is no such field before minor version {since}"


def _fault(kind: str, reason: str, loc: Path, value: object) -> InitErrorDetails:
    error = PydanticCustomError(kind, "{reason}", {"reason": reason})
    return InitErrorDetails(type=error, loc=loc, input=value)


def _again(each: Any) -> InitErrorDetails:
    return _fault(each["type"], _words(each["type"], each["msg"]), each["loc"], each["input"])


def _all(cls: type[BaseModel], faults: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data(cls.__name__, faults)


def _words(kind: str, message: str) -> str:
    return _WORDS.get(kind) or message.replace("Input should be", "must be")


Model = TypeVar("Model", bound=NinjsModel)


def validate(model: type[Model], value: object, check: Check) -> tuple[Model | None, list[Fault]]:
    """``value`` as a ``model``; or None, and what is wrong with it."""
    try:
        return model.model_validate(value, context=check), []
    except ValidationError as error:
        return None, [
            Fault(each["loc"], each["type"], _reason(each), each["input"])
            for each in error.errors(include_url=False)
        ]


def _reason(each: Any) -> str:
    kind, value = each["type"], each["input"]
    words = _words(kind, each["msg"])
    if kind in ("literal_error", "enum") and isinstance(value, str):
        return f"{words}, not '{value[:40]}'"
    if kind in ("unknown", "null", "missing", "one_of"):
        return words
    return f"{words}, not {json_type(value)}"


def json_type(value: object) -> str:
    """What ``value`` is, in words for a receipt."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return f"{value}"[:40]
    kinds = {str: "a string", list: "an array", dict: "an object", type(None): "null"}
    return kinds.get(type(value), type(value).__name__)


def allowed_since(values: Mapping[str, int]) -> Callable[[str, ValidationInfo], str]:
    """A validator that refuses those of ``values`` that came with a later minor version."""

    def since(value: str, info: ValidationInfo) -> str:
        check = check_of(info)
        minor = values.get(value, 0)
        if minor > check.minor:
            raise PydanticCustomError(
                "literal_error", "must not be '{value}' before minor version {minor}",
                {"value": value, "minor": minor},
            )  # fmt: skip
        return value

    return since
