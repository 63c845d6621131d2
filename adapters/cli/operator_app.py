"""The commands about accounts of the console, and their options; see app.py for the others."""

from typing import Annotated, Literal

import typer

from adapters.cli.options import Json
from adapters.settings import load_settings

operator_app = typer.Typer(help="Accounts of the operator's console.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The address of the account.")]


@operator_app.command("add")
def operator_add(
    email: Email,
    *,
    role: Annotated[
        Literal["read", "support", "operator"],
        typer.Option(help="read sees no personal data, support does, operator also moves money."),
    ],
    as_json: Json = False,
) -> None:
    """Make an account, and print the link by which it is set up, this once."""
    from adapters.cli import operators

    operators.add(load_settings(), email, role, as_json=as_json)


@operator_app.command("list")
def operator_list(*, as_json: Json = False) -> None:
    """All accounts of the console."""
    from adapters.cli import operators

    operators.show_all(load_settings(), as_json=as_json)


@operator_app.command("reset")
def operator_reset(email: Email, *, as_json: Json = False) -> None:
    """Take password, second factor and sessions, and print a link by which the account is set up anew."""
    from adapters.cli import operators

    operators.reset(load_settings(), email, as_json=as_json)


@operator_app.command("remove")
def operator_remove(email: Email, *, as_json: Json = False) -> None:
    """End an account and its sessions at once; what it did stays on record."""
    from adapters.cli import operators

    operators.remove(load_settings(), email, as_json=as_json)
