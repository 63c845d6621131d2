"""Whether a number is known to exist: before the carrier's own date, or because a person has just said so."""

from datetime import datetime, timedelta

from tests.simulation.checker.card import Card
from tests.simulation.checker.days import DAY, time_covered


def is_confirmed(card: Card, at: datetime, slack: timedelta) -> bool:
    """Whether that is so at `at`, give or take `slack`.

    A confirmation counts until we have delayed the payment for a day after it; days after a late notice do not count,
    nor do delays that were noted before it: a clock that was ahead may have noted what was still to come.
    """
    if at < card.reclaims_at(timedelta(0)) + slack:
        return True
    known_at = card.confirmed_at
    if known_at is None:
        return False
    noted_since = [*card.not_holders_fault[card.noted_before_confirmed :], *card.late_notices]
    later = [(max(begins, known_at), ends) for begins, ends in noted_since]
    excused = [(max(begins, known_at), ends) for begins, ends in card.late_notices]
    return time_covered(later) - time_covered(excused) < DAY + slack
