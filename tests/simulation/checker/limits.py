"""What the card networks allow per payment card, counted anew from the facts."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.checker import codes
from tests.simulation.checker.book import Book, Fact, Try

if TYPE_CHECKING:
    from tests.simulation.checker.checking import Checker

MONTH, DAY = timedelta(days=30), timedelta(hours=24)
_CLOCKS_DIFFER = timedelta(minutes=5)
RETRIES_MOST, DECLINES_MOST, DECLINES_PER_AMOUNT_MOST = 15, 10, 35


class Limits:
    """All tries and declines per fingerprint, as far as they still count."""

    def __init__(self) -> None:
        self._retries: defaultdict[str, list[Try]] = defaultdict(list)
        self._declines: defaultdict[str, list[tuple[datetime, tuple[int, str]]]] = defaultdict(list)
        self._never: dict[str, int] = {}
        self._mastercards: set[str] = set()

    def tried(self, checker: "Checker", book: Book, fact: Fact, one: Try) -> None:
        """A payment card is tried, and may or may not be."""
        mark = one.fingerprint
        if mark is None:
            return
        if mark in self._never:
            checker.say("limits", book.card_id, fact, f"payment card {mark} is tried after a code that says never")
        declines = (book.unpaid.declines if book.unpaid else 0) if one.top_up is None else book.top_up_declines
        if fact.body.get("follows_decline", False) != (declines > 0):
            checker.say("limits", book.card_id, fact, f"{declines} declines came before, but it says otherwise")
        if str(fact.body.get("brand")).lower() == "mastercard":
            self._mastercards.add(one.attempt_id)
            return
        if declines:
            recent = [
                old
                for old in self._retries[mark]
                if old.at > fact.at - MONTH + _CLOCKS_DIFFER and old.outcome != "charged"
            ]
            recent = [*(old for old in recent if old.outcome not in codes.NOTHING_USED), one]
            self._retries[mark] = recent
            if len(recent) > RETRIES_MOST:
                checker.say(
                    "limits", book.card_id, fact, f"payment card {mark} is tried again {len(recent)} times in 30 days"
                )

    def declined(self, checker: "Checker", book: Book, fact: Fact, one: Try, *, never: bool) -> None:
        """A try was declined, and may be one too many."""
        mark = one.fingerprint
        if mark is None or one.outcome in codes.NOTHING_USED:
            return
        if never:
            self._never[mark] = fact.position
        if one.attempt_id not in self._mastercards:
            return
        self._mastercards.discard(one.attempt_id)
        amount = (one.minor, one.currency)
        recent = [old for old in self._declines[mark] if old[0] > fact.at - MONTH + _CLOCKS_DIFFER]
        recent.append((fact.at, amount))
        self._declines[mark] = recent
        day = sum(at > fact.at - DAY + _CLOCKS_DIFFER for at, _ in recent)
        same = sum(other == amount for _, other in recent)
        if day > DECLINES_MOST or same > DECLINES_PER_AMOUNT_MOST:
            told = f"payment card {mark} was declined {day} times in 24 h, {same} times for {amount} in 30 days"
            checker.say("limits", book.card_id, fact, told)
