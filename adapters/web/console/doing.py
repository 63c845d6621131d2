"""Doing something once, on record: it is recorded before it is done, and how it ended after it."""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

from adapters.web.console.record import Entry, begin, end, known_as
from adapters.web.console.roles import Action
from adapters.web.console.visit import DeskVisit
from adapters.web.pages.ids import command_id_of
from engine.errors import Refused

Work = Callable[[], Awaitable[str]]
Again = Literal["no", "yes"] | Work
"""What is done with a form that is sent again: nothing; the same, which does nothing when it is done twice, as commands
of the engine, and makes good what was cut off; or some other work, where nobody knows that it was done.
"""


async def do_once(
    visit: DeskVisit,
    action: Action,
    work: Work,
    *,
    card_id: UUID | None = None,
    holder_id: str | None = None,
    about: str | None = None,
    reason: str | None = None,
    again: Again = "no",
) -> str | None:
    """How it ended, as `work` says; None if the same form was sent before. Raises Refused, which is recorded too.

    `again` says what becomes of a form that is sent again. One that has something else in it is refused:
    `command_id_reused`.
    """
    action_id = command_id_of(visit.form)
    entry = Entry(visit.operator.operator_id, action, card_id, holder_id, about, reason, action_id)
    async with visit.connection() as connection:
        if not await begin(connection, entry, visit.desk.now()):
            before = await known_as(connection, action_id)
            if before is None or not before.is_of(entry):
                raise Refused("command_id_reused", "this form was sent before with something else in it; open it anew")
            if again == "no" or (again != "yes" and before.outcome not in {None, "failed"}):
                return None
            work = work if again == "yes" else again
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
