"""Telling by its name or its form that a setting may hold a credential."""

import re
from typing import Final

__all__ = ["OPEN_SETTINGS", "hides_credential"]

OPEN_SETTINGS: Final = (
    *("llm_provider", "llm_model", "llm_max_concurrency", "llm_timeout"),
    *("publish_kafka_brokers", "publish_kafka_topics"),
)
"""The engine's own settings that any handler may ask for."""

# A plugin gets credentials as secrets, by name and with a log of who asked, or in a settings model
# of its own; never as a setting which any handler may read.
_CREDENTIAL: Final = re.compile(
    r"(^|_)(secrets?|pass|passwd|passwords?|passphrases?|keys?|apikeys?|tokens?|credentials?|creds"
    r"|auth|private|dsn|cookies?|signature|salt)(_|$)",
    re.ASCII,
)
# Anywhere: a value may be a list of addresses, or JSON with one in it.
_USER_IN_URL: Final = re.compile(r"://[^/?#\s]*@", re.ASCII)
_PARAMETER: Final = re.compile(r"[?&]([^=&#\s]+)=", re.ASCII)


def hides_credential(name: str, value: str) -> bool:
    """Whether a credential may be in a variable (lower case, without the prefix)."""
    if _CREDENTIAL.search(name) or _USER_IN_URL.search(value):
        return True
    parameters = (found[1].lower().replace("-", "_") for found in _PARAMETER.finditer(value))
    return any(_CREDENTIAL.search(each) for each in parameters)
