"""Removing the passkeys that a holder has lost: what would follow is shown, then it is done once, on record."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from starlette.responses import Response

from adapters.directory.lost_passkeys import remove_lost_passkeys
from adapters.directory.passkeys import Passkey, list_passkeys
from adapters.web.console.acts import Field
from adapters.web.console.doing import do_once
from adapters.web.console.proving import CODE, unproved
from adapters.web.console.reasons import text_fault
from adapters.web.console.refusals import refusal_text
from adapters.web.console.shown import counted, utc
from adapters.web.console.visit import DeskRoute, DeskVisit
from adapters.web.pages.ids import command_id_of
from adapters.web.pages.portal import Held
from engine.errors import Refused

REASON = Field("reason", "Reason", hint="How the holder proved who it is. No personal data.")


class _Form(NamedTuple):
    """What the page of an act shows."""

    name: str = "passkeys"
    title: str = "Remove lost passkeys"
    effect: str = "The holder signs in by password or code again, and may add new ones. All devices are signed out."
    fields: Sequence[Field] = (REASON,)


class _Task(NamedTuple):
    """The holder of a card, with the passkeys of the account."""

    held: Held
    holder_id: str
    passkeys: list[Passkey]


async def _ask(visit: DeskVisit) -> Response:
    task = await _task(visit)
    return await visit.missing() if task is None else await _page(visit, task)


async def _send(visit: DeskVisit) -> Response:
    task = await _task(visit)
    if task is None:
        return await visit.missing()
    reason, step = visit.form.get("reason", "").strip(), visit.form.get("step")
    if wrong := text_fault(reason):
        return await _page(visit, task, errors={"reason": wrong}, status=422)
    if step != "do":
        return await _page(visit, task, shows=step == "ask")
    if wrong := await unproved(visit, "remove_passkeys"):
        return await _page(visit, task, errors={CODE: wrong}, shows=True, status=422)
    try:
        await _do(visit, task, reason)
    except Refused as refused:
        return await _page(visit, task, wrong=refusal_text(refused), status=409)
    return visit.go(f"/cards/{task.held.card_id}?done={command_id_of(visit.form)}")


async def _do(visit: DeskVisit, task: _Task, reason: str) -> None:
    async def work() -> str:
        async with visit.connection() as connection:
            count = await remove_lost_passkeys(connection, visit.desk.send, task.holder_id, visit.at)
        return "done" if count else "done: it was so already"

    about = {"card_id": task.held.card_id, "holder_id": task.holder_id, "reason": reason}
    await do_once(visit, "remove_passkeys", work, **about, again=work)


async def _task(visit: DeskVisit) -> _Task | None:
    """None for a card that does not exist."""
    card_id: UUID = visit.request.path_params["card_id"]
    found = await visit.desk.portal.held([card_id])
    if not found:
        return None
    holder_id = found[0].card.custody.holder_id
    async with visit.connection() as connection:
        return _Task(found[0], holder_id, await list_passkeys(connection, holder_id))


async def _page(
    visit: DeskVisit,
    task: _Task,
    *,
    shows: bool = False,
    errors: Mapping[str, str] | None = None,
    wrong: str = "",
    status: int = 200,
) -> Response:
    reason = visit.form.get("reason", "")
    return await visit.page(
        "act",
        status,
        act=_Form(),
        held=task.held,
        attempt_id=None,
        typed={"reason": reason},
        errors=errors or {},
        wrong=wrong,
        foreseen=_foreseen(task) if shows else None,
        shown={"reason": reason},
        command_id=command_id_of(visit.form if shows else {}),
        proves=True,
    )


def _foreseen(task: _Task) -> list[str]:
    """What will follow; () where there is nothing to remove."""
    if not task.passkeys:
        return []
    used = max((one.used_at for one in task.passkeys if one.used_at), default=None)
    last = f"last used {utc(used)}" if used else "never used"
    return [
        f"{counted(len(task.passkeys), 'passkey')} of the holder {task.holder_id} removed, {last}.",
        "All devices of the holder are signed out, and codes that were asked for no longer work.",
        "The holder is told at all addresses.",
    ]


PAGES = (
    DeskRoute("GET", "/cards/{card_id:uuid}/passkeys", _ask, "remove_passkeys"),
    DeskRoute("POST", "/cards/{card_id:uuid}/passkeys", _send, "remove_passkeys"),
)
"""`/cards/ID/passkeys`."""
