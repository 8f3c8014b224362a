"""A cluster of real processes on a real Redis and a real bus, and the judgement of what it did."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

from tests.crash.service import Service
from tests.project.tree import ROOT, clean_environment

__all__ = ["DIAMOND", "Cluster", "Process", "Verdict"]

_DEADLINE: Final = 60.0
_TERMINAL: Final = ("COMPLETED", "FAILED", "SKIPPED", "CANCELLED")
_WF: Final = str(Path(sys.executable).parent / "wf")

DIAMOND: Final = {
    "a": [],
    "b": ["a"],
    "c0": ["b"],
    "c1": ["b"],
    "c2": ["b"],
    "end": ["c0", "c1", "c2"],
}
"""Nodes, and what each waits for."""


class Process:
    """A process of the cluster; what it said is in a file."""

    def __init__(self, command: list[str], log: Path, settings: dict[str, str]) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=clean_environment() | settings, stdout=out, stderr=out
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(_DEADLINE)

    def ended(self, seconds: float = _DEADLINE) -> int:
        """Wait for the end; return the exit code."""
        return self._process.wait(seconds)

    def says(self, words: str) -> str:
        """Wait until it said these words; return their line."""
        end = time.monotonic() + _DEADLINE
        while True:
            said = self.log.read_text(errors="replace")
            for line in said.splitlines():
                if words in line:
                    return line
            assert self.is_alive, said
            assert time.monotonic() < end, said
            time.sleep(0.02)


@dataclass
class Verdict:
    """What a fault led to; all but the first and the last have to be 0."""

    executions: int
    lost: int = 0
    double_terminal: int = 0
    order_violations: int = 0
    worst_recovery: float = 0.0
    """Seconds from a kill to the end of everything."""


class Cluster:
    """Processes that share a store and a bus, and the ledger that their nodes write."""

    def __init__(
        self, folder: Path, service: Service, store: str, bus: str, lease_seconds: float = 2.0
    ) -> None:
        self.folder = folder
        self.service = service
        self.ids: list[str] = []
        self._keys = count()
        self.processes: list[Process] = []
        self.prefix = f"c{os.getpid()}-{time.monotonic_ns() % 10**9}"
        self._settings = {
            "APP_STORE_URL": store,
            "APP_BUS_URL": bus,
            "APP_LEASE_SECONDS": str(lease_seconds),
            "APP_OUTBOUND_ALLOW": "127.0.0.1",
            "APP_PROBE_PORT": "0",
            "APP_KAFKA_PREFIX": self.prefix,
            "APP_DRAIN_SECONDS": "5",
            "PYTHONPATH": str(ROOT),
        }
        self._url = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if process.is_alive:
                with contextlib.suppress(ProcessLookupError):
                    process.send(signal.SIGCONT)
                process.kill()

    def server(self, **settings: str) -> Process:
        """Start a server; requests go to the newest one."""
        handlers = str(Path(__file__).with_name("handlers.py"))
        command = [_WF, "server", "--port", "0", "--plugin", handlers]
        process = self._start(command, "server", **settings)
        self._url = process.says("API   ").split()[1]
        return process

    def worker(self, dies: str = "", **settings: str) -> Process:
        """Start a worker, which may be one that kills itself at a point."""
        script = str(Path(__file__).with_name("mortal.py"))
        process = self._start([sys.executable, script], "worker", WF_DIES=dies, **settings)
        process.says("ready")
        return process

    def workers(self, many: int, dies: str = "", **settings: str) -> list[Process]:
        """Start workers side by side."""
        script = str(Path(__file__).with_name("mortal.py"))
        found = [
            self._start([sys.executable, script], "worker", WF_DIES=dies, **settings)
            for _ in range(many)
        ]
        for process in found:
            if not dies:
                process.says("ready")
        return found

    def _start(self, command: list[str], name: str, **settings: str) -> Process:
        log = self.folder / f"{name}{len(self.processes)}.log"
        process = Process(command, log, self._settings | settings)
        self.processes.append(process)
        return process

    def submit(self, many: int, nodes: dict[str, list[str]] | None = None) -> list[str]:
        """Start executions over HTTP, each with an idempotency key; return their ids."""
        document = self.document(nodes or DIAMOND)
        begun: list[str] = []
        for _ in range(many):
            headers = {"Idempotency-Key": f"key-{next(self._keys)}"}
            answer = self.insist("POST", "/workflow?trigger=true", document, headers)
            begun.append(answer["execution_id"])
        self.ids += begun
        return begun

    def submit_now(self) -> None:
        """Try to start an execution, once; raises `AssertionError` with the refusal."""
        try:
            self.ask("POST", "/workflow?trigger=true", self.document(DIAMOND))
        except urllib.error.HTTPError as error:
            said = f"Retry-After {error.headers['Retry-After']}: {error.read().decode()}"
            raise AssertionError(said) from error

    def document(self, nodes: dict[str, list[str]]) -> Any:
        url = f"http://127.0.0.1:{self.service.port}"
        retry = {"max_attempts": 10, "initial_interval": 0.1, "max_interval": 0.5}
        listed = [
            {
                "id": key,
                "handler": "call",
                "dependencies": before,
                "config": {"url": url},
                "retry": retry,
            }
            for key, before in nodes.items()
        ]
        return {"name": "faults", "dag": {"nodes": listed}}

    def insist(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        """Ask a server until it answers: clients of a cluster repeat what may not have arrived."""
        end = time.monotonic() + _DEADLINE
        while True:
            try:
                return self.ask(method, path, body, headers)
            except urllib.error.HTTPError as error:
                if error.code not in (429, 503) or time.monotonic() > end:
                    raise AssertionError(error.read()) from error
            except OSError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.05)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        """Send one request to the newest server."""
        data = json.dumps(body).encode() if body is not None else None
        sent = {"Content-Type": "application/json", **(headers or {})}
        request = urllib.request.Request(f"{self._url}{path}", data, sent, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def statuses(self) -> Counter[str]:
        """Count the executions of this test by status."""
        found: Counter[str] = Counter()
        for execution in self.ids:
            found[self.insist("GET", f"/workflows/{execution}?outputs=false")["status"]] += 1
        return found

    def finish(self, seconds: float = _DEADLINE) -> float:
        """Wait until all have COMPLETED; return how long that took."""
        begun = time.monotonic()
        for execution in self.ids:
            left = max(0.1, seconds - (time.monotonic() - begun))
            wait = f"/workflows/{execution}/results?wait={min(left, 10):.0f}"
            while (status := self.insist("GET", wait)["status"]) == "RUNNING":
                assert time.monotonic() - begun < seconds, self._standing(execution)
            assert status == "COMPLETED", self._standing(execution)
        return time.monotonic() - begun

    def _standing(self, execution: str) -> str:
        nodes = self.insist("GET", f"/workflows/{execution}")["nodes"]
        return f"{execution}: { ({key: each['state'] for key, each in nodes.items()}) }"

    def verdict(self, nodes: dict[str, list[str]] | None = None) -> "Verdict":
        """Count what broke a law, once all executions should have ended."""
        before = nodes or DIAMOND
        verdict = Verdict(executions=len(self.ids))
        answered: dict[tuple[str, str], float] = {}
        for call in self.service.calls:
            if call.answered is not None:
                place = call.execution, call.node
                answered[place] = min(call.answered, answered.get(place, call.answered))
        for call in self.service.calls:
            for dependency in before[call.node]:
                late = answered.get((call.execution, dependency), float("inf")) > call.arrived
                verdict.order_violations += late
        verdict.lost = sum(
            count for status, count in self.statuses().items() if status != "COMPLETED"
        )
        for execution in self.ids:
            ends = Counter(
                event["key"]
                for event in self.events(execution)
                if event["to"] in _TERMINAL and event["from"] != event["to"]
            )
            verdict.double_terminal += sum(count - 1 for count in ends.values())
        return verdict

    def judge(
        self, nodes: dict[str, list[str]] | None = None, *, most_calls: int | None = None
    ) -> None:
        """Hold ledger and events to the laws, once all executions have ended."""
        before = nodes or DIAMOND
        answered: dict[tuple[str, str], float] = {}
        for call in self.service.calls:
            if call.answered is not None:
                place = call.execution, call.node
                answered[place] = min(call.answered, answered.get(place, call.answered))
        keys: dict[tuple[str, str], set[str]] = {}
        for call in self.service.calls:
            keys.setdefault((call.execution, call.node), set()).add(call.key)
            for dependency in before[call.node]:
                assert answered[call.execution, dependency] <= call.arrived, "out of order"
        assert all(len(each) == 1 for each in keys.values()), "one idempotency key per node"
        for execution in self.ids:
            assert {node for owner, node in keys if owner == execution} == set(before)
            self._judge_events(execution, before)
        if most_calls is not None:
            assert self.service.count() <= most_calls

    def _judge_events(self, execution: str, nodes: dict[str, list[str]]) -> None:
        """See that the log has no gap and that no node ended twice."""
        ended: Counter[str] = Counter()
        seqs: list[int] = []
        for event in self.events(execution):
            seqs.append(event["seq"])
            if event["to"] in _TERMINAL and event["from"] != event["to"]:
                ended[event["key"]] += 1
        assert seqs == list(range(1, len(seqs) + 1)), "a gap in the events"
        assert ended == Counter(["@start", *nodes]), "a node ended twice, or not at all"

    def events(self, execution: str) -> Iterator[Any]:
        """Read the whole event stream of an execution that has ended."""
        request = urllib.request.Request(
            f"{self._url}/workflows/{execution}/events", headers={"Last-Event-ID": "0"}
        )
        with urllib.request.urlopen(request, timeout=20) as stream:
            name = ""
            for line in stream:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: ") and name == "transition":
                    yield json.loads(text.removeprefix("data: "))

    def metrics(self, worker: Process) -> dict[str, float]:
        """Read a worker's metrics."""
        port = worker.says("ready").split()[1]
        return self._metrics(f"http://127.0.0.1:{port}")

    def server_metrics(self) -> dict[str, float]:
        """Read the newest server's metrics."""
        return self._metrics(self._url)

    def _metrics(self, url: str) -> dict[str, float]:
        with urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def until(self, holds: Callable[[], bool], what: str, seconds: float = _DEADLINE) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not in time: {what}"
            time.sleep(0.01)
