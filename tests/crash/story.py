"""What happens to a store's file between its processes, and the judgement at the end."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.crash.service import Service
from tests.engine.documents import Json
from wfcore import Engine, handler
from wfcore.store.contract import START

__all__ = ["Story"]

_ROOT: Final = Path(__file__).parents[2]
_DEADLINE: Final = 30.0
_PROGRESS_SECONDS: Final = 1.0

Ends = dict[tuple[str, str], tuple[Any, ...]]


class Child:
    """One process on the file."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_ROOT / "tests" / "crash" / "child.py"), json.dumps(given)],
            cwd=_ROOT,
            env={"PYTHONPATH": str(_ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.started = float(self.says("started")[0])

    def says(self, word: str) -> list[str]:
        """Read on to a line that begins with this word; return its other words."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            first, *others = line.split()
            if first == word:
                return others
        raise AssertionError(f"it ended without saying {word!r}")

    def kill(self) -> None:
        self._process.kill()
        self.dies()

    def dies(self) -> None:
        """Wait for the end of a process that is killed."""
        self._process.communicate(timeout=_DEADLINE)
        assert self._process.returncode == -signal.SIGKILL

    def ends(self) -> None:
        """Wait for the end of a process that has nothing more to do."""
        self._process.communicate(timeout=_DEADLINE)
        assert self._process.returncode == 0

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def away(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


class Story:
    """A workflow in a file, the processes that work on it one after the other, and the ledger."""

    def __init__(
        self, folder: Path, service: Service, document: Json, executions: int = 1, **options: Any
    ) -> None:
        self.service = service
        self.document = document
        self.ids = [f"x{at}" for at in range(executions)]
        self._path = folder / "wf.db"
        self._given = {
            "store": str(self._path),
            "port": service.port,
            "document": document,
            "executions": self.ids,
            "options": options,
        }
        self._children: list[Child] = []
        self._ends: Ends = {}

    def child(self, *, start: bool, **more: Any) -> Child:
        child = Child({**self._given, "start": start, **more})
        self._children.append(child)
        return child

    def close(self) -> None:
        for child in self._children:
            child.away()

    def goes_on(self, **more: Any) -> Child:
        """Start the next process on what the last one left, and see it go on within a second."""
        ends = self._read_ends()
        assert self._ends.items() <= ends.items()
        self._ends = ends
        before = self.service.count()
        child = self.child(start=False, **more)
        self.until(lambda: self.service.count() > before, "it goes on")
        assert self.service.calls[before].arrived - child.started <= _PROGRESS_SECONDS
        return child

    def until(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _DEADLINE
        while not holds():
            assert time.monotonic() < end, f"not in time: {what}"
            time.sleep(0.002)

    def _read_ends(self) -> Ends:
        """Read every terminal node with all it left behind, past the engine."""
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        try:
            rows = connection.execute(
                "SELECT e.id, n.key, n.state, n.attempt, n.ended, r.output, r.error FROM node n "
                "JOIN execution e ON e.number = n.execution "
                "LEFT JOIN result r ON r.execution = n.execution AND r.key = n.key "
                "WHERE n.state IN ('COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED')"
            ).fetchall()
        finally:
            connection.close()
        return {(execution, key): tuple(rest) for execution, key, *rest in rows}

    async def judge(self, status: str = "COMPLETED") -> None:
        """Hold the file and the ledger to the laws, once all executions have ended."""
        ends = self._read_ends()
        assert self._ends.items() <= ends.items()
        self._in_order()
        self._one_key_per_node()

        @handler("call")
        async def never() -> None:
            raise AssertionError("nothing is left to run")

        async with Engine(f"sqlite:///{self._path}", handlers=[never]) as engine:
            for execution in self.ids:
                assert (await engine.result(execution)).status == status
                events = [event async for event in engine.events(execution)]
                assert [event.seq for event in events] == list(range(1, len(events) + 1))
                terminal = Counter(
                    event.key
                    for event in events
                    if event.to is not None and event.to.terminal and event.before is not event.to
                )
                keys = [START, *(node["id"] for node in self.document["dag"]["nodes"])]
                assert terminal == Counter(keys)

    def _in_order(self) -> None:
        """No request of a node arrived before one of each of its dependencies was answered."""
        before = {node["id"]: node["dependencies"] for node in self.document["dag"]["nodes"]}
        answered: dict[tuple[str, str], float] = {}
        for call in self.service.calls:
            if call.answered is not None:
                place = call.execution, call.node
                answered[place] = min(call.answered, answered.get(place, call.answered))
        for call in self.service.calls:
            for dependency in before[call.node]:
                assert answered[call.execution, dependency] <= call.arrived

    def _one_key_per_node(self) -> None:
        keys: dict[tuple[str, str], set[str]] = {}
        for call in self.service.calls:
            keys.setdefault((call.execution, call.node), set()).add(call.key)
        assert {len(each) for each in keys.values()} == {1}
        assert len({key for each in keys.values() for key in each}) == len(keys)
