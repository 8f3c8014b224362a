"""`make demo`: the product in five acts, half a minute, without a network.

Every act says what it shows, runs real commands, and checks what it claims; the exit code is 1
where a claim does not hold. `examples/service.py` runs in this process and stands in for the
services that the workflows call.
"""

import os
import signal
import sys
import time
from collections import Counter
from typing import Final

import service
from stage import ClaimBroken, Shown, Stage, shown_path, wait_until

_SEED_RESULT: Final = {
    "summarize_posts": {
        "result": "LLM generated a summary for the prompt 'Summarize the following posts: "
        "Response from https://api.example.com/posts'"
    }
}
_CALLS: Final = 40
_AT_A_TIME: Final = 8
_NODES: Final = 20_000

WF: Final = shown_path("wf")
PYTHON: Final = shown_path("python")


def main() -> int:
    """Play all acts; 0 if every claim held."""
    stage = Stage()
    standing_in = service.start()
    stage.title("wfcore: workflows as JSON, checked before they start, kept through crashes")
    stage.note(f"{standing_in.url} stands in for the services that the workflows call.", "dim")
    try:
        seed(stage, standing_in)
        typo(stage)
        killed(stage, standing_in)
        own_handler(stage)
        large(stage)
    except ClaimBroken as broken:
        stage.restore_terminal()
        stage.note(f"✗ This did not hold: {broken}", "bold red")
        return 1
    except KeyboardInterrupt:
        stage.restore_terminal()
        return 130
    finally:
        standing_in.shutdown()
    farewell(stage)
    return 0


def seed(stage: Stage, standing_in: service.Service) -> None:
    """Act 1."""
    stage.act(
        1,
        "A workflow",
        "Fetch posts over HTTP, put them into a prompt, collect the result. The file "
        "names api.example.com; --set sends this run to the local service, which --allow opens.",
    )
    url = f"{standing_in.url}/posts"
    arguments = [WF, "run", "examples/seed.json", "--set", f"get_posts.url={url}"]
    shown = stage.run(*arguments, "--allow", standing_in.address)
    _exits(stage, shown, 0)
    stage.holds(
        "the result is the one that the product was asked for with",
        when=(shown.results() == _SEED_RESULT),
    )
    asked = [entry.path for entry in standing_in.ledger]
    stage.holds("the service was asked once", when=asked == ["/posts"])


def typo(stage: Stage) -> None:
    """Act 2."""
    stage.act(
        2,
        "A mistake",
        "The same file with a typo in its template is refused before anything runs.",
    )
    stage.write(".wf/typo.json", "sed", "s/output.data/output.dta/", "examples/seed.json")
    shown = stage.run(WF, "run", ".wf/typo.json", capture_errors=True)
    _exits(stage, shown, 3)
    said = shown.errors
    stage.holds(
        "it says where and what was meant",
        when="/dag/nodes/1/config/prompt" in said and 'did you mean "data"?' in said,
    )


def killed(stage: Stage, standing_in: service.Service) -> None:
    """Act 3."""
    stage.act(
        3,
        "A crash",
        f"{_CALLS} slow HTTP calls, {_AT_A_TIME} at a time. Half way the process is killed "
        "with kill -9; another one goes on from its store.",
    )
    given = f'{{"service": "{standing_in.url}"}}'
    arguments = [WF, "run", "examples/forty.json", "--input", given]
    arguments += ["--allow", standing_in.address, "--concurrency", str(_AT_A_TIME)]
    stage.command(*arguments)
    first = stage.start(*arguments)
    wait_until(lambda: standing_in.answered("/slow/") >= _CALLS // 2, 20)
    os.kill(first.pid, signal.SIGKILL)
    died = time.time()
    first.communicate()
    stage.restore_terminal()
    stage.command("kill", "-9", str(first.pid))
    before = standing_in.answered("/slow/")
    stage.note(f"killed after {before} of {_CALLS} answers\n", "bold yellow")
    _exits(stage, stage.run(WF, "run", "--resume"), 0)
    _read_ledger(stage, standing_in, died)


def _read_ledger(stage: Stage, standing_in: service.Service, died: float) -> None:
    calls = [entry for entry in standing_in.ledger if entry.path.startswith("/slow/")]
    times = Counter(entry.path for entry in calls)
    keys = {(entry.path, entry.key) for entry in calls}
    again = [entry for entry in calls if entry.begun > died]
    kept = len(times) - len({entry.path for entry in again})
    twice = [path for path, count in times.items() if count > 1]
    stage.note("\nThe service's own log says:")
    stage.holds(f"{len(times)} of {_CALLS} nodes were called", when=len(times) == _CALLS)
    stage.holds(
        f"{kept} nodes were kept: done before the kill, never called again",
        when=kept >= _CALLS // 2 - _AT_A_TIME,
    )
    stage.holds(
        f"{len(twice)} nodes ran twice: those in flight, with the same Idempotency-Key",
        when=len(twice) <= 2 * _AT_A_TIME and max(times.values()) <= 2 and len(keys) == _CALLS,
    )
    seconds = again[0].begun - died if again else float("inf")
    stage.holds(f"work went on {seconds:.1f} s after the kill", when=seconds < 10)


def own_handler(stage: Stage) -> None:
    """Act 4."""
    stage.act(4, "A handler of one's own", "A Python file, used at once; nothing to install.")
    stage.command("cat", "examples/shout.py")
    stage.show_file("examples/shout.py")
    shown = stage.run(WF, "run", "examples/shout.json", "--plugin", "examples/shout.py")
    _exits(stage, shown, 0)
    stage.holds("the handler shouted", when="HELLO, WORLD!!!" in shown.output)


def large(stage: Stage) -> None:
    """Act 5."""
    stage.act(
        5,
        "A large one",
        f"{_NODES:,} nodes, every config from a template; no step counts before it is on disk.",
    )
    stage.write(".wf/lanes.json", PYTHON, "examples/lanes.py")
    shown = stage.run(WF, "run", ".wf/lanes.json", "--plugin", "examples/count.py")
    _exits(stage, shown, 0)
    total = shown.results()["total"]
    stage.holds(f"the nodes counted to {total:,}", when=total == _NODES)


def farewell(stage: Stage) -> None:
    """End with what to try next."""
    stage.end("Your turn")
    stage.command(WF, "run", "examples/hello.json", "--input", '{"name": "Grace"}')
    stage.command(WF, "run", "examples/conditions.json", "--input", '{"total": 20}')
    stage.command("make", "dev")
    stage.note("")


def _exits(stage: Stage, shown: Shown, code: int) -> None:
    stage.holds(f"exit code {code}", when=shown.code == code)


if __name__ == "__main__":
    sys.exit(main())
