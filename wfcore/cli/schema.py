"""`wf schema`: the JSON Schema of workflow documents, for editors."""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from wfcore.cli.exits import Exit
from wfcore.cli.failure import failures_told
from wfcore.cli.installed import PluginPlaces, installed
from wfcore.cli.options import PluginFolders, Plugins
from wfcore.cli.standard_output import kept_for_result, writing_result
from wfcore.engine.schema import workflow_schema
from wfcore.settings import Settings

__all__ = ["schema"]


def schema(
    *,
    plugin: Plugins = (),
    plugin_dir: PluginFolders = (),
    with_input: Annotated[
        bool, Parameter(name="--input", help="Allow an `input` beside `dag`.")
    ] = False,
) -> int:
    """Print the JSON Schema of workflow documents."""
    with failures_told("text"):
        settings = Settings.read()
        with kept_for_result():
            registry = installed(settings, PluginPlaces(plugin, plugin_dir))
            made = workflow_schema(registry, with_input=with_input)
        with writing_result():
            json.dump(made, sys.stdout, ensure_ascii=False, indent=2)
            sys.stdout.write("\n")
    return Exit.OK
