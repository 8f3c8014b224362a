"""Templates: Jinja's syntax over JSON values, with bounds, and references known beforehand."""

from wfcore.templating.compiled import Compiled
from wfcore.templating.environment import Templating
from wfcore.templating.failure import RenderError, TemplateProblem, TemplateProblems
from wfcore.templating.limits import TemplateLimits
from wfcore.templating.reference import Reference
from wfcore.templating.scope import Scope
from wfcore.templating.template import Template

__all__ = [
    "Compiled",
    "Reference",
    "RenderError",
    "Scope",
    "Template",
    "TemplateLimits",
    "TemplateProblem",
    "TemplateProblems",
    "Templating",
]
