"""One workflow that does everything with its secrets that a workflow can do."""

from typing import Any, Final

from tests.secrets.echo import Echo
from tests.secrets.running import Json, document, node

PATHS: Final = (
    "/json",
    "/text",
    "/fail",
    "/flaky",
    "/redirect/json",
    "/redirect/fail",
    "/away",
    "/nowhere",
    "/garbage",
    "/broken",
)
ENDS: Final = (
    "well",
    "late",
    "exception",
    "node error",
    "cut error",
    "strange details",
    "validation",
    "no json",
)
_PLAIN: Final = "{{ secrets.PLAIN }}"
_AWKWARD: Final = "{{ secrets.AWKWARD }}"


def everything(echo: Echo) -> Json:
    nodes = []
    for at, path in enumerate(PATHS):
        nodes.append(_call(f"get{at}", echo.url(f"{path}?q={_PLAIN}"), query={"r": _AWKWARD}))
        nodes.append(
            _call(f"post{at}", echo.url(path), method="POST", body=f"={_AWKWARD}={_PLAIN}")
        )
        nodes.append(_call(f"form{at}", echo.url(path), method="POST", form={"f": [_AWKWARD]}))
    nodes += [
        _call("nobody", f"http://127.0.0.1:1/{_PLAIN}"),
        _call("no_host", f"http://{_PLAIN}.invalid/"),
        _call("no_url", f"http://[{_AWKWARD}"),
        _call("in_json", echo.url("/json"), method="POST", body={"a": [_AWKWARD, {"b": _PLAIN}]}),
    ]
    for at, ends in enumerate(ENDS):
        for name, secret in (("plain", _PLAIN), ("awkward", _AWKWARD)):
            nodes.append(node(f"{name}{at}", "careless", token=f"<{secret}>", ends=ends))
        nodes.append(node(f"thread{at}", "reader", token=_AWKWARD))
    nodes.append(node("wrong", "call_external_service", url=_PLAIN, auth={"type": _AWKWARD}))
    names = [each["id"] for each in nodes]
    shown = [f"{{{{ {name}.output }}}} {{{{ {name}.error | default('') }}}}" for name in names]
    after = node("told", "reader", *names, token="x", value=" ".join(shown))
    return document(*nodes, {**after, "join": "all_done"})


def _call(name: str, url: str, **config: Any) -> Json:
    headers = {"X-Token": f"Token {_PLAIN}"}
    auth = {"type": "basic", "username": "u" * (len(name) % 3), "password": _AWKWARD}
    config = {"headers": headers, "auth": auth, **config}
    return node(name, "call_external_service", url=url, **config)
