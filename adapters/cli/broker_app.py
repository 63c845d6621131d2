"""The commands about public events, and their options; see app.py for the others."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.options import Json
from adapters.settings import load_settings

events_app = typer.Typer(help="Public events on the broker.", no_args_is_help=True)
publisher_app = typer.Typer(help="How far public events are told.", no_args_is_help=True)
broker_app = typer.Typer(help="Who may do what on the broker.", no_args_is_help=True)
contract_app = typer.Typer(help="What describes the public events to other systems.", no_args_is_help=True)


@events_app.command("new-epoch")
def events_new_epoch(*, as_json: Json = False) -> None:
    """After the database was restored from a backup: tell the readers, and publish again."""
    from adapters.cli import publishing

    publishing.new_epoch(load_settings(), as_json=as_json)


@events_app.command("replay")
def events_replay(
    *,
    to: Annotated[str, typer.Option(metavar="READER", help="Whose stream gets them: BAOHAO_REPLAY_<READER>.")],
    since: Annotated[
        str, typer.Option("--from", metavar="POSITION|TIME", help="Events of what is after it; 0: of all.")
    ] = "0",
    types: Annotated[str, typer.Option(help="Only these events, as card_renewed,card_suspended; else all.")] = "",
    cards: Annotated[str, typer.Option(help="Only of these cards, by their ids; else of all.")] = "",
    rate: Annotated[int, typer.Option(min=1, max=1_000_000, help="So many events a second at most.")] = 10_000,
    as_json: Json = False,
) -> None:
    """Tell one reader the public events of the log again, up to where the live stream goes on; go on if killed."""
    from adapters.cli import telling_again

    telling_again.replay(load_settings(), to, since, types, cards, rate, as_json=as_json)


@publisher_app.command("status")
def publisher_status(*, as_json: Json = False) -> None:
    """Up to which fact events are told, how many facts are left, the epoch, and what the stream keeps."""
    from adapters.cli import publishing

    publishing.show_status(load_settings(), as_json=as_json)


@publisher_app.command("rewind")
def publisher_rewind(
    *,
    to: Annotated[int, typer.Option(min=0, metavar="POSITION", help="Events of the facts after it are told again.")],
    as_json: Json = False,
) -> None:
    """Tell events again, under their ids; what was told within the last two minutes follows when they are over."""
    from adapters.cli import publishing

    publishing.rewind(load_settings(), to, as_json=as_json)


@broker_app.command("config")
def broker_config(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where the accounts and the passwords are written.")],
    *,
    as_json: Json = False,
) -> None:
    """Accounts for NATS: ours, and for each of BAOHAO_READERS and BAOHAO_SENDERS one that may do what it needs."""
    from adapters.cli import broker_accounts

    broker_accounts.write(load_settings(), folder, as_json=as_json)


@contract_app.command("build")
def contract_build(
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit status 1 if one would change.")] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Where the examples are and the rest is written; unset: this program's own.")
    ] = None,
    as_json: Json = False,
) -> None:
    """JSON Schemas, the AsyncAPI document and its page, from the messages; refused where it would break a reader."""
    from adapters.cli import contracting

    contracting.build(folder, check=check, as_json=as_json)
