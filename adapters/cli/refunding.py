"""`baohao refund`: a charge goes back by the gateway, whole or in part."""

from uuid import UUID, uuid4

import typer

from adapters.charged import card_of
from adapters.cli.executing import execute, valid
from adapters.cli.output import err, put_fields
from adapters.cli.servers import connection
from adapters.settings import Settings
from engine.card.refunds import RefundStarted
from engine.commands import RefundCharge
from engine.why.phrases import money


def refund(
    settings: Settings,
    attempt_id: UUID,
    minor: int | None,
    currency: str | None,
    *,
    ends_term: bool,
    again: bool,
    as_json: bool,
) -> None:
    """Start a refund; given twice it is one, unless `again`; exit status 1 if it is refused, 2 if it is malformed."""
    if (minor is None) is not (currency is None):
        raise typer.BadParameter("an amount has a currency: --amount MINOR --currency CUR", param_hint="--amount")
    amount = None if minor is None else {"minor": minor, "currency": currency}
    fields = _fields(attempt_id, amount, ends_term=ends_term, again=again)
    with connection(settings) as open_connection:
        card_id = card_of(open_connection, attempt_id)
        if card_id is None:
            said = f"the log has no attempt {attempt_id}; `baohao card history ID` names them [unknown_attempt]"
            err.print(said, markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1)
        done = execute(settings, valid(RefundCharge, {"card_id": card_id, **fields}))
    back = next((fact.amount for fact in done.recorded if isinstance(fact, RefundStarted)), None)
    fields: dict[str, object] = {"card_id": card_id, "facts": done.facts, "repeated": done.repeated}
    if as_json:
        fields |= {"amount_minor": back and back.minor, "currency": back and back.currency}
    else:
        fields["goes back"] = money(back) if back else "nothing"
    put_fields("refund", fields, as_json=as_json)
    if done.repeated:
        err.print("This refund had been started before, and is the same; --again refunds once more.", soft_wrap=True)


def _fields(attempt_id: UUID, amount: dict[str, object] | None, *, ends_term: bool, again: bool) -> dict[str, object]:
    """Of the command; its id is derived from what is asked for, so that a repeat is the same command."""
    what = "rest" if amount is None else f"{amount['minor']}{amount['currency']}"
    command_id = f"refund:{attempt_id}:{what}{':term' if ends_term else ''}{f':{uuid4()}' if again else ''}"
    return {"command_id": command_id, "attempt_id": attempt_id, "amount": amount, "ends_term": ends_term}
