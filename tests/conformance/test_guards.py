"""Each check that a Move passes before it is applied, met alone.

Outcomes prove little here: with a check removed, whole executions still end well, since deadlines
heal them. `test_mutations.py` takes each check out and sees that a case of this suite goes red.
"""

from wfcore.testing.conformance import guards


class TestState(guards.StateCases): ...


class TestToken(guards.TokenCases): ...


class TestReplay(guards.ReplayCases): ...


class TestDueCheck(guards.DueCheckCases): ...


class TestCounters(guards.CountersCases): ...


class TestWholeness(guards.WholenessCases): ...
