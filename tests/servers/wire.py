"""A TCP proxy that tests cut, hold and delay: the network between a process and a server."""

import contextlib
import socket
import threading
import time
from typing import Self

__all__ = ["Wire"]


class Wire:
    """Passes bytes on to a port.

    `cut` closes every connection and refuses new ones, `hold` lets nothing through without closing
    anything, `delay` holds back each piece for some seconds; `heal` ends all of it.
    """

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._flows = threading.Event()
        self._flows.set()
        self._is_cut = False
        self.seconds = 0.0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.heal()
        self._close_all()

    def cut(self) -> None:
        self._is_cut = True
        self._close_all()

    def hold(self) -> None:
        self._flows.clear()

    def delay(self, seconds: float) -> None:
        self.seconds = seconds

    def heal(self) -> None:
        self._is_cut = False
        self.seconds = 0.0
        self._flows.set()

    def _close_all(self) -> None:
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    if self._is_cut:
                        raise ConnectionRefusedError
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                self._open |= {near, far}
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                time.sleep(self.seconds)
                self._flows.wait()
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._open.discard(end)
            end.close()
