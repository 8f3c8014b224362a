"""How often a JSON Schema may look at one value of an instance, at the worst.

Validators check a value once for each way that leads to it through the schema, and in a schema
that refers to itself twice the ways double at each level: an input of a hundred bytes can keep a
validator busy for years. Here the ways are counted before the schema is used.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from wfcore.problems import pointer

__all__ = ["SchemaTooCostly", "cost_of_value", "places"]

_MOST_STEPS: Final = 1_000_000
_MOST_LINKS: Final = 50_000
_MOST_HOPS: Final = 8
_REFERENCE: Final = frozenset({"$ref", "title", "description", "$comment", "default", "examples"})
_SAME_PLACE: Final = ("not", "if", "then", "else")
_SAME_PLACE_LISTS: Final = ("allOf", "anyOf", "oneOf")
_OTHER_NAMES: Final = ("additionalProperties", "unevaluatedProperties")
_OTHER_ITEMS: Final = ("items", "unevaluatedItems")
_INNER: Final = (*_SAME_PLACE, *_OTHER_NAMES, *_OTHER_ITEMS, "propertyNames", "contains")
_INNER_MAPS: Final = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_INNER_LISTS: Final = (*_SAME_PLACE_LISTS, "prefixItems")

_Place = tuple[str | int, ...]


class SchemaTooCostly(Exception):
    """The schema could make a small input expensive to check."""


def places(schema: Any) -> Iterator[tuple[_Place, Mapping[str, Any]]]:
    """Yield every subschema that is an object, with the way to it."""
    open_places: list[tuple[_Place, Any]] = [((), schema)]
    while open_places:
        place, each = open_places.pop()
        if isinstance(each, dict):
            yield place, each
            open_places.extend(_inner(place, each))


def _inner(place: _Place, schema: Mapping[str, Any]) -> Iterator[tuple[_Place, Any]]:
    for key, value in schema.items():
        if key in _INNER:
            yield (*place, key), value
        elif key in _INNER_LISTS and isinstance(value, list):
            yield from (((*place, key, at), each) for at, each in enumerate(value))
        elif key in _INNER_MAPS and isinstance(value, dict):
            yield from (((*place, key, name), each) for name, each in value.items())


def cost_of_value(schema: Mapping[str, Any], depth: int) -> int:
    """Return how many steps one value can cost at the worst, in instances nested `depth` deep.

    Raises `SchemaTooCostly` above a million, or where a schema refers to itself without a step
    into the value.
    """
    return _Ways(schema).most(depth)


@dataclass(slots=True)
class _Start:
    """What checking one value against one subschema leads to.

    `own` counts steps at the value itself; the rest says how often which subschemas then check a
    child: children of any name or index, and those of one name or index.
    """

    own: int = 0
    any_name: Counter[int] = field(default_factory=Counter)
    any_item: Counter[int] = field(default_factory=Counter)
    names: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    items: defaultdict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def children(self) -> set[int]:
        groups = [self.any_name, self.any_item, *self.names.values(), *self.items.values()]
        return {target for group in groups for target in group}

    def cost(self, before: Mapping[int, int]) -> int:
        """Return the steps, given what each child's check costs."""
        named = _dearest(self.any_name, self.names.values(), before)
        indexed = _dearest(self.any_item, self.items.values(), before)
        return self.own + max(named, indexed)


def _dearest(
    common: Counter[int], others: Iterable[Counter[int]], before: Mapping[int, int]
) -> int:
    base = _sum(common, before)
    return base + max((_sum(other, before) for other in others), default=0)


def _sum(group: Counter[int], before: Mapping[int, int]) -> int:
    return sum(ways * before[target] for target, ways in group.items())


class _Ways:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._named: dict[str, Mapping[str, Any]] = {}
        self._parts: dict[int, Mapping[str, Any]] = {}
        for place, each in places(root):
            self._parts[id(each)] = each
            self._named["#" + pointer(*place)] = each
            for word in ("$anchor", "$dynamicAnchor"):
                if isinstance(each.get(word), str):
                    self._named["#" + each[word]] = each
            if isinstance(each.get("$id"), str):
                self._named[each["$id"]] = each
        self._links = 0
        self._starts = self._find_starts()

    def most(self, depth: int) -> int:
        cost = dict.fromkeys(self._starts, 0)
        for _ in range(depth + 1):
            before = cost
            cost = {key: start.cost(before) for key, start in self._starts.items()}
            if max(cost.values()) > _MOST_STEPS:
                raise SchemaTooCostly(
                    "a small input could take very long to check: the schema leads to the same "
                    "value in too many ways"
                )
            if cost == before:
                break
        return cost[id(self._root)]

    def _find_starts(self) -> dict[int, _Start]:
        starts: dict[int, _Start] = {}
        waiting = {id(self._root)}
        while waiting:
            key = waiting.pop()
            start = starts[key] = _Start()
            for part, ways in self._same_place(key, ()).items():
                self._add(start, self._parts[part], ways)
            waiting |= start.children() - starts.keys()
        return starts

    def _same_place(self, key: int, above: tuple[int, ...]) -> Counter[int]:
        """Return the subschemas that check the same value, and in how many ways each."""
        if key in above:
            raise SchemaTooCostly("a part of the schema refers to itself for the same value")
        ways = Counter({key: 1})
        for inner in self._checked_here(self._parts[key]):
            ways.update(self._same_place(id(inner), (*above, key)))
            self._spend(len(ways))
        return ways

    def _spend(self, links: int) -> None:
        self._links += links
        if self._links > _MOST_LINKS:
            raise SchemaTooCostly("too many parts of the schema refer to one another")

    def _checked_here(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        found = [schema.get(key) for key in _SAME_PLACE]
        for key in _SAME_PLACE_LISTS:
            found.extend(schema.get(key, ()))
        found.extend(schema.get("dependentSchemas", {}).values())
        references = (unquote(schema.get(key, "")) for key in ("$ref", "$dynamicRef"))
        found.extend(self._named.get(reference) for reference in references if reference)
        return (each for each in found if isinstance(each, dict))

    def _add(self, start: _Start, schema: Mapping[str, Any], ways: int) -> None:
        patterns = schema.get("patternProperties", {})
        start.own += ways * (1 + len(schema.get("enum", ())) + len(patterns))
        other_names = [schema.get(key) for key in _OTHER_NAMES]
        other_items = [schema.get(key) for key in _OTHER_ITEMS]
        names = [*patterns.values(), schema.get("propertyNames"), *other_names]
        self._count(start.any_name, names, ways)
        self._count(start.any_item, [schema.get("contains"), *other_items], ways)
        for name, each in schema.get("properties", {}).items():
            self._count(start.names[name], other_names, -ways)
            self._count(start.names[name], [each], ways)
        for index, each in enumerate(schema.get("prefixItems", ())):
            self._count(start.items[index], other_items, -ways)
            self._count(start.items[index], [each], ways)

    def _count(self, group: Counter[int], targets: Iterable[Any], ways: int) -> None:
        for target in targets:
            if isinstance(target, dict):
                group[id(self._follow(target))] += ways
                self._spend(1)

    def _follow(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a schema that is only a reference stands for."""
        for _ in range(_MOST_HOPS):
            target = self._named.get(unquote(schema.get("$ref", "")))
            if target is None or not schema.keys() <= _REFERENCE:
                break
            schema = target
        return schema
