"""The log of the whole process, whoever writes it."""

import asyncio
import gc
import logging
import threading
from typing import Any

import pytest

from wfcore.secrets.log import LogMask, mask_logs

SECRET = "tOp-5ecret-token"


class Careless:
    def __repr__(self) -> str:
        return f"<Careless {SECRET}>"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    mask_logs([SECRET])
    return caplog


def test_messages_arguments_and_exceptions_are_masked(log: pytest.LogCaptureFixture) -> None:
    library = logging.getLogger("any.library")
    library.info("plain %s", SECRET)
    library.info("%(token)s", {"token": SECRET})
    library.info("%r %s", [SECRET], Careless())
    library.info(f"in the text: {SECRET}")
    try:
        raise ValueError(SECRET) from KeyError(SECRET)
    except ValueError:
        library.exception("failed", stack_info=True)
    library.info("wrongly formatted %d %s", SECRET)
    assert [record.getMessage() for record in log.records][:4] == [
        "plain ***",
        "***",
        "['***'] <Careless ***>",
        "in the text: ***",
    ]
    assert "ValueError: ***" in log.text
    assert "KeyError: '***'" in log.text
    assert SECRET not in "".join(repr(vars(record)) for record in log.records)
    assert SECRET not in log.text


def test_a_record_without_secrets_stays_as_it_is(log: pytest.LogCaptureFixture) -> None:
    argument = object()
    try:
        raise ValueError("harmless")
    except ValueError:
        logging.getLogger("any").exception("it is %s", argument)
    [record] = log.records
    assert record.args == (argument,)
    assert record.exc_info is not None


def test_other_threads_and_tasks_that_nobody_awaits_are_masked(
    log: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise LookupError(SECRET)

    async def main() -> None:
        _ = asyncio.get_running_loop().create_task(fail())
        await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()
    thread = threading.Thread(target=lambda: logging.getLogger("thread").info("%s", SECRET))
    thread.start()
    thread.join()
    records = log.records
    assert [record.name for record in records if record.name != "asyncio"] == ["thread"]
    assert any("never retrieved" in record.getMessage() for record in records)
    assert SECRET not in "".join(repr(vars(record)) for record in records)


def test_the_mask_lies_over_the_factory_that_was_there_once() -> None:
    made: list[Any] = []

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made.append(args)
        return logging.LogRecord(*args, **kwargs)

    logging.setLogRecordFactory(factory)
    mask_logs([SECRET])
    mask = logging.getLogRecordFactory()
    assert isinstance(mask, LogMask)
    mask_logs(["another-token"])
    assert logging.getLogRecordFactory() is mask
    record = mask("name", logging.INFO, __file__, 1, f"{SECRET} another-token", (), None)
    assert record.getMessage() == "*** ***"
    assert len(made) == 1


def test_only_so_many_values_are_kept() -> None:
    mask = LogMask(logging.LogRecord)
    mask.learn(f"value-number-{number:05}" for number in range(300))
    assert len(mask._values) == 256
    record = mask("name", logging.INFO, __file__, 1, "value-number-00299", (), None)
    assert record.getMessage() == "***"


def test_values_are_learnt_once() -> None:
    mask = LogMask(logging.LogRecord)
    mask.learn([SECRET])
    redactor = mask._redactor
    mask.learn([SECRET])
    assert mask._redactor is redactor
