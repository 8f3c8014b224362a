"""What stands in for the handler of one node: an output, or a failure, for a while or for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wfcore.outbound.http import UNSET

__all__ = ["Stub", "StubLike", "stub_of"]


@dataclass(frozen=True, kw_only=True)
class Stub:
    """How a stubbed node behaves: it gives `output`, or raises `fail`.

    With `times`, `fail` is raised by so many calls of the node, and the later ones give `then`.
    Each call takes `seconds` of virtual time first.

        Stub(output={"text": "hello"})
        Stub(fail=NodeError("Busy", "not now", retryable=True), times=2, then={"text": "hello"})
    """

    output: Any = UNSET
    fail: Exception | None = None
    times: int | None = None
    then: Any = UNSET
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if (self.output is UNSET) == (self.fail is None):
            raise ValueError("a stub has either an `output` or a `fail`")
        if (self.times is None) != (self.then is UNSET):
            raise ValueError("`times` and `then` belong together: fail so often, then give that")
        if self.times is not None and self.fail is None:
            raise ValueError("`times` says how often the stub fails: it needs a `fail`")

    def answer(self, number: int) -> Any:
        """Return what the call of this number gives, counted from 1, or raise its failure."""
        if self.fail is None:
            return self.output
        if self.times is None or number <= self.times:
            # One error, raised many times: each time with the way of that call alone.
            raise self.fail.with_traceback(None)
        return self.then


StubLike = Stub | Mapping[str, Any]
"""A stub, or the output that it always gives."""


def stub_of(given: StubLike) -> Stub:
    """Return the stub that was meant."""
    if isinstance(given, Stub):
        return given
    if isinstance(given, Mapping):
        return Stub(output=dict(given))
    raise TypeError(f"a stub is an output object or a Stub, not {given!r}")
