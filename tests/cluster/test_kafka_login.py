"""A cluster on brokers with TLS that want a user."""

from pathlib import Path

import pytest

from tests.cluster.cluster import DIAMOND, Cluster
from tests.crash.service import Service
from tests.servers.fixtures import missing
from tests.servers.guarded_kafka import PASSWORD, USER, GuardedKafka
from tests.servers.kafka import has_apache_kafka

pytestmark = pytest.mark.timeout(180)


def test_hints_travel_where_brokers_want_tls_and_a_password(tmp_path: Path, redis_url: str) -> None:
    if not has_apache_kafka():
        missing("there is no Maven or Java for Apache Kafka")
    with (
        GuardedKafka(tmp_path / "kafka") as kafka,
        Service(seconds=0.02) as service,
        Cluster(tmp_path, service, redis_url, kafka.url) as opened,
    ):
        login = {
            "APP_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "APP_KAFKA_SASL_USERNAME": USER,
            "APP_KAFKA_SASL_PASSWORD": PASSWORD,
            "APP_KAFKA_SSL_CAFILE": str(kafka.certificate),
        }
        server = opened.server(**login)
        worker = opened.worker(**login)
        opened.until(
            lambda: opened.metrics(worker)["wf_bus_healthy"] == 1, "the worker is let in", 60
        )
        opened.submit(10)
        opened.finish()
        opened.judge(most_calls=10 * len(DIAMOND))
        assert opened.metrics(worker)['wf_leases_total{source="bus"}'] >= 8
        said = server.log.read_text() + worker.log.read_text()
    assert PASSWORD not in said


def test_a_wrong_password_is_said_and_work_goes_on_from_the_store(
    tmp_path: Path, redis_url: str
) -> None:
    if not has_apache_kafka():
        missing("there is no Maven or Java for Apache Kafka")
    with (
        GuardedKafka(tmp_path / "kafka") as kafka,
        Service(seconds=0.02) as service,
        Cluster(tmp_path, service, redis_url, kafka.url) as opened,
    ):
        login = {
            "APP_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "APP_KAFKA_SASL_USERNAME": USER,
            "APP_KAFKA_SASL_PASSWORD": "not-the-password",
            "APP_KAFKA_SSL_CAFILE": str(kafka.certificate),
        }
        opened.server(**login)
        worker = opened.worker(**login)
        opened.submit(3)
        opened.finish()
        assert opened.metrics(worker)["wf_bus_healthy"] == 0
        opened.until(
            lambda: "cannot be received from Kafka" in worker.log.read_text(), "it is said", 60
        )
        assert "not-the-password" not in worker.log.read_text()
