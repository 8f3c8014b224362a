"""A plugin's own settings: a pydantic model that it registers, filled from `APP_<PLUGIN>_<FIELD>`.

Credentials are at home here: nobody but the plugin gets what it names.
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from wfcore.errors import PluginError
from wfcore.plugins.credential import hides_credential
from wfcore.plugins.failure import shown
from wfcore.plugins.secrecy import has_secret_keys, holds_secret
from wfcore.workflow.faults import faults

__all__ = ["PluginSetting", "read_settings", "settings_of", "settings_prefix"]

_MASK: Final = "***"
_LISTS: Final = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class PluginSetting:
    """One field of a plugin's settings model, as people are shown it."""

    name: str
    """In lower case, without the prefix of all settings."""
    type: str
    default: str | None
    """As JSON; None: it has to be set."""
    meaning: str
    secret: bool
    value: str
    """What it is set to now; `***` where that is secret."""

    @property
    def variable(self) -> str:
        """What the operator sets."""
        return f"APP_{self.name.upper()}"

    def as_dict(self) -> dict[str, Any]:
        """Return what the API shows: everything but the value."""
        return {
            "variable": self.variable,
            "type": self.type,
            "default": self.default,
            "meaning": self.meaning,
            "secret": self.secret,
        }


def settings_prefix(plugin: str) -> str:
    """Return how the settings of a plugin begin: `Acme-Text` has `acme_text_`."""
    return re.sub(r"[^a-z0-9]+", "_", plugin.lower()).strip("_") + "_"


def read_settings(model: object, plugin: str, given: Mapping[str, str]) -> BaseModel:
    """Return the model's instance from the operator's settings, named in lower case.

    Raises:
        PluginError: it is no model, or values do not fit; names every variable.

    """
    if not inspect.isclass(model) or not issubclass(model, BaseModel):
        raise PluginError(
            f"wfcore_register_settings() returned {shown(model)}, not a pydantic model"
        )
    prefix = settings_prefix(plugin)
    values = {
        name: _decoded(field, given[prefix + name])
        for name, field in model.model_fields.items()
        if given.get(prefix + name)
    }
    try:
        return model.model_validate(values, by_name=True)
    except ValidationError as error:
        raise PluginError("; ".join(_said(error, values, prefix))) from None


def settings_of(
    instance: BaseModel, plugin: str, given: Mapping[str, str]
) -> tuple[PluginSetting, ...]:
    """Return what the settings are, for people; `given` is what they were read from."""
    prefix = settings_prefix(plugin)
    return tuple(
        _setting(prefix + name, field, getattr(instance, name), given.get(prefix + name, ""))
        for name, field in type(instance).model_fields.items()
    )


def _setting(name: str, field: FieldInfo, value: Any, given: str) -> PluginSetting:
    text = _text(value)
    secret = holds_secret(field.annotation) or holds_secret(type(value)) or has_secret_keys(value)
    default = field.default
    secret = secret or any(hides_credential(name, each) for each in (text, given, _text(default)))
    return PluginSetting(
        name=name,
        type=_type_name(field.annotation),
        default=None if field.is_required() else _default(field, secret),
        meaning=" ".join((field.description or "").split()),
        secret=secret,
        value=_MASK if secret and value is not None else text,
    )


def _default(field: FieldInfo, secret: bool) -> str:
    if field.default_factory is not None:
        # The plugin's code, which may do anything: it is not run to be shown.
        return "computed"
    default = field.get_default()
    return _MASK if secret and default is not None else _text(default)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is None and inspect.isclass(annotation):
        return annotation.__name__
    return re.sub(r"\b(?:\w+\.)+", "", str(annotation))


def _decoded(field: FieldInfo, text: str) -> Any:
    """Return a variable's text as what the field takes: JSON, or for a list what commas divide."""
    kinds = {get_origin(part) or part for part in (field.annotation, *get_args(field.annotation))}
    if not kinds.isdisjoint({dict, *_LISTS}) or any(map(_is_model, kinds)):
        try:
            return json.loads(text)
        except ValueError:
            parts = (part.strip() for part in text.split(","))
            return [part for part in parts if part] if not kinds.isdisjoint(_LISTS) else text
    return text


def _is_model(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)


def _said(error: ValidationError, values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for fault in faults(error, values):
        name = str(fault.path[0]) if fault.path else fault.name
        # What a model finds wrong as a whole is about no variable alone.
        variable = f"APP_{prefix}{name or '*'}".upper()
        if fault.missing:
            yield f"{variable} has to be set"
        else:
            yield f"{variable}: {fault.message.removeprefix(name or 'the value').lstrip(': ')}"
