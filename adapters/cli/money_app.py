"""The commands about money at the provider and about notices, and their options; see app.py for the others."""

from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.notices_app import notices_app
from adapters.cli.options import CardId, Json
from adapters.settings import load_settings

money_app = typer.Typer()
money_app.add_typer(notices_app, name="notices")


@money_app.command("bind")
def bind(card_id: CardId, *, as_json: Json = False) -> None:
    """An address of the provider's, on which the card's holder binds a way to pay; not for the simulated gateway."""
    from adapters.cli import binding

    binding.begin(load_settings(), card_id, as_json=as_json)


@money_app.command()
def refund(
    attempt_id: Annotated[UUID, typer.Argument(metavar="ATTEMPT", help="The attempt that took the money.")],
    amount: Annotated[
        int | None, typer.Option(metavar="MINOR", help="In minor units, such as cents; default: all that is left.")
    ] = None,
    currency: Annotated[str | None, typer.Option(metavar="CUR", help="Of the amount, such as EUR.")] = None,
    *,
    ends_term: Annotated[bool, typer.Option("--ends-term", help="The term that it paid for ends too.")] = False,
    again: Annotated[bool, typer.Option("--again", help="One more refund of the same kind, not a repeat.")] = False,
    as_json: Json = False,
) -> None:
    """Refund a charge by the gateway; the same command given twice is one refund."""
    from adapters.cli import refunding

    refunding.refund(load_settings(), attempt_id, amount, currency, ends_term=ends_term, again=again, as_json=as_json)


@money_app.command()
def reconcile(
    since: Annotated[
        str, typer.Option(metavar="DAYS|DATE", help="Charges that were made since; a date begins in UTC.")
    ] = "3",
    *,
    applies: Annotated[
        bool, typer.Option("--apply", help="Look up and record what has one definite meaning; show what is left.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The provider's list of charges against the log, both ways; exit status 1 if anything differs."""
    from adapters.cli import reconciling

    reconciling.reconcile(load_settings(), reconciling.since_of(since), applies=applies, as_json=as_json)
