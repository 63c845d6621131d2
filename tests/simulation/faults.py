"""What goes wrong, how often, and when: a function of the seed alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeVar, get_args

from tests.simulation.chance import Chance

K = TypeVar("K", bound=str)

Level = Literal["none", "low", "high"]

MessageFault = Literal["lost", "delayed", "doubled"]
"""What befalls a wake message."""
WorkerFault = Literal[
    "crash_before_append",
    "crash_after_append",
    "lost_reply",
    "rival",
    "skewed",
    "unreadable_once",
    "unreadable",
]
"""What befalls the worker that has it; a card's history that cannot be read is read at the second try, or not."""
CallFault = Literal["crash_before_call", "crash_after_call", "paused", "answer_delayed", "answer_twice"]
"""What befalls a question to the gateway and its answer, on our side."""
GatewayFault = Literal["held_up", "garbled", "gone", "silent"]
"""What the gateway does: it gets a request days later, its answer is not ours, its connection breaks, it is silent."""
CommandFault = Literal["repeated", "reused", "command_crash_before", "command_crash_after", "command_lost_reply"]
"""What befalls a command: given again, its id taken for another, killed on the way."""
WindowKind = Literal["gateway_outage", "own_outage", "clock_jump", "charging_stop"]
"""What happens now and then to all cards at once."""
Change = Literal["policy_change", "price_change"]
FaultKind = MessageFault | WorkerFault | CallFault | GatewayFault | CommandFault | WindowKind | Change

WAKES: tuple[MessageFault | WorkerFault, ...] = (*get_args(MessageFault), *get_args(WorkerFault))
CALLS: tuple[CallFault, ...] = get_args(CallFault)
GATEWAY: tuple[GatewayFault, ...] = get_args(GatewayFault)
COMMANDS: tuple[CommandFault, ...] = get_args(CommandFault)
TIMES: tuple[WindowKind, ...] = get_args(WindowKind)
CHANGES: tuple[Change, ...] = get_args(Change)
KINDS: tuple[FaultKind, ...] = (*WAKES, *CALLS, *GATEWAY, *COMMANDS, *TIMES, *CHANGES)

_RATES: Mapping[Level, float] = {"none": 0.0, "low": 0.004, "high": 0.02}
_GAP_DAYS: Mapping[Level, int] = {"none": 0, "low": 90, "high": 30}
_RARELY = {"held_up": 0.1, "garbled": 0.5, "gone": 0.5, "silent": 0.5, "unreadable": 0.5}


class Window(NamedTuple):
    """From when to when something is out of order."""

    kind: WindowKind
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Faults:
    """Rates by kind, and the windows in which all is down; `counts` says what really happened."""

    chance: Chance
    level: Level
    kinds: frozenset[str] = frozenset(KINDS)
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def befalls(self, kinds: Sequence[K], *about: object) -> K | None:
        """The one of `kinds` that happens to what `about` names, if any; it is counted."""
        rate = _RATES[self.level]
        if not rate:
            return None
        left = self.chance.of("fault", *about)
        if left > rate * len(kinds):  # mostly so, and then none of them
            return None
        for kind in kinds:
            left -= rate * _RARELY.get(kind, 1.0)
            if left < 0:
                return self.happened(kind) if kind in self.kinds else None
        return None

    def happened(self, kind: K) -> K:
        """Count a fault."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return kind

    def windows(self, begin: datetime, end: datetime) -> list[Window]:
        """All outages and stops, of each kind one after the other."""
        found: list[Window] = []
        gap_days = _GAP_DAYS[self.level]
        for kind in TIMES:
            at, number = begin, 0
            while gap_days and kind in self.kinds:
                at += timedelta(days=gap_days * (0.3 + 1.4 * self.chance.of(kind, "gap", number)))
                hours = _HOURS[kind] * self.chance.of(kind, "length", number) ** 2
                if at + timedelta(hours=hours) >= end:
                    break
                found.append(Window(kind, at, at + timedelta(hours=hours)))
                at, number = found[-1].ends, number + 1
        return sorted(found, key=lambda window: (window.begins, window.kind))


_HOURS: Mapping[WindowKind, float] = {
    "gateway_outage": 120.0,
    "own_outage": 100.0,
    "clock_jump": 12.0,
    "charging_stop": 96.0,
}
"""The longest that each kind lasts."""
