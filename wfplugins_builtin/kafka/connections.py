"""Connections to brokers: one for each cluster and user, shared by all that publish there.

Imported only when a record is to be sent: the driver comes with an extra.
"""

import asyncio
import contextlib
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

_SECONDS: Final = 30.0
"""For one record, with all that comes before it."""
_EXPIRES_MS: Final = 10_000
_BACKOFF_MS: Final = 250
_STOP_SECONDS: Final = 3.0


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
            try:
                async with asyncio.timeout(_SECONDS):
                    return await connection.send(record)
            except DRIVER_ERRORS as error:
                failure = node_error(error, record.topic, brokers.setting)
                if failure.retryable:
                    # What is wrong may be wrong with the connection: the next one is new.
                    connection.drop()
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
            if not connection.users and connection.is_idle:
                self._connections.pop(place, None)


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

    async def send(self, record: Record) -> RecordMetadata:
        async with self._opening:
            if self._producer is None:
                self._producer = await _started(self._brokers, self._login)
        return await self._producer.send_and_wait(
            record.topic, record.value, record.key, headers=list(record.headers)
        )

    def drop(self) -> None:
        """Let the producer go in the background, once what others gave it is sent or expired."""
        producer, self._producer = self._producer, None
        if producer is not None:
            stopping = asyncio.get_running_loop().create_task(producer.stop())
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    async def close(self) -> None:
        self.drop()
        if self._stopping:
            # One that hangs is left behind (aiokafka #1101).
            stopping = set(self._stopping)
            await asyncio.wait(stopping, timeout=_STOP_SECONDS)
            for each in stopping:
                each.cancel()
            await asyncio.wait(stopping, timeout=_STOP_SECONDS)


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
