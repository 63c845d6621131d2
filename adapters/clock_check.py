"""Whether this machine's clock can be trusted: compared with the database's clock, and with the log's newest facts.

A clock that was ahead charges twice: what it decided bears times that are still to come, and when they have come the
gateway has long forgotten the keys. So nobody decides by a clock that is ahead of the database's or behind it, nor by
one that is behind the log. Whoever finds the log ahead notes up to when, for good: attempts up to then are looked up,
never sent again, also if the work goes on only when that time has come.
"""

import threading
import time
from datetime import datetime
from typing import Any

from psycopg import Connection

from adapters.control import Control, note_clock_ahead, read_control
from adapters.settings import Settings
from engine.errors import BaohaoError
from engine.operations import CLOCK_SKEW_MAX
from engine.store.log import head, newest

LOOK_S = 1.0
"""How often a process looks at the new facts of the log."""
LOOK_BACK = 10_000
"""How many facts a process looks back when it starts."""


class ClockWrongError(BaohaoError):
    """A clock is wrong; the message says which times they show, and what to do."""


class CheckedClock:
    """Reads the control row and the time; refuses a system clock that is wrong. For one process, with any threads."""

    def __init__(self, *, virtual: bool) -> None:
        self._virtual = virtual
        self._lock = threading.Lock()
        self._position: int | None = None
        self._newest: datetime | None = None
        self._looked_at = self._right_at = float("-inf")

    def read(self, connection: Connection[Any]) -> Control:
        """What to decide by; raises ClockWrongError. One query more than `read_control` every LOOK_S."""
        control = read_control(connection, virtual_clock=self._virtual)
        if self._virtual:
            return control._replace(clock_ahead_until=None)  # a command on the system clock may have noted one
        compare_with_database(control)
        self._compare_with_log(connection, control)
        self._right_at = time.monotonic()
        return control

    @property
    def is_to_be_checked(self) -> bool:
        """Whether it is a system clock that was not found right within LOOK_S."""
        return not self._virtual and time.monotonic() - self._right_at >= LOOK_S

    def _compare_with_log(self, connection: Connection[Any], control: Control) -> None:
        newest_at = self._newest_time(connection)
        if newest_at is None or not _is_behind(control, newest_at):
            return
        if control.clock_ahead_until is None or control.clock_ahead_until < newest_at:
            note_clock_ahead(connection, newest_at)
        raise ClockWrongError(_behind_log(control, newest_at))

    def _newest_time(self, connection: Connection[Any]) -> datetime | None:
        with self._lock:
            if time.monotonic() - self._looked_at >= LOOK_S:
                after = max(head(connection) - LOOK_BACK, 0) if self._position is None else self._position
                self._position, found = newest(connection, after)
                self._newest = max((one for one in (self._newest, found) if one is not None), default=None)
                self._looked_at = time.monotonic()
            return self._newest


def clock_of(settings: Settings) -> CheckedClock:
    """The clock that this process decides by."""
    return CheckedClock(virtual=settings.clock == "virtual")


def wrong_clock(connection: Connection[Any], control: Control) -> str | None:
    """What is wrong with a system clock, in a sentence; None if it is right. Changes nothing."""
    try:
        compare_with_database(control)
    except ClockWrongError as error:
        return str(error)
    newest_at = newest(connection, max(head(connection) - LOOK_BACK, 0)).time
    return _behind_log(control, newest_at) if newest_at is not None and _is_behind(control, newest_at) else None


def compare_with_database(control: Control) -> None:
    """Raise ClockWrongError if this machine's clock and the database's differ."""
    ahead, behind = control.asked_at - control.database_now, control.database_now - control.now
    if max(ahead, behind) > CLOCK_SKEW_MAX:
        which = "ahead of" if ahead > behind else "behind"
        raise ClockWrongError(
            f"the clock of this machine shows {_shown(control.now)}, {which} the database's, which shows "
            f"{_shown(control.database_now)}; nothing is decided here until the wrong one is put right"
        )


def _is_behind(control: Control, newest_at: datetime) -> bool:
    confirmed = control.clock_confirmed_until
    return newest_at - control.now > CLOCK_SKEW_MAX and (confirmed is None or confirmed < newest_at)


def _behind_log(control: Control, newest_at: datetime) -> str:
    return (
        f"the clocks of this machine and the database show {_shown(control.now)}, but the log holds a fact of "
        f"{_shown(newest_at)}; nothing is decided until that time. If the clocks are behind, put them right; if they "
        "are right, a clock was ahead when that fact was recorded: `baohao clock confirm` lets the work go on"
    )


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
