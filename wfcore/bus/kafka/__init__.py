"""The bus on Kafka: the default of a cluster."""

from wfcore.bus.kafka.brokers import KafkaBrokers
from wfcore.bus.kafka.bus import KafkaBus
from wfcore.bus.kafka.events import KafkaEvents

__all__ = ["KafkaBrokers", "KafkaBus", "KafkaEvents"]
