"""How many attempts a worker may run beside those that it runs."""

import asyncio

__all__ = ["Slots"]


class Slots:
    """Free slots; below zero for a moment where a lease has to be run and none is free."""

    def __init__(self, count: int) -> None:
        self.free = count
        self._freed = asyncio.Event()

    def reserve(self, most: int | None = None) -> int:
        """Take what is free, up to `most`, and return how many that are."""
        taken = max(self.free, 0) if most is None else max(min(self.free, most), 0)
        self.free -= taken
        return taken

    def give_back(self, slots: int) -> None:
        """Free slots again."""
        if slots > 0:
            self.free += slots
            self._freed.set()

    async def some(self) -> None:
        """Wait until a slot is free."""
        while self.free <= 0:
            self._freed.clear()
            await self._freed.wait()
