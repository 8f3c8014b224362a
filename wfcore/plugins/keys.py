"""The keys that a config may have: a field goes by its name, or by its aliases."""

from collections.abc import Iterator

from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo

__all__ = ["config_keys", "field_aliases", "takes_other_keys"]


def config_keys(model: type[BaseModel]) -> Iterator[str]:
    """Yield the keys that a model reads."""
    by_name = model.model_config.get("populate_by_name") or model.model_config.get(
        "validate_by_name"
    )
    for name, field in model.model_fields.items():
        aliases = list(field_aliases(field))
        yield from aliases
        if by_name or not aliases:
            yield name


def takes_other_keys(model: type[BaseModel]) -> bool:
    """Whether a config may have keys that the model does not name."""
    return model.model_config.get("extra") == "allow"


def field_aliases(field: FieldInfo) -> Iterator[str]:
    """Yield the keys that a field is read from beside its name."""
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    for choice in choices:
        first = choice.path[0] if isinstance(choice, AliasPath) else choice
        if isinstance(first, str):
            yield first
