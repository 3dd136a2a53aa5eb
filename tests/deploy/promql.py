"""What names a PromQL expression uses: enough of the language to hold ours against the source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from services import metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules" / "wiredesk.yml"
RULE_TESTS = DEPLOY / "prometheus" / "tests"

TARGET_LABELS = frozenset({"job", "instance"})
"""Prometheus puts these on whatever it scrapes."""

PROCESS_METRICS = (
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "process_start_time_seconds",
)
"""Of prometheus_client's own collector; the names are those of every Prometheus client."""

NAME = re.compile(r"(?<![\w:.$])(wiredesk[_:][a-z0-9_:]+|process_[a-z_]+|up)(?![\w:])")
SELECTOR = re.compile(NAME.pattern + r"\s*(?:\{(?P<matchers>[^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
REPLACED = re.compile(r'"(\w+)",\s*"[^"]*",\s*"\w*",\s*"[^"]*"\s*\)')
"""The end of a ``label_replace``: the label that it makes comes first."""

STRING = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Used:
    """One metric in an expression, and the labels that are asked of it: name → value."""

    name: str
    matchers: tuple[tuple[str, str], ...]


def used(expr: str) -> list[Used]:
    """The metrics of an expression, in its order."""
    return [
        Used(found[1], tuple(MATCHER.findall(found["matchers"] or "")))
        for found in SELECTOR.finditer(expr)
    ]


def grouped_by(expr: str) -> set[str]:
    """The labels that an expression groups or joins by."""
    return {
        label.strip()
        for found in GROUPED.finditer(STRING.sub('""', expr))
        for label in found[1].split(",")
        if label.strip()
    }


def made(expr: str) -> set[str]:
    """The labels that an expression makes by ``label_replace``."""
    return set(REPLACED.findall(expr))


@cache
def exported() -> dict[str, frozenset[str]]:
    """Every name that our processes export, as Prometheus stores it, with its labels."""
    names = {name: frozenset[str]() for name in (*PROCESS_METRICS, "up")}
    for metric in metrics.all_metrics().values():
        labels = frozenset(metric._labelnames)
        for suffix, more in _stored(metric._type or ""):
            names[f"{metric._name}{suffix}"] = labels | more
    return names


def _stored(kind: str) -> list[tuple[str, frozenset[str]]]:
    none = frozenset[str]()
    return {
        "counter": [("_total", none)],
        "histogram": [("_bucket", frozenset({"le"})), ("_sum", none), ("_count", none)],
    }.get(kind, [("", none)])


@cache
def rules() -> tuple[dict[str, Any], ...]:
    """Every rule, recording or alert, in the order of the file."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return tuple(rule for group in groups for rule in group["rules"])


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


@cache
def recorded() -> dict[str, frozenset[str]]:
    """What is recorded, with the labels that it is grouped by and those that are set."""
    names: dict[str, frozenset[str]] = {}
    for rule in rules():
        if "record" in rule:
            labels = frozenset(grouped_by(rule["expr"])) | frozenset(rule.get("labels", {}))
            names[rule["record"]] = names.get(rule["record"], frozenset()) | labels
    return names


def unknown(expr: str, known: dict[str, frozenset[str]]) -> list[str]:
    """The metrics and labels of an expression that nobody exports, each in words."""
    found = used(expr)
    problems = [f"no metric {each.name}" for each in found if each.name not in known]
    labels = set(TARGET_LABELS) | made(expr)
    for each in found:
        has = known.get(each.name, frozenset()) | TARGET_LABELS
        labels |= has
        problems += [
            f"{each.name} has no label {label}" for label, _ in each.matchers if label not in has
        ]
    return problems + [f"no label {label}" for label in sorted(grouped_by(expr) - labels)]
