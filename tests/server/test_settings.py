"""The operator's settings: from the environment and `.env`, and told clearly where wrong."""

from pathlib import Path

import pytest

from wfcore import Limits, RetryDefaults
from wfcore.secrets.source import NamedSecrets
from wfcore.settings import Settings, SettingsRefused


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_settings_the_engine_gets_its_own_defaults() -> None:
    assert Settings.read().engine_options() == {
        # Each store has its own; only what an operator asks for is held against a Redis.
        "durability": None,
        "concurrency": 100,
        "lease_seconds": 10.0,
        "retention_seconds": None,
        "settings": {},
        "secrets": NamedSecrets({}),
        "outbound_allow": (),
        "limits": Limits(),
        "retry": RetryDefaults(),
    }


def test_every_setting_reaches_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "STORE_URL": "sqlite:///wf.db",
        "DURABILITY": "relaxed",
        "LEASE_SECONDS": "2.5",
        "RETENTION_SECONDS": "3600",
        "MAX_RETRIES": "0",
        "BASE_BACKOFF": "0.5",
        "RETRY_DELAY": "0.25",
        "MAX_OUTPUT_BYTES": "1000",
        "MAX_NODES": "10",
        "MAX_EDGES": "30",
        "MAX_DOCUMENT_BYTES": "5000",
        "MAX_DEPTH": "20",
        "MAX_TEMPLATE_BYTES": "400",
        "LLM_PROVIDER": "echo",
        "LLM_MODEL": "openai:gpt-4o",
        "LLM_MAX_CONCURRENCY": "3",
        "LLM_MAX_CONCURRENCY_OPENAI": "2",
        "LLM_TIMEOUT": "20",
        "PUBLISH_KAFKA_BROKERS": "kafka:9092",
        "PUBLISH_KAFKA_BROKERS_AUDIT": "SSL://audit:9093",
        "PUBLISH_KAFKA_TOPICS": "orders.*",
        "CONCURRENCY": "7",
        "SECRET_TOKEN": "hush",
        "SECRETS_DIR": "secrets",
        "OUTBOUND_ALLOW": "127.0.0.1:8123, db.internal,,10.0.0.0/8",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"APP_{name}", value)

    assert Settings.read().engine_options() == {
        "store": "sqlite:///wf.db",
        "durability": "relaxed",
        "concurrency": 7,
        "lease_seconds": 2.5,
        "retention_seconds": 3600.0,
        "settings": {
            "llm_provider": "echo",
            "llm_model": "openai:gpt-4o",
            "llm_max_concurrency": "3",
            "llm_max_concurrency_openai": "2",
            "llm_timeout": "20.0",
            "publish_kafka_brokers": "kafka:9092",
            "publish_kafka_brokers_audit": "SSL://audit:9093",
            "publish_kafka_topics": "orders.*",
        },
        "secrets": NamedSecrets({"TOKEN": "hush"}, Path("secrets")),
        "outbound_allow": ("127.0.0.1:8123", "db.internal", "10.0.0.0/8"),
        "limits": Limits(
            max_nodes=10,
            max_edges=30,
            max_document_bytes=5000,
            max_depth=20,
            max_template_bytes=400,
            max_output_bytes=1000,
        ),
        "retry": RetryDefaults(max_retries=0, base_backoff=0.5, retry_delay=0.25),
    }


def test_the_environment_goes_before_the_file_and_empty_counts_as_unset(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("APP_MAX_RETRIES=5\nAPP_CONCURRENCY=8\nAPP_MAX_NODES=\nOTHER=1\n")
    monkeypatch.setenv("APP_CONCURRENCY", "9")
    monkeypatch.setenv("APP_LEASE_SECONDS", "")
    monkeypatch.setenv("APP_LOG_LEVEL", "warning")

    settings = Settings.read()

    assert settings.max_retries == 5
    assert settings.concurrency == 9
    assert settings.max_nodes == Limits().max_nodes
    assert settings.lease_seconds == 10.0
    assert settings.log_level == "WARNING"


def test_the_seeds_file_is_read_as_it_is(folder: Path) -> None:
    (folder / ".env").write_text(
        "APP_REDIS_HOST=redis\nAPP_REDIS_PORT=6379\nAPP_REDIS_DB=0\nAPP_REDIS_PASSWORD=\n"
        "APP_KAFKA_BOOTSTRAP_SERVERS=kafka:9092\nAPP_LOG_LEVEL=INFO\nAPP_MAX_RETRIES=3\n"
        "APP_BASE_BACKOFF=1\nAPP_RETRY_DELAY=1\n"
    )

    options = Settings.read().engine_options()

    assert options["retry"] == RetryDefaults(max_retries=3, base_backoff=1.0, retry_delay=1.0)
    assert options["settings"] == {}


def test_every_wrong_setting_is_told_in_one_line_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = {
        "APP_MAX_RETRIES": "many",
        "APP_DURABILITY": "strong",
        "APP_LEASE_SECONDS": "0",
        "APP_BASE_BACKOFF": "inf",
        "APP_CONCURRENCY": "-3",
        "APP_LOG_LEVEL": "loud",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsRefused) as refused:
        Settings.read()

    lines = str(refused.value).splitlines()
    assert sorted(line.partition(" ")[0] for line in lines) == sorted(wrong)
    for line in lines:
        value = wrong[line.partition(" ")[0]]
        # Some are told in upper or lower case, as they were read.
        assert value in line.lower()
    assert {problem.code for problem in refused.value.problems} == {"setting.invalid"}


def test_a_file_that_cannot_be_read_is_told(folder: Path) -> None:
    (folder / ".env").write_bytes(b"APP_GREETING=caf\xe9\n")

    with pytest.raises(SettingsRefused, match=r"\.env cannot be read"):
        Settings.read()


def test_plugins_see_other_settings_but_nothing_that_may_hold_a_credential(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("APP_GREETING=hello\nAPP_SECRET_FROM_FILE=hush\n")
    shown = {"APP_LLM_MODEL": "small", "APP_KEYBOARD": "us", "app_Tone": "warm"}
    hidden = {
        "APP_SECRET_OPENAI": "hush",
        "APP_SECRETS_DIR": "/hush",
        "APP_API_KEYS": "hush",
        "APP_OPENAI_API_KEY": "hush",
        "APP_SLACK_TOKEN": "hush",
        "APP_SMTP_PASSWORD": "hush",
        "APP_REDIS_HOST": "hush",
        "APP_STORE_URL": "sqlite:///hush.db",
        "APP_BUS_URL": "kafka://hush",
        "APP_BLOB_URL": "s3://hush",
        "APP_OUTBOUND_ALLOW": "hush",
        "APP_WAREHOUSE": "postgres://user:hush@host/db",
        "APP_FEED": "https://host/feed?page=1&api-key=hush",
        "OTHER": "hush",
    }
    for name, value in {**shown, **hidden}.items():
        monkeypatch.setenv(name, value)

    settings = Settings.read()

    assert settings.plugin_settings == {
        "greeting": "hello",
        "llm_model": "small",
        "keyboard": "us",
        "tone": "warm",
    }
    assert "hush" not in repr(settings)


def test_what_cannot_be_allowed_is_told_with_the_way_to_write_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APP_OUTBOUND_ALLOW", "db.internal,http://127.0.0.1:80")

    with pytest.raises(SettingsRefused) as refused:
        Settings.read()

    assert str(refused.value) == (
        "APP_OUTBOUND_ALLOW: 'http://127.0.0.1:80' is a URL:"
        " write a host, host:port, or a network such as 10.0.0.0/8"
    )


def test_the_servers_keys_and_origins_are_read_by_commas_and_keys_are_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APP_API_KEYS", "hush-1, hush-2,,")
    monkeypatch.setenv("APP_CORS_ORIGINS", "https://App.example.com, http://localhost:5173")

    settings = Settings.read()

    assert settings.api_keys == ("hush-1", "hush-2")
    assert settings.cors_origins == ("https://app.example.com", "http://localhost:5173")
    assert "hush" not in repr(settings)
    assert "hush" not in repr(settings.engine_options())
    assert settings.plugin_settings == {}


def test_a_wrong_key_is_told_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_API_KEYS", "good,hush hush")

    with pytest.raises(SettingsRefused) as refused:
        Settings.read()

    assert str(refused.value) == ("APP_API_KEYS: key 2 has a space, or what is not printable ASCII")


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://a@b"])
def test_what_is_no_origin_is_told(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("APP_CORS_ORIGINS", origin)

    with pytest.raises(SettingsRefused, match=r"APP_CORS_ORIGINS: .* is no origin"):
        Settings.read()
