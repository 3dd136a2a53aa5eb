"""How much a metric has grown since a test began."""

from __future__ import annotations

from services.metrics import REGISTRY


def value(name: str, **labels: str) -> float:
    """The sample's value now; 0 where it has none yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Growth:
    """Differences of samples: other tests have counted in this process before."""

    def __init__(self) -> None:
        self._before = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
        }

    def of(self, name: str, **labels: str) -> float:
        """How much it has grown."""
        before = self._before.get((name, tuple(sorted(labels.items()))), 0.0)
        return value(name, **labels) - before
