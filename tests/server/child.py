"""A server process for tests: `python child.py '{"store": ...}' PORT`. Prints its URL."""

import asyncio
import json
import logging
import sys

from wfcore import Engine, StoreError
from wfserver.listening import CannotListen
from wfserver.process import serve


def announce(url: str, engine: Engine) -> None:
    print(url, engine.durability, flush=True)


logging.basicConfig(level="INFO")
try:
    asyncio.run(serve(json.loads(sys.argv[1]), port=int(sys.argv[2]), on_ready=announce))
except (CannotListen, StoreError) as error:
    sys.exit(f"refused: {error}")
print("stopped", flush=True)
