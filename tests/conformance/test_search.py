"""Lists of executions: what a filter lets through, the newest first, in pages."""

from wfcore.testing.conformance import searching


class TestSearching(searching.SearchingCases): ...
