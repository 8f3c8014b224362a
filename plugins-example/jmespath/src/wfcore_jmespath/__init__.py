"""Templates written in JMESPath."""

from wfcore import Templaters, hookimpl
from wfcore_jmespath.engine import JmesPathEngine

__all__ = ["JmesPathEngine", "wfcore_api", "wfcore_register_templaters"]

wfcore_api = "1.0"


@hookimpl
def wfcore_register_templaters() -> Templaters:
    """Register the engine."""
    return Templaters(engines={"jmespath": JmesPathEngine()})
