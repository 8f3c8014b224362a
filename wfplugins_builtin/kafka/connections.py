"""Connections to brokers: one for each cluster and user, shared by all that publish there.

Imported only when a record is to be sent: the driver comes with an extra.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Iterator
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from wfplugins_builtin.kafka.brokers import Brokers
from wfplugins_builtin.kafka.config import Login, Record
from wfplugins_builtin.kafka.driver_log import quieten_driver
from wfplugins_builtin.kafka.failure import DRIVER_ERRORS, node_error

__all__ = ["Connections"]

_log = logging.getLogger(__name__)
_SECONDS: Final = 30.0
"""For one record, with all that comes before it."""
_EXPIRES_MS: Final = 10_000
_BACKOFF_MS: Final = 250
_STOP_SECONDS: Final = 5.0


class Connections:
    """Sends records, over connections that are made when they are first needed."""

    def __init__(self) -> None:
        quieten_driver()
        self._connections: dict[tuple[Brokers, Login | None], _Connection] = {}

    async def send(self, brokers: Brokers, login: Login | None, record: Record) -> RecordMetadata:
        """Send a record, and wait until all replicas that are in sync have it.

        Raises:
            NodeError: they do not, or nobody said so in time.

        """
        with self._shared(brokers, login) as connection:
            producer: AIOKafkaProducer | None = None
            try:
                async with asyncio.timeout(_SECONDS):
                    producer = await connection.opened()
                    return await producer.send_and_wait(
                        record.topic, record.value, record.key, headers=list(record.headers)
                    )
            except DRIVER_ERRORS as error:
                failure = node_error(error, record.topic, brokers.setting)
                if failure.retryable:
                    # What is wrong may be wrong with the connection: the next one is new.
                    connection.drop(producer)
                raise failure from error

    async def close(self) -> None:
        """Disconnect."""
        connections, self._connections = self._connections, {}
        await asyncio.gather(*(each.close() for each in connections.values()))

    @contextlib.contextmanager
    def _shared(self, brokers: Brokers, login: Login | None) -> Iterator["_Connection"]:
        """Hold a connection; one that nobody holds and that is not open is forgotten."""
        place = (brokers, login)
        connection = self._connections.setdefault(place, _Connection(brokers, login))
        connection.users += 1
        try:
            yield connection
        finally:
            connection.users -= 1
            is_known = self._connections.get(place) is connection
            if is_known and not connection.users and connection.is_idle:
                del self._connections[place]


class _Connection:
    """One producer, made anew after it was dropped."""

    def __init__(self, brokers: Brokers, login: Login | None) -> None:
        self._brokers = brokers
        self._login = login
        self._producer: AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()
        self.users = 0

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to close."""
        return self._producer is None and not self._stopping

    async def opened(self) -> AIOKafkaProducer:
        """Return the producer, connected."""
        async with self._opening:
            if self._producer is None:
                self._producer = await _started(self._brokers, self._login)
            return self._producer

    def drop(self, producer: AIOKafkaProducer | None) -> None:
        """Let it go in the background, once what others gave it is sent or expired.

        One that is no longer this connection's was dropped before.
        """
        if producer is not self._producer or producer is None:
            return
        self._producer = None
        stopping = asyncio.get_running_loop().create_task(producer.stop())
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopped)

    async def close(self) -> None:
        """Disconnect, within some seconds.

        What brokers that are away keep open for longer ends by itself, with the records it holds.
        """
        self.drop(self._producer)
        if self._stopping:
            await asyncio.wait(set(self._stopping), timeout=_STOP_SECONDS)

    def _stopped(self, stopping: asyncio.Task[None]) -> None:
        self._stopping.discard(stopping)
        if not stopping.cancelled() and stopping.exception() is not None:
            _log.warning("a connection to Kafka did not close: %r", stopping.exception())


async def _started(brokers: Brokers, login: Login | None) -> AIOKafkaProducer:
    options = await asyncio.to_thread(_options, brokers, login)
    # Not the driver's own idempotence: with it, a record that was given up would still be sent
    # when the brokers are back. A node may run twice anyway, so the record has its key.
    producer = AIOKafkaProducer(
        acks="all", request_timeout_ms=_EXPIRES_MS, retry_backoff_ms=_BACKOFF_MS, **options
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


def _options(brokers: Brokers, login: Login | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": list(brokers.addresses),
        "security_protocol": brokers.protocol,
    }
    if brokers.has_tls:
        options["ssl_context"] = ssl.create_default_context()
    if login is not None:
        options["sasl_mechanism"] = login.mechanism
        options["sasl_plain_username"] = login.username
        options["sasl_plain_password"] = login.password
    return options
