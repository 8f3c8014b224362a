"""The same for the script of the Redis store: take a guard out of it, and a named case goes red.

The cases are those of `test_mutations.py`, by the name of the mutant; only the places are others.
"""

import hashlib
from pathlib import Path

import pytest

from tests.conformance.backends import BACKENDS
from tests.conformance.test_mutations import MUTANTS, Mutant
from wfcore.errors import StoreError
from wfcore.store.redis import script, shards
from wfcore.testing.conformance.backend import Place
from wfcore.testing.conformance.clock import ManualClock
from wfcore.testing.conformance.lab import Lab

CASES = {mutant.name: mutant for mutant in MUTANTS}

PLACES: dict[str, tuple[str, str]] = {
    "any state will do": (
        "if not expects(move, row[STATE]) or row[CURSOR] ~= move[M_CURSOR] then",
        "if row[CURSOR] ~= move[M_CURSOR] then",
    ),
    "any token will do": (
        "if move[M_TOKEN] ~= 0 and move[M_TOKEN] ~= row[TOKEN] then return 'stale' end",
        "",
    ),
    "a lease that comes late takes the node again": (
        "if move[M_CHARGE] == 'attempt' and place and row[LEASED] == move[M_NEW_TOKEN] then",
        "if false then",
    ),
    "a kept lease is not remembered": (
        "target[LEASED], target[STARTED] = target[TOKEN], NOW - ex.m[CREATED]",
        "target[STARTED] = NOW - ex.m[CREATED]",
    ),
    "any cursor will do": (
        "if not expects(move, row[STATE]) or row[CURSOR] ~= move[M_CURSOR] then",
        "if not expects(move, row[STATE]) then",
    ),
    "a deadline need not have passed": (
        "if move[M_IF_DUE] and not (place and is_due(ex, move[M_KEY])) then return 'stale' end",
        "",
    ),
    "a halted execution opens nodes": (
        "if (to >= READY and to <= WAITING) or row[STATE] == PENDING then return 'halted' end",
        "if row[STATE] == PENDING then return 'halted' end",
    ),
    "a halted execution starts": (
        "if (to >= READY and to <= WAITING) or row[STATE] == PENDING then return 'halted' end",
        "if to >= READY and to <= WAITING then return 'halted' end",
    ),
    "an execution that ended takes Moves": ("  if ex.m[FINISHED] then return 'stale' end", ""),
    "no repeat is known": ("if row and stands_after(ex, row, move) then", "if false then"),
    "a repeat is known by its state alone": (
        "if row[STATE] ~= STATES[move[M_TO]] or row[TOKEN] ~= move[M_NEW_TOKEN] then",
        "if row[STATE] ~= STATES[move[M_TO]] then",
    ),
    "a repeat is known by its token alone": (
        "if row[STATE] ~= STATES[move[M_TO]] or row[TOKEN] ~= move[M_NEW_TOKEN] then",
        "if row[TOKEN] ~= move[M_NEW_TOKEN] then",
    ),
    "the next chunk passes for a repeat of the first": (
        "if row[CURSOR] > NO_CURSOR and row[CURSOR] <= move[M_CURSOR] then return false end",
        "",
    ),
    "a second dispatch passes for a repeat": (
        "return not (move[M_IF_DUE] and is_due(ex, move[M_KEY]))",
        "return true",
    ),
    "a repeat forgets what was kept": (
        "kept[#kept + 1] = lease_of(ex, edge[1], target)\n      elseif",
        "local _ = 0\n      elseif",
    ),
    "a repeat keeps what others leased": (
        "if target[STATE] == RUNNING and mine then",
        "if target[STATE] == RUNNING then",
    ),
    "a repeat forgets what was fired": ("elseif target[STATE] == READY then", "elseif false then"),
    "late edges open their target again": (
        "if target[STATE] == PENDING and (target[OKS]",
        "if (target[OKS]",
    ),
    "a join needs all to succeed": ("target[OKS] >= edge[4] or all == edge[3]", "all == edge[3]"),
    "a join that lacks successes never fires": (
        "target[OKS] >= edge[4] or all == edge[3]",
        "target[OKS] >= edge[4]",
    ),
    "a failure counts as a success": ("failed = FAILS", "failed = OKS"),
    "everything that fires is kept": (
        "if edge[7] and #kept < move[M_KEEP] then",
        "if edge[7] then",
    ),
    "what the worker cannot run is kept": (
        "if edge[7] and #kept < move[M_KEEP] then",
        "if #kept < move[M_KEEP] then",
    ),
    "kept leases share a token": (
        "target[TOKEN] = move[M_KEEP_TOKEN] + #kept",
        "target[TOKEN] = move[M_KEEP_TOKEN]",
    ),
    "a kept lease has no deadline": ("set_deadline(ex, key, NOW + move[M_LEASE])", ""),
    "a fired successor has no deadline": (
        "= READY, edge[5], edge[6]\n  set_deadline(ex, key, NOW + move[M_READY])",
        "= READY, edge[5], edge[6]",
    ),
    "an unfinished fan-out has no cursor": (
        "row[CURSOR] = ex.m[HALT] == '' and move[M_NEXT] or NO_CURSOR",
        "row[CURSOR] = NO_CURSOR",
    ),
    "a halt does not end a fan-out": (
        "row[CURSOR] = ex.m[HALT] == '' and move[M_NEXT] or NO_CURSOR",
        "row[CURSOR] = move[M_NEXT]",
    ),
    "a halted execution counts edges": (
        "if #move[M_EDGES] > 0 and ex.m[HALT] == '' then",
        "if #move[M_EDGES] > 0 then",
    ),
    "an attempt is not counted": ("row[ATTEMPT] = row[ATTEMPT] + 1", ""),
    "a lost lease is not counted": ("row[LOST] = row[LOST] + 1", ""),
    "a failed attempt is not counted": ("row[FAILURES] = row[FAILURES] + 1", ""),
    "every lease starts the node anew": (
        "row[STARTED] = row[STARTED] or NOW - ex.m[CREATED]",
        "row[STARTED] = NOW - ex.m[CREATED]",
    ),
    "a fan-out moves the end of its node": (
        "if to > WAITING and not row[ENDED] then",
        "if to > WAITING then",
    ),
    "failures do not count": ("ex.m[FAILED] = ex.m[FAILED] + 1", ""),
    "a timeout counts from nowhere": ("if ex.m[TIMEOUT] then", "if false then"),
    "an execution that ended is still due": (
        "ex.m[FINISHED] = NOW\n  set_deadline(ex, '', nil)",
        "ex.m[FINISHED] = NOW",
    ),
    "a cancelled execution completes": ("if ex.m[HALT] == 'cancel' then", "if false then"),
    "a timed out execution completes": ("ex.m[HALT] == 'timeout' or ", ""),
    "the last reason of a halt stays": ("  if not repeated then\n", "  if true then\n"),
    "an execution that ended is halted": (
        "if ex.m[FINISHED] then return answer('stale', ex) end",
        "",
    ),
    "an ended execution is swept": (
        "sweep and not ex.m[FINISHED] and NOW + sweep",
        "sweep and NOW + sweep",
    ),
    "a notice is repeated": ("if known_one == notice then return end", ""),
    "notices grow for ever": ("if #notices < MOST_NOTICES then", "if true then"),
    "a reply tells no number": (
        "ex.plan, ex.m[NUMBER], fired or NOTHING",
        "ex.plan, 0, fired or NOTHING",
    ),
    "a Move is for whichever has the id": (
        "meant(move[M_EXECUTION], move[M_NUMBER])",
        "find(move[M_EXECUTION])",
    ),
    "a halt is for whichever has the id": (
        "local ex = meant(id, number)\n  if not ex then return { 'gone'",
        "local ex = find(id)\n  if not ex then return { 'gone'",
    ),
    "only the last amount counts": ("(ex.m[METERS][name] or 0) + amount", "amount"),
}


@pytest.mark.usefixtures("redis_server")
@pytest.mark.parametrize("name", PLACES, ids=lambda name: name.replace(" ", "-"))
async def test_a_case_notices_that(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, instead = PLACES[name]
    assert script.TEXT.count(source) == 1, "the guard is written in another way now"
    text = script.TEXT.replace(source, instead)
    monkeypatch.setattr(shards, "TEXT", text)
    monkeypatch.setattr(shards, "SHA", hashlib.sha1(text.encode()).hexdigest())
    with pytest.raises((AssertionError, LookupError, ValueError, StoreError)):
        await _run(CASES[name], tmp_path)


async def _run(mutant: Mutant, directory: Path) -> None:
    clock = ManualClock()
    backend = next(backend for backend in BACKENDS if backend.name == "redis-with-our-clock")
    async with backend.opened(Place(directory, clock)) as store:
        await mutant.case(Lab(store, backend, clock), **mutant.arguments)
