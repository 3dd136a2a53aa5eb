"""The rules for Prometheus as its operator takes them: ``python -m deploy.k8s.prometheus_rule``.

Writes components/monitoring/prometheusrule.yaml from deploy/prometheus/rules/wiredesk.yml, which
stays the one source: kustomize can't put a file into a field.  ``--check`` writes nothing and ends
with 1 where the file is not current.
"""  # noqa: INP001  (deploy/ is a folder of files, no package)

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1]
RULES = DEPLOY / "prometheus" / "rules" / "wiredesk.yml"
WRITTEN = Path(__file__).with_name("components") / "monitoring" / "prometheusrule.yaml"

HEAD = """\
# Made from deploy/prometheus/rules/wiredesk.yml by `make generated`: change it there.
"""


class _Readable(yaml.SafeDumper):
    """Expressions of several lines stay so."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)


def build(rules: str) -> dict[str, Any]:
    """The rules of a rule file (its text) as a PrometheusRule."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "wiredesk",
            "labels": {
                "app.kubernetes.io/part-of": "wiredesk",
                # What kube-prometheus-stack looks for, where it was installed under this name.
                "release": "kube-prometheus-stack",
            },
        },
        "spec": {"groups": yaml.safe_load(rules)["groups"]},
    }


def written_as(document: dict[str, Any]) -> str:
    """The file's text."""
    return HEAD + yaml.dump(
        document, Dumper=_Readable, sort_keys=False, width=100, allow_unicode=True
    )


def main(argv: list[str] | None = None, written: Path = WRITTEN) -> int:
    """Write the file, or with ``--check`` compare it; the exit code."""
    parser = ArgumentParser(prog="python -m deploy.k8s.prometheus_rule", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check: bool = parser.parse_args(argv).check
    current = written_as(build(RULES.read_text(encoding="utf-8")))
    if not check:
        written.write_text(current, encoding="utf-8")
    elif not written.exists() or written.read_text(encoding="utf-8") != current:
        sys.stderr.write(f"{written.name} is not current: run make generated\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
