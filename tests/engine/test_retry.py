"""When a failed attempt is tried again: as properties of one pure function."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfcore.engine.retry import RetryDefaults, retry_delay
from wfcore.errors import ErrorRecord
from wfcore.workflow.document import Retry

_SECONDS = st.floats(0, 1_000, allow_nan=False)
_CHANCE = st.floats(0, 1, exclude_max=True)
_DEFAULTS = st.builds(
    RetryDefaults,
    max_retries=st.integers(0, 10),
    base_backoff=_SECONDS,
    retry_delay=st.floats(0, 100, allow_nan=False),
)
_POLICIES = st.builds(
    Retry,
    max_attempts=st.none() | st.integers(1, 50),
    backoff=st.none() | st.sampled_from(["exponential", "linear", "fixed"]),
    initial_interval=st.none() | _SECONDS,
    multiplier=st.none() | st.floats(1, 1_000),
    max_interval=st.none() | st.floats(0.001, 10_000),
    jitter=st.none() | st.booleans(),
)


def _error(kind: str = "Boom", *, retryable: bool = True) -> ErrorRecord:
    return ErrorRecord(type=kind, message="", retryable=retryable)


def _delay(
    policy: Retry | None = None,
    failures: int = 1,
    *,
    defaults: RetryDefaults | None = None,
    error: ErrorRecord | None = None,
    age: float = 0.0,
    retry_after: float | None = None,
    chance: float = 0.5,
) -> float | None:
    return retry_delay(
        policy, defaults or RetryDefaults(), error or _error(), failures, age, retry_after, chance
    )


@given(policy=_POLICIES, defaults=_DEFAULTS, failures=st.integers(1, 10_000), chance=_CHANCE)
def test_a_wait_is_within_its_bounds(
    policy: Retry, defaults: RetryDefaults, failures: int, chance: float
) -> None:
    delay = _delay(policy, failures, defaults=defaults, chance=chance)

    attempts = policy.max_attempts or defaults.max_retries + 1
    assert (delay is None) == (failures >= attempts)
    if delay is None:
        return
    floor = defaults.retry_delay if policy.initial_interval is None else 0.0
    longest = policy.max_interval or max(60.0, floor)
    assert min(floor, longest) <= delay <= longest


@given(policy=_POLICIES, defaults=_DEFAULTS, chance=_CHANCE, after=_SECONDS)
def test_an_errors_own_wait_is_honoured(
    policy: Retry, defaults: RetryDefaults, chance: float, after: float
) -> None:
    without = _delay(policy, defaults=defaults, chance=chance)
    delay = _delay(policy, defaults=defaults, chance=chance, retry_after=after)

    assert (delay is None) == (without is None)
    if delay is not None and without is not None:
        assert delay == max(without, after)


@given(
    total=st.floats(0.001, 1_000),
    age=_SECONDS,
    after=st.none() | _SECONDS,
    chance=_CHANCE,
    defaults=_DEFAULTS,
)
def test_no_attempt_starts_after_the_total_timeout(
    total: float, age: float, after: float | None, chance: float, defaults: RetryDefaults
) -> None:
    free = _delay(
        Retry(max_attempts=9), defaults=defaults, age=age, retry_after=after, chance=chance
    )
    policy = Retry(max_attempts=9, total_timeout=total)
    delay = _delay(policy, defaults=defaults, age=age, retry_after=after, chance=chance)

    assert free is not None
    assert delay == (free if age + free <= total else None)


@given(
    names=st.lists(
        st.sampled_from(["Timeout", "Http*", "*", "?oom", "boom", "[B]oom"]), min_size=1
    ),
    kind=st.sampled_from(["Timeout", "HttpStatus", "Boom", "boom", "Zoom", "TimeoutError"]),
    retryable=st.booleans(),
)
def test_retry_on_retries_exactly_the_errors_whose_type_matches(
    names: list[str], kind: str, retryable: bool
) -> None:
    policy = Retry(max_attempts=2, retry_on=tuple(names))

    retried = _delay(policy, error=_error(kind, retryable=retryable)) is not None

    assert retried == any(fnmatchcase(kind, name) for name in names)


@pytest.mark.parametrize("retryable", [True, False])
def test_without_retry_on_the_error_itself_says_whether_it_is_retried(retryable: bool) -> None:
    retried = _delay(Retry(max_attempts=2), error=_error(retryable=retryable)) is not None

    assert retried == retryable


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        ("fixed", [2, 2, 2, 2]),
        ("linear", [2, 4, 6, 7]),
        ("exponential", [2, 6, 7, 7]),
    ],
)
def test_a_wait_without_jitter_grows_as_its_backoff_says(backoff: str, waits: list[float]) -> None:
    policy = Retry.model_validate(
        {
            "max_attempts": 9,
            "backoff": backoff,
            "initial_interval": 2.0,
            "multiplier": 3.0,
            "max_interval": 7.0,
            "jitter": False,
        }
    )

    assert [_delay(policy, failures) for failures in (1, 2, 3, 4)] == waits


def test_jitter_draws_evenly_between_the_shortest_wait_and_the_backoff() -> None:
    defaults = RetryDefaults(max_retries=9, base_backoff=8.0, retry_delay=2.0)

    drawn = [_delay(defaults=defaults, chance=chance) for chance in (0.0, 0.25, 0.5, 0.75)]

    assert drawn == [2.0, 3.5, 5.0, 6.5]


def test_without_a_policy_the_operators_defaults_apply() -> None:
    defaults = RetryDefaults(max_retries=2, base_backoff=4.0, retry_delay=3.0)

    assert _delay(defaults=defaults, chance=0.0) == 3.0
    assert _delay(None, 2, defaults=defaults, chance=0.0) == 3.0
    assert _delay(None, 3, defaults=defaults) is None
