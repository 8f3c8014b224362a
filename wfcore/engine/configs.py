"""The config of a node against its handler's model, before its templates are rendered.

Literal values are validated in place. A templated string stands for a value that nobody knows yet,
so what the model says about it, and about what holds it, is left to the validation after
rendering.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from pydantic import ValidationError

from wfcore.plugins.failure import failure_line
from wfcore.plugins.handler import Handler, raw_keys, secret_keys
from wfcore.plugins.keys import config_keys, takes_other_keys
from wfcore.problems import pointer
from wfcore.workflow.faults import Fault, faults
from wfcore.workflow.findings import Findings, Vocabulary
from wfcore.workflow.names import quoted

__all__ = ["ConfigRules"]

_LONGEST_SAID: Final = 300
_MOST_BRANCHES: Final = 4
# What is wrong with a list or an object itself, whatever the templates in it will give.
_SURE: Final = frozenset({"missing", "too_long", "union_tag_not_found"})


class ConfigRules:
    """What one handler accepts as config."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.raw = raw_keys(handler.Config)
        self.secret = secret_keys(handler.Config)
        self._known = frozenset(config_keys(handler.Config))
        self._keys = Vocabulary(config_keys(handler.Config))
        self._closed = not takes_other_keys(handler.Config)

    def check(
        self, config: Mapping[str, Any], templated: Collection[str], at: str, findings: Findings
    ) -> None:
        """Note what is wrong with a config at `at`; some of its strings are templates."""
        unknown: Collection[str] = ()
        if self._closed and not self._known.issuperset(config):
            unknown = config.keys() - self._known
            for key in config:
                if key in unknown and not findings.full:
                    self._note_unknown(key, at + pointer(key), findings)
        try:
            self.handler.Config.model_validate(config)
        except ValidationError as error:
            found = list(faults(error, config))
            for fault in _told_once(_sure(found, templated)):
                if not (fault.unknown and fault.path and fault.path[0] in unknown):
                    self._note(fault, at, findings)
        except Exception as error:  # noqa: BLE001 - a validator of a plugin may raise anything
            message = f"the config of {quoted(self.handler.name)} raised {failure_line(error)}"
            findings.add("plugin.failed", at, message[:_LONGEST_SAID])

    def _note(self, fault: Fault, at: str, findings: Findings) -> None:
        place = at + fault.pointer
        if fault.unknown:
            findings.add("config.unknown_key", place, f"{quoted(fault.name)} is not a known field")
        elif fault.missing:
            message = f"{quoted(self.handler.name)} needs {quoted(fault.name)}"
            findings.add("config.missing_key", place, message)
        else:
            findings.add("config.invalid", place, fault.message[:_LONGEST_SAID])

    def _note_unknown(self, key: str, place: str, findings: Findings) -> None:
        message = f"{quoted(self.handler.name)} takes no {quoted(key)}"
        hint = f"it takes {', '.join(sorted(self._known))}" if self._known else "it takes no config"
        findings.add("config.unknown_key", place, message, hint, wanted=key, among=self._keys)


def _sure(found: Iterable[Fault], templated: Collection[str]) -> list[Fault]:
    """Return the faults that no rendering can mend.

    Where one branch of a union may still fit, what the others say does not count.
    """
    if not templated:
        return list(found)
    marked = [(fault, _may_mend(fault, templated)) for fault in found]
    open_unions = {fault.union for fault, open_ in marked if open_ and fault.union is not None}
    return [fault for fault, open_ in marked if not open_ and fault.union not in open_unions]


def _may_mend(fault: Fault, templated: Collection[str]) -> bool:
    if fault.unknown:
        return False
    place = fault.pointer
    if place in templated:
        return True
    if fault.kind in _SURE or fault.kind.endswith("_type"):
        return False
    return any(each.startswith(f"{place}/") for each in templated)


def _told_once(found: Iterable[Fault]) -> Iterator[Fault]:
    """Yield the faults, those of a union's branches as one."""
    for union, group in groupby(found, key=lambda fault: fault.union):
        if union is None:
            yield from group
        else:
            branches = list(group)
            said = dict.fromkeys(fault.message for fault in branches)
            message = "; or ".join(list(said)[:_MOST_BRANCHES])
            yield Fault(branches[0].kind if len(branches) == 1 else "union", union, message)
