"""The commands for read models, and their options."""

from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.options import Json, Limit
from adapters.settings import load_settings

projections_app = typer.Typer(help="The read models: how they stand, rebuilding them.", no_args_is_help=True)
parked_facts_app = typer.Typer(help="Cards that a read model cannot follow.", no_args_is_help=True)
projections_app.add_typer(parked_facts_app, name="parked")

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Read models, or all.")]
Why = Annotated[str, typer.Option(help="Why, for those who come after you.")]


@projections_app.command()
def status(
    *, watch: Annotated[bool, typer.Option("--watch", help="Again every two seconds.")] = False, as_json: Json = False
) -> None:
    """Position, lag, rate, last error, what is parked or paused, and who leads."""
    from adapters.cli import projecting

    projecting.show(load_settings(), watch=watch, as_json=as_json)


@projections_app.command()
def pause(names: Names, *, why: Why, as_json: Json = False) -> None:
    """Let read models stand where they are; what follows from them waits."""
    from adapters.cli import projecting

    projecting.pause_models(load_settings(), names, why, as_json=as_json)


@projections_app.command()
def resume(names: Names, *, as_json: Json = False) -> None:
    """Let paused read models go on."""
    from adapters.cli import projecting

    projecting.resume_models(load_settings(), names, as_json=as_json)


@projections_app.command()
def rebuild(
    names: Names,
    *,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="By so many processes.")] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only compare with the live ones.")] = False,
    as_json: Json = False,
) -> None:
    """Make read models anew from the log, beside the live ones, and put them in their place; needs the owner."""
    from adapters.cli import rebuilding

    rebuilding.rebuild_models(load_settings(), names, parallel, dry_run=dry_run, as_json=as_json)


@projections_app.command()
def rollback(names: Names, *, as_json: Json = False) -> None:
    """Put back what was live before the rebuild, with all facts that came since; needs the owner."""
    from adapters.cli import rebuilding

    rebuilding.roll_back_models(load_settings(), names, as_json=as_json)


@parked_facts_app.command("list")
def parked_list(
    *,
    skipped: Annotated[bool, typer.Option("--skipped", help="The facts that were left out instead.")] = False,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """The cards that a read model cannot follow, with the fact and the reason."""
    from adapters.cli import projecting

    projecting.list_parked(load_settings(), limit, skipped=skipped, as_json=as_json)


@parked_facts_app.command("retry")
def parked_retry(
    card_ids: Annotated[list[UUID] | None, typer.Argument(metavar="[CARD]...", help="Default: all.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Fold again what was parked."""
    from adapters.cli import projecting

    projecting.retry_parked(load_settings(), card_ids or None, as_json=as_json)


@parked_facts_app.command("skip")
def parked_skip(
    model: Annotated[str, typer.Argument(metavar="NAME", help="The read model.")],
    card_id: Annotated[UUID, typer.Argument(metavar="CARD", help="The parked card.")],
    *,
    why: Why,
    as_json: Json = False,
) -> None:
    """Leave out the fact at which a card is parked, and go on with those after it; kept for auditors."""
    from adapters.cli import projecting

    projecting.skip_parked(load_settings(), model, card_id, why, as_json=as_json)
