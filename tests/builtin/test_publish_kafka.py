"""`publish_kafka` on a real Kafka: what arrives, where it may go, and what goes wrong."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import ValidationError

from tests.servers.kafka import KafkaServer
from tests.servers.topic import received
from wfcore import DocumentRefused, Engine, Handler, NodeError
from wfcore.plugins.registry import Registry
from wfcore.testing import FakeContext, run_handler

pytestmark = pytest.mark.timeout(180)


@pytest_asyncio.fixture
async def publisher(builtins: Registry) -> AsyncIterator[Handler]:
    handler = builtins.handler("publish_kafka")
    yield handler
    await handler.close()


@pytest.fixture
def topic() -> str:
    return f"test.{uuid4()}"


@pytest.fixture
def opened(context: FakeContext, kafka_server: KafkaServer) -> FakeContext:
    context.settings = {"publish_kafka_brokers": kafka_server.bootstrap}
    return context


async def failure(publisher: Handler, config: Any, context: FakeContext) -> NodeError:
    with pytest.raises(NodeError) as caught:
        await run_handler(publisher, config, context)
    return caught.value


async def test_a_record_arrives_and_its_place_is_the_output(
    publisher: Handler, opened: FakeContext, kafka_server: KafkaServer, topic: str
) -> None:
    before = time.time()
    config = {
        "topic": topic,
        "key": 7,
        "value": {"total": 20, "who": "Zoë"},
        "headers": {"source": "orders", "urgent": True},
    }
    output = await run_handler(publisher, config, opened)
    [record] = await received(kafka_server, topic, 1)

    assert (record.key, json.loads(record.value)) == (b"7", {"total": 20, "who": "Zoë"})
    assert dict(record.headers) == {
        "wf-idempotency-key": opened.idempotency_key.encode(),
        "source": b"orders",
        "urgent": b"true",
    }
    assert output == {
        "topic": topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
    }
    assert before - 60 < output["timestamp"] / 1000 < time.time() + 60


async def test_text_is_sent_as_it_is_and_null_deletes(
    publisher: Handler, opened: FakeContext, kafka_server: KafkaServer, topic: str
) -> None:
    values: list[Any] = ["text", "", 1.5, False, [], None]
    offsets = []
    for value in values:
        config = {"topic": topic, "key": "a", "value": value}
        offsets.append((await run_handler(publisher, config, opened))["offset"])
    records = await received(kafka_server, topic, 6)

    assert [each.value for each in records] == [b"text", b"", b"1.5", b"false", b"[]", None]
    assert offsets == [each.offset for each in records]


async def test_a_header_of_ones_own_takes_the_place_of_the_idempotency_key(
    publisher: Handler, opened: FakeContext, kafka_server: KafkaServer, topic: str
) -> None:
    config = {"topic": topic, "value": 1, "headers": {"wf-idempotency-key": "mine"}}
    await run_handler(publisher, config, opened)
    [record] = await received(kafka_server, topic, 1)

    assert record.headers == (("wf-idempotency-key", b"mine"),)


async def test_many_at_once_share_one_connection(
    publisher: Handler, opened: FakeContext, kafka_server: KafkaServer, topic: str
) -> None:
    sent = [run_handler(publisher, {"topic": topic, "value": n}, opened) for n in range(50)]
    await asyncio.gather(*sent)
    records = await received(kafka_server, topic, 50)

    assert sorted(int(each.value) for each in records) == list(range(50))
    assert len(connections(publisher)) == 1


async def test_it_publishes_again_after_it_was_closed(
    publisher: Handler, opened: FakeContext, topic: str
) -> None:
    first = await run_handler(publisher, {"topic": topic, "key": 1, "value": 1}, opened)
    await publisher.close()
    second = await run_handler(publisher, {"topic": topic, "key": 1, "value": 1}, opened)

    assert second["offset"] == first["offset"] + 1


async def test_a_cluster_is_chosen_by_the_name_that_the_operator_gave_it(
    publisher: Handler, opened: FakeContext, kafka_server: KafkaServer, topic: str
) -> None:
    opened.settings = {
        "publish_kafka_brokers": "nowhere.invalid:9092",
        "publish_kafka_brokers_audit": f"PLAINTEXT://{kafka_server.bootstrap}, 127.0.0.1:9",
    }
    config = {"topic": topic, "value": 1, "cluster": "Audit"}

    assert (await run_handler(publisher, config, opened))["topic"] == topic


async def test_only_topics_that_the_operator_opened_are_written_to(
    publisher: Handler, opened: FakeContext, topic: str
) -> None:
    opened.settings = {**opened.settings, "publish_kafka_topics": "orders, test.*"}

    assert (await run_handler(publisher, {"topic": topic, "value": 1}, opened))["topic"] == topic
    error = await failure(publisher, {"topic": "wf.events", "value": 1}, opened)
    assert (error.type, error.retryable) == ("TopicRefused", False)
    assert "APP_PUBLISH_KAFKA_TOPICS" in error.message


async def test_a_record_that_is_too_large_is_not_tried_again(
    publisher: Handler, opened: FakeContext, topic: str
) -> None:
    error = await failure(publisher, {"topic": topic, "value": "x" * 2**20}, opened)
    assert (error.type, error.retryable) == ("RecordTooLarge", False)
    assert len(connections(publisher)) == 1


async def test_brokers_that_are_away_are_tried_again_and_not_told_of(
    publisher: Handler, context: FakeContext
) -> None:
    context.settings = {"publish_kafka_brokers": "127.0.0.1:9"}
    error = await failure(publisher, {"topic": "t", "value": 1}, context)

    assert (error.type, error.retryable) == ("ConnectionFailed", True)
    assert "APP_PUBLISH_KAFKA_BROKERS" in error.message
    assert "127.0.0.1" not in error.message
    assert connections(publisher) == {}


async def test_a_record_that_was_given_up_is_not_sent_once_the_brokers_are_back(
    publisher: Handler, context: FakeContext, tmp_path: Path, topic: str
) -> None:
    with KafkaServer(tmp_path / "kafka") as kafka:
        context.settings = {"publish_kafka_brokers": kafka.bootstrap}
        await run_handler(publisher, {"topic": topic, "value": "before"}, context)
        kafka.kill()
        error = await failure(publisher, {"topic": topic, "value": "meanwhile"}, context)
        assert (error.type, error.retryable) in {("Timeout", True), ("ConnectionFailed", True)}

        await asyncio.to_thread(kafka.start)
        async with asyncio.timeout(60):
            while not await succeeds(publisher, {"topic": topic, "value": "after"}, context):
                pass
        records = await received(kafka, topic, 2)

    assert [each.value for each in records] == [b"before", b"after"]


async def test_closing_ends_while_a_record_waits_for_brokers_that_are_away(
    publisher: Handler, context: FakeContext, tmp_path: Path, topic: str
) -> None:
    with KafkaServer(tmp_path / "kafka") as kafka:
        context.settings = {"publish_kafka_brokers": kafka.bootstrap}
        await run_handler(publisher, {"topic": topic, "value": 1}, context)
        kafka.kill()
        sending = asyncio.create_task(run_handler(publisher, {"topic": topic, "value": 2}, context))
        await asyncio.wait({sending}, timeout=0.5)
        sending.cancel()
        async with asyncio.timeout(30):
            await publisher.close()
        await asyncio.wait({sending})


async def succeeds(publisher: Handler, config: Any, context: FakeContext) -> bool:
    try:
        await run_handler(publisher, config, context)
    except NodeError as error:
        if not error.retryable:
            raise
        return False
    return True


def connections(publisher: Any) -> dict[Any, Any]:
    found: dict[Any, Any] = publisher._connections._connections
    return found


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        ({}, "APP_PUBLISH_KAFKA_BROKERS"),
        ({"cluster": "audit"}, "APP_PUBLISH_KAFKA_BROKERS_AUDIT"),
    ],
)
async def test_without_brokers_the_node_fails_and_names_the_setting(
    publisher: Handler, context: FakeContext, config: dict[str, Any], setting: str
) -> None:
    context.settings = {"publish_kafka_brokers": ""}
    error = await failure(publisher, {"topic": "t", "value": 1, **config}, context)
    assert (error.type, error.retryable) == ("NoBrokers", False)
    assert f"{setting}=" in error.message


@pytest.mark.parametrize(
    "brokers", ["kafka", "kafka:9092;b:1", "TLS://kafka:9092", "user@kafka:9092", ",", "SSL://"]
)
async def test_brokers_that_cannot_be_read_are_told(
    publisher: Handler, context: FakeContext, brokers: str
) -> None:
    context.settings = {"publish_kafka_brokers": brokers}
    error = await failure(publisher, {"topic": "t", "value": 1}, context)
    assert (error.type, error.retryable) == ("InvalidSetting", False)
    assert "APP_PUBLISH_KAFKA_BROKERS" in error.message


@pytest.mark.parametrize(
    ("protocol", "sasl"),
    [("SASL_SSL", None), ("PLAINTEXT", {"username": "a", "password": "hush"})],
)
async def test_a_login_is_given_where_the_brokers_want_one_and_nowhere_else(
    publisher: Handler, context: FakeContext, protocol: str, sasl: Any
) -> None:
    context.settings = {"publish_kafka_brokers": f"{protocol}://127.0.0.1:9"}
    error = await failure(publisher, {"topic": "t", "value": 1, "sasl": sasl}, context)
    assert (error.type, error.retryable) == ("InvalidConfig", False)


async def test_without_the_driver_the_node_says_what_to_install(
    publisher: Handler, context: FakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "wfplugins_builtin.kafka.connections", raising=False)
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    context.settings = {"publish_kafka_brokers": "kafka:9092"}
    error = await failure(publisher, {"topic": "t", "value": 1}, context)
    assert (error.type, error.retryable) == ("KafkaNotInstalled", False)
    assert "pip install 'wfcore[kafka]'" in error.message


@pytest.mark.parametrize(
    "config",
    [
        {"topic": "t"},
        {"value": 1},
        {"topic": "", "value": 1},
        {"topic": "two words", "value": 1},
        {"topic": "..", "value": 1},
        {"topic": "t\n", "value": 1},
        {"topic": "t" * 250, "value": 1},
        {"topic": "t", "value": None},
        {"topic": "t", "value": 1, "brokers": "kafka:9092"},
        {"topic": "t", "value": 1, "cluster": "kafka:9092"},
        {"topic": "t", "value": 1, "headers": {"a": []}},
        {"topic": "t", "value": 1, "key": {}},
        {"topic": "t", "value": 1, "sasl": {"username": "a"}},
    ],
)
def test_a_config_that_makes_no_record_is_refused(builtins: Registry, config: Any) -> None:
    with pytest.raises(ValidationError):
        builtins.handler("publish_kafka").Config.model_validate(config)


async def test_a_workflow_publishes_and_goes_on_with_the_place(
    kafka_server: KafkaServer, topic: str
) -> None:
    nodes = [
        {
            "id": "tell",
            "handler": "publish_kafka",
            "config": {"topic": topic, "key": "k", "value": "{{ execution.input }}"},
        },
        {
            "id": "place",
            "handler": "output",
            "dependencies": ["tell"],
            "config": {"value": "{{ tell.output.topic }}@{{ tell.output.offset }}"},
        },
    ]
    document = {"name": "w", "dag": {"nodes": nodes}}
    async with Engine(settings={"publish_kafka_brokers": kafka_server.bootstrap}) as engine:
        ended = await engine.run(document, {"total": 20})
        nodes[1]["config"] = {"value": "{{ tell.output.offst }}"}
        with pytest.raises(DocumentRefused):
            await engine.submit(document)
    [record] = await received(kafka_server, topic, 1)

    assert json.loads(record.value) == {"total": 20}
    assert dict(record.headers)["wf-idempotency-key"] == f"{ended.execution_id}/tell".encode()
    assert ended.results == {"place": f"{topic}@{record.offset}"}
