"""`wf config`: what is set, where, and nothing that is secret."""

import pytest

from tests.cli.command import Folder
from wfcore.settings import Settings


def by_variable(folder: Folder, **settings: str) -> dict[str, dict[str, object]]:
    told = folder.wf("config", "--output", "json", **settings).json()
    return {each["variable"]: each for each in told["settings"]}


def test_every_setting_is_there_with_its_meaning_and_its_default(folder: Folder) -> None:
    told = by_variable(folder)
    assert set(told) == {f"APP_{name.upper()}" for name in Settings.model_fields}
    assert all(each["meaning"] for each in told.values())
    assert {each["origin"] for each in told.values()} == {"default"}
    assert all(each["value"] == each["default"] for each in told.values())


def test_each_value_says_where_it_came_from_and_the_environment_goes_first(folder: Folder) -> None:
    (folder.path / ".env").write_text("APP_MAX_RETRIES=7\nAPP_LOG_LEVEL=debug\nAPP_MAX_NODES=\n")
    told = by_variable(folder, APP_MAX_RETRIES="9")
    found = {
        name: (told[name]["value"], told[name]["origin"])
        for name in ("APP_MAX_RETRIES", "APP_LOG_LEVEL", "APP_MAX_NODES")
    }
    assert found == {
        "APP_MAX_RETRIES": (9, "environment"),
        "APP_LOG_LEVEL": ("DEBUG", ".env"),
        "APP_MAX_NODES": (100_000, "default"),
    }


@pytest.mark.parametrize("output", ["text", "json"])
def test_nothing_secret_is_shown(folder: Folder, output: str) -> None:
    done = folder.wf(
        "config",
        "--output",
        output,
        APP_API_KEYS="canary-one,canary-two",
        APP_API_KEY="canary-three",
        APP_SECRET_TOKEN="canary-four",
        APP_STORE_URL="sqlite://user:canary-five@/wf.db",
        APP_SERVER_URL="https://me:canary-six@example.com",
        APP_SLACK_TOKEN="canary-seven",
        APP_REDIS_PASSWORD="canary-nine",
        APP_KAFKA_SASL_PASSWORD="canary-ten",
        APP_BUS_URL="redis://:canary-eleven@host/0",
        APP_SLACK_URL="https://me:canary-eight@example.com",
    )
    assert done.code == 0
    assert "canary" not in done.out + done.err
    assert "APP_SECRET_TOKEN" in done.out
    assert "https://***@example.com" in done.out


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://me:canary@1/canary@host:1/0", "redis://***@host:1/0"),
        ("redis://host/0?password=canary&db=1", "redis://host/0?password=***&db=1"),
        ("https://host/x?a=b&X-Auth-Token=canary#c", "https://host/x?a=b&X-Auth-Token=***#c"),
        ("redis://host:1/0?db=1", "redis://host:1/0?db=1"),
    ],
)
def test_addresses_are_shown_without_their_credentials(
    folder: Folder, url: str, shown: str
) -> None:
    done = folder.wf("config", "--output", "json", APP_STORE_URL=url, APP_HOOK=url)

    assert "canary" not in done.out
    assert by_variable(folder, APP_STORE_URL=url)["APP_STORE_URL"]["value"] == shown


def test_what_plugins_may_ask_for_and_what_is_misspelt(folder: Folder) -> None:
    done = folder.wf(
        "config", "--output", "json", APP_SLACK_CHANNEL="ops", APP_MAX_RETRYS="3"
    ).json()
    assert {"variable": "APP_SLACK_CHANNEL", "value": "ops", "origin": "environment"} in done[
        "plugin_settings"
    ]
    assert done["notes"] == [
        "APP_MAX_RETRYS is no setting of wfcore: did you mean APP_MAX_RETRIES?"
    ]


def test_a_wrong_setting_is_told_as_everywhere(folder: Folder) -> None:
    done = folder.wf("config", APP_MAX_RETRIES="many")
    assert done.code == 2
    assert "APP_MAX_RETRIES" in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(folder: Folder, shell: str) -> None:
    target = folder.path / "completion"
    done = folder.wf("--install-completion", "--shell", shell, "--output", str(target))
    assert done.code == 0, done.err
    text = target.read_text()
    assert all(command in text for command in ("validate", "executions", "config"))


def test_settings_that_a_plugin_declares_are_shown_with_what_is_secret_masked(
    folder: Folder,
) -> None:
    (folder.path / "mailing.py").write_text(
        "from pydantic import BaseModel, Field, SecretStr\n"
        "from wfcore import hookimpl\n"
        "class Mailing(BaseModel):\n"
        "    host: str = Field('localhost', description='Where mail goes.')\n"
        "    code: SecretStr\n"
        "@hookimpl\n"
        "def wfcore_register_settings():\n"
        "    return Mailing\n"
    )
    given = {"APP_MAILING_CODE": "canary", "APP_MAILING_HOST": "mail.example.com"}
    done = folder.wf("config", "--plugin", "mailing.py", "--output", "json", **given)
    assert "canary" not in done.out
    rows = {row["variable"]: row for row in done.json()["plugins"]}
    assert rows["APP_MAILING_HOST"]["value"] == "mail.example.com"
    assert rows["APP_MAILING_HOST"]["meaning"] == "Where mail goes."
    assert rows["APP_MAILING_CODE"]["value"] == "***"
    assert done.json()["plugin_settings"] == []
    text = folder.wf("config", "--plugin", "mailing.py", **given).out
    assert "plugin mailing" in text
    missing = folder.wf("config", "--plugin", "mailing.py")
    assert missing.code == 2
    assert "APP_MAILING_CODE has to be set" in missing.err


def test_the_operator_chooses_plugins(folder: Folder) -> None:
    blocked = folder.wf("plugins", APP_PLUGINS_BLOCK="builtin")
    assert "builtin  wfcore" in blocked.out
    assert "blocked" in blocked.out
    assert "APP_PLUGINS_BLOCK names it" in blocked.out
    (folder.path / "own").mkdir()
    (folder.path / "own" / "broken.py").write_text("1 / 0\n")
    strict = folder.wf("handlers", APP_PLUGIN_DIR="own", APP_PLUGINS_STRICT="true")
    assert strict.code == 2
    assert "ZeroDivisionError" in strict.err
    assert folder.wf("handlers", APP_PLUGIN_DIR="own").code == 0


def test_what_a_broken_or_blocked_plugin_is_set_to_is_masked(folder: Folder) -> None:
    own = folder.path / "own"
    own.mkdir()
    (own / "mailing.py").write_text("1 / 0\n")
    given = {"APP_MAILING_CODE": "canary", "APP_MAIL": "seen", "APP_PLUGIN_DIR": "own"}
    rows = folder.wf("config", "--output", "json", **given).json()["plugin_settings"]
    assert {row["variable"]: row["value"] for row in rows} == {
        "APP_MAILING_CODE": "***",
        "APP_MAIL": "seen",
    }
