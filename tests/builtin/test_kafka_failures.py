"""What `publish_kafka` makes of the driver's errors, and of what the driver logs."""

import logging
from collections.abc import Callable

import pytest
from aiokafka import errors

from wfplugins_builtin.kafka.driver_log import Seldom
from wfplugins_builtin.kafka.failure import node_error


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (TimeoutError(), "Timeout", True),
        (errors.KafkaTimeoutError(), "Timeout", True),
        (errors.RequestTimedOutError(), "Timeout", True),
        (ConnectionRefusedError("10.0.0.1:9092"), "ConnectionFailed", True),
        (errors.KafkaConnectionError("10.0.0.1:9092"), "ConnectionFailed", True),
        (errors.NodeNotReadyError(), "ConnectionFailed", True),
        (errors.UnknownTopicOrPartitionError(), "UnknownTopic", True),
        (errors.InvalidTopicError(), "InvalidTopic", False),
        (errors.TopicAuthorizationFailedError("t"), "NotAuthorized", False),
        (errors.ClusterAuthorizationFailedError(), "NotAuthorized", False),
        (errors.MessageSizeTooLargeError(), "RecordTooLarge", False),
        (errors.NotEnoughReplicasError(), "KafkaError", True),
        (errors.ProducerClosed("10.0.0.1:9092"), "KafkaError", True),
    ],
)
def test_an_error_of_the_driver_has_a_type_and_says_whether_to_go_on(
    error: Exception, kind: str, retryable: bool
) -> None:
    told = node_error(error, "orders", "APP_PUBLISH_KAFKA_BROKERS")

    assert (told.type, told.retryable) == (kind, retryable)
    assert told.message.startswith("orders at APP_PUBLISH_KAFKA_BROKERS: ")
    assert "10.0.0.1" not in told.message


Line = Callable[[str, float], logging.LogRecord]


@pytest.fixture
def line() -> Line:
    def made(host: str, seconds: float) -> logging.LogRecord:
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 1, "no %s", (host,), None)
        record.created = seconds
        return record

    return made


def test_the_same_line_is_let_through_once_in_a_while(line: Line) -> None:
    seldom = Seldom()
    told = [seldom.filter(line("a", seconds)) for seconds in (100, 101, 129, 131)]

    assert told == [True, False, False, True]
    assert seldom.filter(line("b", 101))


def test_what_is_remembered_of_lines_is_bounded(line: Line) -> None:
    seldom = Seldom()
    for number in range(2_500):
        assert seldom.filter(line(str(number), 100))
    assert len(seldom._last) <= 1_000
