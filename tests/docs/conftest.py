"""What the tests of pages share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.reader import Reader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Give a reader in a new folder; the server that it started is stopped in the end."""
    reader = Reader(tmp_path)
    try:
        yield reader
    finally:
        reader.close()
