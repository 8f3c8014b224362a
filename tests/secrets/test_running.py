"""Secrets from the submission to the attempt: checked, read anew at each attempt, kept to hosts."""

from pathlib import Path

import pytest

from tests.secrets.echo import Echo
from tests.secrets.running import Json, document, ended, engine, node, refused, refused_trigger
from wfcore import Engine, NodeError, SecretValue
from wfcore.secrets.source import ElsewhereSecrets, NamedSecrets

READER = node("a", "reader", token="{{ secrets.TOKEN }}")


async def test_a_handler_gets_the_value_and_its_output_is_masked(echo: Echo) -> None:
    async with engine({"TOKEN": "first-token"}) as opened:
        call = node(
            "b",
            "call_external_service",
            "a",
            url=echo.url("/text?{{ a.output.value }}"),
            headers={"X-Token": "{{ secrets.TOKEN }}"},
        )
        result = await ended(opened, READER, call)
    assert result.status == "COMPLETED"
    assert "X-Token: first-token" in echo.heard[0] or "x-token: first-token" in echo.heard[0]
    # What was masked once is gone for those after.
    assert "/text?***" in echo.heard[0]
    assert "first-token" not in str(result)


async def test_all_fields_of_a_request_take_secrets(echo: Echo) -> None:
    secret = "{{ secrets.TOKEN }}"
    url = echo.url("/text/{{ secrets.TOKEN }}")
    async with engine({"TOKEN": "first-token"}) as opened:
        for config in (
            {"url": url, "headers": {"X-A": secret}, "query": {"q": [secret]}},
            {"url": url, "method": "POST", "body": {"a": [secret]}},
            {"url": url, "method": "POST", "form": {"f": secret}},
            {"url": url, "auth": {"type": "bearer", "token": secret}},
            {"url": url, "auth": {"type": "basic", "username": secret, "password": secret}},
        ):
            result = await ended(opened, node("a", "call_external_service", **config))
            assert result.status == "COMPLETED", result.errors
            assert "first-token" not in str(result)
    assert sum(each.count("first-token") for each in echo.heard) == 10
    assert "Basic Zmlyc3QtdG9rZW46Zmlyc3QtdG9rZW4=" in echo.heard[4]


async def test_an_unknown_secret_is_refused_at_submit() -> None:
    place = "/dag/nodes/0/config/token"
    async with engine({"TOKEN": "first-token"}) as opened:
        [problem] = await opened.check(document(node("a", "reader", token="{{ secrets.TOEKN }}")))
        assert (problem.code, problem.pointer) == ("secret.unknown", place)
        assert problem.message == 'there is no secret "TOEKN"'
        assert "APP_SECRET_TOEKN" in str(problem.hint)
        assert await refused(opened, READER) == []
    async with Engine(handlers=engine().registry.handlers.values(), discover=False) as opened:
        assert await refused(opened, READER) == [("secret.unknown", place)]


async def test_all_problems_are_told_at_once() -> None:
    async with engine({}) as opened:
        assert await refused(
            opened,
            node("a", "reader", token="{{ secrets.ONE }}{{ secrets.TWO }}", value="{{ nobody }}"),
            node("b", "call_llm_service", prompt="{{ secrets.ONE }}"),
            {**node("c", "reader", token="x"), "when": "{{ secrets.ONE == 'x' }}"},
            node("d", "output", value={"a": ["{{ secrets.ONE }}"]}),
            node("e", "nobody", x="{{ secrets.ONE }}"),
            node("f", "call_external_service", url="http://x", timeout="{{ secrets.ONE }}"),
        ) == [
            ("secret.unknown", "/dag/nodes/0/config/token"),
            ("secret.unknown", "/dag/nodes/0/config/token"),
            ("reference.unknown_node", "/dag/nodes/0/config/value"),
            ("template.secret", "/dag/nodes/1/config/prompt"),
            ("template.secret", "/dag/nodes/2/when"),
            ("template.secret", "/dag/nodes/3/config/value/a/0"),
            ("handler.unknown", "/dag/nodes/4/handler"),
            ("secret.unknown", "/dag/nodes/4/config/x"),
            ("template.secret", "/dag/nodes/5/config/timeout"),
        ]


async def test_a_known_document_is_refused_once_its_secret_is_gone() -> None:
    values = {"TOKEN": "first-token"}
    async with engine(values) as opened:
        assert await refused(opened, READER) == []
        del values["TOKEN"]
        assert await refused(opened, READER) == [("secret.unknown", "/dag/nodes/0/config/token")]


async def test_overrides_are_checked_like_documents() -> None:
    async with engine({"TOKEN": "first-token"}) as opened:
        execution = await opened.submit(document(node("a", "reader", token="x")))
        for body, told in (
            ({"a": {"token": "{{ secrets.OTHER }}"}}, [("secret.unknown", "/a/token")]),
            ({"a": {"value": "{{ secrets.TOKEN }}"}}, [("template.secret", "/a/value")]),
            ({"a": {"token": "{{ secrets.TOKEN | upper }}"}}, [("template.secret", "/a/token")]),
        ):
            assert await refused_trigger(opened, execution, body) == told
        await opened.trigger(execution, {"a": {"token": "is {{ secrets.TOKEN }}"}})
        result = await opened.wait(execution)
    assert result.results == {"a": {"value": "is *** "}}


async def test_where_nobody_can_tell_a_missing_secret_fails_its_node() -> None:
    async with engine(ElsewhereSecrets()) as opened:
        result = await ended(opened, READER)
    error = result.errors["a"]
    assert error["type"] == "SecretMissing"
    assert not error["retryable"]
    assert "APP_SECRET_TOKEN" in error["message"]


async def test_a_stored_execution_whose_secret_is_gone_fails_and_does_not_hang(
    tmp_path: Path,
) -> None:
    store = f"sqlite:///{tmp_path}/wf.db"
    body = {"a": {"token": "now {{ secrets.TOKEN }}"}}
    async with engine({"TOKEN": "first-token"}, store=store) as opened:
        execution = await opened.submit(document(READER))
    async with engine({}, store=store) as opened:
        assert await refused_trigger(opened, execution, body) == [("secret.unknown", "/a/token")]
        await opened.trigger(execution)
        result = await opened.wait(execution, timeout=30)
    assert result.errors["a"]["type"] == "SecretMissing"


async def test_no_secret_is_read_for_a_node_that_is_skipped() -> None:
    class Counting(ElsewhereSecrets):
        asked = 0

        def read(self, name: str) -> SecretValue | None:
            self.asked += 1
            return None

    source = Counting()
    async with engine(source) as opened:
        result = await ended(
            opened, {**READER, "when": "{{ execution.input.go | default(false) }}"}
        )
    assert result.status == "COMPLETED"
    assert source.asked == 0


async def test_a_secret_is_read_at_each_attempt(echo: Echo, tmp_path: Path) -> None:
    file = tmp_path / "TOKEN"
    file.write_text("first-token\n")

    class Rotating(NamedSecrets):
        def read(self, name: str) -> SecretValue | None:
            secret = super().read(name)
            file.write_text("second-token\n")
            return secret

    call = node(
        "a",
        "call_external_service",
        url=echo.url("/flaky"),
        method="POST",
        body="{{ secrets.TOKEN }}",
    )
    async with engine(Rotating({}, tmp_path)) as opened:
        result = await ended(opened, call)
    assert result.status == "COMPLETED"
    assert [each.rpartition("\n")[2] for each in echo.heard] == ["first-token", "second-token"]
    assert "second-token" not in str(result)


async def test_a_source_that_fails_fails_the_attempt_alone() -> None:
    class Failing(ElsewhereSecrets):
        def read(self, name: str) -> SecretValue | None:
            raise NodeError("VaultSealed", "the vault is sealed")

    async with engine(Failing()) as opened:
        assert (await ended(opened, READER)).errors["a"]["type"] == "VaultSealed"


async def test_what_looks_like_a_template_in_data_stays_text(echo: Echo) -> None:
    text = "{{ secrets.TOKEN }}"
    nodes = [
        node("a", "reader", token="x-x-x", value="{{ execution.input.text }}"),
        node("b", "reader", "a", token="{{ a.output.value }}", value="{{ a.output.value }}"),
    ]
    async with engine({"TOKEN": "first-token"}) as opened:
        execution = await opened.submit(document(*nodes), {"text": text})
        await opened.trigger(execution)
        result = await opened.wait(execution)
    assert result.results == {"b": {"value": f"x-x-x {text} x-x-x {text}"}}


def bound(echo: Echo, path: str, **config: object) -> Json:
    url = f"http://localhost:{echo.port}{path}"
    return node("a", "call_external_service", **{"url": url, **config})


@pytest.mark.parametrize("hosts", ["127.0.0.1", "api.example.com", "localhost:1", "api.localhost"])
async def test_a_bound_secret_does_not_go_to_another_host(echo: Echo, hosts: str) -> None:
    call = bound(echo, "/text", headers={"X-Token": "{{ secrets.TOKEN }}"})
    async with engine({"TOKEN": "first-token", "TOKEN_HOSTS": hosts}) as opened:
        result = await ended(opened, call)
    error = result.errors["a"]
    assert (error["type"], error["retryable"]) == ("SecretHost", False)
    assert f"may not go to localhost:{echo.port}" in error["message"]
    assert echo.heard == []


@pytest.mark.parametrize("hosts", ["localhost", "LOCALHOST", "x.example, localhost:{port}"])
async def test_a_bound_secret_goes_to_its_hosts(echo: Echo, hosts: str) -> None:
    call = bound(echo, "/redirect/text", query={"q": "{{ secrets.TOKEN }}"})
    async with engine(
        {"TOKEN": "first-token", "TOKEN_HOSTS": hosts.format(port=echo.port)}
    ) as opened:
        result = await ended(opened, call)
    assert result.status == "COMPLETED", result.errors
    assert [each.partition("\n")[0] for each in echo.heard] == [
        "/redirect/text?q=first-token",
        "/text?q=first-token",
    ]


@pytest.mark.parametrize("hosts", ["127.0.0.1", "127.0.0.0/8"])
async def test_a_bound_secret_does_not_follow_a_redirect_away(echo: Echo, hosts: str) -> None:
    call = bound(echo, "", url=echo.url("/away"), headers={"X-Token": "{{ secrets.TOKEN }}"})
    async with engine({"TOKEN": "first-token", "TOKEN_HOSTS": hosts}) as opened:
        result = await ended(opened, call)
    assert result.errors["a"]["type"] == "SecretHost"
    assert len(echo.heard) == 1


async def test_a_binding_holds_for_every_handler_and_every_request_of_the_attempt(
    echo: Echo,
) -> None:
    # The token is in no part of the request: but who could tell?
    there = node("a", "careless", token="{{ secrets.TOKEN }}", url=echo.url("/text"))
    free = node("b", "careless", token="{{ secrets.FREE }}", url=echo.url("/text"))
    secrets = {"TOKEN": "first-token", "TOKEN_HOSTS": "api.example.com", "FREE": "second-token"}
    async with engine(secrets) as opened:
        result = await ended(opened, there)
        assert result.errors["a"]["type"] == "SecretHost"
        assert (await ended(opened, free)).status == "COMPLETED"


async def test_hosts_that_are_none_fail_the_node() -> None:
    async with engine({"TOKEN": "first-token", "TOKEN_HOSTS": "https://x/"}) as opened:
        error = (await ended(opened, READER)).errors["a"]
    assert error["type"] == "SecretInvalid"
    assert "https://x/" in error["message"]
