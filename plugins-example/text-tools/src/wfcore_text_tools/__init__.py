"""A handler, a filter and a validator for texts."""

from wfcore import Handler, Templaters, Validator, hookimpl
from wfcore_text_tools.slug import slug, slugs_in_labels
from wfcore_text_tools.words import CountWords

__all__ = [
    "CountWords",
    "slug",
    "wfcore_api",
    "wfcore_register_handlers",
    "wfcore_register_templaters",
    "wfcore_register_validators",
]

wfcore_api = "1.0"


@hookimpl
def wfcore_register_handlers() -> list[type[Handler]]:
    """Register `count_words`."""
    return [CountWords]


@hookimpl
def wfcore_register_templaters() -> Templaters:
    """Register the filter `slug`."""
    return Templaters(filters={"slug": slug})


@hookimpl
def wfcore_register_validators() -> list[Validator]:
    """Register the check of labels."""
    return [slugs_in_labels]
