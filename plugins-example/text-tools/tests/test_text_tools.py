"""The plugin's parts, alone and in a workflow."""

from collections.abc import Callable
from typing import Any

import pytest
from wfcore_text_tools import CountWords, slug

from wfcore.testing import HandlerContract, run_handler


class TestCountWords(HandlerContract):
    """What every handler must do."""

    handler = CountWords
    config = {"text": "to be or not to be"}


async def test_words_are_counted() -> None:
    output = await run_handler(CountWords, {"text": "To be, or not to be", "most": 1})
    assert output == {"words": 6, "most": {"to": 2}}


@pytest.mark.parametrize(
    ("text", "expected"), [("Über uns!", "uber-uns"), ("a  b", "a-b"), ("---", ""), ("x1", "x1")]
)
def test_a_slug_is_small_ascii(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_the_filter_is_there_in_workflows(wf_run: Callable[..., Any]) -> None:
    node = {"id": "a", "handler": "output", "config": {"value": "{{ 'Über uns' | slug }}"}}
    assert wf_run({"name": "s", "dag": {"nodes": [node]}}).results == {"a": "uber-uns"}
