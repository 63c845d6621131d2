"""Faults: their kinds, how often they happen, and when; a function of the seed alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeVar, get_args

from tests.simulation.chance import Chance

K = TypeVar("K", bound=str)

Level = Literal["none", "low", "high"]

MessageFault = Literal["lost", "delayed", "doubled"]
"""Faults of a wake message."""
WorkerFault = Literal[
    "crash_before_append",
    "crash_after_append",
    "lost_reply",
    "rival",
    "skewed",
    "unreadable_once",
    "unreadable",
    "clock_put_right",
    "clock_ahead",
]
"""Faults of the worker that handles it; a history that cannot be read is read at the second try, or not at all.

A clock is ahead by days while the worker decides, and put right before the gateway is asked, or only after the end."""
CallFault = Literal["crash_before_call", "crash_after_call", "paused", "answer_delayed", "answer_twice"]
"""Faults of a question to the gateway and of its answer, on our side."""
GatewayFault = Literal["held_up", "garbled", "gone", "silent", "denied"]
"""Faults of the gateway: a request that arrives days later, a wrong answer, a broken connection, no answer
in time, a charge that is made and called declined."""
CommandFault = Literal["repeated", "reused", "command_crash_before", "command_crash_after", "command_lost_reply"]
"""Faults of a command: given again, its id used for another one, a crash on the way."""
WindowKind = Literal["gateway_outage", "own_outage", "clock_jump", "charging_stop"]
"""Windows of time in which something is out of order for all cards."""
Change = Literal["policy_change", "price_change"]
"""Changes of the rules; no faults, but switched on and off like them."""
FaultKind = MessageFault | WorkerFault | CallFault | GatewayFault | CommandFault | WindowKind | Change

WAKE_FAULTS: tuple[MessageFault | WorkerFault, ...] = (*get_args(MessageFault), *get_args(WorkerFault))
CALL_FAULTS: tuple[CallFault, ...] = get_args(CallFault)
GATEWAY_FAULTS: tuple[GatewayFault, ...] = get_args(GatewayFault)
COMMAND_FAULTS: tuple[CommandFault, ...] = get_args(CommandFault)
WINDOW_KINDS: tuple[WindowKind, ...] = get_args(WindowKind)
CHANGES: tuple[Change, ...] = get_args(Change)
KINDS: tuple[FaultKind, ...] = (*WAKE_FAULTS, *CALL_FAULTS, *GATEWAY_FAULTS, *COMMAND_FAULTS, *WINDOW_KINDS, *CHANGES)

_RATES: Mapping[Level, float] = {"none": 0.0, "low": 0.004, "high": 0.02}
_GAP_DAYS: Mapping[Level, int] = {"none": 0, "low": 90, "high": 30}
_RELATIVE_RATES = {"held_up": 0.1, "garbled": 0.5, "gone": 0.5, "silent": 0.5, "denied": 0.2, "unreadable": 0.5}
_RELATIVE_RATES |= {"clock_put_right": 0.5, "clock_ahead": 0.5}


class Window(NamedTuple):
    """An interval in which something is out of order."""

    kind: WindowKind
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Faults:
    """Decides which faults happen; `counts` has how many of each kind did."""

    chance: Chance
    level: Level
    kinds: frozenset[str] = frozenset(KINDS)
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def fault_for(self, kinds: Sequence[K], *about: object) -> K | None:
        """The one of `kinds` that happens to the subject named by `about`, if any; it is counted."""
        rate = _RATES[self.level]
        if not rate:
            return None
        left = self.chance.of("fault", *about)
        if left > rate * len(kinds):  # the usual case, decided without a loop
            return None
        for kind in kinds:
            left -= rate * _RELATIVE_RATES.get(kind, 1.0)
            if left < 0:
                return self.count(kind) if kind in self.kinds else None
        return None

    def count(self, kind: K) -> K:
        """Count a fault and return its kind."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return kind

    def windows(self, begin: datetime, end: datetime) -> list[Window]:
        """All windows in order; those of one kind do not overlap."""
        found: list[Window] = []
        gap_days = _GAP_DAYS[self.level]
        for kind in WINDOW_KINDS:
            at, number = begin, 0
            while gap_days and kind in self.kinds:
                at += timedelta(days=gap_days * (0.3 + 1.4 * self.chance.of(kind, "gap", number)))
                hours = _HOURS_MAX[kind] * self.chance.of(kind, "length", number) ** 2
                if at + timedelta(hours=hours) >= end:
                    break
                found.append(Window(kind, at, at + timedelta(hours=hours)))
                at, number = found[-1].ends, number + 1
        return sorted(found, key=lambda window: (window.begins, window.kind))


_HOURS_MAX: Mapping[WindowKind, float] = {
    "gateway_outage": 120.0,
    "own_outage": 100.0,
    "clock_jump": 12.0,
    "charging_stop": 96.0,
}
"""The longest duration of each kind."""
