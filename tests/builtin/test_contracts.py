"""The built-in handlers keep the contract that every handler is held to."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

import wfplugins_builtin
from wfcore.plugins.manager import load_plugins
from wfcore.testing import HandlerContract, HttpService

_BUILTINS = load_plugins(plugins=[wfplugins_builtin], discover=False)


class TestInput(HandlerContract):
    handler = _BUILTINS.handler("input")
    bad_config: ClassVar[Mapping[str, Any]] = {"any": "thing"}


class TestOutput(HandlerContract):
    handler = _BUILTINS.handler("output")
    config: ClassVar[Mapping[str, Any]] = {"value": {"a": [1, 2]}}
    bad_config: ClassVar[Mapping[str, Any]] = {"valu": 1}


class TestCallExternalService(HandlerContract):
    handler = _BUILTINS.handler("call_external_service")
    bad_config: ClassVar[Mapping[str, Any]] = {"url": "http://x.example", "method": 3}
    secrets: ClassVar[Mapping[str, str]] = {"TOKEN": "swordfish-1"}

    @pytest.fixture
    def handler_config(self, wf_http: HttpService) -> Mapping[str, Any]:
        wf_http.reply("/posts", json=[{"id": 1}], delay=0.1)
        return {
            "url": f"{wf_http.url}/posts",
            "auth": {"type": "bearer", "token": "{{ secrets.TOKEN }}"},
        }


class TestCallLlmService(HandlerContract):
    handler = _BUILTINS.handler("call_llm_service")
    config: ClassVar[Mapping[str, Any]] = {"prompt": "Say it"}
    bad_config: ClassVar[Mapping[str, Any]] = {"prompt": 3}
