"""What is published, and what must never be."""

import json
from datetime import date
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from adapters.broker.contract import INTERNAL_FACTS, message_of
from adapters.broker.messages import EVENTS
from engine.card.balance import BalanceCredited
from engine.card.consent import PeriodChanged, PriceChangeAnnounced
from engine.card.custody import CardClosed
from engine.card.facts import STORED_NAMES
from engine.card.hold import CardHeld, CardReleased
from engine.card.lapse import NumberReclaimed
from engine.card.refunds import RefundRecorded, RefundSucceeded
from engine.card.undoing import TermUndone
from engine.envelope import read_fact
from engine.notices import SHOWN_CODES
from tests.engine.random_histories import cny, random_history
from tests.engine.samples import DECLINED, OPENS_AT, VISA, attempt_id, failed, renewed, succeeded
from tests.engine.test_events import stored

PRICE = {"price": cny(3000), "saving": cny(0), "catalogue_version": "2027-01-01", "at": OPENS_AT}
ABOUT = {"attempt_id": attempt_id(), "amount": cny(1500), "at": OPENS_AT}
EVIDENCE = "ticket-1"


def data_of(message):
    return json.loads(msgspec.json.encode(message))


def told(fact):
    """The name of the message, and its data."""
    message = message_of(fact)
    return next(name for name, kind in EVENTS.items() if kind is type(message)), data_of(message)


def amount(minor):
    return {"minor": minor, "currency": "CNY"}


REFUNDED = {"attempt_id": str(attempt_id()), "amount": amount(1500)}


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (
            PeriodChanged(**PRICE, months=6, terms_version="terms-1", channel="web", reactivation_fee=cny(500)),
            ("period_changed.v1", {"months": 6, "price": amount(3000), "reactivation_fee": amount(500)}),
        ),
        (
            PriceChangeAnnounced(**PRICE, months=1, applies_from=date(2026, 6, 1)),
            (
                "price_change_announced.v1",
                {"months": 1, "price": amount(3000), "applies_from": "2026-06-01", "reactivation_fee": None},
            ),
        ),
        (
            NumberReclaimed(
                term_number=0,
                by="carrier",
                quarantined_until=date(2026, 6, 1),
                balance=cny(5),
                policy_version="1",
                at=OPENS_AT,
            ),
            (
                "card_reclaimed.v1",
                {"term_number": 0, "by": "carrier", "quarantined_until": "2026-06-01", "balance": amount(5)},
            ),
        ),
        (
            CardClosed(reason="moved to Mallorca", balance=cny(5), at=OPENS_AT),
            ("card_closed.v1", {"balance": amount(5)}),
        ),
        (CardHeld(reason="a word about the holder", by="operator", at=OPENS_AT), ("card_held.v1", {"by": "operator"})),
        (CardReleased(at=OPENS_AT), ("card_released.v1", {})),
        (
            TermUndone(undone_number=1, attempt_id=attempt_id(), term=renewed().term, at=OPENS_AT),
            ("term_undone.v1", {"term_number": 1, "ends_on": "2026-05-01"}),
        ),
        (
            RefundSucceeded(**ABOUT, refund_id=UUID(int=9), gateway_ref="back-1"),
            ("charge_refunded.v1", REFUNDED | {"refund_id": str(UUID(int=9))}),
        ),
        (RefundRecorded(**ABOUT, evidence=EVIDENCE), ("charge_refunded.v1", REFUNDED | {"refund_id": None})),
        (
            BalanceCredited(amount=cny(1500), reason="top_up", about=attempt_id(), evidence=EVIDENCE, at=OPENS_AT),
            ("balance_credited.v1", {"amount": amount(1500), "reason": "top_up"}),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_public_fact_has_its_message(fact, message):
    assert told(fact) == message


def test_a_refund_of_which_nothing_went_back_has_no_message():
    assert message_of(RefundRecorded(**ABOUT | {"amount": cny(0)}, evidence=EVIDENCE)) is None


@pytest.mark.parametrize("top_up", [None, 3])
@pytest.mark.parametrize("fact", [succeeded(), failed()], ids=["charged", "declined"])
def test_a_charge_names_the_top_up_that_it_is_for(fact, top_up):
    assert message_of(replace(fact, top_up=top_up)).top_up == top_up


@pytest.mark.parametrize(("code", "shown"), [("expired_card", "expired_card"), ("stolen_card", None)])
def test_a_decline_s_code_is_told_if_the_holder_may_learn_it(code, shown):
    assert (code in SHOWN_CODES) == (shown is not None)
    assert message_of(failed(code=code)).code == shown


@pytest.mark.parametrize(("minor", "told_as"), [(0, None), (200, amount(200))])
def test_what_the_balance_paid_is_money_as_everything_else(minor, told_as):
    assert data_of(message_of(replace(renewed(), from_balance=minor)))["from_balance"] == told_as


NEVER_NAMED = {"advice_code", "network_code", "token", "fingerprint", "last4", "brand", "gateway_ref", "evidence"}


def names_in(data) -> set[str]:
    if not isinstance(data, dict):
        return set()
    return data.keys() | {name for inner in data.values() for name in names_in(inner)}


def test_no_decline_code_of_the_bank_no_token_and_no_free_text_is_published():
    decline = replace(failed(code="stolen_card"), advice_code="03", network_code="43")
    goldens = [read_fact(0, *stored(name)).fact for name in STORED_NAMES]
    histories = (fact for seed in range(40) for fact in random_history(seed, 60).facts)
    kinds = set()
    for fact in [*DECLINED, decline, *goldens, *histories]:
        message = message_of(fact)
        if message is None:
            continue
        kinds.add(type(message))
        data = data_of(message)
        assert not names_in(data) & NEVER_NAMED
        assert data.get("code") in {None, *SHOWN_CODES}
        assert not [
            word for word in ("stolen_card", VISA.token, VISA.fingerprint, "ticket") if word in json.dumps(data)
        ]
    assert kinds == set(EVENTS.values())


@pytest.mark.parametrize("name", STORED_NAMES)
def test_only_the_public_facts_become_messages(name):
    """The publisher relies on it: it reads no others from the log."""
    assert (message_of(read_fact(0, *stored(name)).fact) is None) == (name in INTERNAL_FACTS)
