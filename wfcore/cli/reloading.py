"""The parent of `wf dev`: it holds the socket, and starts the server anew when files change.

Requests that come while no server runs wait in the socket, or are refused where a plugin has to be
mended first. A file that cannot even be compiled
leaves the server that runs alone. A server that dies by itself is started again, later each time;
one that never got ready ends the command with its code, unless a plugin is at fault: that may be
mended. The child knows from the end of a socket pair that its parent is gone.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.installed import PluginPlaces
from wfcore.cli.refusing import refuse_requests
from wfcore.cli.watched import Watched
from wfcore.cli.wording import one_line
from wfcore.errors import PluginError

__all__ = ["PLUGIN_BROKEN", "READY", "Supervisor"]

PLUGIN_BROKEN: Final = 75
"""The exit code of a child that could not load a plugin; nobody else sees it."""
READY: Final = b"r"
"""What a child says when it can be used."""

_POLL_SECONDS: Final = 0.4
_GRACE_SECONDS: Final = 20.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_STEADY_SECONDS: Final = 60.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Supervisor:
    """Keeps one child running; belongs in the main thread."""

    def __init__(
        self,
        console: Console,
        look: Callable[[], Watched],
        listener: socket.socket,
        places: PluginPlaces,
        allow: Sequence[str],
    ) -> None:
        self._console = console
        self._look = look
        self._watched = watched = look()
        self._listener = listener
        self._options = {
            "files": [str(path) for path in places.files],
            "folders": [str(path) for path in places.folders],
            "allow": list(allow),
        }
        self._stamps = watched.stamps()
        self._child: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._was_ready = False
        self._began = 0.0
        self._pause = 0.0
        self._stopping = False
        self._told = False
        """Whether the child was told to end: a second time it would do so at once."""

    def run(self) -> int:
        """Serve until a signal, or until a first start that fails; return the exit code."""
        with self._signals():
            try:
                while not self._stopping:
                    self._start()
                    code = self._watch()
                    if code is None or self._stopping:
                        continue
                    if code != PLUGIN_BROKEN and not self._was_ready:
                        return _exit_code(code)
                    self._wait_after(code)
                return self._stopped()
            finally:
                self._end(signal.SIGKILL)

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        descriptors = {"listener": self._listener.fileno(), "line": theirs.fileno()}
        options: dict[str, Any] = {**self._options, **descriptors, "again": self._was_ready}
        self._told, self._began = False, time.monotonic()
        with theirs:
            self._line = ours
            self._child = subprocess.Popen(  # noqa: S603 - this very program
                # -P: no file of the folder may take the place of a module of Python's.
                [sys.executable, "-P", "-m", "wfcore.cli.dev_child", json.dumps(options)],
                stdin=subprocess.DEVNULL,
                pass_fds=tuple(descriptors.values()),
                # A group of its own: Ctrl-C reaches the parent, which passes it on once.
                process_group=0,
            )

    def _watch(self) -> int | None:
        """Return the code of a child that ended by itself, None when it was ended."""
        child = self._child
        assert child is not None
        while not self._stopping:
            self._listen(_POLL_SECONDS)
            code = child.poll()
            if code is not None:
                self._end(signal.SIGKILL)
                return code
            changed = self._changed()
            if not changed:
                continue
            fault = self._watched.fault()
            if fault is not None:
                self._tell(f"{fault}; what ran before goes on until that is mended", "red")
                continue
            self._tell(f"{changed} changed: restarting")
            # A package that was installed just now is watched from here on.
            with contextlib.suppress(PluginError):
                self._watched = self._look()
                self._stamps = self._watched.stamps()
            self._pause = 0.0
            self._end(signal.SIGTERM)
            return None
        return None

    def _listen(self, seconds: float) -> None:
        """Wait a moment, or until the child has news; an end of the line is its end."""
        assert self._line is not None
        assert self._child is not None
        readable, _, _ = select.select([self._line], [], [], seconds)
        if not readable:
            return
        if self._line.recv(1) == READY:
            self._was_ready = True
            return
        # It may have closed the line before its last breath.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)

    def _changed(self) -> str:
        """Return the name of a file that changed since it was last looked at, once all is still."""
        stamps = self._watched.stamps()
        if stamps == self._stamps:
            return ""
        while True:
            # Editors write in steps.
            time.sleep(_POLL_SECONDS / 4)
            still = self._watched.stamps()
            if still == stamps:
                break
            stamps = still
        before, self._stamps = self._stamps, stamps
        both = [path for path in {**before, **stamps} if before.get(path) != stamps.get(path)]
        return both[0].name if both else ""

    def _wait_after(self, code: int) -> None:
        """Wait until another start is worth it."""
        until = None
        if code == PLUGIN_BROKEN:
            self._tell("waiting for the next change; requests are refused until then", "red")
        else:
            if time.monotonic() - self._began > _STEADY_SECONDS:
                self._pause = 0.0
            self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
            until = time.monotonic() + self._pause
            self._tell(f"the server ended ({_ending(code)}); again in {self._pause:g} s", "red")
        while not self._stopping and (until is None or time.monotonic() < until):
            if until is None:
                refuse_requests(self._listener, _POLL_SECONDS)
            else:
                time.sleep(_POLL_SECONDS)
            if self._changed():
                fault = self._watched.fault()
                if fault is None:
                    return
                self._tell(fault, "red")

    def _end(self, number: signal.Signals) -> None:
        """End the child, in the end by force."""
        child, line = self._child, self._line
        if child is not None and child.poll() is None:
            if number == signal.SIGKILL or not self._told:
                child.send_signal(number)
            self._told = True
            try:
                child.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if line is not None:
            line.close()
        self._child = self._line = None

    def _stopped(self) -> int:
        """Wait for the child, which was told already."""
        child = self._child
        if child is None:
            return Exit.OK
        if not self._told:
            child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_SECONDS)
        code = child.poll()
        # One that was told before it was ready had nothing to close.
        return Exit.OK if code in (0, -signal.SIGTERM) else Exit.FAILED

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _: object) -> None:
        child = self._child
        if self._stopping:
            if child is not None:
                child.kill()
            os._exit(128 + number)
        self._stopping = True
        if child is not None and child.poll() is None and not self._told:
            self._told = True
            child.terminate()

    def _tell(self, text: str, style: str = "") -> None:
        self._console.print(
            Text.assemble(("wf dev  ", "dim"), (one_line(text), style)), soft_wrap=True
        )


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _exit_code(code: int) -> int:
    return 128 - code if code < 0 else code
