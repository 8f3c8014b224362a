"""The bus on Kafka: the default of a cluster."""

from wfcore.bus.kafka.brokers import KafkaBrokers
from wfcore.bus.kafka.bus import KafkaBus

__all__ = ["KafkaBrokers", "KafkaBus"]
