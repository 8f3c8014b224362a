"""The handlers that everyone needs, registered like those of any other plugin.

Everything here imports `wfcore` by its public names alone: what the built-ins can do, any plugin
can.
"""

from wfcore import Handler, hookimpl
from wfplugins_builtin.fail import Fail
from wfplugins_builtin.http import CallExternalService
from wfplugins_builtin.input import Input
from wfplugins_builtin.kafka.publish import PublishKafka
from wfplugins_builtin.llm.call import CallLlmService
from wfplugins_builtin.log import Log
from wfplugins_builtin.output import Output
from wfplugins_builtin.transform import Transform
from wfplugins_builtin.wait import Wait

__all__ = ["wfcore_api", "wfcore_register_handlers"]

wfcore_api = "1.0"


@hookimpl
def wfcore_register_handlers() -> list[type[Handler]]:
    """Register every handler of this package."""
    return [
        Input,
        Transform,
        Wait,
        CallExternalService,
        CallLlmService,
        PublishKafka,
        Log,
        Fail,
        Output,
    ]
