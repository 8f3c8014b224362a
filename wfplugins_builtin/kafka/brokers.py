"""The brokers and topics that the operator opened, by settings.

A document names clusters by these settings, never hosts: who may submit documents must not reach
into the network that the process stands in.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from wfcore import NodeContext, NodeError

__all__ = ["Brokers", "chosen_brokers"]

_BROKERS: Final = "publish_kafka_brokers"
_TOPICS: Final = "publish_kafka_topics"
_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Brokers:
    """A cluster, as its setting has it."""

    setting: str
    """The variable's name: errors name it, and not the addresses."""
    addresses: tuple[str, ...]
    protocol: str

    @property
    def has_login(self) -> bool:
        """Whether they want a user."""
        return self.protocol.startswith("SASL")

    @property
    def has_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol.endswith("SSL")


def chosen_brokers(cluster: str | None, topic: str, context: NodeContext) -> Brokers:
    """Return the brokers of a cluster, None is the default one, that may be sent to.

    Raises:
        NodeError: `NoBrokers`, `TopicRefused`, or `InvalidSetting`.

    """
    suffix = "" if cluster is None else f"_{cluster.lower()}"
    setting = f"APP_{_BROKERS}{suffix}".upper()
    given = context.setting(_BROKERS + suffix)
    if not given:
        message = f"no brokers are set: whoever runs this process sets {setting}=host:9092"
        raise NodeError("NoBrokers", message)
    topics = context.setting(_TOPICS + suffix)
    if topics and not any(fnmatchcase(topic, each) for each in _by_commas(topics)):
        opens = f"APP_{_TOPICS}{suffix}".upper()
        raise NodeError("TopicRefused", f"the topic {topic!r} is not among those of {opens}")
    return _read(setting, given)


def _read(setting: str, given: str) -> Brokers:
    protocol, mark, listed = given.partition("://")
    if not mark:
        protocol, listed = "PLAINTEXT", given
    addresses = _by_commas(listed)
    sound = protocol.upper() in _PROTOCOLS and all(map(_ADDRESS.fullmatch, addresses))
    if not (sound and addresses):
        message = f"{setting} is no list of brokers: host:9092,host2:9092, or SSL://host:9093"
        raise NodeError("InvalidSetting", message)
    return Brokers(setting, addresses, protocol.upper())


def _by_commas(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())
