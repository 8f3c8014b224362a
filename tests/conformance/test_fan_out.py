"""Fan-outs that go in chunks: one transition each, a cursor and a deadline until the last."""

from wfcore.testing.conformance import fan_out


class TestFanOut(fan_out.FanOutCases): ...
