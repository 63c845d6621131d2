"""The checker: takes facts, notices, requests, commands and windows as they happen, and finds broken promises."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from msgspec import json

from tests.simulation.checker import (
    balance,
    charges,
    consent,
    custody,
    gateway_requests,
    lapse,
    methods,
    notices,
    outcomes,
    refunds,
    reminders,
    terms,
)
from tests.simulation.checker.batch import Batch
from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.command_memory import CommandMemory
from tests.simulation.checker.days import CLOCK_SKEW, instant
from tests.simulation.checker.findings import MINIMUM_CHARGES, Findings, Handler, Violation, no_check
from tests.simulation.checker.gateway_record import check_record

HANDLERS: dict[str, Handler] = {
    **charges.HANDLERS,
    **outcomes.HANDLERS,
    **consent.HANDLERS,
    **custody.HANDLERS,
    **methods.HANDLERS,
    **terms.HANDLERS,
    **lapse.HANDLERS,
    **balance.HANDLERS,
    **refunds.HANDLERS,
    **notices.HANDLERS,
    "deferred.v1": no_check,
    "replanned.v1": no_check,
}

RECENT, RECENT_FACTS_MAX = timedelta(hours=24), 400
"""A card with more facts than that in such a time is in a loop."""
OVERDUE = timedelta(days=2)


class Checker:
    """Keeps its own model of each card; `violations` grows as promises are found broken."""

    def __init__(self, seed: int, minimum_charges: Mapping[str, int] = MINIMUM_CHARGES) -> None:
        self.attempts = 0
        self.facts = 0
        self._position = 0
        self._findings = Findings(seed, minimum_charges)
        self._notices = notices.Notices(self._findings)
        self._commands = CommandMemory(self._findings)
        self._batch = Batch(self._findings)

    @property
    def violations(self) -> list[Violation]:
        """The first broken promises."""
        return self._findings.violations

    @property
    def kinds(self) -> Counter[str]:
        """How many promises of each kind were broken."""
        return self._findings.kinds

    def row(self, position: int, card_id: UUID, version: int, topic: str, state: bytes) -> None:
        """One stored fact, in the order of the log."""
        card = self._findings.cards.get(card_id)
        if card is None:
            card = self._findings.cards[card_id] = Card(card_id)
        stored = json.decode(state)
        body = stored["fact"]
        fact = Fact(card_id, position, version, topic, instant(body["at"]), stored["cause"], stored["actor"], body)
        self.facts += 1
        self.attempts += topic == "charge_attempted.v1"
        self._check_order(card, fact)
        self._check_rate(card, fact)
        self._commands.stored(card, fact)
        if "policy_version" in body:
            self._findings.policies_since.setdefault(body["policy_version"], fact.at)
        lapse.note_late_wake(card, fact)
        HANDLERS[topic](self._findings, card, fact)
        reminders.check_told_try(self._findings, card, fact)
        card.at = fact.at
        card.wake_at = instant(stored["wake_at"]) if stored["wake_at"] else None
        if stored["last"]:
            self._check_end_of_append(card, fact)
        self._notices.stored(card, fact)

    def notice(self, text: str) -> None:
        """A notice of the fact stored last was sent to the holder, as JSON."""
        self._notices.sent(text)

    def request(self, request: Sequence[Any]) -> None:
        """One request as the gateway received it: at, kind, key, parameters, decided_at, position."""
        gateway_requests.received(self._findings, *request)

    def accepted(self, command_id: str, card_id: UUID, actor: str, body: object, reply: object) -> None:
        """A command of `actor` was accepted; `reply` is true if it led to facts, otherwise only equality matters."""
        if self._commands.accepted(command_id, card_id, actor, body, reply):
            consent.accepted(self._findings, card_id, command_id, body, reply)

    def refused(self, command_id: str, card_id: UUID, body: object, code: str) -> None:
        """A command was refused."""
        self._commands.refused(command_id, body, code)
        refunds.refused(self._findings, card_id, body, code)

    def failed(self, card_id: UUID, why: str) -> None:
        """No decision or request could be made for a card."""
        self._findings.violation("failed", card_id, why)

    def unreadable(self, card_id: UUID) -> None:
        """A card of the batch under way could not be read."""
        self._batch.unreadable(card_id)

    def readable(self, card_id: UUID) -> None:
        """It could be read after all."""
        self._batch.readable(card_id)

    def acknowledged(self, parked: Mapping[UUID, str], attempts: Iterable[str]) -> None:
        """The batch will not come again: some cards are parked, and of some attempts something became known."""
        self._batch.acknowledged(parked, attempts)

    def window(self, kind: str, begins: datetime, ends: datetime) -> None:
        """An outage, a time in which the operator has stopped all charging, or one that a clock was ahead by."""
        if kind == "clock_ahead":
            self._findings.clocks_ahead.append((begins, ends))
        if kind == "charging_stop":
            self._findings.charging_stops.append((begins, ends))

    def finish(self, record: Path, at: datetime) -> None:
        """Check at the end that what is due is done, what is owed is paid back, what was charged is known."""
        self._notices.check_sent()
        for card in self._findings.cards.values():
            if card.wake_at is not None and card.wake_at < at - OVERDUE:
                self._findings.violation("liveness", card.card_id, f"it was due at {card.wake_at} and was never woken")
            lapse.finish(self._findings, card, at)
            refunds.finish(self._findings, card, at)
        check_record(self._findings, record)

    def _check_order(self, card: Card, fact: Fact) -> None:
        if fact.version != card.version + 1 or fact.position != self._position + 1:
            sentence = f"it comes after fact {card.version} and position {self._position}"
            self._findings.violation("lost_fact", fact, sentence)
        if card.at is not None and fact.at < card.at - CLOCK_SKEW:
            if self._findings.was_clock_ahead(card.at):
                card.passed_twice += card.at - fact.at
            else:
                self._findings.violation("time", fact, f"business time went back from {card.at}")
        card.version, self._position = fact.version, fact.position

    def _check_rate(self, card: Card, fact: Fact) -> None:
        card.recent_facts.append(fact.at)
        if len(card.recent_facts) > RECENT_FACTS_MAX:
            within = fact.at - card.recent_facts[0]
            if within < RECENT:
                self._findings.violation("hot", fact, f"{RECENT_FACTS_MAX} facts within {within}")
            card.recent_facts.clear()

    def _check_undone(self, card: Card, fact: Fact) -> None:
        """With a term that was undone auto-renewal goes off."""
        card.must_be_off = False
        if card.agreed_price is not None:
            self._findings.violation("after_switch_off", fact, "a term was undone, but auto-renewal is on")

    def _check_end_of_append(self, card: Card, fact: Fact) -> None:
        """No money is left where it does not belong, and a card in our care has a time at which it wakes."""
        if card.to_credit:
            sentence = f"{card.to_credit} have to come back onto the balance with the dispute that was won"
            self._findings.violation("balance", fact, sentence)
            card.to_credit = 0
        if card.to_release:
            self._findings.violation("balance", fact, f"{card.to_release} of a term that was undone do not come back")
            card.to_release = 0
        if card.must_be_off:
            self._check_undone(card, fact)
        if card.spent.is_moved:
            balance.check_moved(self._findings, card, fact)
        if card.to_debit:
            self._findings.violation("balance", fact, f"{card.to_debit} went back, but stay on the balance")
            card.to_debit = 0
        is_kept_back = card.held_since is not None or card.doubted_since is not None
        is_at_rest = card.is_over or (is_kept_back and not card.open_attempts)
        if card.must_be_confirmed and card.doubted_since is None:
            self._findings.violation("liveness", fact, "nobody is asked whether the number still exists")
        if card.withheld_for_open_tries is not None:
            sentence = f"method {card.withheld_for_open_tries} is withheld for tries that are open, which is no limit"
            self._findings.violation("limits", fact, sentence)
            card.withheld_for_open_tries = None
        if card.wake_at is None and not is_at_rest:
            self._findings.violation("liveness", fact, "the card will never wake again")
