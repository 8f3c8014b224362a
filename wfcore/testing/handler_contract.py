"""What every handler is held to: a base class for the tests of one."""

import json
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from wfcore.plugins.admission import admit
from wfcore.plugins.handler import HandlerLike
from wfcore.testing.engine import EngineOptions
from wfcore.testing.subject import NODE, Subject
from wfcore.testing.watched_cast import WatchedCast
from wfcore.testing.workflow_run import WorkflowRun
from wfcore.workflow.states import Status

__all__ = ["HandlerContract"]

_UNKNOWN = "a_key_that_no_handler_takes"
_TELLS_LACKS = "test_its_schema_accepts_the_example"


class HandlerContract:
    """Derive a class from this one, say what is tested, and pytest holds the handler to it.

        class TestShout(HandlerContract):
            handler = Shout
            config = {"text": "hello"}
            bad_config = {"text": 3}

    `config` is an example with which the handler succeeds. `bad_config`, where one is given, has
    to be refused. `secrets` are what templates in the config may name, beside the values of fields
    marked `Secret`, which the tests put into secrets themselves. `options` are those of `Engine`
    (`EngineOptions`): settings, for one. A config that is known only when the test runs comes from
    a fixture `handler_config` of your class, which may ask for `wf_http`: the handler then reaches
    that service.

    Each test runs the handler on the real engine, in virtual time (`run_workflow`).
    """

    handler: ClassVar[HandlerLike]
    config: ClassVar[Mapping[str, Any]] = {}
    bad_config: ClassVar[Mapping[str, Any] | None] = None
    secrets: ClassVar[Mapping[str, str]] = {}
    options: ClassVar[EngineOptions] = {}

    @pytest.fixture
    def handler_config(self) -> Mapping[str, Any]:
        """Give the example; override it where that takes other fixtures."""
        return self.config

    @pytest.fixture
    def subject(self, handler_config: Mapping[str, Any], request: pytest.FixtureRequest) -> Subject:
        """Give the handler with its example and what it reaches."""
        if (lack := self._lack(handler_config)) is not None:
            # What is not set is told by one test, rather than by all of them.
            if request.function.__name__ == _TELLS_LACKS and self._lacks_handler() is None:
                pytest.fail(lack, pytrace=False)
            pytest.skip(lack)
        options: EngineOptions = {"secrets": dict(self.secrets), **self.options}
        if "wf_http" in request.fixturenames:
            service: Any = request.getfixturevalue("wf_http")
            options["outbound_allow"] = [
                *options.get("outbound_allow", ()),
                *service.outbound_allow,
            ]
        return Subject(admit(self.handler), handler_config, options)

    def _lack(self, config: Mapping[str, Any]) -> str | None:
        """Return what has to be set before anything can be tested, and None where all is."""
        if (told := self._lacks_handler()) is not None:
            return told
        fields = admit(self.handler).Config.model_fields.items()
        needed = [field.alias or name for name, field in fields if field.is_required()]
        if not needed or config:
            return None
        said = f"the Config has required fields ({', '.join(needed)})"
        return f"{said}: set `config = {{...}}` in {type(self).__name__}"

    def _lacks_handler(self) -> str | None:
        if getattr(self, "handler", None) is not None:
            return None
        return f"say what is tested: set `handler = ...` in {type(self).__name__}"

    def test_it_can_be_registered(self) -> None:
        """Its name is valid, and so are its models and its `run`."""
        if (lack := self._lacks_handler()) is not None:
            pytest.fail(lack, pytrace=False)
        admit(self.handler)

    def test_it_says_what_it_does(self) -> None:
        """It has a docstring, which `wf handlers` and the API show."""
        if (lack := self._lacks_handler()) is not None:
            pytest.skip(lack)
        kind = type(admit(self.handler))
        assert (kind.__doc__ or "").strip(), f"{kind.__qualname__} has no docstring"

    def test_its_schema_accepts_the_example(self, subject: Subject) -> None:
        """What editors and agents read of its config agrees with what the engine takes."""
        wrong = subject.schema_problems(dict(subject.config))
        assert not wrong, f"the JSON Schema of the Config refuses the example: {wrong}"
        problems = subject.problems(subject.config)
        assert not problems, f"an engine refuses the example: {problems}"

    def test_an_unknown_key_is_refused(self, subject: Subject) -> None:
        """A misspelt key is found when the document is submitted."""
        if subject.handler.Config.model_config.get("extra") == "allow":
            pytest.skip("its Config takes any key")
        misspelt = {**subject.config, _UNKNOWN: 1}
        assert subject.problems(misspelt), "an engine accepts a key that the Config lacks"
        assert subject.schema_problems(misspelt), "the JSON Schema accepts a key that it lacks"

    def test_a_wrong_config_is_refused(self, subject: Subject) -> None:
        """The example of a wrong config is refused when the document is submitted."""
        if self.bad_config is None:
            pytest.skip("no bad_config is given")
        assert subject.problems(self.bad_config), f"an engine accepts {dict(self.bad_config)}"

    def test_its_output_is_what_it_says(self, subject: Subject) -> None:
        """The example succeeds, with an output that is JSON and fits the output's schema."""
        run = subject.run(WatchedCast())
        _must_complete(run, "the example fails")
        wrong = subject.output_problems(run.outputs[NODE])
        assert not wrong, f"the output does not fit its own schema: {wrong}"

    def test_it_ends_when_it_is_cancelled(self, subject: Subject) -> None:
        """It lets a cancellation through; a synchronous one asks `heartbeat` in its loops."""
        assert subject.ends_when_cancelled(), f"it went on after a cancellation; {_cure(subject)}"

    def test_it_ends_at_its_timeout(self, subject: Subject) -> None:
        """It ends soon after the timeout of its node."""
        assert subject.ends_at_timeout(), f"it went on after its timeout; {_cure(subject)}"

    def test_a_second_attempt_is_like_the_first(self, subject: Subject) -> None:
        """The key is the same at both attempts, and so is the kind of output."""
        cast = WatchedCast(fails_first=True)
        run = subject.run(cast, retry={"max_attempts": 2})
        _must_complete(run, "the second attempt fails")
        first, second = cast.outputs
        assert _kinds_agree(first, second), f"the attempts gave {first}, then {second}"
        assert len(set(cast.keys)) == 1, f"the attempts had the keys {cast.keys}"

    def test_it_keeps_secrets(
        self,
        subject: Subject,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        """No secret is in what it returns, logs, tells or prints."""
        sealed = subject.sealed(self.secrets)
        if not sealed.secrets:
            pytest.skip("it takes no secrets")
        factory = logging.getLogRecordFactory()
        try:
            with caplog.at_level(logging.DEBUG):
                run = subject.with_secrets(sealed.secrets).run(WatchedCast(), sealed.config)
        finally:
            # The engine masks what it read in all later records of the process.
            logging.setLogRecordFactory(factory)
        _must_complete(run, "the example with secrets fails")
        printed = "".join(capfd.readouterr())
        told = {"stored": _stored(run), "logged": caplog.text, "printed": printed}
        for name, value in sealed.secrets.items():
            leaks = [place for place, text in told.items() if value in text]
            assert not leaks, f"the secret {name} is in what was {' and '.join(leaks)}"


def _must_complete(run: WorkflowRun, what: str) -> None:
    # Not an assertion: pytest would write out the whole run beside it.
    if run.status is not Status.COMPLETED:
        pytest.fail(f"{what}: {_why(run)}", pytrace=False)


def _why(run: WorkflowRun) -> str:
    """Return the type and the message of what failed, in one line."""
    error = run.errors.get(NODE)
    if error is None:
        return run.result.message or f"the execution is {run.status}"
    return f"{error['type']}: {' '.join(error['message'].split())}"


def _cure(subject: Subject) -> str:
    if subject.in_thread:
        return "call context.heartbeat() in its loops, and bound what waits"
    return "let asyncio.CancelledError through, and do not block the event loop"


def _kinds_agree(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two outputs have the same keys, with values of the same types; null is any type."""
    return first.keys() == second.keys() and all(
        type(first[key]) is type(second[key]) or None in (first[key], second[key]) for key in first
    )


def _stored(run: WorkflowRun) -> str:
    kept: list[Any] = [run.outputs, run.results, run.errors, run.result.notices, run.result.usage]
    kept += [[event.key, event.detail] for event in run.events]
    return json.dumps(kept, ensure_ascii=False)
