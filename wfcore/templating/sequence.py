"""Filters over lists: order, choice, picking, joining. An object counts as the list of its keys."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from wfcore.templating.access import Missing, Step, describe, quoted, walk
from wfcore.templating.budget import Budget
from wfcore.templating.failure import RenderError
from wfcore.templating.frame import Frame
from wfcore.templating.operators import add
from wfcore.templating.text import measure, text_of, to_json
from wfcore.templating.vocabulary import Ability

__all__ = ["SEQUENCE_FILTERS", "items_of"]

_UNSET: Final = object()
_ITEM_BYTES: Final = 16
_LIST_BYTES: Final = 64
_PAIR_BYTES: Final = 96
_MOST_STEPS: Final = 32
_LONGEST_ATTRIBUTE: Final = 1_000
_LENIENT: Final = ("defined", "undefined")


def items_of(budget: Budget, value: Any) -> Sequence[Any]:
    """Return what a loop over the value goes through."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict | str):
        raise RenderError(f"{describe(value)} has no items")
    _new_list(budget, len(value))
    return list(value)


def _new_list(budget: Budget, length: int, item_bytes: int = _ITEM_BYTES) -> None:
    budget.spend(length)
    budget.allocate(_LIST_BYTES + length * item_bytes)


def _length(_frame: Frame, value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise RenderError(f"{describe(value)} has no length")
    return len(value)


def _first(frame: Frame, value: Any) -> Any:
    items = items_of(frame.budget, value)
    return items[0] if items else Missing(f"{describe(value)} is empty and has no first item")


def _last(frame: Frame, value: Any) -> Any:
    items = items_of(frame.budget, value)
    return items[-1] if items else Missing(f"{describe(value)} is empty and has no last item")


def _list(frame: Frame, value: Any) -> list[Any]:
    items = items_of(frame.budget, value)
    _new_list(frame.budget, len(items))
    return list(items)


def _items(frame: Frame, value: Any) -> list[Any]:
    if not isinstance(value, dict):
        raise RenderError(f"{describe(value)} is no object")
    _new_list(frame.budget, len(value), _PAIR_BYTES)
    return [[key, item] for key, item in value.items()]


def _dictsort(
    frame: Frame, value: Any, case_sensitive: bool = False, by: str = "key", reverse: bool = False
) -> list[Any]:
    if by not in ("key", "value"):
        raise RenderError('it sorts by "key" or by "value"')
    pairs = _items(frame, value)
    place = 0 if by == "key" else 1
    return _sorted(frame, pairs, lambda pair: pair[place], case_sensitive, reverse)


def _reverse(frame: Frame, value: Any) -> Any:
    if isinstance(value, str):
        return frame.budget.made(value[::-1])
    return _list(frame, value)[::-1]


def _join(frame: Frame, value: Any, d: str = "", attribute: Any = None) -> str:
    budget = frame.budget
    picked = _picked(frame, items_of(budget, value), attribute)
    separator = text_of(d, budget)
    texts = [text_of(item, budget) for item in picked]
    budget.room(sum(map(len, texts)) + len(separator) * len(texts))
    return budget.made(separator.join(texts))


def _sort(
    frame: Frame,
    value: Any,
    reverse: bool = False,
    case_sensitive: bool = False,
    attribute: Any = None,
) -> list[Any]:
    items = items_of(frame.budget, value)
    paths: list[Sequence[Step]] = [()]
    if attribute is not None:
        names = str(attribute).split(",", _MOST_STEPS)
        paths = [_steps(frame, name, len(items)) for name in names]

    def key(item: Any) -> Any:
        keys = [_part(item, path) for path in paths]
        return keys[0] if len(keys) == 1 else keys

    return _sorted(frame, items, key, case_sensitive, reverse)


def _sorted(
    frame: Frame,
    items: Sequence[Any],
    key: Callable[[Any], Any],
    case_sensitive: bool,
    reverse: bool,
) -> list[Any]:
    keys = _comparable(frame, [key(item) for item in items], case_sensitive)
    frame.budget.spend(len(keys) * len(keys).bit_length())
    order = sorted(range(len(keys)), key=keys.__getitem__, reverse=bool(reverse))
    return [items[at] for at in order]


def _comparable(frame: Frame, keys: list[Any], case_sensitive: bool) -> list[Any]:
    """Return what to compare by, having paid for comparing all of it."""
    _new_list(frame.budget, 2 * len(keys))
    frame.budget.room(measure(keys, frame.budget))
    if case_sensitive:
        return keys
    return [_folded(frame, key) for key in keys]


def _folded(frame: Frame, key: Any) -> Any:
    return frame.budget.made(key.lower()) if isinstance(key, str) else key


def _unique(
    frame: Frame, value: Any, case_sensitive: bool = False, attribute: Any = None
) -> list[Any]:
    items = items_of(frame.budget, value)
    keys = _comparable(frame, _picked(frame, items, attribute), case_sensitive)
    seen: set[Any] = set()
    kept = []
    for item, key in zip(items, keys, strict=True):
        mark = (to_json(key, frame.budget),) if isinstance(key, list | dict) else key
        if mark not in seen:
            seen.add(mark)
            kept.append(item)
    return kept


def _least(frame: Frame, value: Any, case_sensitive: bool = False, attribute: Any = None) -> Any:
    return _extreme(frame, value, min, case_sensitive, attribute)


def _most(frame: Frame, value: Any, case_sensitive: bool = False, attribute: Any = None) -> Any:
    return _extreme(frame, value, max, case_sensitive, attribute)


def _extreme(
    frame: Frame, value: Any, choose: Callable[..., int], case_sensitive: bool, attribute: Any
) -> Any:
    items = items_of(frame.budget, value)
    if not items:
        return Missing(f"{describe(value)} is empty")
    keys = _comparable(frame, _picked(frame, items, attribute), case_sensitive)
    return items[choose(range(len(keys)), key=keys.__getitem__)]


def _sum(frame: Frame, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    total = start
    for item in _picked(frame, items_of(frame.budget, value), attribute):
        frame.budget.spend(1)
        total = add(frame.budget, total, item)
    return total


def _batch(frame: Frame, value: Any, linecount: int, fill_with: Any = None) -> list[Any]:
    items = items_of(frame.budget, value)
    size = int(linecount)
    if size < 1:
        raise RenderError("a batch has at least one item")
    _new_list(frame.budget, len(items), _LIST_BYTES + _ITEM_BYTES)
    batches = [list(items[at : at + size]) for at in range(0, len(items), size)]
    if fill_with is not None and batches:
        lacking = size - len(batches[-1])
        _new_list(frame.budget, lacking)
        batches[-1] += [fill_with] * lacking
    return batches


def _map(frame: Frame, value: Any, *arguments: Any, **named: Any) -> list[Any]:
    items = items_of(frame.budget, value)
    _new_list(frame.budget, len(items), _LIST_BYTES)
    if "attribute" in named and not arguments:
        return _mapped_attribute(frame, items, **named)
    if not arguments:
        raise RenderError("it takes the name of a filter, or `attribute=`")
    ability = _word("filter", frame.vocabulary.filters, arguments[0])
    results = []
    for item in items:
        result = ability.call(frame, item, *arguments[1:], **named)
        if result.__class__ is Missing:
            raise result.error()
        results.append(result)
    return results


def _mapped_attribute(
    frame: Frame, items: Sequence[Any], attribute: Any, default: Any = _UNSET
) -> list[Any]:
    steps = _steps(frame, attribute, len(items))
    results = []
    for item in items:
        part = walk(item, "(...)", steps)
        if part.__class__ is Missing:
            if default is _UNSET:
                raise part.error()
            part = default
        results.append(part)
    return results


def _select(frame: Frame, value: Any, *arguments: Any, **named: Any) -> list[Any]:
    return _chosen(frame, value, None, arguments, named, wanted=True)


def _reject(frame: Frame, value: Any, *arguments: Any, **named: Any) -> list[Any]:
    return _chosen(frame, value, None, arguments, named, wanted=False)


def _selectattr(frame: Frame, value: Any, attr: Any, /, *arguments: Any, **named: Any) -> list[Any]:
    return _chosen(frame, value, attr, arguments, named, wanted=True)


def _rejectattr(frame: Frame, value: Any, attr: Any, /, *arguments: Any, **named: Any) -> list[Any]:
    return _chosen(frame, value, attr, arguments, named, wanted=False)


def _chosen(
    frame: Frame,
    value: Any,
    attribute: Any,
    arguments: tuple[Any, ...],
    named: Mapping[str, Any],
    *,
    wanted: bool,
) -> list[Any]:
    items = items_of(frame.budget, value)
    _new_list(frame.budget, len(items))
    steps = _steps(frame, attribute, len(items)) if attribute is not None else ()
    test = _word("test", frame.vocabulary.tests, arguments[0]) if arguments else None
    kept = []
    for item in items:
        part = walk(item, "(...)", steps)
        if part.__class__ is Missing and (test is None or test.name not in _LENIENT):
            raise part.error()
        holds = test.call(frame, part, *arguments[1:], **named) if test else part
        if bool(holds) is wanted:
            kept.append(item)
    return kept


def _word(kind: str, words: Mapping[str, Ability], name: Any) -> Ability:
    ability = words.get(name) if isinstance(name, str) else None
    if ability is None:
        raise RenderError(f"there is no {kind} {quoted(name)}")
    return ability


def _steps(frame: Frame, attribute: Any, items: int) -> Sequence[Step]:
    """Read what filters call an attribute, `author.name` or `0`; pay for so many items."""
    if isinstance(attribute, int) and not isinstance(attribute, bool):
        return (attribute,)
    if not isinstance(attribute, str):
        raise RenderError(f"an attribute is a text, not {describe(attribute)}")
    parts = attribute.split(".", _MOST_STEPS)
    if len(parts) > _MOST_STEPS or len(attribute) > _LONGEST_ATTRIBUTE:
        raise RenderError("the attribute is too long")
    frame.budget.spend(items * len(parts))
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def _part(item: Any, steps: Sequence[Step]) -> Any:
    part = walk(item, "(...)", steps)
    if part.__class__ is Missing:
        raise part.error()
    return part


def _picked(frame: Frame, items: Sequence[Any], attribute: Any) -> list[Any]:
    _new_list(frame.budget, len(items))
    if attribute is None:
        return list(items)
    steps = _steps(frame, attribute, len(items))
    return [_part(item, steps) for item in items]


SEQUENCE_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "batch": _batch,
    "count": _length,
    "dictsort": _dictsort,
    "first": _first,
    "items": _items,
    "join": _join,
    "last": _last,
    "length": _length,
    "list": _list,
    "map": _map,
    "max": _most,
    "min": _least,
    "reject": _reject,
    "rejectattr": _rejectattr,
    "reverse": _reverse,
    "select": _select,
    "selectattr": _selectattr,
    "sort": _sort,
    "sum": _sum,
    "unique": _unique,
}
