"""The `publish_kafka` handler: one record on a topic."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from wfcore import Handler, NodeContext, NodeError
from wfplugins_builtin.kafka.brokers import Brokers, chosen_brokers
from wfplugins_builtin.kafka.config import KafkaConfig, Login, Record, record_of

if TYPE_CHECKING:
    from wfplugins_builtin.kafka.connections import Connections

__all__ = ["PublishKafka"]


class PublishKafka(Handler):
    """Publish one record on a topic of the operator's Kafka, and give the place that it got."""

    name = "publish_kafka"
    example: ClassVar[Mapping[str, Any] | None] = {
        "topic": "orders",
        "key": "{{ execution.id }}",
        "value": {"state": "done"},
    }
    errors: ClassVar[Mapping[str, str]] = {
        "NoBrokers": "the operator has set no brokers, or none for this `cluster`",
        "TopicRefused": "the operator has not opened the topic",
        "KafkaNotInstalled": "the driver is not installed where it runs",
        "ConnectionFailed": "the brokers cannot be reached, or refuse the login; tried again",
        "Timeout": "nobody acknowledged the record in time, and it may have arrived; tried again",
        "UnknownTopic": "there is no such topic, and the brokers make none; tried again",
        "NotAuthorized": "the brokers do not let this user write there",
        "RecordTooLarge": "the record is larger than a megabyte, or than the topic takes",
        "InvalidTopic": "the brokers take no topic of this name",
        "KafkaError": "anything else that the brokers say; tried again",
    }
    Config: ClassVar[type[BaseModel]] = KafkaConfig

    class Output(BaseModel):
        """Where the record is."""

        topic: str
        partition: int
        offset: int
        timestamp: int
        """Milliseconds since 1970, as Kafka counts them."""

    def __init__(self) -> None:
        self._connections: Connections | None = None
        self._loading = asyncio.Lock()

    async def run(self, config: KafkaConfig, context: NodeContext) -> Output:
        brokers = chosen_brokers(config.cluster, config.topic, context)
        _check_login(brokers, config.sasl)
        record = _record(config, context)
        connections = await self._loaded()
        sent = await connections.send(brokers, config.sasl, record)
        assert sent.timestamp is not None, "only a record that nobody acknowledges has none"
        return self.Output(
            topic=sent.topic,
            partition=sent.partition,
            offset=sent.offset,
            timestamp=sent.timestamp,
        )

    async def close(self) -> None:
        connections, self._connections = self._connections, None
        if connections is not None:
            await connections.close()

    async def _loaded(self) -> "Connections":
        async with self._loading:
            if self._connections is None:
                self._connections = await asyncio.to_thread(_connections)
            return self._connections


def _connections() -> "Connections":
    try:
        from wfplugins_builtin.kafka.connections import Connections  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = f"publishing to Kafka needs: pip install 'wfcore[kafka]' ({error})"
        raise NodeError("KafkaNotInstalled", message) from error
    return Connections()


def _check_login(brokers: Brokers, login: Login | None) -> None:
    if brokers.has_login and login is None:
        message = f"the brokers of {brokers.setting} want a user: give sasl"
        raise NodeError("InvalidConfig", message)
    if login is not None and not brokers.has_login:
        # A password is not shown to brokers that do not ask for it.
        message = f"the brokers of {brokers.setting} take no user: leave sasl away"
        raise NodeError("InvalidConfig", message)


def _record(config: KafkaConfig, context: NodeContext) -> Record:
    try:
        return record_of(config, context.idempotency_key)
    except UnicodeError as error:
        raise NodeError("InvalidRequest", "the record holds what is no text") from error
