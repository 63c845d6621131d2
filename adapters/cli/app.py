"""The commands and their options; what they do stands in the files beside this one."""

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
card_app = typer.Typer(help="One card: what it is and what happened to it.", no_args_is_help=True)
cards_app = typer.Typer(help="Many cards.", no_args_is_help=True)
parked_app = typer.Typer(help="Cards and messages that were set aside.", no_args_is_help=True)
charging_app = typer.Typer(help="Stop and resume all charging.", no_args_is_help=True)
app.add_typer(card_app, name="card")
app.add_typer(cards_app, name="cards")
app.add_typer(parked_app, name="parked")
app.add_typer(charging_app, name="charging")

Json = Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")]
CardId = Annotated[UUID, typer.Argument(metavar="ID", help="The card's id.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")]


@app.command()
def up() -> None:
    """Run everything: servers where none are named, and every role as a watched process."""
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
    """Execute the commands in FILE; a bad line is named, changes nothing, and the others are kept."""
    from adapters.cli import operating

    operating.import_file(load_settings(), file, as_json=as_json)


@card_app.command("show")
def card_show(card_id: CardId, *, as_json: Json = False) -> None:
    """The card as it stands."""
    from adapters.cli import inspecting

    inspecting.show_card(load_settings(), card_id, as_json=as_json)


@card_app.command("history")
def card_history(card_id: CardId, *, as_json: Json = False) -> None:
    """All facts of the card, oldest first."""
    from adapters.cli import inspecting

    inspecting.show_history(load_settings(), card_id, as_json=as_json)


@cards_app.command("list")
def cards_list(
    status: Annotated[
        Literal["active", "grace", "suspended"] | None, typer.Option(help="Only these: active, grace or suspended.")
    ] = None,
    limit: Limit = 50,
    *,
    as_json: Json = False,
) -> None:
    """The cards whose terms end first."""
    from adapters.cli import inspecting

    inspecting.show_cards(load_settings(), status, limit, as_json=as_json)


@app.command()
def due(limit: Limit = 50, *, as_json: Json = False) -> None:
    """The cards that time will ask next, and when."""
    from adapters.cli import inspecting

    inspecting.show_due(load_settings(), limit, as_json=as_json)


@parked_app.command("list")
def parked_list(*, as_json: Json = False) -> None:
    """What was set aside, and why."""
    from adapters.cli import operating

    operating.list_parked_messages(load_settings(), as_json=as_json)


@parked_app.command("retry")
def parked_retry(
    parked_ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Default: all.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Let parked cards try again."""
    from adapters.cli import operating

    operating.retry_parked_messages(load_settings(), parked_ids or None, as_json=as_json)


@charging_app.command("stop")
def charging_stop(
    why: Annotated[str, typer.Option(help="For those who come after you.")] = "by the operator",
    *,
    as_json: Json = False,
) -> None:
    """Make no new attempts; open ones run to their end, and nobody is suspended for it."""
    from adapters.cli import operating

    operating.stop(load_settings(), why, as_json=as_json)


@charging_app.command("resume")
def charging_resume(*, as_json: Json = False) -> None:
    """Make attempts again."""
    from adapters.cli import operating

    operating.resume(load_settings(), as_json=as_json)


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
        Path | None, typer.Option(help="Where to keep the servers' data; default: a folder that goes.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """A virtual year on real servers: cards are renewed, charged, retried and suspended before your eyes."""
    from adapters.cli.demo import run_demo

    raise typer.Exit(run_demo(cards=cards, months=months, seed=seed, home=home, as_json=as_json))


@app.command()
def bench(
    cards: Annotated[int, typer.Option(min=100, max=1_000_000, help="How many cards come due at once.")] = 20_000,
    *,
    as_json: Json = False,
) -> None:
    """How many renewals per second this machine makes, and where the time goes."""
    from adapters.cli.bench import run_bench

    raise typer.Exit(run_bench(cards=cards, as_json=as_json))
