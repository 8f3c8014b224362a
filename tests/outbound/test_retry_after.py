"""The header `Retry-After`, in seconds and as a date."""

from datetime import UTC, datetime

import pytest

from wfcore.outbound.http import HttpResponse
from wfcore.outbound.retry_after import LONGEST_WAIT, seconds_to_wait

NOW = datetime(2015, 10, 21, 7, 28, 0, tzinfo=UTC)
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("999999999", LONGEST_WAIT),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wednesday, 21-Oct-15 07:28:30 GMT", 30.0),
        ("Wed Oct 21 07:28:30 2015", 30.0),
        ("Wed, 21 Oct 2015 09:28:30 +0200", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("Wed, 21 Oct 2099 07:27:00 GMT", LONGEST_WAIT),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("+1", None),
        ("1e9", None),
        ("²", None),
        ("٣", None),
        ("1" * 5000, None),
        ("nan", None),
        ("inf", None),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        ("Wed, 21 Oct 99999999999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +99999999999", None),
    ],
)
def test_seconds_and_dates_are_understood_and_capped(header: str, seconds: float | None) -> None:
    assert seconds_to_wait(header, now=NOW) == seconds


def test_a_date_is_measured_by_the_services_own_clock() -> None:
    assert seconds_to_wait("Wed, 21 Oct 2015 07:29:00 GMT", DATE) == 60.0
    assert seconds_to_wait("Wed, 21 Oct 2015 07:29:00 GMT", "no date", now=NOW) == 60.0


def test_a_response_says_how_long_to_wait() -> None:
    headers = {"retry-after": "Wed, 21 Oct 2015 07:28:09 GMT", "date": DATE}
    assert HttpResponse(503, headers, b"", "http://h/").retry_after == 9.0
    assert HttpResponse(503, {}, b"", "http://h/").retry_after is None
