"""What operators set for plugins nobody else is told, however it is nested or what goes wrong."""

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, NewType

import pytest
from pydantic import (
    AnyUrl,
    BaseModel,
    Field,
    PostgresDsn,
    Secret,
    SecretBytes,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tests.plugins.conftest import Site
from wfcore import Engine, PluginError, hookimpl
from wfcore.isolation.placement import place
from wfcore.plugins.credential import hides_credential
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.secrecy import has_secret_keys, holds_secret
from wfcore.plugins.settings import read_settings, settings_of


class Account(BaseModel):
    user: str = "u"
    password: str = "p"


class Host(BaseModel):
    name: str = "h"
    up: "Host | None" = None


class Deep(BaseModel):
    host: Host = Host()
    accounts: dict[str, list[Account]] = {}


@dataclass
class Held:
    inner: SecretStr


@dataclass
class Unknown:
    inner: "NoSuchName"  # type: ignore[name-defined]  # noqa: F821
    token: str


class Pair(NamedTuple):
    name: str
    code: SecretBytes


Named = NewType("Named", SecretStr)


@pytest.mark.parametrize(
    ("annotation", "secret"),
    [
        (SecretStr, True),
        (SecretBytes | None, True),
        (Secret[int], True),
        (list[SecretStr], True),
        (dict[str, tuple[int, list[Secret[str]]]], True),
        (Annotated[list[Annotated[SecretStr, Field(min_length=1)]], "why"], True),
        (Account, True),
        (list[Account] | None, True),
        (Deep, True),
        (Held, True),
        (Unknown, True),
        (Pair, True),
        (Named, True),
        (str, False),
        (list[int | None], False),
        (Host, False),
        (Any, False),
    ],
)
def test_a_type_is_secret_however_deep_it_has_one(annotation: Any, secret: bool) -> None:
    assert holds_secret(annotation) is secret


def test_keys_of_values_tell_too_and_a_circle_ends() -> None:
    assert has_secret_keys({"a": [{"Api-Key": "x"}]})
    assert not has_secret_keys({"a": [{"b": "x"}]})
    circle: list[Any] = []
    circle.append(circle)
    assert has_secret_keys(circle)


def test_addresses_with_passwords_are_known_wherever_they_stand() -> None:
    assert hides_credential("hosts", "https://a.example, https://me:pw@b.example")
    assert hides_credential("hosts", '["redis://:pw@host/0"]')
    assert not hides_credential("hosts", "https://a.example/me@b https://b.example")
    assert not hides_credential("hosts", "http" * 50_000)


class Databases(BaseModel):
    database: PostgresDsn
    others: list[AnyUrl] = []
    account: Account = Account()
    options: dict[str, str] = {}
    plain: AnyUrl = AnyUrl("https://example.com/")
    preset: str = "https://me:canary@example.com"


def test_no_password_in_an_address_is_shown() -> None:
    given = {
        "x_database": "postgresql://me:canary@host/db",
        "x_others": "https://a.example,https://me:canary@b.example",
        "x_account": '{"password": "canary"}',
        "x_options": '{"auth": "canary"}',
        "x_preset": "none",
    }
    shown = {
        each.name: each for each in settings_of(read_settings(Databases, "x", given), "x", given)
    }
    assert "canary" not in str(shown)
    assert {name for name, each in shown.items() if not each.secret} == {"x_plain"}


LEAKING = """
    import sys
    from pydantic import BaseModel
    from wfcore import hookimpl

    class Settings(BaseModel):
        code: str = ""

    @hookimpl
    def wfcore_register_settings():
        return Settings

    @hookimpl
    def wfcore_register_handlers(settings):
        print("connecting with", settings.code)
        {rest}
"""


def test_a_report_has_no_value_of_its_plugin(site: Site) -> None:
    rest = {"fine": "return []", "leaky": "raise OSError('cannot log in with ' + settings.code)"}
    for name, code in rest.items():
        source = LEAKING.format(rest=code)
        site.install(name, plugins={name: name}, files={f"{name}.py": source})
    given = {"fine_code": "canary-one", "leaky_code": "canary-two", "leaky_short": "log"}
    registry = load_plugins(settings=given)
    reports = {each.name: each for each in registry.reports}
    assert "canary" not in str([each.as_dict() for each in reports.values()])
    assert reports["fine"].printed == "connecting with ***\n"
    assert reports["leaky"].error == "OSError: cannot log in with ***"
    assert "OSError: cannot log in with ***" in (reports["leaky"].traceback or "")


async def test_what_a_broken_plugin_is_set_to_nobody_is_told(site: Site) -> None:
    site.install("llm", plugins={"llm": "llm_broken"}, files={"llm_broken.py": "1 / 0"})
    site.install("acme", plugins={"acme": "acme_broken"}, files={"acme_broken.py": "1 / 0"})
    given = {"acme_code": "canary", "acme_text_word": "open", "other": "x", "llm_model": "echo"}

    class Text(BaseModel):
        word: str

    class Acme_Text:  # noqa: N801 - its settings are called after it
        @hookimpl
        def wfcore_register_settings(self) -> type[BaseModel]:
            return Text

    registry = load_plugins(plugins=[Acme_Text()], settings=given)
    assert registry.secret_settings == {"acme_code"}
    engine = Engine(plugins=[Acme_Text()], settings=given)
    assert "acme_code" not in engine._materials.settings
    assert engine._materials.settings.items() >= {"acme_text_word": "open", "other": "x"}.items()


def test_a_process_gets_no_setting_of_a_plugin_of_a_longer_name(site: Site) -> None:
    for name in ("acme", "acme_text"):
        source = f"""
            from pydantic import BaseModel, SecretStr
            from wfcore import handler, hookimpl

            class Settings(BaseModel):
                token: SecretStr

            @handler
            def {name}_run(): ...

            @hookimpl
            def wfcore_register_settings():
                return Settings

            @hookimpl
            def wfcore_register_handlers(settings):
                return [{name}_run]
        """
        site.install(name, plugins={name: f"{name}_m"}, files={f"{name}_m.py": source})
    given = {"acme_token": "one", "acme_text_token": "two", "acme_other": "three"}
    levels = {"acme_run": "process", "acme_text_run": "process"}
    placement = place(load_plugins(settings=given), levels)
    told = {origin.plugin: dict(values) for origin, values in placement.settings.items()}
    assert told == {"acme": {"acme_token": "one"}, "acme_text": {"acme_text_token": "two"}}


def test_what_is_wrong_with_a_setting_reads_well() -> None:
    class Checked(BaseModel):
        word: str = Field("abc", min_length=3)
        even: int = 0

        @field_validator("even")
        @classmethod
        def _even(cls, value: int, info: ValidationInfo) -> int:
            if value % 2:
                raise ValueError(f"{info.field_name} is odd")
            return value

    class Whole(BaseModel):
        @model_validator(mode="after")
        def _never(self) -> "Whole":
            raise ValueError("no two of these go together")

    with pytest.raises(PluginError) as raised:
        read_settings(Checked, "x", {"x_word": "a", "x_even": "3"})
    assert str(raised.value) == (
        "APP_X_WORD: string should have at least 3 characters; APP_X_EVEN: even is odd"
    )
    with pytest.raises(PluginError, match=r"^APP_X_\*: no two of these go together$"):
        read_settings(Whole, "x", {})
