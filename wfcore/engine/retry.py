"""When a failed attempt is tried again: pure arithmetic, with the random number handed in."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from wfcore.errors import ErrorRecord
from wfcore.workflow.document import Retry

__all__ = ["RetryDefaults", "retry_delay"]

_MULTIPLIER = 2.0
_MAX_INTERVAL = 60.0


@dataclass(frozen=True, slots=True)
class RetryDefaults:
    """What applies where a node says nothing; seconds.

    `APP_MAX_RETRIES`, `APP_BASE_BACKOFF` and `APP_RETRY_DELAY`: attempts after the first, the base
    of the exponential backoff, and the shortest delay.
    """

    max_retries: int = 3
    base_backoff: float = 1.0
    retry_delay: float = 1.0


def retry_delay(
    policy: Retry | None,
    defaults: RetryDefaults,
    error: ErrorRecord,
    failures: int,
    age: float,
    retry_after: float | None,
    chance: float,
) -> float | None:
    """Return the seconds to wait before the next attempt, or None to give up.

    `failures` counts the one at hand, `age` is seconds since the first attempt began, `chance` a
    random number in [0, 1). Full jitter as in "Exponential Backoff And Jitter" (AWS, 2015): the
    delay is drawn between the shortest one and the backoff, so that clients do not come in waves.
    Only `retry_after` makes it longer than the policy's longest.
    """
    policy = policy or Retry()
    attempts = policy.max_attempts or defaults.max_retries + 1
    if failures >= attempts or not _is_retried(policy, error):
        return None
    floor = defaults.retry_delay if policy.initial_interval is None else 0.0
    longest = policy.max_interval
    if longest is None:
        longest = max(_MAX_INTERVAL, floor)
    floor = min(floor, longest)
    backoff = min(max(floor, _backoff(policy, defaults, failures)), longest)
    drawn = backoff if policy.jitter is False else floor + chance * (backoff - floor)
    delay = max(drawn, retry_after or 0.0)
    if policy.total_timeout is not None and age + delay > policy.total_timeout:
        return None
    return delay


def _is_retried(policy: Retry, error: ErrorRecord) -> bool:
    if policy.retry_on is None:
        return error["retryable"]
    return any(fnmatchcase(error["type"], pattern) for pattern in policy.retry_on)


def _backoff(policy: Retry, defaults: RetryDefaults, failures: int) -> float:
    base = policy.initial_interval if policy.initial_interval is not None else defaults.base_backoff
    if policy.backoff == "fixed":
        return base
    if policy.backoff == "linear":
        return base * failures
    factor = policy.multiplier if policy.multiplier is not None else _MULTIPLIER
    # The exponent is bounded so that a large one cannot overflow a float.
    return float(base * factor ** min(failures - 1, 64))
