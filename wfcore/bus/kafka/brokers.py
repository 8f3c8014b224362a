"""Where Kafka is, how to log in, and which topics are there."""

import logging
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

__all__ = ["KafkaBrokers", "quieten_driver"]

_REQUEST_MS: Final = 5_000
_COPIES: Final = 3


@dataclass(frozen=True, slots=True)
class KafkaBrokers:
    """The addresses of some brokers (`host:port,host2:port`), and the credentials for them."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    sasl_mechanism: str = "PLAIN"
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    """Certificates to trust; the system's where there is none."""
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None

    def options(self) -> dict[str, Any]:
        """Return what each of the driver's clients wants to know."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers.split(","),
            "security_protocol": self.security_protocol,
            "request_timeout_ms": _REQUEST_MS,
        }
        if self.security_protocol in ("SSL", "SASL_SSL"):
            context = ssl.create_default_context(cafile=self.ssl_cafile)
            if self.ssl_certfile is not None:
                context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
            options["ssl_context"] = context
        if self.security_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password
        return options

    async def create_topics(self, names: Collection[str], partitions: int) -> None:
        """Create the topics that are missing, with three copies where there are three brokers."""
        admin = AIOKafkaAdminClient(**self.options())
        try:
            await admin.start()
            known = set(await admin.list_topics())
            missing = [name for name in names if name not in known]
            if missing:
                brokers = (await admin.describe_cluster())["brokers"]
                copies = min(_COPIES, max(1, len(brokers)))
                await admin.create_topics([NewTopic(name, partitions, copies) for name in missing])
        finally:
            await admin.close()


class _Seldom(logging.Filter):
    """Lets a message of the driver through once in a while: it floods while brokers are away."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (record.name, str(record.msg)[:80])
        if record.created - self._last.get(kind, float("-inf")) < self._seconds:
            return False
        if len(self._last) > 1_000:
            self._last.clear()
        self._last[kind] = record.created
        return True


_LOGGERS: Final = (
    "aiokafka",
    "aiokafka.client",
    "aiokafka.cluster",
    "aiokafka.conn",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.consumer.subscription_state",
    "aiokafka.producer.producer",
    "aiokafka.producer.sender",
)
_SELDOM: Final = _Seldom(30.0)


def quieten_driver() -> None:
    """Bound what the driver logs: one line of a kind in thirty seconds."""
    names = ("", ".conn", ".client", ".consumer", ".consumer.group_coordinator")
    more = (".consumer.fetcher", ".consumer.consumer", ".producer.sender", ".producer.producer")
    for name in (
        *names,
        *more,
        ".cluster",
        ".coordinator.consumer",
        ".consumer.subscription_state",
    ):
        logger = logging.getLogger(f"aiokafka{name}")
        if _SELDOM not in logger.filters:
            logger.addFilter(_SELDOM)
