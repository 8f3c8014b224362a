"""Deadlines: what is due, in which order, and how a lease is renewed."""

from wfcore.testing.conformance import timing


class TestDue(timing.DueCases): ...


class TestRenewal(timing.RenewalCases): ...


class TestExecutionTimeout(timing.ExecutionTimeoutCases): ...
