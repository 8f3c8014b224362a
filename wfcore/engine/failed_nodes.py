"""The log line of a node that failed for good, wherever that was settled.

It has a logger of its own, so that a process that shows failures in another way can leave it out.
"""

import json
import logging
from typing import Final

from wfcore.store.contract import Move

__all__ = ["FAILED_NODES", "tell_failed_node"]

FAILED_NODES: Final = "wfcore.engine.failed_nodes"
"""The logger's name."""

_log = logging.getLogger(FAILED_NODES)


def tell_failed_node(move: Move) -> None:
    """Log that a Move failed its node; the error that it carries is masked already."""
    if not _log.isEnabledFor(logging.WARNING):
        return
    error = json.loads(move.error or "{}")
    place = {"execution": move.execution, "node": move.key, "error": error.get("type", "")}
    _log.warning("node failed: %s", error.get("message", ""), extra=place)
