"""The commands and their options; the files beside this one implement them."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer

from adapters.roles import Role
from adapters.settings import load_settings

app = typer.Typer(
    name="baohao",
    help="保号: an event-sourced renewal engine that keeps phone numbers alive.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
card_app = typer.Typer(help="One card: its state, its history, and the reasons.", no_args_is_help=True)
cards_app = typer.Typer(help="Many cards.", no_args_is_help=True)
parked_app = typer.Typer(help="Cards and messages that could not be handled.", no_args_is_help=True)
charging_app = typer.Typer(help="Stop and resume all charging.", no_args_is_help=True)
catalogue_app = typer.Typer(help="Plans and prices.", no_args_is_help=True)
case_app = typer.Typer(help="Cases for a person to resolve.", no_args_is_help=True)
limits_app = typer.Typer(help="Network limits of payment cards.", no_args_is_help=True)
app.add_typer(card_app, name="card")
app.add_typer(cards_app, name="cards")
app.add_typer(parked_app, name="parked")
app.add_typer(charging_app, name="charging")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(case_app, name="case")
app.add_typer(limits_app, name="limits")

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]
CardId = Annotated[UUID, typer.Argument(metavar="ID", help="The card's id.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of rows.")]


@app.command()
def up() -> None:
    """Run every role as a supervised process, with embedded servers where none are configured."""
    from adapters.cli import serving

    serving.up(load_settings())


@app.command()
def run(
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="consumer, projector, publisher or scheduler")],
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
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines of commands.")],
    *,
    as_json: Json = False,
) -> None:
    """Execute the commands in FILE; a bad line is reported and changes nothing, the others are executed."""
    from adapters.cli import operating

    operating.import_file(load_settings(), file, as_json=as_json)


@card_app.command("show")
def card_show(card_id: CardId, *, as_json: Json = False) -> None:
    """The current state of the card."""
    from adapters.cli import inspecting

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
    as_json: Json = False,
) -> None:
    """Why it was or was not charged, or is in its state, in sentences that name the facts they rest on."""
    from adapters.cli import explaining

    if charge is not None and date is not None:
        raise typer.BadParameter("ask for a charge or for a day, not for both", param_hint="--charge")
    explaining.explain(load_settings(), card_id, charge, date.date() if date else None, as_json=as_json)


@cards_app.command("list")
def cards_list(
    status: Annotated[
        Literal["active", "grace", "suspended", "reclaimed", "closed"] | None,
        typer.Option(help="Only these: active, grace, suspended, reclaimed or closed."),
    ] = None,
    limit: Limit = 50,
    *,
    as_json: Json = False,
) -> None:
    """Cards by the end of their terms, the earliest first."""
    from adapters.cli import inspecting

    inspecting.show_cards(load_settings(), status, limit, as_json=as_json)


@app.command()
def due(limit: Limit = 50, *, as_json: Json = False) -> None:
    """Cards by their wake time, the earliest first."""
    from adapters.cli import inspecting

    inspecting.show_due(load_settings(), limit, as_json=as_json)


@parked_app.command("list")
def parked_list(*, as_json: Json = False) -> None:
    """Parked cards and messages, with their reasons."""
    from adapters.cli import operating

    operating.list_parked_messages(load_settings(), as_json=as_json)


@parked_app.command("retry")
def parked_retry(
    parked_ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Default: all.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Retry parked cards."""
    from adapters.cli import operating

    operating.retry_parked_messages(load_settings(), parked_ids or None, as_json=as_json)


@charging_app.command("stop")
def charging_stop(
    why: Annotated[str, typer.Option(help="The reason, recorded with the stop.")] = "by the operator",
    *,
    as_json: Json = False,
) -> None:
    """Stop new attempts; open ones are completed, and no card is suspended for it."""
    from adapters.cli import charging

    charging.stop(load_settings(), why, as_json=as_json)


@charging_app.command("resume")
def charging_resume(*, as_json: Json = False) -> None:
    """Allow attempts again: each card at its next wake, within hours; after `baohao replan`, at once."""
    from adapters.cli import charging

    charging.resume(load_settings(), as_json=as_json)


@charging_app.command("history")
def charging_history(*, as_json: Json = False) -> None:
    """When charging was stopped and resumed, by whom and why."""
    from adapters.cli import charging

    charging.history(load_settings(), as_json=as_json)


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


@app.command()
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
    as_json: Json = False,
) -> None:
    """A virtual year on real servers, shown live: cards are renewed, charged, retried and suspended."""
    from adapters.cli.demo.run import run_demo

    raise typer.Exit(run_demo(cards=cards, months=months, seed=seed, home=home, as_json=as_json))


@case_app.command("list")
def case_list(*, limit: Limit = 50, as_json: Json = False) -> None:
    """Unknown outcomes, refunds to make by hand, held cards, numbers that may be lost, balances owed."""
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
    """Confirm that the number still exists after a long hold: the card may be charged again."""
    from adapters.cli import casework

    casework.confirm_number(load_settings(), card_id, evidence=evidence, as_json=as_json)


@app.command()
def replan(*, why: Annotated[str, typer.Option(help="What changed.")] = "rules changed", as_json: Json = False) -> None:
    """Compute every card's wake time again, after a change of policy, catalogue or time zones."""
    from adapters.cli import casework

    casework.replan(load_settings(), why, as_json=as_json)


@limits_app.command("rebuild")
def limits_rebuild(*, as_json: Json = False) -> None:
    """Rebuild the tables of the network limits from the log."""
    from adapters.cli import casework

    casework.rebuild_network_limits(load_settings(), as_json=as_json)


@limits_app.command("allow")
def limits_allow(
    fingerprint: Annotated[str, typer.Argument(metavar="FINGERPRINT", help="The payment card's fingerprint.")],
    *,
    why: Annotated[str, typer.Option(help="Why it may be tried again, for those who come after you.")],
    as_json: Json = False,
) -> None:
    """Let a payment card be tried again that a code has blocked for every card."""
    from adapters.cli import charging

    charging.allow(load_settings(), fingerprint, why, as_json=as_json)
