"""The commands for prices and rules, and their options; see app.py for the others."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from adapters.cli.options import Json
from adapters.settings import load_settings

pricing_app = typer.Typer()
catalogue_app = typer.Typer(help="Plans and prices.", no_args_is_help=True)
policy_app = typer.Typer(help="The renewal rules.", no_args_is_help=True)


@catalogue_app.command("check")
def catalogue_check(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE", help="Plans and prices in TOML.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """A summary of FILE, or all its problems with their lines."""
    from adapters.cli import pricing

    pricing.check(file, as_json=as_json)


@catalogue_app.command("announce")
def catalogue_announce(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A plan of the catalogue.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version of its prices.")],
    announcement_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Chosen by you; given again under it, no holder is told twice."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Notify every holder of PLAN of the prices of VERSION, and from which day on they are charged."""
    from adapters.cli import announcing

    announcing.announce(load_settings(), plan, version, announcement_id, as_json=as_json)


@policy_app.command("check")
def policy_check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE", help="Renewal rules in TOML.")],
    *,
    as_json: Json = False,
) -> None:
    """What FILE changes of the shipped rules, or all its problems with their lines."""
    from adapters.cli import pricing

    pricing.check_policy(file, as_json=as_json)


@pricing_app.command()
def quote(
    plan: Annotated[str, typer.Option(help="A plan of the catalogue.")],
    period: Annotated[Literal["1", "3", "6", "12"] | None, typer.Option(help="Months; default: each period.")] = None,
    currency: Annotated[str | None, typer.Option(help="Such as CNY; default: each of the plan.")] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Local day; default: today here.")] = None,
    catalogue: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="TOML file; default: the installation's.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """The price of a renewal of a plan on a day, and what longer periods save."""
    from adapters.cli import pricing

    months, day = int(period) if period else None, on.date() if on else None
    pricing.show_quotes(catalogue or load_settings().catalogue, plan, months, currency, day, as_json=as_json)
