"""Looking: one card, its history, many cards, what is due."""

from uuid import UUID

import typer

from adapters.cli.output import err, put_fields, put_json, put_rows, put_table
from adapters.cli.servers import connection, database
from adapters.schema import check_schema
from adapters.settings import Settings
from engine.recorder import CardRecorder, datastore
from engine.store import NAME_OF, Recorded, Store
from projections.cards import find_card, list_cards
from projections.due import list_due

CARD_COLUMNS = ("card_id", "status", "ends_on", "last_decline")
"""What fits a terminal; the rest is in `card show` and in JSON."""


def show_card(settings: Settings, card_id: UUID, *, as_json: bool) -> None:
    """The card's row in the read model."""
    with connection(settings) as open_connection:
        row = find_card(open_connection, card_id)
    if row is None:
        err.print(f"there is no card {card_id}")
        raise typer.Exit(1)
    put_fields(f"card {card_id}", row._asdict(), as_json=as_json)


def show_history(settings: Settings, card_id: UUID, *, as_json: bool) -> None:
    """The card's facts with their envelopes."""
    with database(settings) as url:
        check_schema(url)
        pool = datastore(url, pool_size=1)
        try:
            history = Store(CardRecorder(pool), "cli").history(card_id)
        finally:
            pool.close()
    if not history:
        err.print(f"there is no card {card_id}")
        raise typer.Exit(1)
    if as_json:
        put_json([_as_json(recorded) for recorded in history])
    else:
        put_table(f"card {card_id}", ("version", "at", "fact", "details"), [_as_row(one) for one in history])


def show_cards(settings: Settings, status: str | None, limit: int, *, as_json: bool) -> None:
    """Cards by the end of their terms."""
    with connection(settings) as open_connection:
        put_rows("cards", list_cards(open_connection, status, limit), as_json=as_json, columns=CARD_COLUMNS)


def show_due(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Cards by their wake time."""
    with connection(settings) as open_connection:
        put_rows("due", list_due(open_connection, limit), as_json=as_json)


def _as_json(recorded: Recorded) -> dict[str, object]:
    envelope = recorded._asdict()
    del envelope["position"], envelope["last"]
    return envelope | {"name": NAME_OF[type(recorded.fact)], "fact": recorded.fact.model_dump(mode="json")}


def _as_row(recorded: Recorded) -> tuple[object, ...]:
    details = recorded.fact.model_dump(mode="json", exclude={"at"}, exclude_none=True)
    shown = "  ".join(f"{name}={_brief(value)}" for name, value in details.items())
    return recorded.version, recorded.fact.at, type(recorded.fact).__name__, shown


def _brief(value: object) -> str:
    match value:
        case {"minor": minor, "currency": currency}:
            return f"{minor} {currency} minor"
        case {"starts_on": starts_on, "ends_on": ends_on, "number": number}:
            return f"{number}: {starts_on} → {ends_on}"
        case dict():
            return "{" + ", ".join(f"{name}: {inner}" for name, inner in value.items() if inner is not None) + "}"
        case _:
            return str(value)
