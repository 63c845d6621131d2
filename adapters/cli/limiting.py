"""The network limits: what is blocked, allowing it again, rebuilding the tables."""

import typer

from adapters.allowing import Allowance
from adapters.allowing import allow as allow_again
from adapters.cli.charging import installation_of
from adapters.cli.output import err, put_fields, put_rows
from adapters.cli.servers import connection
from adapters.clock_check import clock_of
from adapters.control import read_control
from adapters.payment_cards import count_blocked, list_blocked
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_now, rules_of
from engine.store.limits_rebuild import rebuild_limits


def show_blocked(settings: Settings, *, limit: int, page: int, as_json: bool) -> None:
    """One page of the payment cards that may not be tried; the table's title says of how many."""
    with connection(settings) as open_connection:
        now = read_control(open_connection, virtual_clock=settings.clock == "virtual").now
        of, skip = count_blocked(open_connection, now), limit * (page - 1)
        rows = list_blocked(open_connection, now, limit, skip)
    more = f"; --page {page + 1} has the next" if skip + len(rows) < of else ""
    title = f"blocked {skip + 1} to {skip + len(rows)} of {of}{more}" if rows else "blocked payment cards"
    put_rows(title, rows, as_json=as_json)


def allow(settings: Settings, fingerprint: str, why: str, *, as_json: bool) -> None:
    """Let a blocked payment card be tried again, and be charged on the cards on which the block had ended it.

    Raises Refused as `adapters.allowing.allow` does. Exit status 1 if some cards could not be changed.
    """
    installed = rules_of(settings)
    with installation_of(settings) as (url, open_connection, recorder):
        rules, at = rules_now(open_connection, clock_of(settings), installed)
        allowance = Allowance(fingerprint, why, operator_of(settings))
        allowed = allow_again(open_connection, recorder, engine_of(settings, url, "cli"), allowance, rules, at)
    done = {"fingerprint": fingerprint, "allowed_at": at, "why": why, "cards": allowed.cards}
    put_fields("payment card", done, as_json=as_json)
    for card_id, error in allowed.failed.items():
        err.print(f"card {card_id}: {error}", markup=False, highlight=False, soft_wrap=True)
    if allowed.failed:
        raise typer.Exit(1)


def rebuild(settings: Settings, *, as_json: bool) -> None:
    """Rebuild the tables of the network limits from the log."""
    with connection(settings) as open_connection:
        tries = rebuild_limits(open_connection)
    put_fields("limits", {"counted_tries": tries}, as_json=as_json)
