"""How templates fail: refused when they are parsed, or a node's error when they are rendered."""

from collections.abc import Sequence

from wfcore.errors import NodeError, WfError
from wfcore.problems import Problem

__all__ = ["OverBudget", "Refusal", "RenderError", "TemplateProblem", "TemplateProblems"]


class TemplateProblem(WfError):
    """One template was refused; `problem` says what and where."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class TemplateProblems(WfError):
    """Templates of a config were refused; `problems` holds all that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Refusal(Exception):
    """What is wrong with a template, before it is known where the template stands.

    It never leaves the package: `Templating.parse` adds the place.
    """

    def __init__(self, code: str, message: str, hint: str | None = None, line: int = 1) -> None:
        self.code = code
        self.message = message
        self.hint = hint
        self.line = line
        super().__init__(message)

    def problem(self, pointer: str, source: str) -> Problem:
        """Return the problem at `pointer`; the line is told where the template has several."""
        place = f"line {self.line}: " if "\n" in source else ""
        return Problem(f"template.{self.code}", pointer, place + self.message, self.hint)


class RenderError(NodeError):
    """A template could not be rendered with the data that there is.

    `details` holds `pointer`, the place of the template, and `path`, the path that could not be
    followed (None where the error is about something else).
    """

    def __init__(
        self, message: str, *, pointer: str | None = None, path: str | None = None
    ) -> None:
        super().__init__("TemplateError", message, details={"pointer": pointer, "path": path})

    def at(self, pointer: str) -> "RenderError":
        """Return this error with the place of its template."""
        return RenderError(self.message, pointer=pointer, path=self.details["path"])


class OverBudget(RenderError):
    """What one rendering may spend is spent."""
