"""Parked cards and messages: listing, retrying and dropping them."""

import typer

from adapters.cli.output import err, put_fields, put_rows
from adapters.cli.servers import connection
from adapters.parked import drop_parked, list_parked, parked_under, retry_parked
from adapters.settings import Settings

PARKED_COLUMNS = ("parked_id", "card_id", "reason")
"""The columns that fit a terminal; JSON has all."""


def list_parked_messages(settings: Settings, *, as_json: bool) -> None:
    """Parked cards and messages."""
    with connection(settings) as open_connection:
        put_rows("parked", list_parked(open_connection), as_json=as_json, columns=PARKED_COLUMNS)


def show_parked_message(settings: Settings, parked_id: int, *, as_json: bool) -> None:
    """All that is kept of a message; exit status 1 where nothing is parked under that number."""
    with connection(settings) as open_connection:
        found = parked_under(open_connection, parked_id)
    if found is None:
        err.print(f"nothing is parked under {parked_id}; `baohao parked list` shows what is", soft_wrap=True)
        raise typer.Exit(1)
    message = found.message.decode("utf-8", "backslashreplace")
    put_fields("parked", found._asdict() | {"message": message}, as_json=as_json)


def retry_parked_messages(settings: Settings, parked_ids: list[int] | None, *, as_json: bool) -> None:
    """Retry parked cards; exit status 1 if an id is unknown or names a message without a card."""
    with connection(settings) as open_connection:
        result = retry_parked(open_connection, parked_ids)
    put_fields("parked", {"retried": len(result.retried)}, as_json=as_json)
    for parked_id in result.unknown:
        err.print(f"nothing is parked under {parked_id}; `baohao parked list` shows what is", soft_wrap=True)
    for parked_id in result.without_card:
        err.print(
            f"message {parked_id} names no card, so there is nothing to retry; `baohao parked drop {parked_id}` "
            "removes it",
            soft_wrap=True,
        )
    if parked_ids and (result.unknown or result.without_card):
        raise typer.Exit(1)


def drop_parked_messages(settings: Settings, parked_ids: list[int], *, as_json: bool) -> None:
    """Remove messages that name no card; exit status 1 for other ids."""
    with connection(settings) as open_connection:
        dropped = drop_parked(open_connection, parked_ids)
    put_fields("parked", {"dropped": len(dropped)}, as_json=as_json)
    if wrong := sorted(set(parked_ids) - set(dropped)):
        ids = ", ".join(map(str, wrong))
        err.print(f"no message without a card is parked under {ids}; a card is retried, not dropped", soft_wrap=True)
        raise typer.Exit(1)
