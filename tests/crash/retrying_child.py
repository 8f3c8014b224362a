"""A process that takes an execution up again until it is killed; its argument is a JSON object.

`store` is the file, `ledger` a file that gets a line for every run of a handler, `broken` says
whether the node `breaks` fails. `act` is `run` (submit and run `document`), `retry` (take
`execution` up again) or `go on`. It prints the id of its execution, then how that ended.
"""

import asyncio
import json
import os
import sys
from typing import Any

from wfcore import Engine, NodeContext, NodeError, handler


async def main(given: dict[str, Any]) -> None:
    ledger = os.open(given["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @handler
    async def note(context: NodeContext) -> str:
        os.write(ledger, f"{context.execution_id} {context.node}\n".encode())
        if context.node == "breaks" and given["broken"]:
            raise NodeError("Broken", "not mended yet")
        return context.node

    async with Engine(f"sqlite:///{given['store']}", handlers=[note], concurrency=4) as engine:
        execution = given.get("execution", "")
        if given["act"] == "run":
            execution, _ = await engine.start_execution(given["document"])
        elif given["act"] == "retry":
            execution, _ = await engine.retry(execution)
        print(execution, flush=True)
        print((await engine.wait(execution)).status, flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
