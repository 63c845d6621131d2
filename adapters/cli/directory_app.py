"""The commands about accounts of holders and numbers of cards, and their options; see app.py for the others."""

from typing import Annotated, Literal

import typer

from adapters.cli.options import CardId, Json, Limit, Page
from adapters.settings import load_settings

account_app = typer.Typer(help="Accounts of holders.", no_args_is_help=True)
number_app = typer.Typer(help="The numbers of cards.", no_args_is_help=True)


@account_app.command("create")
def account_create(
    *,
    email: Annotated[str | None, typer.Option(help="Where the holder gets mail.")] = None,
    phone: Annotated[str | None, typer.Option(help="Such as +8613800138000.")] = None,
    holder: Annotated[str | None, typer.Option(metavar="ID", help="For whom cards are registered already.")] = None,
    language: Annotated[Literal["zh-CN", "en"], typer.Option(help="zh-CN or en.")] = "zh-CN",
    zone: Annotated[str, typer.Option(help="An IANA time zone.")] = "Asia/Shanghai",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Take the password from the first line of standard input.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a holder an account; without a password the holder sets one by a code."""
    from adapters.cli import accounts

    wanted = accounts.Wanted(email, phone, holder, language, zone)
    accounts.create(load_settings(), wanted, password_stdin=password_stdin, as_json=as_json)


@account_app.command("show")
def account_show(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="A holder's id, e-mail address or phone number.")],
    *,
    as_json: Json = False,
) -> None:
    """An account; that it was looked at is recorded."""
    from adapters.cli import accounts

    accounts.show(load_settings(), account, as_json=as_json)


@account_app.command("list")
def account_list(*, limit: Limit = 50, page: Page = 1, as_json: Json = False) -> None:
    """Accounts by their holders' ids, with veiled addresses."""
    from adapters.cli import accounts

    accounts.show_all(load_settings(), limit=limit, page=page, as_json=as_json)


@account_app.command("erase")
def account_erase(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="A holder's id, e-mail address or phone number.")],
    *,
    as_json: Json = False,
) -> None:
    """Erase all personal data of a holder, who is told so; facts, seals and totals stay. It cannot be taken back."""
    from adapters.cli import accounts

    accounts.erase_account(load_settings(), account, as_json=as_json)


@number_app.command("set")
def number_set(
    card_id: CardId,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Such as +8613800138000.")],
    *,
    as_json: Json = False,
) -> None:
    """Give a card its number."""
    from adapters.cli import numbers

    numbers.set_one(load_settings(), card_id, number, as_json=as_json)


@number_app.command("list")
def number_list(
    *,
    ending: Annotated[str, typer.Option(metavar="DIGITS", help="Only those with these last digits.")] = "",
    limit: Limit = 50,
    page: Page = 1,
    as_json: Json = False,
) -> None:
    """The numbers of cards, in their order."""
    from adapters.cli import numbers

    numbers.show(load_settings(), ending, limit=limit, page=page, as_json=as_json)


@number_app.command("import")
def number_import(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(metavar="FILE", help='JSON lines such as {"card_id": …, "number": …}; - is stdin.'),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Give many cards their numbers; a bad line is reported and changes nothing, the others are done."""
    from adapters.cli import numbers

    numbers.import_file(load_settings(), file, as_json=as_json)
