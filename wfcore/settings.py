"""The operator's settings: the one place that reads the environment and `.env`.

Processes read them once, at their start; engines and everything below take arguments.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
)

from wfcore.engine.retry import RetryDefaults
from wfcore.errors import WfError
from wfcore.isolation.levels import Isolation, read_levels
from wfcore.outbound.allow import AllowList
from wfcore.plugins.credential import OPEN_SETTINGS, hides_credential
from wfcore.plugins.discovery import Discovery
from wfcore.problems import Problem
from wfcore.secrets.source import NamedSecrets
from wfcore.store.opening import Durability
from wfcore.workflow.faults import faults
from wfcore.workflow.limits import Limits

__all__ = [
    "GivenVariable",
    "LogFormat",
    "LogLevel",
    "Settings",
    "SettingsRefused",
    "given_variables",
]

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LogFormat = Literal["auto", "pretty", "json"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_PREFIX: Final = "app_"
_SECRET: Final = "APP_SECRET_"  # noqa: S105 - what the names of secrets begin with
_LIMITS: Final = Limits()
_RETRY: Final = RetryDefaults()
_A_YEAR: Final = 365 * 24 * 3600

# Ours, now or in a later version: addresses (which may hold passwords) and what only processes use.
_OURS: Final = re.compile(
    r"(store|bus|blob)_url|(redis|kafka|outbound)_.+|retention_seconds", re.ASCII
)
# Checked here, and handed on.

_KEY: Final = re.compile(r"[\x21-\x7e]+", re.ASCII)
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+", re.ASCII)

Count = Annotated[int, Field(ge=1, le=2**31)]
Seconds = Annotated[float, Field(ge=0, le=_A_YEAR, allow_inf_nan=False)]


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _allowed(value: object) -> object:
    if not isinstance(value, str):
        return value
    entries = _by_commas(value)
    AllowList.read(entries)
    return entries


def _levels(value: object) -> object:
    if not isinstance(value, str):
        return value
    entries = _by_commas(value)
    read_levels(entries)
    return entries


def _keys(value: object) -> object:
    if not isinstance(value, str):
        return value
    keys = _by_commas(value)
    for number, key in enumerate(keys, 1):
        # The message tells nothing of the key itself.
        if not _KEY.fullmatch(key):
            raise ValueError(f"key {number} has a space, or what is not printable ASCII")
    return keys


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = tuple(origin.lower() for origin in _by_commas(value))
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            message = f"{origin!r} is no origin: write https://app.example.com, without a path"
            raise ValueError(message)
    return origins


def _names(value: object) -> object:
    return _by_commas(value) if isinstance(value, str) else value


def _by_commas(value: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in value.split(",") if entry.strip())


class GivenVariable(NamedTuple):
    """A variable that is set: its text, and where it stands, `environment` or `.env`."""

    value: str
    origin: str


class SettingsRefused(WfError):
    """Settings have wrong values; `problems` names each, with its environment variable."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problem.message for problem in problems))


class Settings(BaseSettings):
    """What the operator set; `APP_STORE_URL` is `store_url`, and so on.

    A variable of the environment goes before the same one in `.env`; an empty one counts as not
    set. Use `Settings.read()`, which says clearly what is wrong.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    store_url: Annotated[str | None, Field(repr=False)] = None
    """`sqlite:///wf.db`, `memory://` or `redis://host:6379/0`; unset: each command has its own."""
    durability: Annotated[Durability, BeforeValidator(_lower)] = "durable"
    """What an acknowledgement survives: `durable` a power cut, `relaxed` the process's death."""
    lease_seconds: Annotated[float, Field(ge=0.1, le=3600, allow_inf_nan=False)] = 10.0
    """How long a worker may be silent before its nodes go to another."""
    retention_seconds: Annotated[
        float | None, Field(ge=0, le=10 * _A_YEAR, allow_inf_nan=False)
    ] = None
    """How long executions are kept after their end, or never triggered; unset: for ever."""
    max_retries: Annotated[int, Field(ge=0, le=10_000)] = _RETRY.max_retries
    """Attempts after the first, for nodes that do not say."""
    base_backoff: Seconds = _RETRY.base_backoff
    """The base of the exponential backoff between attempts, in seconds."""
    retry_delay: Seconds = _RETRY.retry_delay
    """The shortest delay between attempts, in seconds."""
    max_output_bytes: Count = _LIMITS.max_output_bytes
    """Bytes of one node's output."""
    max_nodes: Count = _LIMITS.max_nodes
    """Nodes of a document."""
    max_edges: Count = _LIMITS.max_edges
    """Dependencies of a document in all."""
    max_document_bytes: Count = _LIMITS.max_document_bytes
    """Bytes of a document, and of a request's body once it is unpacked."""
    max_depth: Annotated[int, Field(ge=4, le=200)] = _LIMITS.max_depth
    """How deep lists and objects may be nested."""
    max_template_bytes: Count = _LIMITS.max_template_bytes
    """Bytes of one template."""
    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = "INFO"
    """The least severe log lines that are shown."""
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = "auto"
    """`auto`: for people, in colours on a terminal; `pretty`: in colours; `json`: JSON lines."""
    server_url: Annotated[str, Field(repr=False)] = "http://127.0.0.1:8000"
    """The server that `wf executions` talks to."""
    api_key: Annotated[str | None, Field(repr=False)] = None
    """The bearer key that `wf executions` shows to the server."""
    llm_provider: str | None = None
    """`echo` calls no model; else whose the models are that are named without a provider."""
    llm_model: str | None = None
    """`provider:model`, for nodes that name none."""
    llm_max_concurrency: Count | None = None
    """Calls at a time in each process; `APP_LLM_MAX_CONCURRENCY_OPENAI` for one provider."""
    llm_timeout: Annotated[float | None, Field(gt=0, le=3600, allow_inf_nan=False)] = None
    """Seconds for one call."""
    publish_kafka_brokers: str | None = None
    """Brokers that `publish_kafka` sends to: `host:9092,host2:9092`, `SASL_SSL://host:9093`;
    `APP_PUBLISH_KAFKA_BROKERS_AUDIT` for those that nodes name as `audit`."""
    publish_kafka_topics: str | None = None
    """Topics that it may write to, by commas, with `*` and `?`; unset: all."""
    concurrency: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Attempts at a time."""
    isolation: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_levels)] = ()
    """Where handlers run (`shout=process,acme.*=thread`): `task`, `thread` or `process`."""
    isolation_processes: Annotated[int | None, Field(ge=1, le=1000)] = None
    """Processes for handlers at a time; unset: as many as there are processors."""

    redis_host: Annotated[str | None, Field(repr=False)] = None
    """Cluster: the Redis with the state, where `APP_STORE_URL` does not say."""
    redis_port: Annotated[int, Field(ge=1, le=65535)] = 6379
    """Its port."""
    redis_db: Annotated[int, Field(ge=0, le=100_000)] = 0
    """The number of its database."""
    redis_password: Annotated[str | None, Field(repr=False)] = None
    """Its password."""
    redis_shards: Annotated[int | None, Field(ge=1, le=1024)] = None
    """Into how many shards an empty Redis is divided; unset: 1, and 64 on a Redis Cluster."""
    blob_url: Annotated[str | None, Field(repr=False)] = None
    """`s3://bucket/path` or `file:///shared/folder`, for outputs that are too large for Redis."""
    bus_url: Annotated[str | None, Field(repr=False)] = None
    """Cluster: `kafka://host:9092`, or `redis://host:6379/0` to do without Kafka."""
    kafka_bootstrap_servers: str | None = None
    """Brokers (`host:9092,host2:9092`), where `APP_BUS_URL` does not say."""
    kafka_partitions: Annotated[int, Field(ge=1, le=10_000)] = 8
    """Partitions of topics that are missing and are made."""
    kafka_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = "wf"
    """What topics and groups begin with."""
    events: Annotated[Literal["none", "executions", "nodes"], BeforeValidator(_lower)] = (
        "executions"
    )
    """Which events a cluster tells on the Kafka topic `wf.events`; those of all nodes cost most."""
    kafka_security_protocol: Annotated[SecurityProtocol, BeforeValidator(_upper)] = "PLAINTEXT"
    """How brokers are talked to: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."""
    kafka_sasl_mechanism: Annotated[SaslMechanism, BeforeValidator(_upper)] = "PLAIN"
    """How a user is shown to brokers: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`."""
    kafka_sasl_username: str | None = None
    """The user."""
    kafka_sasl_password: Annotated[str | None, Field(repr=False)] = None
    """The user's password."""
    kafka_ssl_cafile: Path | None = None
    """Certificates to trust; unset: the system's."""
    kafka_ssl_certfile: Path | None = None
    """The certificate to show."""
    kafka_ssl_keyfile: Path | None = None
    """The key of that certificate."""
    queues: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_names)] = None
    """The queues that a worker works on, by commas; unset: those of all its handlers."""
    drain_seconds: Seconds = 25.0
    """How long a worker that is told to stop lets its attempts go on."""
    probe_host: str = "127.0.0.1"
    """Where a worker answers `/livez`, `/readyz` and `/metrics`."""
    probe_port: Annotated[int, Field(ge=0, le=65535)] = 8001
    """The port for that; 0: a free one."""

    secrets_dir: Annotated[Path | None, Field(repr=False)] = None
    """A folder with a file for each secret, beside the variables `APP_SECRET_<NAME>`."""
    outbound_allow: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_allowed), Field(repr=False)
    ] = ()
    """What HTTP requests may reach beside the internet: hosts, `host:port`, networks; by commas."""

    api_keys: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_keys), Field(repr=False)] = ()
    """Bearer keys, by commas: when set, the server wants one of them with each request."""
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    """Web sites whose pages may use the server's API (`https://app.example.com`), by commas."""

    plugins_allow: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_names)] = None
    """The installed plugins that are loaded, by distribution, `*` and `?` allowed, by commas;
    unset: all. What comes with wfcore is always among them."""
    plugins_block: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    """Those that are not loaded, allowed or not, by distribution or entry point."""
    plugins_strict: bool = False
    """Whether a plugin that is broken stops the start, rather than being left out."""
    plugin_dir: Path | None = None
    """A folder whose Python files and packages are plugins, beside `--plugin-dir`."""

    _variables: dict[str, str] = PrivateAttr(default_factory=dict)
    _secrets: dict[str, str] = PrivateAttr(default_factory=dict)

    @classmethod
    def read(cls) -> Self:
        """Read the environment and `.env`; raises `SettingsRefused` with every wrong setting."""
        try:
            settings = cls()
        except ValidationError as error:
            raise SettingsRefused(tuple(_problems(error))) from error
        except (OSError, UnicodeDecodeError) as error:
            message = f".env cannot be read: {error}"
            raise SettingsRefused((Problem("setting.file", "", message),)) from error
        settings._variables.update(_not_ours())
        settings._secrets.update(_secrets())
        return settings

    @property
    def plugin_settings(self) -> dict[str, str]:
        """What handlers can ask for (`context.setting("llm_provider")`).

        Every other `APP_<NAME>`, in lower case and without the prefix; without what a credential
        may be in, and without the settings of ours that only processes use.
        """
        chosen = {name: getattr(self, name) for name in OPEN_SETTINGS}
        given = {name: str(value) for name, value in chosen.items() if value is not None}
        others = self._variables.items()
        return {name: value for name, value in others if not hides_credential(name, value)} | given

    def discovery(self, folders: Iterable[Path] = ()) -> Discovery:
        """Return which plugins are loaded, with those of more folders, and what they are told."""
        own = (self.plugin_dir,) if self.plugin_dir is not None else ()
        return Discovery(
            allow=self.plugins_allow,
            block=self.plugins_block,
            strict=self.plugins_strict,
            folders=tuple(dict.fromkeys((*own, *folders))),
            settings=self._variables,
        )

    def engine_options(self) -> dict[str, Any]:
        """Return the arguments of `Engine` that these settings decide; `store` only where set."""
        options: dict[str, Any] = {
            "durability": self.durability if "durability" in self.model_fields_set else None,
            "concurrency": self.concurrency,
            "lease_seconds": self.lease_seconds,
            "retention_seconds": self.retention_seconds,
            "settings": self.plugin_settings,
            "secrets": NamedSecrets(self._secrets, self.secrets_dir),
            "outbound_allow": self.outbound_allow,
            "limits": Limits(
                max_nodes=self.max_nodes,
                max_edges=self.max_edges,
                max_document_bytes=self.max_document_bytes,
                max_depth=self.max_depth,
                max_template_bytes=self.max_template_bytes,
                max_output_bytes=self.max_output_bytes,
            ),
            "retry": RetryDefaults(
                max_retries=self.max_retries,
                base_backoff=self.base_backoff,
                retry_delay=self.retry_delay,
            ),
        }
        if self.isolation or self.isolation_processes:
            levels = read_levels(self.isolation)
            options["isolation"] = Isolation(levels, processes=self.isolation_processes)
        if self.store_url is not None:
            options["store"] = self.store_url
        return options


def _problems(error: ValidationError) -> Iterator[Problem]:
    given = {str(detail["loc"][0]): detail["input"] for detail in error.errors() if detail["loc"]}
    for fault in faults(error, given):
        name = str(fault.path[0]) if fault.path else ""
        variable = f"{_PREFIX}{name}".upper()
        message = f"{variable}{fault.message.removeprefix(name)}"
        yield Problem("setting.invalid", "", message)


def given_variables() -> dict[str, GivenVariable]:
    """Return the `APP_` variables that are set to something, by their names in upper case."""
    found: dict[str, GivenVariable] = {}
    for origin, source in ((".env", DotEnvSettingsSource), ("environment", EnvSettingsSource)):
        for name, value in source(Settings).env_vars.items():
            if name.startswith(_PREFIX) and value:
                found[name.upper()] = GivenVariable(value, origin)
    return found


def _not_ours() -> dict[str, str]:
    """Return what is no setting of ours, by its name in lower case, without the prefix."""
    found = {**DotEnvSettingsSource(Settings).env_vars, **EnvSettingsSource(Settings).env_vars}
    named = {
        name.removeprefix(_PREFIX): value
        for name, value in found.items()
        if name.startswith(_PREFIX) and not name.upper().startswith(_SECRET) and value is not None
    }
    return {
        name: value
        for name, value in named.items()
        if name not in Settings.model_fields and not _OURS.fullmatch(name)
    }


def _secrets() -> dict[str, str]:
    """Return the secrets of the environment: names as they are written, empty values too."""
    sources = (
        source(Settings, case_sensitive=True, env_ignore_empty=False).env_vars
        for source in (DotEnvSettingsSource, EnvSettingsSource)
    )
    return {
        name.removeprefix(_SECRET): value
        for source in sources
        for name, value in source.items()
        if name.startswith(_SECRET) and value is not None
    }
