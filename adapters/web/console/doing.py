"""Doing something once, on record: it is recorded before it is done, and how it ended after it."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from adapters.web.console.record import Entry, begin, end
from adapters.web.console.roles import Action
from adapters.web.console.visit import DeskVisit
from adapters.web.pages.ids import command_id_of
from engine.errors import Refused


async def do_once(
    visit: DeskVisit,
    action: Action,
    work: Callable[[], Awaitable[str]],
    *,
    card_id: UUID | None = None,
    holder_id: str | None = None,
    about: str | None = None,
    reason: str | None = None,
    again: bool = False,
) -> str | None:
    """How it ended, as `work` says; None if the same form was sent before. Raises Refused, which is recorded too.

    `again` is for what does nothing when it is done twice, as commands of the engine: a repeat makes good what was cut
    off.
    """
    action_id = command_id_of(visit.form)
    entry = Entry(visit.operator.operator_id, action, card_id, holder_id, about, reason, action_id)
    async with visit.connection() as connection:
        if not await begin(connection, entry, visit.desk.now()) and not again:
            return None
    outcome = "failed"
    try:
        outcome = await work()
    except Refused as refused:
        outcome = f"refused: {refused.code}"
        raise
    finally:
        async with visit.connection() as connection:
            await end(connection, action_id, outcome)
    return outcome
