"""What one rendering may still spend: operations, memory, output and processor time."""

import sys
from time import thread_time
from typing import Final

from wfcore.templating.failure import OverBudget, RenderError
from wfcore.templating.limits import TemplateLimits

__all__ = ["Budget"]

# The clock is read once in so many operations.
_LOOK: Final = 2_000


class Budget:
    """Counts down; every method that takes something raises `RenderError` when none is left."""

    __slots__ = ("_deadline", "_limits", "_look_below", "_memory", "_operations", "_output")

    def __init__(self, limits: TemplateLimits) -> None:
        self._limits = limits
        self._operations = limits.max_operations
        self._look_below = max(limits.max_operations - _LOOK, 0)
        self._memory = limits.max_memory_bytes
        self._output = limits.max_output_bytes
        self._deadline: float | None = None

    def spend(self, operations: int) -> None:
        """Take operations; now and then look at the clock."""
        self._operations -= operations
        if self._operations < self._look_below:
            self._look()

    def _look(self) -> None:
        if self._operations < 0:
            allowed = self._limits.max_operations
            raise OverBudget(f"the templates take more than {allowed:,} operations")
        now = thread_time()
        if self._deadline is None:
            self._deadline = now + self._limits.max_cpu_seconds
        elif now > self._deadline:
            allowed_ms = self._limits.max_cpu_seconds * 1000
            raise OverBudget(f"the templates take more than {allowed_ms:.0f} ms")
        self._look_below = max(self._operations - _LOOK, 0)

    def allocate(self, size: int) -> None:
        """Take bytes of memory, and the operations that it costs to fill them."""
        self._memory -= size
        if self._memory < 0:
            allowed = self._limits.max_memory_bytes
            raise OverBudget(f"the templates take more than {allowed:,} bytes of memory")
        self.spend(1 + (size >> 8))

    def room(self, length: int) -> None:
        """Ask, before a text of so many characters is made, whether there may be one."""
        if length > self._limits.max_output_bytes:
            allowed = self._limits.max_output_bytes
            raise RenderError(f"a text would have {length:,} characters, more than {allowed:,}")

    def made(self, text: str) -> str:
        """Take the memory of a text that was just made; return it."""
        self.allocate(sys.getsizeof(text))
        return text

    def output(self, size: int) -> None:
        """Take bytes of the rendered values."""
        self._output -= size
        if self._output < 0:
            allowed = self._limits.max_output_bytes
            raise OverBudget(f"the rendered values are larger than {allowed:,} bytes")
