"""`wf config`: every setting, its value, and where it came from."""

import json
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wfcore.cli.exits import Exit
from wfcore.cli.failure import Format, failures_told
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.options import PluginFolders, Plugins
from wfcore.cli.standard_output import kept_for_result
from wfcore.cli.wording import one_line
from wfcore.plugins.credential import hides_credential
from wfcore.plugins.registry import PluginReport
from wfcore.problems import nearest
from wfcore.settings import GivenVariable, Settings, given_variables
from wfcore.workflow.described import field_docs

__all__ = ["config", "set_settings"]

_MASK: Final = "***"
_PREFIX: Final = "APP_"
_SECRET: Final = "APP_SECRET_"  # noqa: S105 - what the names of secrets begin with
_KEYS: Final = frozenset({"api_key", "api_keys", "kafka_sasl_password", "redis_password"})
# Up to the last @, should a password have one that is not escaped: rather too much than too little.
_USER: Final = re.compile(r"(?<=://)\S*@")
_PARAMETER: Final = re.compile(r"(?<=[?&])([^=&#\s]+)=[^&#\s]*")


def config(
    *,
    plugin: Plugins = (),
    plugin_dir: PluginFolders = (),
    output: Annotated[
        Format, Parameter(help="json: one object with all settings on standard output.")
    ] = "text",
) -> int:
    """Show every setting, those of plugins too, its value and where it came from."""
    with failures_told(output):
        settings = Settings.read()
        with kept_for_result():
            registry = installed(settings, PluginPlaces(plugin, plugin_dir))
        given = given_variables()
        declared = list(_declared(registry.reports, given))
        others = {name: each for name, each in given.items() if name not in _variables(declared)}
        shown = {
            "settings": list(_settings(settings, given)),
            "plugins": declared,
            "plugin_settings": list(_plugin_settings(others, registry.secret_settings)),
            "secrets": sorted(name for name in given if name.startswith(_SECRET)),
            "notes": list(_notes(others)),
        }
    if output == "json":
        json.dump(shown, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        _tell(shown)
    return Exit.OK


def set_settings() -> list[str]:
    """Return the settings that are set, as `NAME=value`, credentials masked."""
    given = given_variables()
    shown = _settings(Settings.read(), given)
    return [
        f"{each['variable']}={_text(each['value'])}"
        for each in shown
        if each["origin"] != "default"
    ]


def _settings(settings: Settings, given: Mapping[str, GivenVariable]) -> Iterator[dict[str, Any]]:
    docs = field_docs(Settings)
    for name, field in Settings.model_fields.items():
        variable = f"{_PREFIX}{name.upper()}"
        origin = given[variable].origin if variable in given else "default"
        yield {
            "variable": variable,
            "value": _shown(name, getattr(settings, name)),
            "default": _plain(field.default),
            "origin": origin,
            "meaning": docs.get(name, ""),
        }


def _declared(
    reports: Iterable[PluginReport], given: Mapping[str, GivenVariable]
) -> Iterator[dict[str, Any]]:
    """Yield the settings that plugins declare in their models."""
    for report in reports:
        for setting in report.settings:
            variable = setting.variable
            yield {
                "plugin": report.name,
                "variable": variable,
                "value": setting.value,
                "default": setting.default,
                "origin": given[variable].origin if variable in given else "default",
                "meaning": setting.meaning,
            }


def _variables(declared: Iterable[Mapping[str, Any]]) -> set[str]:
    return {each["variable"] for each in declared}


def _plugin_settings(
    given: Mapping[str, GivenVariable], private: Collection[str]
) -> Iterator[dict[str, str]]:
    """Yield what is no setting of ours: handlers may ask for it, unless a credential is in it.

    `private` are those that a plugin which is not loaded might have said to be secret.
    """
    for variable, (value, origin) in sorted(given.items()):
        name = variable.removeprefix(_PREFIX).lower()
        if name not in Settings.model_fields and not variable.startswith(_SECRET):
            hidden = name in private or hides_credential(name, value)
            shown = _MASK if hidden else _masked(value)
            yield {"variable": variable, "value": shown, "origin": origin}


def _notes(given: Mapping[str, GivenVariable]) -> Iterator[str]:
    for variable in sorted(given):
        name = variable.removeprefix(_PREFIX).lower()
        if name in Settings.model_fields or variable.startswith(_SECRET):
            continue
        meant = nearest(name, Settings.model_fields)
        if meant is not None and not name.startswith(f"{meant}_"):
            meant = f"{_PREFIX}{meant.upper()}"
            yield f"{variable} is no setting of wfcore: did you mean {meant}?"


def _shown(name: str, value: Any) -> Any:
    if name in _KEYS and value:
        return [_MASK] * len(value) if isinstance(value, tuple) else _MASK
    plain = _plain(value)
    return _masked(plain) if isinstance(plain, str) else plain


def _masked(text: str) -> str:
    """Return a text, the credentials in its addresses masked."""

    def parameter(found: re.Match[str]) -> str:
        name = found[1].lower().replace("-", "_")
        return f"{found[1]}={_MASK}" if hides_credential(name, "") else found[0]

    return _PARAMETER.sub(parameter, _USER.sub(f"{_MASK}@", text))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, str | int | float | None) else str(value)


def _tell(shown: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    plugins = dict.fromkeys(each["plugin"] for each in shown["plugins"])
    declared = [
        (f"plugin {name}", [each for each in shown["plugins"] if each["plugin"] == name])
        for name in plugins
    ]
    others = ("for plugins", shown["plugin_settings"])
    for title, rows in (("", shown["settings"]), *declared, others):
        if not rows:
            continue
        if title:
            console.print(Text(f"\n{one_line(title)}", "bold"))
        table = Table.grid(padding=(0, 2))
        for row in rows:
            is_set = row["origin"] != "default"
            table.add_row(
                Text(row["variable"], "bold" if is_set else ""),
                Text(_text(row["value"])),
                Text(row["origin"], "" if is_set else "dim"),
            )
        console.print(table)
    if shown["secrets"]:
        console.print(Text("\nsecrets", "bold"))
        for name in shown["secrets"]:
            console.print(Text(f"{name}  {_MASK}"))
    for note in shown["notes"]:
        console.print(Text(f"\n{one_line(note)}", "yellow"), soft_wrap=True)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return one_line(", ".join(value)) or "-"
    return one_line(str(value))
