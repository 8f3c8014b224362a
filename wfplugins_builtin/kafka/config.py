"""The config of `publish_kafka`, and the record that it makes."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wfcore import Secret
from wfplugins_builtin.text import as_text

__all__ = ["IDEMPOTENCY_HEADER", "KafkaConfig", "Login", "Record", "record_of"]

IDEMPOTENCY_HEADER: Final = "wf-idempotency-key"

_CLOSED = ConfigDict(extra="forbid")
# What Kafka takes: anything of these but points alone.
_TOPIC: Final = r"^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$"
Scalar: TypeAlias = str | int | float | bool


class Login(BaseModel):
    """A user, as brokers with SASL want one."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: Annotated[str, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1, repr=False)]


class KafkaConfig(BaseModel):
    """The record."""

    model_config: ClassVar[ConfigDict] = _CLOSED

    topic: Annotated[str, Field(max_length=249, pattern=_TOPIC)]
    value: Any
    """Text is sent as it is, any other value as JSON; null deletes what the key has."""
    key: Scalar | None = None
    """Records of one key stay in their order."""
    headers: dict[str, Scalar] = Field(default_factory=dict)
    cluster: Annotated[str, Field(max_length=64, pattern="^[A-Za-z][A-Za-z0-9_]*$")] | None = None
    """Which of the operator's clusters: `APP_PUBLISH_KAFKA_BROKERS_<CLUSTER>`. Unset:
    `APP_PUBLISH_KAFKA_BROKERS`."""
    sasl: Annotated[Login | None, Secret] = None
    """The user, where the brokers want one."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.value is None and self.key is None:
            raise ValueError("a value that is null deletes what a key has: give the key")
        return self


@dataclass(frozen=True, slots=True)
class Record:
    """What goes over the wire."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def record_of(config: KafkaConfig, idempotency_key: str) -> Record:
    """Make the record; raises `UnicodeError` where something in it is no text."""
    headers = {IDEMPOTENCY_HEADER: idempotency_key, **config.headers}
    for name in headers:
        name.encode()
    return Record(
        topic=config.topic,
        key=None if config.key is None else as_text(config.key).encode(),
        value=None if config.value is None else as_text(config.value).encode(),
        headers=tuple((name, as_text(value).encode()) for name, value in headers.items()),
    )
