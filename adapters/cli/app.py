"""The commands and their options; the files beside this one implement them."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer

from adapters.cli.audit_app import audit_app
from adapters.cli.broker_app import broker_app, contract_app, events_app, publisher_app
from adapters.cli.case_app import case_app
from adapters.cli.directory_app import account_app, number_app
from adapters.cli.money_app import money_app
from adapters.cli.operations_app import charging_app, clock_app, limits_app, parked_app, restore_app
from adapters.cli.operator_app import operator_app
from adapters.cli.options import CardId, Json, Limit, Moment, Page, SandboxGateway
from adapters.cli.pricing_app import catalogue_app, policy_app, pricing_app
from adapters.cli.projections_app import projections_app
from adapters.cli.report_app import report_app
from adapters.cli.sandbox_app import sandbox
from adapters.cli.token_app import token_app
from adapters.cli.whatif_app import whatif
from adapters.roles import Role
from adapters.settings import load_settings

app = typer.Typer(
    name="baohao",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
card_app = typer.Typer(help="One card: its state, its history, and the reasons.", no_args_is_help=True)
cards_app = typer.Typer(help="Many cards.", no_args_is_help=True)
app.add_typer(card_app, name="card")
app.add_typer(cards_app, name="cards")
app.add_typer(parked_app, name="parked")
app.add_typer(charging_app, name="charging")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(policy_app, name="policy")
app.add_typer(case_app, name="case")
app.add_typer(account_app, name="account")
app.add_typer(number_app, name="number")
app.add_typer(token_app, name="token")
app.add_typer(operator_app, name="operator")
app.add_typer(limits_app, name="limits")
app.add_typer(broker_app, name="broker")
app.add_typer(events_app, name="events")
app.add_typer(publisher_app, name="publisher")
app.add_typer(contract_app, name="contract")
app.add_typer(clock_app, name="clock")
app.add_typer(restore_app, name="restore")
app.add_typer(projections_app, name="projections")
app.add_typer(audit_app, name="audit")
app.add_typer(report_app, name="report")
app.add_typer(money_app)
app.add_typer(pricing_app)
app.command()(sandbox)
app.command()(whatif)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (an option's value)
    if wanted:
        from importlib.metadata import version

        typer.echo(f"baohao {version('baohao')}")
        raise typer.Exit


@app.callback()
def baohao(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="The version of this program.")
    ] = False,
) -> None:
    """保号: an event-sourced renewal engine that keeps phone numbers alive."""


@app.command()
def status(
    *, watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds.")] = False, as_json: Json = False
) -> None:
    """Roles, leaders, lag, due cards by age, what is parked or for a person, whether charging is stopped, servers."""
    from adapters.cli import status

    status.show(load_settings(), watch=watch, as_json=as_json)


@app.command()
def health(*, as_json: Json = False) -> None:
    """Whether both servers answer, within six seconds; exit status 1 if not."""
    from adapters.cli import health

    health.show(load_settings(), as_json=as_json)


@app.command()
def up(
    *,
    gateway: SandboxGateway = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="With pages, three holders, a sandbox, and a clock that you move.")
    ] = False,
) -> None:
    """Run every role as a supervised process, with embedded servers where none are configured."""
    from adapters.cli import serving

    serving.up(load_settings(), sandbox=gateway == "sandbox", demo=demo)


@app.command()
def run(
    role: Annotated[
        Role,
        typer.Argument(
            metavar="ROLE",
            help="consumer, projector, publisher, scheduler, web, notifier, sealer, commands or forwarder",
        ),
    ],
) -> None:
    """Run one role in this process."""
    from adapters.cli import serving

    serving.run(role, load_settings())


@app.command()
def migrate(*, as_json: Json = False) -> None:
    """Create or upgrade the database schema."""
    from adapters.cli import output, serving
    from adapters.schema import SCHEMA_VERSION

    before = serving.upgrade(load_settings())
    output.put_fields("schema", {"before": before, "now": SCHEMA_VERSION}, as_json=as_json)


@app.command("import")
def import_(
    file: Annotated[typer.FileBinaryRead, typer.Argument(metavar="FILE", help="JSON lines of commands; - is stdin.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; show what would happen if it were done now.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Execute the commands in FILE; a bad line is reported and changes nothing, the others are executed."""
    from adapters.cli import importing

    if dry_run:
        importing.try_file(load_settings(), file, as_json=as_json)
    else:
        importing.import_file(load_settings(), file, as_json=as_json)


@card_app.command("show")
def card_show(card_id: CardId, *, as_of: Moment = None, as_json: Json = False) -> None:
    """The current state of the card, or that of a moment."""
    from adapters.cli import inspecting

    if as_of is not None:
        inspecting.show_card_as_of(load_settings(), card_id, as_of, as_json=as_json)
    else:
        inspecting.show_card(load_settings(), card_id, as_json=as_json)


@card_app.command("history")
def card_history(card_id: CardId, *, as_json: Json = False) -> None:
    """All facts of the card, oldest first."""
    from adapters.cli import inspecting

    inspecting.show_history(load_settings(), card_id, as_json=as_json)


@card_app.command("why")
def card_why(
    card_id: CardId,
    charge: Annotated[UUID | None, typer.Option(metavar="ATTEMPT", help="Why was this charge made?")] = None,
    date: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Why was it not charged that day?")
    ] = None,
    *,
    as_of: Moment = None,
    as_json: Json = False,
) -> None:
    """Why it was or was not charged, or is in its state, in sentences that name the facts they rest on."""
    from adapters.cli import explaining

    if charge is not None and date is not None:
        raise typer.BadParameter("ask for a charge or for a day, not for both", param_hint="--charge")
    explaining.explain(load_settings(), card_id, charge, date.date() if date else None, as_of, as_json=as_json)


@card_app.command("change-holder")
def card_change_holder(
    card_id: CardId,
    holder_id: Annotated[str, typer.Argument(metavar="HOLDER", help="Whose it is from now on.")],
    *,
    as_json: Json = False,
) -> None:
    """Hand a card that nobody uses over to another holder; the one before is told."""
    from adapters.cli import changing_holder

    changing_holder.change_holder(load_settings(), card_id, holder_id, as_json=as_json)


@cards_app.command("list")
def cards_list(
    status: Annotated[
        Literal["active", "grace", "suspended", "reclaimed", "closed"] | None,
        typer.Option(help="Only these: active, grace, suspended, reclaimed or closed."),
    ] = None,
    holder: Annotated[str | None, typer.Option(metavar="ID", help="Only the cards of this holder.")] = None,
    limit: Limit = 50,
    page: Page = 1,
    *,
    as_json: Json = False,
) -> None:
    """Cards by the end of their terms, the earliest first."""
    from adapters.cli import inspecting

    inspecting.show_cards(load_settings(), status, holder, limit=limit, page=page, as_json=as_json)


@app.command()
def due(limit: Limit = 50, *, as_json: Json = False) -> None:
    """Cards by their wake time, the earliest first."""
    from adapters.cli import inspecting

    inspecting.show_due(load_settings(), limit, as_json=as_json)


@app.command()
def settings(*, as_json: Json = False) -> None:
    """Every setting: its value, its default and what it means."""
    from adapters.cli.output import put_rows
    from adapters.settings import describe

    put_rows("settings", describe(load_settings()), as_json=as_json)


@app.command()
def demo(
    cards: Annotated[int, typer.Option(min=1, max=100_000, help="How many cards.")] = 500,
    months: Annotated[int, typer.Option(min=1, max=120, help="How many virtual months.")] = 12,
    seed: Annotated[int, typer.Option(help="The same seed gives the same year.")] = 1,
    home: Annotated[
        Path | None, typer.Option(help="Where to keep the servers' data; default: a temporary folder.")
    ] = None,
    *,
    gateway: SandboxGateway = None,
    as_json: Json = False,
) -> None:
    """A virtual year on real servers, shown live: cards are renewed, charged, retried and suspended."""
    from adapters.cli.demo.run import run_demo

    at_sandbox = gateway == "sandbox"
    status = run_demo(cards=cards, months=months, seed=seed, home=home, at_sandbox=at_sandbox, as_json=as_json)
    raise typer.Exit(status)


@app.command()
def replan(*, why: Annotated[str, typer.Option(help="What changed.")] = "rules changed", as_json: Json = False) -> None:
    """Compute every card's wake time again, after a change of policy, catalogue or time zones."""
    from adapters.cli import replanning

    replanning.replan(load_settings(), why, as_json=as_json)
