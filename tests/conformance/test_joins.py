"""Counters of dependencies, thresholds, and what is kept of the successors that fire."""

from wfcore.testing.conformance import joins


class TestThresholds(joins.ThresholdsCases): ...


class TestKeep(joins.KeepCases): ...


class TestStatus(joins.StatusCases): ...
