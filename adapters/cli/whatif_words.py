"""A comparison in words and figures, for the terminal and the page alike."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from adapters.cli.amounts import money
from projections.whatif.compared import Comparison, Estimate, Row
from projections.whatif.issuer import FIRST_NEAR, NEAR, SAMPLE_LEAST, TOLERANCE

_ANSWERS = (
    f"A later one lies between real tries: if they had one answer, and one is up to {NEAR.days} days away, that is it. "
    "Else one is drawn: of these two, the nearer the likelier, or of all answers to tries of the same kind, at least "
    f"{SAMPLE_LEAST} where there are so many."
)
LIMITS_OF_METHOD = (
    "People are taken to act as they did, whatever becomes of their cards.",
    f"An answer counts for a charge up to {TOLERANCE // timedelta(hours=1)} hours from that to which it was given.",
    f"A first try on another day is answered as the nearest real first try was, up to {FIRST_NEAR.days} days away.",
    _ANSWERS,
    "An issuer is taken not to mind the amount.",
    "Delays of our own are not repeated, a stop of all charging is.",
    "Network limits are counted over the cards that were replayed alone.",
    "Each card keeps the keep rule with which it was registered.",
    "Other prices are taken to be announced on the first day, and count from the day on which they may.",
)
"""What a reader has to know of every figure."""


def asked_in_words(compared: Comparison, name: str) -> str:
    """What was compared."""
    last_day = (compared.until - timedelta(seconds=1)).date()
    seeds = compared.seeds
    chance = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds from {seeds[0]} on"
    return (
        f"{compared.cards:,} cards from {compared.since:%Y-%m-%d} to {last_day}: what happened, the same replayed by "
        f"today's rules, and by {name}, with {chance}"
    )


def caveats(compared: Comparison, name: str) -> Iterator[str]:
    """How far the figures can be trusted."""
    yield (
        "What happened and the replay by today's rules should be alike: their difference is the method's own error. "
        f"The last column compares {name} with that replay."
    )
    yield f"Answers by today's rules: {_shares(compared.answers_today)}; by {name}: {_shares(compared.answers_other)}."
    if compared.left_out:
        yield f"Left out of all columns: {_counted(compared.left_out)}."
    if compared.misfits:
        yield f"Given facts that did not fit what became of their cards: {_counted(compared.misfits)}."
    if compared.stuck:
        yield f"Cards that could not be decided on to the end: {_counted(compared.stuck)}."


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{share:.1%} {source}" for source, share in shares.items())


def _counted(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{count:,} ({reason})" for reason, count in counts.items())


def cells_of(row: Row) -> tuple[str, ...]:
    """A row of the table."""
    figure = row.figure if row.currency is None else f"{row.figure}, {row.currency}"
    return (
        figure,
        amount_of(row, row.happened),
        estimate_of(row, row.today),
        estimate_of(row, row.other),
        change_of(row),
    )


def amount_of(row: Row, value: float) -> str:
    """A figure of a row as people read it."""
    return (
        f"{value:,.0f}" if row.currency is None else money(round(value), row.currency).removesuffix(row.currency)[:-1]
    )


def estimate_of(row: Row, estimate: Estimate) -> str:
    """The mean of the replays, and their least and most where they differ."""
    if estimate.least == estimate.most:
        return amount_of(row, estimate.mean)
    return f"{amount_of(row, estimate.mean)} ({amount_of(row, estimate.least)} to {amount_of(row, estimate.most)})"


def change_of(row: Row) -> str:
    """By how much the replay by other rules differs from that by today's."""
    by = row.other.mean - row.today.mean
    shown = amount_of(row, abs(by))
    if not any(digit in shown for digit in "123456789"):
        return "0"
    return f"+{shown}" if by > 0 else f"-{shown}"
