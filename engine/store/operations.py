"""The stream of operations: loaded, decided on, appended to."""

import time
from collections.abc import Callable
from typing import TypeVar

from engine.card.event import Event
from engine.envelope import NOT_YET, Recorded, read_fact
from engine.errors import BaohaoError, CorruptHistoryError
from engine.operations import OPERATIONS_ID, OperationsFact, Restore, Stop, effects_of, restore_after, stop_after
from engine.store.appending import append_writes, random_event_ids, stored_fact
from engine.store.port import Recorder, StoredFact, Write

CONFLICT_TRIES = 5
"""How often it is decided when other operators are faster."""

Decision = Callable[[Stop | None], tuple[OperationsFact, ...]]
"""From the stop that is in force, or None, to the facts to append; raises Refused."""

RestoreDecision = Callable[[Restore | None], tuple[OperationsFact, ...]]
"""The same, from the last restore."""

S = TypeVar("S")


def operations_history(recorder: Recorder) -> list[Recorded]:
    """All facts of operations, oldest first. Raises CorruptHistoryError for a fact of anything else."""
    history = [read_fact(0, *stored) for stored in recorder.read_stream(OPERATIONS_ID)]
    for version, one in enumerate(history, start=1):
        if not isinstance(one.fact, OperationsFact):
            kind = type(one.fact).__name__
            raise CorruptHistoryError(f"operations, version {version}: {kind} is no fact of operations")
    return history


def record_operation(recorder: Recorder, decision: Decision, *, actor: str, cause: str) -> Stop | None:
    """Record the facts that are decided, if any; returns the stop that is then in force.

    Raises Refused, ConnectionLostError, CorruptHistoryError, and BaohaoError after CONFLICT_TRIES conflicts.
    """
    return _record(recorder, decision, stop_after, actor, cause)


def record_restore(recorder: Recorder, decision: RestoreDecision, *, actor: str, cause: str) -> Restore | None:
    """Record what is decided about a restore, if anything; returns the last one. Raises as `record_operation`."""
    return _record(recorder, decision, restore_after, actor, cause)


def _record(
    recorder: Recorder,
    decision: Callable[[S | None], tuple[OperationsFact, ...]],
    after: Callable[[S | None, Event, str], S | None],
    actor: str,
    cause: str,
) -> S | None:
    for _ in range(CONFLICT_TRIES):
        history, state = operations_history(recorder), None
        for one in history:
            state = after(state, one.fact, one.actor)
        facts = decision(state)
        if not facts:
            return state
        ids, first, last = random_event_ids(len(facts)), len(history) + 1, len(history) + len(facts)
        events: list[StoredFact] = []
        for version, fact in enumerate(facts, start=first):
            state = after(state, fact, actor)
            envelope = next(ids), NOT_YET, actor, cause, None, version == last
            events.append(stored_fact(OPERATIONS_ID, version, *envelope, fact))
        after_id = history[-1].event_id if history else None
        write = Write(OPERATIONS_ID, first, events, limit_effects=effects_of(facts), after=after_id)
        if not append_writes(recorder, [write], time.sleep).conflicts:
            return state
    raise BaohaoError(f"other operators were faster {CONFLICT_TRIES} times over; try again")
