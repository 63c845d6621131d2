"""Reading: one card, its history, lists of cards and of wake times."""

from datetime import UTC, datetime
from uuid import UUID

import typer

from adapters.cli.output import err, put_fields, put_json, put_rows, put_table
from adapters.cli.servers import connection, database
from adapters.parked import parked_card
from adapters.plain_facts import plain
from adapters.schema import check_schema
from adapters.settings import Settings
from engine.envelope import Recorded
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store
from engine.why.sentences import sentence
from engine.why.story import story_of
from projections.audit.as_of import as_of
from projections.cards import CARDS, count_cards, find_card, list_cards
from projections.due import list_due
from projections.read_model import fold_batch

CARD_COLUMNS = ("card_id", "status", "ends_on", "last_decline")
"""The columns that fit a terminal; `card show` and JSON have all."""


def show_card(settings: Settings, card_id: UUID, *, as_json: bool) -> None:
    """The card's row in the read model."""
    with connection(settings) as open_connection:
        row, parked = find_card(open_connection, card_id), parked_card(open_connection, card_id)
    if row is None:
        err.print(f"there is no card {card_id}")
        raise typer.Exit(1)
    aside = {"parked_since": parked.parked_at, "parked_why": parked.reason} if parked else {"parked_since": None}
    put_fields(f"card {card_id}", row._asdict() | aside, as_json=as_json)


def show_card_as_of(settings: Settings, card_id: UUID, moment: datetime, *, as_json: bool) -> None:
    """The card's row as it was at a moment, folded from its facts up to then."""
    history = history_of(settings, card_id, moment)
    row = fold_batch(CARDS, history, lambda _: {})[card_id]
    put_fields(f"card {card_id} as of {utc(moment):%Y-%m-%d %H:%M:%S} UTC", row._asdict(), as_json=as_json)


def show_history(settings: Settings, card_id: UUID, *, as_json: bool) -> None:
    """The card's facts with their envelopes; in the table each as a sentence."""
    history = history_of(settings, card_id)
    if as_json:
        put_json([plain(recorded) for recorded in history])
    else:
        zone = story_of(history).zone
        rows = [(one.version, type(one.fact).__name__, one.actor, sentence(one, zone)) for one in history]
        put_table(f"card {card_id}", ("version", "fact", "actor", "what happened"), rows)


def history_of(settings: Settings, card_id: UUID, moment: datetime | None = None) -> list[Recorded]:
    """The facts of the card up to a moment, oldest first; ends the command with a sentence where there are none."""
    with database(settings) as url:
        check_schema(url)
        pool = datastore(url, pool_size=1)
        try:
            history = Store(CardRecorder(pool)).history(card_id)
        finally:
            pool.close()
    if not history:
        err.print(f"there is no card {card_id}")
        raise typer.Exit(1)
    if moment is None:
        return history
    then = as_of(history, utc(moment))
    if not then:
        err.print(f"there was no card {card_id} on {utc(moment):%Y-%m-%d %H:%M:%S} UTC", soft_wrap=True)
        raise typer.Exit(1)
    return then


def utc(moment: datetime) -> datetime:
    """A moment that was given without a zone, which is UTC."""
    return moment.replace(tzinfo=UTC)


def show_cards(
    settings: Settings, status: str | None, holder: str | None, *, limit: int, page: int, as_json: bool
) -> None:
    """One page of cards by the end of their terms; the table's title says of how many."""
    with connection(settings) as open_connection:
        of = count_cards(open_connection, status, holder)
        rows = list_cards(open_connection, status, limit, holder=holder, skip=limit * (page - 1))
    first, last = limit * (page - 1) + 1, limit * (page - 1) + len(rows)
    more = f"; --page {page + 1} has the next" if last < of else ""
    title = f"cards {first} to {last} of {of}{more}" if rows else f"cards on page {page} of {of} cards"
    put_rows(title, rows, as_json=as_json, columns=CARD_COLUMNS)


def show_due(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Cards by their wake time."""
    with connection(settings) as open_connection:
        put_rows("due", list_due(open_connection, limit), as_json=as_json)
