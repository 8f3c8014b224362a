"""HandlerContract: a good handler passes, and each fault fails the test that is about it."""

import textwrap
from typing import Final

import pytest

# What the inner runs import has to be there before: pytester forgets modules that come with one,
# and pydantic twice in a process is two pydantics.
import wfcore.outbound.pool
import wfcore.testing.handler_contract  # noqa: F401

pytest_plugins = ["pytester"]

_HEAD: Final = """
import asyncio, logging, sys, threading, time
from typing import Annotated, Any
import pytest
from pydantic import BaseModel
from wfcore import Handler, NodeContext, NodeError, Secret, handler
from wfcore.testing import HandlerContract
"""

_SHOUT: Final = '''
class Shout(Handler):
    """Say a text loudly."""

    name = "shout"

    class Config(BaseModel):
        text: str
        marks: int = 1

    class Output(BaseModel):
        text: str

    {run}

class TestShout(HandlerContract):
    handler = Shout
    config = {{"text": "hello"}}
    bad_config = {{"text": 3}}
'''

_GOOD_RUN: Final = """
    async def run(self, config, context):
        await asyncio.sleep(1)
        return self.Output(text=config.text.upper() + "!" * config.marks)
"""


def held(pytester: pytest.Pytester, source: str) -> dict[str, str]:
    """Run the contract over a handler, and return the outcome of each test, without the prefix."""
    pytester.makepyfile(_HEAD + source)
    result = pytester.inline_run("-p", "no:cacheprovider", "-p", "no:asyncio")
    outcomes: dict[str, str] = {}
    for report in result.getreports("pytest_runtest_logreport"):
        assert isinstance(report, pytest.TestReport)
        name = report.nodeid.rpartition("::")[2]
        if report.when == "call" or report.outcome != "passed":
            outcomes[name] = str(report.outcome)
    return outcomes


def failed(pytester: pytest.Pytester, source: str) -> set[str]:
    """Return the names of the tests that fail; the others pass, or do not apply."""
    outcomes = held(pytester, source)
    assert len(outcomes) == 10
    return {name for name, outcome in outcomes.items() if outcome == "failed"}


def shout(run: str) -> str:
    return _SHOUT.format(run=textwrap.dedent(run).strip().replace("\n", "\n    "))


def test_a_good_handler_passes(pytester: pytest.Pytester) -> None:
    outcomes = held(pytester, shout(_GOOD_RUN))
    assert set(outcomes.values()) == {"passed", "skipped"}
    assert [name for name, each in outcomes.items() if each == "skipped"] == [
        "test_it_keeps_secrets"
    ]


def test_a_function_passes(pytester: pytest.Pytester) -> None:
    source = '''
@handler
def double(number: int) -> int:
    """Double a number."""
    return 2 * number

class TestDouble(HandlerContract):
    handler = double
    config = {"number": 2}
'''
    assert failed(pytester, source) == set()


def test_a_handler_of_a_service_passes_with_the_real_one(pytester: pytest.Pytester) -> None:
    source = '''
class Ask(Handler):
    """Ask a service."""

    name = "ask"

    class Config(BaseModel):
        url: str
        token: Annotated[str, Secret]

    async def run(self, config, context):
        response = await context.http.request(
            "GET", config.url,
            headers={"Authorization": config.token, "Idempotency-Key": context.idempotency_key},
        )
        context.logger.info("asked with %s", config.token)
        return {"said": response.json(), "token": config.token}

class TestAsk(HandlerContract):
    handler = Ask

    @pytest.fixture
    def handler_config(self, wf_http):
        wf_http.reply("/a", json={"ok": True})
        yield {"url": wf_http.url + "/a", "token": "swordfish-1"}
        assert all(each.headers["authorization"] == "swordfish-1" for each in wf_http.requests)
'''
    outcomes = held(pytester, source)
    assert outcomes["test_it_keeps_secrets"] == "passed"
    assert "failed" not in outcomes.values()


@pytest.mark.parametrize(
    ("run", "found"),
    [
        pytest.param(
            """
            async def run(self, config, context):
                return {"txt": config.text}
            """,
            {"test_its_output_is_what_it_says", "test_a_second_attempt_is_like_the_first"},
            id="output-does-not-fit",
        ),
        pytest.param(
            """
            async def run(self, config, context):
                try:
                    await asyncio.sleep(1)
                except asyncio.CancelledError:
                    await asyncio.sleep(3600)
                return {"text": config.text}
            """,
            {"test_it_ends_when_it_is_cancelled", "test_it_ends_at_its_timeout"},
            id="swallows-the-cancellation",
        ),
        pytest.param(
            """
            async def run(self, config, context):
                for _ in range(5):
                    try:
                        await asyncio.sleep(1000)
                    except asyncio.CancelledError:
                        pass
                return {"text": config.text}
            """,
            {"test_it_ends_when_it_is_cancelled", "test_it_ends_at_its_timeout"},
            id="goes-on-when-cancelled",
        ),
        pytest.param(
            """
            def run(self, config, context):
                began = time.monotonic()
                # It goes on when it is cancelled, if not for ever: the test has to end.
                while time.monotonic() < began + (3 if context.cancelled else 0.2):
                    time.sleep(0.01)
                return {"text": config.text}
            """,
            {"test_it_ends_when_it_is_cancelled", "test_it_ends_at_its_timeout"},
            id="synchronous-without-a-heartbeat",
        ),
        pytest.param(
            """
            async def run(self, config, context):
                self.calls = getattr(self, "calls", 0) + 1
                if self.calls > 1:
                    raise NodeError("Again", "it was called before")
                return {"text": config.text}
            """,
            {"test_a_second_attempt_is_like_the_first"},
            id="fails-the-second-time",
        ),
        pytest.param(
            """
            async def run(self, config, context):
                raise NodeError("Broken", "never works")
            """,
            {"test_its_output_is_what_it_says", "test_a_second_attempt_is_like_the_first"},
            id="fails-with-the-example",
        ),
    ],
)
def test_a_fault_of_run_is_found(pytester: pytest.Pytester, run: str, found: set[str]) -> None:
    assert failed(pytester, shout(run)) == found


def test_a_synchronous_loop_with_a_heartbeat_passes(pytester: pytest.Pytester) -> None:
    run = """
    def run(self, config, context):
        began = time.monotonic()
        while time.monotonic() < began + (3 if context.cancelled else 0.2):
            context.heartbeat()
            time.sleep(0.01)
        return {"text": config.text}
    """
    assert failed(pytester, shout(run)) == set()


def test_an_attempt_of_another_kind_is_found(pytester: pytest.Pytester) -> None:
    source = '''
class Fickle(Handler):
    """Give a text, then a number."""

    name = "fickle"
    calls = 0

    async def run(self, config, context):
        Fickle.calls += 1
        return {"said": "text" if Fickle.calls % 2 else Fickle.calls}

class TestFickle(HandlerContract):
    handler = Fickle

    @pytest.fixture(autouse=True)
    def _from_the_start(self):
        Fickle.calls = 0
'''
    assert failed(pytester, source) == {"test_a_second_attempt_is_like_the_first"}


def test_a_missing_docstring_is_found(pytester: pytest.Pytester) -> None:
    source = shout(_GOOD_RUN).replace('    """Say a text loudly."""\n', "")
    assert failed(pytester, source) == {"test_it_says_what_it_does"}


def test_a_wrong_name_is_found(pytester: pytest.Pytester) -> None:
    source = shout(_GOOD_RUN).replace('name = "shout"', 'name = "shout out"')
    assert held(pytester, source)["test_it_can_be_registered"] == "failed"


def test_an_example_that_the_schema_refuses_is_found(pytester: pytest.Pytester) -> None:
    # The model makes 3 of "3", which no schema knows of.
    source = shout(_GOOD_RUN).replace('{"text": "hello"}', '{"text": "hello", "marks": "3"}')
    assert failed(pytester, source) == {"test_its_schema_accepts_the_example"}


def test_a_bad_config_that_is_taken_is_found(pytester: pytest.Pytester) -> None:
    source = shout(_GOOD_RUN).replace('{"text": 3}', '{"text": "3"}')
    assert failed(pytester, source) == {"test_a_wrong_config_is_refused"}


def test_a_config_that_takes_any_key_is_no_fault(pytester: pytest.Pytester) -> None:
    source = shout(_GOOD_RUN).replace(
        "class Config(BaseModel):", "class Config(BaseModel, extra='allow'):"
    )
    assert held(pytester, source)["test_an_unknown_key_is_refused"] == "skipped"


_SECRETIVE: Final = '''
class Sign(Handler):
    """Sign with a token."""

    name = "sign"

    class Config(BaseModel):
        token: Annotated[str, Secret]

    async def run(self, config, context):
        {leak}
        return {{"token": config.token}}

class TestSign(HandlerContract):
    handler = Sign
    config = {config}
    secrets = {{"OTHER": "open-sesame-2"}}
'''


@pytest.mark.parametrize(
    ("leak", "found"),
    [
        ("print(config.token)", {"test_it_keeps_secrets"}),
        ("sys.stderr.write(config.token)", {"test_it_keeps_secrets"}),
        ("context.logger.warning('token %s', config.token)", set()),
        ("logging.getLogger('mine').warning('token %s', config.token)", set()),
        ("context.notice(config.token)", set()),
    ],
)
@pytest.mark.parametrize(
    "config", ['{"token": "swordfish-1"}', '{"token": "Bearer {{ secrets.OTHER }}"}']
)
def test_secrets_that_are_printed_are_found(
    pytester: pytest.Pytester, leak: str, found: set[str], config: str
) -> None:
    source = _SECRETIVE.format(leak=leak, config=config)
    assert failed(pytester, source) == found


def _messages(pytester: pytest.Pytester, source: str) -> list[str]:
    pytester.makepyfile(_HEAD + source)
    result = pytester.inline_run("-p", "no:cacheprovider", "-p", "no:asyncio")
    reports = result.getreports("pytest_runtest_logreport")
    return [str(getattr(each, "longrepr", "")) for each in reports if each.failed]


def test_a_contract_without_a_handler_says_so(pytester: pytest.Pytester) -> None:
    [said] = _messages(pytester, "class TestNothing(HandlerContract): pass")
    assert said == "say what is tested: set `handler = ...` in TestNothing"


def test_a_contract_without_a_config_says_so(pytester: pytest.Pytester) -> None:
    source = shout(_GOOD_RUN).replace('    config = {"text": "hello"}\n', "")
    [said] = _messages(pytester, source)
    assert said == ("the Config has required fields (text): set `config = {...}` in TestShout")


def test_a_failed_attempt_is_told_in_one_line(pytester: pytest.Pytester) -> None:
    run = """
    async def run(self, config, context):
        if context.attempt > 1:
            raise NodeError("Twice", "not\\ntwice")
        return self.Output(text="")
    """
    [said] = _messages(pytester, shout(run))
    assert said == "the second attempt fails: Twice: not twice"
