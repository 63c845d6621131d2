"""What the gateway received: stored before, under one key with one set of parameters, and only while it is wanted."""

from datetime import datetime

from tests.simulation.checker import refunds
from tests.simulation.checker.attempt import Attempt
from tests.simulation.checker.card import KEY_LIFETIME, Card
from tests.simulation.checker.findings import Findings


def received(  # noqa: PLR0917 (the fields of a request as the gateway received it)
    findings: Findings, at: datetime, kind: str, key: str, parameters: str, decided_at: int, position: int
) -> None:
    """The gateway received a charge, a look-up or a refund (of these it is checked at the end what it made)."""
    if kind == "refund":
        if key in findings.refunds_started:
            refunds.asked(findings, findings.refunds_started[key], key, decided_at)
        return
    attempt = findings.attempts.get(key)
    if attempt is None or attempt.position > position:
        findings.violation("intent_first", None, f"the gateway received attempt {key}, which is not stored")
        return
    card = findings.cards[attempt.card_id]
    _check_parameters(findings, attempt, parameters)
    if kind == "charge":
        _check_sending(findings, card, attempt, at, decided_at)
        attempt.first_sent_at = min(at, attempt.first_sent_at or at)
        attempt.last_sent_at = max(at, attempt.last_sent_at or at)


def _check_parameters(findings: Findings, attempt: Attempt, parameters: str) -> None:
    if attempt.parameters is None:
        attempt.parameters = parameters
        stored = (attempt.token, str(attempt.card_id), attempt.purpose, attempt.minor, attempt.currency)
        if not all(str(part) in parameters for part in stored):
            sentence = f"attempt {attempt.attempt_id} was sent as {parameters}, not as it is stored"
            findings.violation("one_key", attempt.card_id, sentence)
    elif parameters != attempt.parameters:
        sentence = f"attempt {attempt.attempt_id} was sent as {attempt.parameters} and as {parameters}"
        findings.violation("one_key", attempt.card_id, sentence)


def _check_sending(findings: Findings, card: Card, attempt: Attempt, at: datetime, decided_at: int) -> None:
    if attempt.closed_at is not None:
        sentence = f"attempt {attempt.attempt_id}, which the holder pays on a page, was sent at {at}"
        findings.violation("sent_page", card.card_id, sentence)
    first_at = min(attempt.at, attempt.first_sent_at or at)
    if at >= first_at + KEY_LIFETIME:
        sentence = f"attempt {attempt.attempt_id} of {first_at} was sent at {at}, when its key is forgotten"
        findings.violation("old_key", card.card_id, sentence)
    unwanted = (attempt.unwanted_position, card.unwanted_position if attempt.top_up is None else None)
    if any(place and attempt.position < place <= decided_at for place in unwanted):
        sentence = f"attempt {attempt.attempt_id} was sent at {at} when it was not wanted any more"
        findings.violation("after_switch_off", card.card_id, sentence)
