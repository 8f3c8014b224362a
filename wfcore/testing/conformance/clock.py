"""A clock that stands still until a test moves it."""

__all__ = ["ManualClock"]


class ManualClock:
    """Milliseconds since the epoch, as `wfcore.store.clock.Clock`; tests alone move it."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, ms: int) -> None:
        self.now += ms
