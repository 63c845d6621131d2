"""The sandbox's clock: the real one, or one that was set and stands still until it is set again."""

from adapters.gateways.sandbox.record import Record

_NAME = "clock"


class SandboxClock:
    """Reads the time; survives a restart with the record."""

    def __init__(self, record: Record) -> None:
        self._record = record
        rows = record.rows("SELECT value FROM remembered WHERE name = ?", _NAME)
        self.set_to_s: float | None = float(rows[0][0]) if rows else None

    def at(self, real_now_s: float) -> float:
        """The sandbox's time in seconds since 1970, when the real time is this."""
        return real_now_s if self.set_to_s is None else self.set_to_s

    def set(self, now_s: float | None) -> None:
        """Let it stand still at a time; None: let it be the real one again. Part of the batch under way."""
        self.set_to_s = now_s
        if now_s is None:
            self._record.do("DELETE FROM remembered WHERE name = ?", _NAME)
        else:
            self._record.do("INSERT OR REPLACE INTO remembered VALUES (?, ?)", _NAME, str(now_s))
