"""Deleting executions, by name and by age: whole, never what is open or in use."""

from wfcore.testing.conformance import deleting


class TestDeleting(deleting.DeletingCases): ...
