"""Plays the seed's example workflow against a server, and shows its result.

    python examples/seed_on_cluster.py [SERVER] [SERVICE]

SERVER is where `wf server` listens (http://127.0.0.1:8000), SERVICE where `examples/service.py`
does, which stands in for api.example.com (http://127.0.0.1:8099). The trigger replaces the URL of
one node and the model of the other by the offline one. Needs nothing but Python.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

_SEED: Final = Path(__file__).with_name("seed.json")
_PATIENCE_SECONDS: Final = 120.0


def play(server: str, service: str) -> dict[str, Any]:
    """Submit, trigger and wait; return the body of `/results`."""
    submitted = ask(f"{server}/workflow", json.loads(_SEED.read_text(encoding="utf-8")))
    execution = submitted["execution_id"]
    replaced = {"get_posts": {"url": f"{service}/posts"}, "summarize_posts": {"model": "echo"}}
    ask(f"{server}/workflow/trigger/{execution}", replaced)
    return ask(f"{server}/workflows/{execution}/results?wait=60")


def ask(url: str, body: Any = None) -> dict[str, Any]:
    """Send a request, again and again while the server is not up yet; return its answer."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=70) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{url}: {error.code} {error.read().decode()}") from error
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(1)


def main() -> int:
    """Play it; 0 if it COMPLETED."""
    given = dict(enumerate(sys.argv))
    server = given.get(1, "http://127.0.0.1:8000")
    result = play(server, given.get(2, "http://127.0.0.1:8099"))
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return 0 if result["completed"] else 1


if __name__ == "__main__":
    sys.exit(main())
