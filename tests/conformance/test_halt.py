"""Halts: nothing new opens, what is open is brought to an end, the reason stays the first."""

from wfcore.testing.conformance import halting


class TestRefusals(halting.RefusalsCases): ...


class TestReasons(halting.ReasonsCases): ...


class TestSweep(halting.SweepCases): ...
