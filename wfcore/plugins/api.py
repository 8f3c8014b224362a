"""The version of what plugins are written against, and which of them fit this engine."""

import re
from typing import Final

from wfcore.errors import PluginError
from wfcore.plugins.failure import shown

__all__ = ["PLUGIN_API", "declared_api"]

PLUGIN_API: Final = "1.0"
"""Major and minor. A new minor adds (hooks, members, arguments with defaults); a new major may take
away or change. A plugin says what it was written against: `wfcore_api = "1.0"`."""

_VERSION: Final = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})", re.ASCII)


def declared_api(plugin: object) -> str | None:
    """Return what a plugin says in `wfcore_api`, None where it says nothing.

    Raises:
        PluginError: it is no version, or one that this engine does not offer.

    """
    declared: object = getattr(plugin, "wfcore_api", None)
    if declared is None:
        return None
    found = _VERSION.fullmatch(declared) if isinstance(declared, str) else None
    if found is None or not isinstance(declared, str):
        raise PluginError(f"wfcore_api is {shown(declared)}, not a version such as {PLUGIN_API!r}")
    major, minor = map(int, found.groups())
    own_major, own_minor = map(int, PLUGIN_API.split("."))
    if major != own_major or minor > own_minor:
        newer = (major, minor) > (own_major, own_minor)
        remedy = "install a newer wfcore" if newer else "install a newer version of the plugin"
        raise PluginError(
            f"it is written for plugin API {declared}, this wfcore offers {PLUGIN_API}: {remedy}"
        )
    return declared
