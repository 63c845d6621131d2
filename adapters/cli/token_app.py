"""The commands about tokens of the API, and their options; see app.py for the others."""

from typing import Annotated

import typer

from adapters.cli.options import Json
from adapters.settings import load_settings

token_app = typer.Typer(help="Tokens for programs that use the API.", no_args_is_help=True)


@token_app.command("create")
def token_create(
    *,
    name: Annotated[str, typer.Option(help="Who will have it, such as shop-app; facts name a back office by it.")],
    scope: Annotated[list[str], typer.Option(help="cards:read or cards:write; may be repeated.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is valid.")],
    holder: Annotated[
        str | None, typer.Option(metavar="ID", help="For this holder's cards; without it, a back office: for all.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it, this once."""
    from adapters.cli import tokens

    tokens.create(load_settings(), tokens.Wanted(name, holder, scope, days), as_json=as_json)


@token_app.command("list")
def token_list(*, as_json: Json = False) -> None:
    """All tokens, without what they are."""
    from adapters.cli import tokens

    tokens.show_all(load_settings(), as_json=as_json)


@token_app.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `token list` has it.")], *, as_json: Json = False
) -> None:
    """End a token at once."""
    from adapters.cli import tokens

    tokens.revoke(load_settings(), name, as_json=as_json)
