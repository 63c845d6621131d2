"""The network limits: what is blocked, allowing it again, rebuilding the tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

import typer

from adapters.cli.charging import installation_of
from adapters.cli.output import err, put_fields, put_rows
from adapters.cli.servers import connection
from adapters.clock_check import clock_of
from adapters.control import allow_payment_card, read_control
from adapters.payment_cards import cards_with, count_blocked, is_blocked, list_blocked
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_now, rules_of
from engine import operations
from engine.actor import Actor
from engine.application import Engine
from engine.commands import AllowPaymentMethod, Issued
from engine.errors import Refused
from engine.rules import Rules
from engine.store.limits_rebuild import rebuild_limits

CARDS_AT_ONCE = 1000


@dataclass
class _Allowed:
    """On how many cards a payment card may be charged again, and those that failed with their errors."""

    cards: int = 0
    failed: dict[UUID, Exception] = field(default_factory=dict[UUID, Exception])


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

    Raises Refused without a reason, or where it is neither blocked nor ended by that. Killed in between, it goes on
    with the cards when it is given again. Exit status 1 if some cards could not be changed.
    """
    installed = rules_of(settings)
    with installation_of(settings) as (url, open_connection, recorder):
        rules, at = rules_now(open_connection, clock_of(settings), installed)
        operations.allow_payment_card(fingerprint, why, at)  # refused before anything is changed
        was_blocked = is_blocked(open_connection, fingerprint)
        if was_blocked:
            allow_payment_card(open_connection, recorder, fingerprint, why, operator_of(settings), at)
        holders = cards_with(open_connection, fingerprint)
        issue = _Issue(fingerprint, why, operator_of(settings), f"limits-allow:{uuid4()}")
        allowed = _allow_on(engine_of(settings, url, "cli"), holders, issue, rules, at)
    if not (was_blocked or allowed.cards or allowed.failed):
        raise Refused("not_blocked", f"payment card {fingerprint!r} is not blocked", "fingerprint")
    done = {"fingerprint": fingerprint, "allowed_at": at, "why": why, "cards": allowed.cards}
    put_fields("payment card", done, as_json=as_json)
    for card_id, error in allowed.failed.items():
        err.print(f"card {card_id}: {error}", markup=False, highlight=False, soft_wrap=True)
    if allowed.failed:
        raise typer.Exit(1)


def _allow_on(engine: Engine, holders: Sequence[UUID], issue: "_Issue", rules: Rules, at: datetime) -> _Allowed:
    """Tell each card, a batch at a time; those of which nothing was ended stay as they are."""
    allowed = _Allowed()
    for start in range(0, len(holders), CARDS_AT_ONCE):
        batch = holders[start : start + CARDS_AT_ONCE]
        for card_id, reply in zip(batch, engine.execute([issue.to(one) for one in batch], rules, at), strict=True):
            if isinstance(reply, Exception):
                allowed.failed[card_id] = reply
            else:
                allowed.cards += bool(reply)
    return allowed


@dataclass(frozen=True)
class _Issue:
    """The command that each card gets."""

    fingerprint: str
    why: str
    by: Actor
    command_id: str

    def to(self, card_id: UUID) -> Issued:
        command = AllowPaymentMethod(
            command_id=f"{self.command_id}:{card_id}", card_id=card_id, fingerprint=self.fingerprint, reason=self.why
        )
        return Issued(command, self.by)


def rebuild(settings: Settings, *, as_json: bool) -> None:
    """Rebuild the tables of the network limits from the log."""
    with connection(settings) as open_connection:
        tries = rebuild_limits(open_connection)
    put_fields("limits", {"counted_tries": tries}, as_json=as_json)
