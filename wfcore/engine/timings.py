"""How long things took, as histograms: what metrics show, without any library of theirs."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

__all__ = ["BOUNDS", "Histogram", "Timings"]

BOUNDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
"""Upper bounds of the buckets, in seconds; one more has what is above."""

_MOST_NAMES: Final = 500


@dataclass(slots=True)
class Histogram:
    """How often something took how long."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class Timings:
    """Since the engine started; by handler, or in all."""

    run: dict[str, Histogram] = field(default_factory=dict)
    """From an attempt's lease to its outcome."""
    wait: dict[str, Histogram] = field(default_factory=dict)
    """How long nodes were READY until somebody leased them."""
    store: Histogram = field(default_factory=Histogram)
    """From Moves to their replies."""

    def ran(self, handler: str, seconds: float) -> None:
        """Take note of an attempt."""
        _of(self.run, handler).observe(seconds)

    def waited(self, handler: str, milliseconds: int | None) -> None:
        """Take note of a lease, where the store knows how long its node was READY."""
        if milliseconds is not None:
            _of(self.wait, handler).observe(milliseconds / 1000)


def _of(found: dict[str, Histogram], name: str) -> Histogram:
    histogram = found.get(name)
    if histogram is None:
        # Plugins decide how many names there are; metrics must not grow without bound.
        key = name if len(found) < _MOST_NAMES else "(others)"
        histogram = found.setdefault(key, Histogram())
    return histogram
