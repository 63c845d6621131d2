"""The commands for cases that a person resolves, and their options; see app.py for the others."""

from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.options import CardId, Json, Limit
from adapters.settings import load_settings

case_app = typer.Typer(help="Cases for a person to resolve.", no_args_is_help=True)


@case_app.command("list")
def case_list(*, limit: Limit = 50, as_json: Json = False) -> None:
    """Unknown outcomes, refunds by hand, held cards, doubted numbers, balances owed, what differs at the provider."""
    from adapters.cli import casework

    casework.show_cases(load_settings(), limit, as_json=as_json)


@case_app.command("resolve")
def case_resolve(
    card_id: CardId,
    attempt_id: Annotated[UUID, typer.Argument(metavar="ATTEMPT", help="The attempt's id.")],
    *,
    charged: Annotated[bool, typer.Option("--charged/--not-charged", help="Whether money moved.")],
    evidence: Annotated[str, typer.Option(help="How you know: a reference, no personal data.")],
    gateway_ref: Annotated[str | None, typer.Option(help="The gateway's reference of the charge.")] = None,
    as_json: Json = False,
) -> None:
    """Record the outcome of an attempt that was unknown."""
    from adapters.cli import casework

    casework.resolve(
        load_settings(),
        card_id,
        attempt_id,
        charged=charged,
        gateway_ref=gateway_ref,
        evidence=evidence,
        as_json=as_json,
    )


@case_app.command("number-exists")
def case_number_exists(
    card_id: CardId,
    *,
    evidence: Annotated[str, typer.Option(help="How you know: a reference, no personal data.")],
    as_json: Json = False,
) -> None:
    """Confirm that the number still exists after a delay of ours: the card may be charged again."""
    from adapters.cli import casework

    casework.confirm_number(load_settings(), card_id, evidence=evidence, as_json=as_json)


@case_app.command("close")
def case_close(
    gateway_ref: Annotated[str, typer.Argument(metavar="GATEWAY_REF", help="The gateway's reference of the charge.")],
    *,
    evidence: Annotated[str, typer.Option(help="What was found out or done: a reference, no personal data.")],
    as_json: Json = False,
) -> None:
    """Close what `baohao reconcile` found about a charge; as long as its amounts stay, it is no case any more."""
    from adapters.cli import casework

    casework.close(load_settings(), gateway_ref, evidence=evidence, as_json=as_json)
