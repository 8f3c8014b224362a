"""The garbage collector's pace.

At its defaults Python looks at every container after each 700 new ones, and at all of them ever
more often as an execution's rows and plans grow: constant cost per node looks linear.
"""

import gc
from typing import Final

__all__ = ["relax_collector"]

_DEFAULT: Final = (700, 10, 10)
_RELAXED: Final = (50_000, 20, 50)


def relax_collector() -> None:
    """Let the collector run less often, unless this process has chosen a pace of its own."""
    if gc.get_threshold() == _DEFAULT:
        gc.set_threshold(*_RELAXED)
