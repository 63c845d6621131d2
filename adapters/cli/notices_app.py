"""The commands about notices, and their options; see app.py for the others."""

from typing import Annotated, Literal

import typer

from adapters.cli.options import Json, Limit
from adapters.settings import load_settings

notices_app = typer.Typer(help="Notices to holders.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(metavar="KEY", help="The notice's key, as listed.")]


@notices_app.command("list")
def notices_list(
    holder: Annotated[str | None, typer.Option(metavar="ID", help="Only those to this holder.")] = None,
    state: Annotated[
        Literal["pending", "sending", "accepted", "delivered", "bounced", "dropped"] | None,
        typer.Option(help="Only those that got so far."),
    ] = None,
    limit: Limit = 50,
    *,
    as_json: Json = False,
) -> None:
    """What holders were told, what waits, and what was not sent and why; without texts and addresses."""
    from adapters.cli import noticing

    noticing.list_notices(load_settings(), holder, state, limit, as_json=as_json)


@notices_app.command("show")
def notices_show(key: Key, *, as_json: Json = False) -> None:
    """One notice, with each channel by which it was sent."""
    from adapters.cli import noticing

    noticing.show_notice(load_settings(), key, as_json=as_json)


@notices_app.command("resend")
def notices_resend(key: Key, *, as_json: Json = False) -> None:
    """Send a notice of a card again, as it would be written now, to the addresses that the holder has now."""
    from adapters.cli import noticing

    noticing.resend_notice(load_settings(), key, as_json=as_json)


@notices_app.command("templates")
def notices_templates(*, as_json: Json = False) -> None:
    """The texts of SMS as they are handed in for approval at Aliyun, by the names that BAOHAO_ALIYUN_TEMPLATES has."""
    from adapters.cli import noticing

    noticing.list_templates(as_json=as_json)
