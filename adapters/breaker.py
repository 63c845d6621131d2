"""The circuit breaker: while the provider does not answer nothing is sent, and no holder pays for that.

It opens for all processes at once, in the control row: cards are blocked as by the operator's stop, their deadlines
move, and no try is used up. Look-ups of open attempts go on as ever; the first that is answered closes it. Where none
is left `baohao charging resume` does.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import structlog
from psycopg import Connection, OperationalError

from adapters.control import gateway_is_down, gateway_is_up
from engine.errors import GatewayMisuseError
from engine.pipeline import GatewayReply
from engine.ports import Unclear
from engine.questions import Question

log = structlog.get_logger()

UNANSWERED_MOST = 10
"""So many charges in a row without an answer, and the provider is taken to be down (source: our own choice)."""
NO_ANSWER = frozenset({"timeout", "server_error", "gateway_unavailable", "unreachable", "connection_lost"})
"""Reasons for which an outcome is unclear since the provider did not answer, or could not."""

NOT_SENT = frozenset({"no_turn", "rate_unknown", "provider_refuses_us"})
"""Reasons that say nothing of whether the provider works: the request was not sent, or is not ours to send."""

OnConnection = Callable[[Callable[[Connection[Any]], object]], object]
"""Runs a function on a connection to the database, and returns its result."""


class Breaker:
    """What one process has seen of the provider."""

    def __init__(self, over_a_connection: OnConnection) -> None:
        self._over_a_connection = over_a_connection
        self._unanswered = 0

    def saw(self, replies: Iterable[tuple[Question, GatewayReply]], at: datetime, *, down: bool) -> datetime | None:
        """Take note of replies; `down` says whether the breaker is open. Only a change costs a round trip.

        Returns since when it had been open, if it closes now: the cards that it kept waiting are to be woken.
        """
        try:
            return self._count(replies, at, down=down)
        except OperationalError as error:  # the answers have to be recorded all the same; the next batch tries again
            log.warning("gateway.state_unstored", error=str(error))
            return None

    def _count(self, replies: Iterable[tuple[Question, GatewayReply]], at: datetime, *, down: bool) -> datetime | None:
        since: datetime | None = None
        for question, reply in replies:
            if isinstance(reply, Unclear) and reply.reason in NOT_SENT:
                continue
            if not _is_answer(reply):
                self._unanswered += question.kind == "charge"
                continue
            self._unanswered = 0
            if down:
                since, down = self._close(), False
        if self._unanswered >= UNANSWERED_MOST and not down:
            self._open(at)
        return since

    def _open(self, at: datetime) -> None:
        is_new = self._over_a_connection(lambda connection: gateway_is_down(connection, at))
        self._unanswered = 0
        if is_new:
            log.error("gateway.down", unanswered=UNANSWERED_MOST, until="a look-up is answered")

    def _close(self) -> datetime | None:
        since = self._over_a_connection(gateway_is_up)
        if not isinstance(since, datetime):
            return None  # another process was faster
        log.info("gateway.up", down_since=since.isoformat())
        return since


def close_if_nothing_is_open(connection: Connection[Any]) -> datetime | None:
    """Let charges be made again where no attempt is left whose look-up would do so; since when they were not."""
    row = connection.execute(_NOTHING_IS_OPEN).fetchone()
    return gateway_is_up(connection) if row and row[0] else None


_NOTHING_IS_OPEN = "SELECT NOT EXISTS (SELECT FROM charges WHERE status IN ('attempted', 'unknown', 'pending'))"


def _is_answer(reply: GatewayReply) -> bool:
    if isinstance(reply, Unclear):
        return reply.reason not in NO_ANSWER
    return isinstance(reply, GatewayMisuseError) or (reply is not None and not isinstance(reply, Exception))
