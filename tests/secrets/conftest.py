import logging
from collections.abc import Iterator

import pytest

from tests.secrets.echo import Echo


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as service:
        yield service


@pytest.fixture(autouse=True)
def _records_as_before() -> Iterator[None]:
    """Take the mask off the log again: other tests have nothing to hide."""
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)
