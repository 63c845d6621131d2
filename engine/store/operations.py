"""The stream of operations: read whole, and appended to on what it adds up to."""

import time
from collections.abc import Callable
from datetime import datetime

from engine.envelope import Recorded, read_fact
from engine.errors import BaohaoError
from engine.operations import OPERATIONS_ID, OperationsFact, Stop, effects_of, stop_after
from engine.store.appending import append_writes, random_event_ids, stored_fact
from engine.store.port import Recorder, StoredFact, Write

CONFLICT_TRIES = 5
"""How often it is decided again when another operator was faster."""

Decision = Callable[[Stop | None], tuple[OperationsFact, ...]]
"""Facts to append where this stop, or none, is in force; raises Refused."""


def operations_history(recorder: Recorder) -> list[Recorded]:
    """All facts of operations, oldest first."""
    return [read_fact(0, *stored) for stored in recorder.read_stream(OPERATIONS_ID)]


def record_operation(
    recorder: Recorder, decision: Decision, *, actor: str, cause: str, recorded_at: datetime
) -> Stop | None:
    """Record what is decided, if that is anything; gives the stop that is then in force.

    Raises Refused, ConnectionLostError, and BaohaoError if others were faster CONFLICT_TRIES times.
    """
    for _ in range(CONFLICT_TRIES):
        history, stop = operations_history(recorder), None
        for one in history:
            stop = stop_after(stop, one.fact, one.actor)
        facts = decision(stop)
        if not facts:
            return stop
        ids, first, last = random_event_ids(len(facts)), len(history) + 1, len(history) + len(facts)
        events: list[StoredFact] = []
        for version, fact in enumerate(facts, start=first):
            stop = stop_after(stop, fact, actor)
            envelope = next(ids), recorded_at, actor, cause, None, version == last
            events.append(stored_fact(OPERATIONS_ID, version, *envelope, fact))
        write = Write(OPERATIONS_ID, first, events, effects=effects_of(facts))
        if not append_writes(recorder, [write], recorded_at, time.sleep).conflicts:
            return stop
    raise BaohaoError(f"other operators were faster {CONFLICT_TRIES} times over; try again")
