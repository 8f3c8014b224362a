"""`publish_kafka` to brokers with TLS that want a user, on a real Apache Kafka."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.servers.fixtures import missing
from tests.servers.guarded_kafka import PASSWORD, USER, GuardedKafka
from tests.servers.kafka import has_apache_kafka
from wfcore import Engine, Result

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    if not has_apache_kafka():
        missing("there is no Maven or Java for Apache Kafka")
    with GuardedKafka(tmp_path_factory.mktemp("guarded")) as kafka:
        yield kafka


@pytest.fixture
def trusted(guarded: GuardedKafka, monkeypatch: pytest.MonkeyPatch) -> GuardedKafka:
    monkeypatch.setenv("SSL_CERT_FILE", str(guarded.certificate))
    return guarded


async def publish(kafka: GuardedKafka, *passwords: str) -> list[Result]:
    """Publish with each of these passwords at once, in one engine."""
    secrets = {f"PASSWORD_{number}": password for number, password in enumerate(passwords)}
    settings = {"publish_kafka_brokers": kafka.brokers}
    async with Engine(settings=settings, secrets=secrets) as engine:
        results = []
        for name in secrets:
            login = {"username": USER, "password": f"{{{{ secrets.{name} }}}}"}
            config = {"topic": f"test.{uuid4()}", "key": "k", "value": 1, "sasl": login}
            node = {"id": "a", "handler": "publish_kafka", "config": config}
            node["retry"] = {"max_attempts": 1}
            execution = await engine.submit({"name": "w", "dag": {"nodes": [node]}})
            await engine.trigger(execution)
            results.append(engine.wait(execution, 60))
        return await asyncio.gather(*results)


def errors_of(result: Result) -> dict[str, Any]:
    return dict(result.errors or {})


async def test_the_right_password_publishes_and_a_wrong_one_takes_nobodys_connection(
    trusted: GuardedKafka, caplog: pytest.LogCaptureFixture
) -> None:
    right, wrong, again = await publish(trusted, PASSWORD, "wrong-password", PASSWORD)

    assert (right.status, again.status) == ("COMPLETED", "COMPLETED")
    error = errors_of(wrong)["a"]
    assert (error["type"], error["retryable"]) == ("ConnectionFailed", True)
    assert "APP_PUBLISH_KAFKA_BROKERS" in error["message"]
    said = json.dumps(error) + caplog.text
    assert "uthentication" in caplog.text
    assert PASSWORD not in said
    assert "wrong-password" not in said


async def test_brokers_with_a_certificate_that_nobody_vouches_for_get_no_password(
    guarded: GuardedKafka,
) -> None:
    [result] = await publish(guarded, PASSWORD)
    assert errors_of(result)["a"]["type"] == "ConnectionFailed"
