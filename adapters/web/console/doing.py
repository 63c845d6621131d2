"""Doing something once, on record: it is recorded before it is done, and how it ended after it."""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

from adapters.web.console.record import Entry, Known, begin, end, known_as
from adapters.web.console.roles import Action
from adapters.web.console.visit import DeskVisit
from adapters.web.pages.ids import command_id_of
from engine.errors import Refused

Again = Literal["no", "if_cut_off", "yes"]
"""Whether a form that is sent again is done again; `if_cut_off`: only where nobody knows that it was done."""


async def do_once(
    visit: DeskVisit,
    action: Action,
    work: Callable[[], Awaitable[str]],
    *,
    card_id: UUID | None = None,
    holder_id: str | None = None,
    about: str | None = None,
    reason: str | None = None,
    again: Again = "no",
) -> str | None:
    """How it ended, as `work` says; None if the same form was sent before. Raises Refused, which is recorded too.

    `again` is `yes` for what does nothing when it is done twice, as commands of the engine: a repeat makes good what
    was cut off. A form that was sent before with something else in it is refused: `command_id_reused`.
    """
    action_id = command_id_of(visit.form)
    entry = Entry(visit.operator.operator_id, action, card_id, holder_id, about, reason, action_id)
    async with visit.connection() as connection:
        if not await begin(connection, entry, visit.desk.now()):
            before = await known_as(connection, action_id)
            if before is None or not before.is_of(entry):
                raise Refused("command_id_reused", "this form was sent before with something else in it; open it anew")
            if not _is_to_be_repeated(before, again):
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


def _is_to_be_repeated(before: Known, again: Again) -> bool:
    return again == "yes" or (again == "if_cut_off" and before.outcome in {None, "failed"})
