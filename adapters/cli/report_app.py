"""The commands for reports from the read models, and their options; see app.py for the others."""

from datetime import datetime
from typing import Annotated

import typer

from adapters.cli.options import Json
from adapters.settings import load_settings

report_app = typer.Typer(help="Figures for finance and operations, from the read models.", no_args_is_help=True)

Since = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; default: all.")]
Until = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day; default: today.")]


@report_app.command("revenue")
def report_revenue(*, since: Since = None, until: Until = None, as_json: Json = False) -> None:
    """By month and currency: what was sold, what was earned, and what is left to be earned in service."""
    from adapters.cli import reporting

    reporting.show_revenue(load_settings(), since, until, as_json=as_json)


@report_app.command("recovery")
def report_recovery(*, since: Since = None, until: Until = None, as_json: Json = False) -> None:
    """Of the renewals that were declined, by day, plan and kind of decline: how many were paid, suspended, lost."""
    from adapters.cli import reporting

    reporting.show_recovery(load_settings(), since, until, as_json=as_json)


@report_app.command("lifecycle")
def report_lifecycle(*, since: Since = None, until: Until = None, as_json: Json = False) -> None:
    """The cards of each status, on the days on which their number changed."""
    from adapters.cli import reporting

    reporting.show_lifecycle(load_settings(), since, until, as_json=as_json)


@report_app.command("ledger")
def report_ledger(*, as_json: Json = False) -> None:
    """By account and currency: what was debited and credited; the sum of each currency is zero."""
    from adapters.cli import reporting

    reporting.show_ledger(load_settings(), as_json=as_json)
