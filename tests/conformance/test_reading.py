"""What is read back: executions, documents, nodes, results and the event log."""

from wfcore.testing.conformance import reading


class TestCreate(reading.CreateCases): ...


class TestResults(reading.ResultsCases): ...


class TestNodes(reading.NodesCases): ...


class TestEvents(reading.EventsCases): ...


class TestNotices(reading.NoticesCases): ...


class TestMeters(reading.MetersCases): ...
