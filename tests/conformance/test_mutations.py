"""The suite is worth something: take a guard out of the transition, and a named case goes red.

Each mutant is a copy of `wfcore/store/transition.py` with one place changed, put under a memory
store. Where a place is not found any more, the code was rewritten: say here what it looks like now.
"""

import inspect
import types
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.conformance.backends import BACKENDS
from wfcore.store import memory, transition
from wfcore.store.contract import Halt
from wfcore.testing.conformance import deleting, fan_out, guards, joins, reading
from wfcore.testing.conformance import halting as halts
from wfcore.testing.conformance import timing as times
from wfcore.testing.conformance.backend import Place
from wfcore.testing.conformance.clock import ManualClock
from wfcore.testing.conformance.lab import Lab
from wfcore.workflow.states import Status

Case = Callable[..., Awaitable[None]]


class Mutant(NamedTuple):
    """One place of the source, what stands there instead, and the case that must notice."""

    name: str
    source: str
    instead: str
    case: Case
    arguments: Mapping[str, Any] = MappingProxyType({})


CANCEL = {"halt": Halt.CANCEL, "status": Status.CANCELLED}
TIMEOUT = {"halt": Halt.TIMEOUT, "status": Status.FAILED}

MUTANTS = [
    Mutant(
        "any state will do",
        "if state not in move.expect or cursor != move.cursor:",
        "if cursor != move.cursor:",
        guards.StateCases().test_a_node_in_another_state_refuses,
    ),
    Mutant(
        "any token will do",
        "if move.token not in (0, token):",
        "if False:",
        guards.TokenCases().test_a_result_of_an_earlier_lease_is_refused_once_someone_leased,
    ),
    Mutant(
        "a lease that comes late takes the node again",
        "if move.charge is Charge.ATTEMPT and row is not None and row.leased == move.new_token:",
        "if False:",
        guards.TokenCases().test_a_copy_of_a_lease_that_comes_after_a_retry_is_refused,
    ),
    Mutant(
        "a kept lease is not remembered",
        "target.token = target.leased = move.keep_token + index",
        "target.token = move.keep_token + index",
        guards.TokenCases().test_a_late_lease_with_the_token_of_a_kept_one_is_refused,
    ),
    Mutant(
        "any cursor will do",
        "if state not in move.expect or cursor != move.cursor:",
        "if state not in move.expect:",
        fan_out.FanOutCases().test_a_chunk_whose_turn_has_not_come_is_refused,
    ),
    Mutant(
        "a deadline need not have passed",
        "if move.if_due and (row is None or not _is_due(row, now)):",
        "if False:",
        guards.DueCheckCases().test_an_expiry_cannot_beat_a_renewal,
    ),
    Mutant(
        "a halted execution opens nodes",
        "(move.to in ACTIVE or state is NodeState.PENDING)",
        "state is NodeState.PENDING",
        halts.RefusalsCases().test_no_node_becomes_active,
        CANCEL,
    ),
    Mutant(
        "a halted execution starts",
        "(move.to in ACTIVE or state is NodeState.PENDING)",
        "move.to in ACTIVE",
        halts.RefusalsCases().test_a_pending_execution_ends_at_once_and_never_starts,
        CANCEL,
    ),
    Mutant(
        "an execution that ended takes Moves",
        "if entry.row.ended is not None:",
        "if False:",
        guards.StateCases().test_an_execution_that_ended_takes_no_move,
    ),
    Mutant(
        "no repeat is known",
        "if row is not None and _stands_after(row, move, now):",
        "if False:",
        guards.ReplayCases().test_the_same_start_again_starts_nothing_twice,
    ),
    Mutant(
        "a repeat is known by its state alone",
        "if row.state is not move.to or row.token != move.new_token:",
        "if row.state is not move.to:",
        guards.ReplayCases().test_another_start_is_refused,
    ),
    Mutant(
        "a repeat is known by its token alone",
        "if row.state is not move.to or row.token != move.new_token:",
        "if row.token != move.new_token:",
        guards.StateCases().test_a_terminal_node_takes_no_result,
    ),
    Mutant(
        "the next chunk passes for a repeat of the first",
        "if NO_CURSOR < row.cursor <= move.cursor:",
        "if False:",
        fan_out.FanOutCases().test_each_chunk_fires_its_own_targets,
    ),
    Mutant(
        "a chunk after the next passes for a repeat",
        "if NO_CURSOR < row.cursor <= move.cursor:",
        "if NO_CURSOR < row.cursor == move.cursor:",
        fan_out.FanOutCases().test_a_chunk_whose_turn_has_not_come_is_refused,
    ),
    Mutant(
        "a second dispatch passes for a repeat",
        "return not (move.if_due and _is_due(row, now))",
        "return True",
        guards.DueCheckCases().test_dispatching_again_moves_the_deadline_each_time,
    ),
    Mutant(
        "a repeat forgets what was kept",
        "kept.append(target.lease(entry.row.number, now))\n        elif",
        "pass\n        elif",
        guards.ReplayCases().test_the_same_result_again_reads_fired_and_kept_back,
    ),
    Mutant(
        "a repeat keeps what others leased",
        "target.state is NodeState.RUNNING and target.token in tokens",
        "target.state is NodeState.RUNNING",
        guards.ReplayCases().test_a_repeat_keeps_only_what_this_move_leased,
    ),
    Mutant(
        "a repeat forgets what was fired",
        "elif target.state is NodeState.READY:",
        "elif False:",
        guards.ReplayCases().test_the_same_result_again_reads_fired_and_kept_back,
    ),
    Mutant(
        "a repeat forgets the lease",
        "lease = row.lease(entry.row.number, now) if row.state is NodeState.RUNNING else None\n"
        "    return _reply(Code.AGAIN",
        "lease = None\n    return _reply(Code.AGAIN",
        guards.ReplayCases().test_the_same_lease_again_answers_with_the_lease,
    ),
    Mutant(
        "late edges open their target again",
        "if target.state is not NodeState.PENDING:",
        "if False:",
        joins.ThresholdsCases().test_late_edges_do_not_open_their_target_again,
        {"stage": "running"},
    ),
    Mutant(
        "a join needs all to succeed",
        "target.ok >= edge.need or ",
        "",
        joins.ThresholdsCases().test_a_join_of_any_fires_with_the_first_success,
    ),
    Mutant(
        "a join that lacks successes never fires",
        " or target.ok + target.failed + target.skipped == edge.deps",
        "",
        joins.ThresholdsCases().test_a_join_of_any_without_success_fires_with_the_last,
    ),
    Mutant(
        "a failure counts as a success",
        "target.failed += 1",
        "target.ok += 1",
        joins.ThresholdsCases().test_a_failure_alone_is_no_success,
    ),
    Mutant(
        "skips are not counted",
        "target.skipped += 1",
        "pass",
        joins.ThresholdsCases().test_every_kind_of_end_counts_toward_all,
        {"kinds": (joins.OK, joins.FAILED, joins.SKIPPED)},
    ),
    Mutant(
        "everything that fires is kept",
        "if edge.keep and len(kept) < move.keep:",
        "if edge.keep:",
        joins.KeepCases().test_at_most_keep_successors_are_leased_to_the_caller,
    ),
    Mutant(
        "what the worker cannot run is kept",
        "if edge.keep and len(kept) < move.keep:",
        "if len(kept) < move.keep:",
        joins.KeepCases().test_an_edge_that_the_worker_cannot_run_is_fired_instead,
    ),
    Mutant(
        "kept leases share a token",
        "target.token = target.leased = move.keep_token + index",
        "target.token = target.leased = move.keep_token",
        joins.KeepCases().test_at_most_keep_successors_are_leased_to_the_caller,
    ),
    Mutant(
        "a kept lease has no deadline",
        "target.deadline = now + move.lease_ms",
        "pass",
        times.DueCases().test_kept_and_fired_successors_have_deadlines_of_their_own,
    ),
    Mutant(
        "a fired successor has no deadline",
        "target.deadline = now + move.ready_ms",
        "pass",
        times.DueCases().test_kept_and_fired_successors_have_deadlines_of_their_own,
    ),
    Mutant(
        "an unfinished fan-out has no cursor",
        "row.cursor = NO_CURSOR if halted else move.next_cursor",
        "row.cursor = NO_CURSOR",
        fan_out.FanOutCases().test_an_unfinished_fan_out_keeps_the_execution_active,
    ),
    Mutant(
        "an unfinished fan-out has no deadline",
        "row.deadline = now + move.ready_ms",
        "row.deadline = None",
        fan_out.FanOutCases().test_an_unfinished_fan_out_is_due_until_its_last_chunk,
    ),
    Mutant(
        "a halt does not end a fan-out",
        "row.cursor = NO_CURSOR if halted else move.next_cursor",
        "row.cursor = move.next_cursor",
        fan_out.FanOutCases().test_a_halt_ends_a_fan_out_with_its_next_chunk,
    ),
    Mutant(
        "a halted execution counts edges",
        "if move.edges and not halted:",
        "if move.edges:",
        halts.RefusalsCases().test_a_result_is_written_but_opens_nothing,
    ),
    Mutant(
        "an attempt is not counted",
        "row.attempt += 1",
        "pass",
        guards.CountersCases().test_a_lease_carries_the_counters_of_its_node,
    ),
    Mutant(
        "a lost lease is not counted",
        "row.lost += 1",
        "pass",
        guards.DueCheckCases().test_an_expiry_at_the_deadline_frees_the_node,
    ),
    Mutant(
        "a failed attempt is not counted",
        "elif move.charge is Charge.FAILURE:\n        row.failures += 1",
        "elif move.charge is Charge.FAILURE:\n        pass",
        guards.ReplayCases().test_a_retry_and_a_wake_are_repeatable,
    ),
    Mutant(
        "every lease starts the node anew",
        "row.started = row.started if row.started is not None else now",
        "row.started = now",
        guards.CountersCases().test_started_is_the_first_lease_and_ended_the_end,
    ),
    Mutant(
        "a fan-out moves the end of its node",
        "if move.to.terminal and row.ended is None:",
        "if move.to.terminal:",
        fan_out.FanOutCases().test_the_end_of_a_node_is_when_it_ended_not_when_its_fan_out_did,
    ),
    Mutant(
        "active is not counted down",
        "execution.active += row.is_active - was_active + len(fired) + len(kept)",
        "execution.active += len(fired) + len(kept)",
        joins.StatusCases().test_it_completes_with_its_last_node,
    ),
    Mutant(
        "kept nodes are not active",
        " + len(fired) + len(kept)",
        " + len(fired)",
        joins.KeepCases().test_a_kept_lease_is_the_first_attempt_and_holds,
    ),
    Mutant(
        "failures do not count",
        "execution.failures += move.fails",
        "pass",
        joins.StatusCases().test_one_failure_that_counts_fails_it_at_the_end,
    ),
    Mutant(
        "a timeout counts from nowhere",
        "if execution.timeout is not None:",
        "if False:",
        times.ExecutionTimeoutCases().test_it_counts_from_the_first_move,
    ),
    Mutant(
        "an execution that ended is still due",
        "execution.ended = now\n    ledger.set_execution_deadline(entry, None)",
        "execution.ended = now",
        times.ExecutionTimeoutCases().test_the_end_takes_it_away,
    ),
    Mutant(
        "a cancelled execution completes",
        "if execution.halt is Halt.CANCEL:",
        "if False:",
        halts.ReasonsCases().test_it_ends_with_the_last_open_node,
        CANCEL,
    ),
    Mutant(
        "a timed out execution completes",
        "execution.halt is Halt.TIMEOUT or ",
        "",
        halts.ReasonsCases().test_it_ends_with_the_last_open_node,
        TIMEOUT,
    ),
    Mutant(
        "the last reason of a halt stays",
        "    if not repeated:\n",
        "    if True:\n",
        halts.ReasonsCases().test_the_first_reason_stays,
    ),
    Mutant(
        "an execution that ended is halted",
        "if row.status.terminal:\n            return",
        "if False:\n            return",
        halts.ReasonsCases().test_an_execution_that_ended_by_itself_refuses,
    ),
    Mutant(
        "a pending execution outlives its halt",
        "row.halt = reason\n        _end_if_done(ledger, entry, now)",
        "row.halt = reason",
        halts.RefusalsCases().test_a_pending_execution_ends_at_once_and_never_starts,
        CANCEL,
    ),
    Mutant(
        "an ended execution is swept",
        "None if sweep_ms is None or row.status.terminal else now + sweep_ms",
        "None if sweep_ms is None else now + sweep_ms",
        halts.ReasonsCases().test_a_repeat_after_the_end_is_known_as_a_repeat,
    ),
    Mutant(
        "events share a number",
        "execution.seq += 1",
        "pass",
        reading.EventsCases().test_every_move_leaves_exactly_one,
    ),
    Mutant(
        "a notice is repeated",
        "if notice not in notices and len(notices) < _MAX_NOTICES:",
        "if len(notices) < _MAX_NOTICES:",
        reading.NoticesCases().test_a_notice_stands_once_in_the_order_of_arrival,
    ),
    Mutant(
        "notices grow for ever",
        "if notice not in notices and len(notices) < _MAX_NOTICES:",
        "if notice not in notices:",
        reading.NoticesCases().test_only_the_first_five_are_kept,
    ),
    Mutant(
        "only the last amount counts",
        "meters.get(name, 0) + amount",
        "amount",
        reading.MetersCases().test_amounts_add_up_by_name_over_attempts_and_nodes,
    ),
    Mutant(
        "a reply tells no number",
        "number=number)",
        "number=0)",
        deleting.DeletingCases().test_whatever_tells_of_it_tells_its_number,
    ),
    Mutant(
        "a Move is for whichever has the id",
        "ledger.find(move.execution, move.number)",
        "ledger.find(move.execution)",
        deleting.DeletingCases().test_what_was_meant_for_another_number_changes_nothing,
    ),
    Mutant(
        "a halt is for whichever has the id",
        "ledger.find(execution, number)",
        "ledger.find(execution)",
        deleting.DeletingCases().test_what_was_meant_for_another_number_changes_nothing,
    ),
    Mutant(
        "the detail is read too late",
        "    detail = json.loads(move.detail) if move.detail else None\n"
        "    sums = _sums(entry.row.meters, move.meters or {})\n"
        "    execution = entry.row\n"
        "    row = row or ledger.add(entry, move.key)\n",
        "    sums = _sums(entry.row.meters, move.meters or {})\n"
        "    execution = entry.row\n"
        "    row = row or ledger.add(entry, move.key)\n"
        "    row.attempt += 1\n"
        "    detail = json.loads(move.detail) if move.detail else None\n",
        guards.WholenessCases().test_a_move_whose_detail_is_no_json_changes_nothing,
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
async def test_a_case_notices_that(
    mutant: Mutant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await _run(mutant, tmp_path)
    monkeypatch.setattr(memory, "transition", mutated(mutant))
    with pytest.raises((AssertionError, LookupError, ValueError)):
        await _run(mutant, tmp_path)


def mutated(mutant: Mutant) -> types.ModuleType:
    original = inspect.getsource(transition)
    assert original.count(mutant.source) == 1, "the guard is written in another way now"
    module = types.ModuleType("mutated_transition")
    exec(
        compile(original.replace(mutant.source, mutant.instead), mutant.name, "exec"), vars(module)
    )
    return module


async def _run(mutant: Mutant, directory: Path) -> None:
    clock = ManualClock()
    backend = next(backend for backend in BACKENDS if backend.name == "memory")
    async with backend.opened(Place(directory, clock)) as store:
        await mutant.case(Lab(store, backend, clock), **mutant.arguments)
