"""Explaining: why a card was or was not charged, its state, and what happens next."""

from datetime import date, datetime
from uuid import UUID

import typer
from msgspec import to_builtins

from adapters.cli.inspecting import history_of
from adapters.cli.output import err, out, put_json
from adapters.cli.servers import connection
from adapters.parked import Parked, parked_card
from adapters.settings import Settings
from engine.why.questions import overview, why_charged, why_not_charged
from engine.why.story import Answer


def explain(
    settings: Settings,
    card_id: UUID,
    attempt_id: UUID | None,
    day: date | None,
    moment: datetime | None = None,
    *,
    as_json: bool,
) -> None:
    """Explain in sentences that name the versions of the facts they rest on, as of a moment those up to it."""
    history = history_of(settings, card_id, moment)
    if attempt_id is not None:
        answer = why_charged(history, attempt_id)
    elif day is not None:
        answer = why_not_charged(history, day)
    else:
        answer = overview(history)
    if answer is None:
        err.print(f"card {card_id} has no attempt {attempt_id}", soft_wrap=True)
        raise typer.Exit(1)
    parked = None
    if moment is None:
        with connection(settings) as open_connection:
            parked = parked_card(open_connection, card_id)
    if as_json:
        put_json(to_builtins(answer) | {"parked": parked and {"since": parked.parked_at, "why": parked.reason}})
    else:
        _put(answer)
        if parked:
            out.print(_parked_sentence(parked), markup=False, highlight=False, soft_wrap=True)


def _parked_sentence(parked: Parked) -> str:
    return (
        f"Nothing happens to it at present: it was parked on {parked.parked_at:%Y-%m-%d %H:%M} UTC ({parked.reason}); "
        f"`baohao parked retry {parked.parked_id}` lets it go on."
    )


def _put(answer: Answer) -> None:
    """A line per sentence; other people wrote parts of the text, so it is never read as mark-up."""
    for sentence in answer.sentences:
        facts = "fact" if len(sentence.versions) == 1 else "facts"
        numbers = ", ".join(map(str, sentence.versions))
        out.print(f"{sentence.text} [{facts} {numbers}]", markup=False, highlight=False, soft_wrap=True)
