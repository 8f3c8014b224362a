"""What a failure to publish means for its node."""

from typing import Final

from aiokafka import errors

from wfcore import NodeError

__all__ = ["DRIVER_ERRORS", "node_error"]

DRIVER_ERRORS: Final = (errors.KafkaError, OSError, TimeoutError)
"""What the driver raises when a record does not get through."""

_Kinds = tuple[type[BaseException], ...]
_KNOWN: Final[tuple[tuple[_Kinds, str, bool, str], ...]] = (
    (
        (TimeoutError, errors.KafkaTimeoutError, errors.RequestTimedOutError),
        "Timeout",
        True,
        "nobody acknowledged the record in time; it may have arrived",
    ),
    (
        (OSError, errors.KafkaConnectionError, errors.NodeNotReadyError),
        "ConnectionFailed",
        True,
        "the brokers cannot be reached, or they refuse the login: the process's log says which",
    ),
    (
        (errors.UnknownTopicOrPartitionError, errors.LeaderNotAvailableError),
        "UnknownTopic",
        True,
        "there is no such topic yet, and the brokers make none",
    ),
    (
        (errors.TopicAuthorizationFailedError, errors.ClusterAuthorizationFailedError),
        "NotAuthorized",
        False,
        "the brokers do not let this user write there",
    ),
    (
        (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError),
        "RecordTooLarge",
        False,
        "the record is larger than a megabyte, or than the topic takes",
    ),
    (
        (errors.InvalidTopicError,),
        "InvalidTopic",
        False,
        "the brokers take no topic of this name",
    ),
)


def node_error(error: BaseException, topic: str, setting: str) -> NodeError:
    """Return what the node failed with; the addresses of brokers are not told."""
    where = f"{topic} at {setting}"
    for kinds, name, retryable, meaning in _KNOWN:
        if isinstance(error, kinds):
            return NodeError(name, f"{where}: {meaning}", retryable=retryable)
    said = f"{where}: the driver raised {type(error).__name__}"
    # What has no cause that we know is nearly always of the brokers, and passes.
    return NodeError("KafkaError", said, retryable=True)
