"""A worker that dies at a chosen point: `wf worker` with failpoints around its store and its bus.

The product has none. Settings are those of `wf worker`; `WF_DIES` names the point and after how
many passes of it the process kills itself with SIGKILL.
"""

import os
import signal
from collections.abc import Sequence
from typing import Any, Final

from wfcore import NodeContext, handler
from wfcore.bus.contract import Task
from wfcore.cli.loops import run_in_loop
from wfcore.cluster import cluster_options
from wfcore.plugins.manager import load_plugins
from wfcore.settings import Settings
from wfcore.store.contract import Charge, Move, Reply
from wfcore.workflow.states import NodeState
from wfserver.listening import listen
from wfworker.process import work

POINTS: Final = (
    "after_poll",
    "before_lease",
    "after_lease",
    "in_handler",
    "before_end",
    "after_end",
    "after_claimed",
    "in_drain",
)


class Fate:
    """Counts passes of the point, and kills."""

    def __init__(self, told: str) -> None:
        self.point, _, passes = told.partition(":")
        self._left = int(passes or 1)

    def passes(self, point: str) -> None:
        if point == self.point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def watch_store(store: Any, fate: Fate) -> None:
    """Put failpoints around the store's `apply` and `take`."""
    apply, take = store.apply, store.take

    async def applied(moves: Sequence[Move]) -> list[Reply]:
        leases = any(move.charge is Charge.ATTEMPT for move in moves)
        ends = any(move.to is NodeState.COMPLETED for move in moves)
        if leases:
            fate.passes("before_lease")
        if ends:
            fate.passes("before_end")
        replies: list[Reply] = await apply(moves)
        if leases:
            fate.passes("after_lease")
        if ends:
            fate.passes("after_end")
        return replies

    async def taken(*arguments: Any, **options: Any) -> Any:
        found = await take(*arguments, **options)
        if found:
            fate.passes("after_lease")
        return found

    store.apply, store.take = applied, taken


def watch_bus(bus: Any, fate: Fate) -> None:
    """Put failpoints around the bus's `take` and `claimed`."""
    take, claimed = bus.take, bus.claimed

    async def taken(limit: int) -> list[Task]:
        tasks: list[Task] = await take(limit)
        fate.passes("after_poll")
        return tasks

    async def has_claimed(tasks: Sequence[Task]) -> None:
        await claimed(tasks)
        fate.passes("after_claimed")

    bus.take, bus.claimed = taken, has_claimed


@handler
async def call(url: str, context: NodeContext) -> str:
    """Tell the ledger that this node runs."""
    name = f"{url}/{context.execution_id}/{context.node}"
    headers = {"Idempotency-Key": context.idempotency_key}
    await context.http.request("POST", name, headers=headers)
    FATE.passes("in_handler")
    return context.node


FATE: Final = Fate(os.environ.get("WF_DIES", ""))


def main() -> None:
    settings = Settings.read()
    registry = load_plugins(handlers=[call], discover=settings.discovery())
    options = cluster_options(settings, registry)
    options["drain_seconds"] = settings.drain_seconds
    watch_store(options["store"], FATE)
    watch_bus(options["bus"], FATE)
    with listen("127.0.0.1", settings.probe_port) as listener:
        port = listener.getsockname()[1]
        run_in_loop(work(options, listener, lambda _: print("ready", port, flush=True)))


if __name__ == "__main__":
    main()
