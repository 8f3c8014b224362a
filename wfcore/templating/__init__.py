"""Templates: Jinja's syntax over JSON values, with bounds, and references known beforehand."""

from wfcore.templating.compiled import Compiled
from wfcore.templating.engine import EngineTemplate, TemplateEngine
from wfcore.templating.environment import BUILT_IN, Templating
from wfcore.templating.failure import RenderError, TemplateProblem, TemplateProblems
from wfcore.templating.limits import TemplateLimits
from wfcore.templating.reference import Reference
from wfcore.templating.scope import Scope
from wfcore.templating.template import Template

__all__ = [
    "BUILT_IN",
    "Compiled",
    "EngineTemplate",
    "Reference",
    "RenderError",
    "Scope",
    "Template",
    "TemplateEngine",
    "TemplateLimits",
    "TemplateProblem",
    "TemplateProblems",
    "Templating",
]
