"""Durations of a benchmark, and how they are printed."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Stopwatch:
    """Collects durations [s] of the same thing."""

    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def lap(self) -> Iterator[None]:
        """Time one more."""
        start = time.perf_counter()
        yield
        self.seconds.append(time.perf_counter() - start)

    def quantile(self, share: float) -> float:
        """Return the duration [s] that this share of the laps stays within."""
        ranked = sorted(self.seconds)
        return ranked[min(int(len(ranked) * share), len(ranked) - 1)]

    @property
    def median(self) -> float:
        """The median duration [s]."""
        return median(self.seconds)

    def __str__(self) -> str:
        """Median and 95th percentile in milliseconds."""
        return f"{self.median * 1e3:.1f} / {self.quantile(0.95) * 1e3:.1f}"


def timed(job: Callable[[], object]) -> float:
    """Run a job and return how long it took [s]."""
    watch = Stopwatch()
    with watch.lap():
        job()
    return watch.seconds[0]


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows of text in columns as wide as they need, as Markdown."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    print("\n".join([lines[0], rule, *lines[1:]]), flush=True)
