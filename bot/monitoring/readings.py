"""Figures that are read when somebody asks for them, not counted when something happens.

Knows no figure of its own; one that cannot be read is missing, and the others are there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isnan, nan

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Gauged:
    """What is read when somebody asks; None, or an error, makes it NaN.

    Attributes:
        queue_waiting: Questions that wait for the worker.
        inbox_open: Questions that are stored and not yet done.
        decisions: Records that the decision log ever got.
        index_age_s: Since the last run that ended well.
    """

    queue_waiting: Callable[[], float | None]
    inbox_open: Callable[[], float | None]
    decisions: Callable[[], float | None]
    index_chunks: Callable[[], float | None]
    index_documents: Callable[[], float | None]
    index_age_s: Callable[[], float | None]


class Total(Collector):
    """A counter that somebody else keeps."""

    def __init__(self, name: str, documentation: str) -> None:
        self._name = name
        self._documentation = documentation
        self.read: Callable[[], float | None] = lambda: None

    def describe(self) -> Iterable[Metric]:
        """Name it, so that nobody else takes the name."""
        yield CounterMetricFamily(self._name, self._documentation)

    def collect(self) -> Iterable[Metric]:
        """Read it; without a figure there is no sample."""
        value = figure(self.read)
        yield CounterMetricFamily(
            self._name, self._documentation, value=None if isnan(value) else value
        )


def figure(read: Callable[[], float | None]) -> float:
    """Read a figure; NaN where there is none."""
    try:
        value = read()
    except Exception:  # noqa: BLE001  the other figures are wanted all the same
        return nan
    return nan if value is None else float(value)
