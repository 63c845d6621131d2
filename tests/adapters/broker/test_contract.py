"""What is published, and what must never be."""

import json
from datetime import date
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.broker.contract import INTERNAL_FACTS, public_event
from adapters.broker.messages import EventType
from engine.card.balance import BalanceCredited
from engine.card.consent import AutoRenewEnabled, PeriodChanged, PriceChangeAnnounced
from engine.card.custody import CardClosed
from engine.card.facts import STORED_NAMES
from engine.card.hold import CardHeld, CardReleased
from engine.card.lapse import NumberReclaimed
from engine.card.refunds import RefundRecorded, RefundSucceeded
from engine.card.term import Reinstated
from engine.card.undoing import TermUndone
from engine.envelope import read_fact
from tests.engine.random_histories import cny, random_history
from tests.engine.samples import DECLINED, OPENS_AT, VISA, attempt_id, failed, renewed, succeeded
from tests.engine.test_events import stored
from tests.projections.folding import recorded

PRICE = {"price": cny(3000), "saving": cny(0), "catalogue_version": "2027-01-01", "at": OPENS_AT}
ABOUT = {"attempt_id": attempt_id(), "amount": cny(1500), "at": OPENS_AT}
EVIDENCE = "ticket-1"


def published(fact):
    event = public_event(recorded(fact, 7, position=41))
    assert (event.position, event.card_version, event.at) == (41, 7, fact.at)
    return event.type, json.loads(event.model_dump_json())["data"]


MONEY = {"minor": 1500, "currency": "CNY"}
REFUNDED = ("charge_refunded.v1", {"attempt_id": str(attempt_id()), "amount": MONEY})


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (
            PeriodChanged(**PRICE, months=6, terms_version="terms-1", channel="web"),
            ("period_changed.v1", {"months": 6, "price": {"minor": 3000, "currency": "CNY"}}),
        ),
        (
            PriceChangeAnnounced(**PRICE, months=1, applies_from=date(2026, 6, 1)),
            (
                "price_change_announced.v1",
                {"months": 1, "price": {"minor": 3000, "currency": "CNY"}, "applies_from": "2026-06-01"},
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
            ("card_reclaimed.v1", {"quarantined_until": "2026-06-01"}),
        ),
        (CardClosed(reason="moved to Mallorca", balance=cny(5), at=OPENS_AT), ("card_closed.v1", {})),
        (CardHeld(reason="a word about the holder", by="operator", at=OPENS_AT), ("card_held.v1", {"by": "operator"})),
        (CardReleased(at=OPENS_AT), ("card_released.v1", {})),
        (
            TermUndone(undone_number=1, attempt_id=attempt_id(), term=renewed().term, at=OPENS_AT),
            ("term_undone.v1", {"term_number": 1, "ends_on": "2026-05-01"}),
        ),
        (RefundSucceeded(**ABOUT, refund_id=UUID(int=9), gateway_ref="back-1"), REFUNDED),
        (RefundRecorded(**ABOUT, evidence=EVIDENCE), REFUNDED),
        (
            BalanceCredited(amount=cny(1500), reason="top_up", about=attempt_id(), evidence=EVIDENCE, at=OPENS_AT),
            ("balance_credited.v1", {"amount": MONEY, "reason": "top_up"}),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_public_fact_has_its_message(fact, message):
    assert published(fact) == message


def test_a_refund_of_which_nothing_went_back_has_no_message():
    assert public_event(recorded(RefundRecorded(**ABOUT | {"amount": cny(0)}, evidence=EVIDENCE))) is None


@pytest.mark.parametrize("top_up", [None, 3])
@pytest.mark.parametrize("fact", [succeeded(), failed()], ids=["charged", "declined"])
def test_a_charge_names_the_top_up_that_it_is_for(fact, top_up):
    _, data = published(replace(fact, top_up=top_up))
    assert data["top_up"] == top_up


AGREED = {**PRICE, "months": 6, "terms_version": "terms-1", "channel": "web"}


@pytest.mark.parametrize(
    "fact",
    [
        AutoRenewEnabled(**AGREED),
        PeriodChanged(**AGREED),
        PriceChangeAnnounced(**PRICE, months=1, applies_from=date(2026, 6, 1)),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_reactivation_fee_stands_beside_the_price_only_where_there_is_one(fact):
    kind, without = published(fact)
    kind_with, data = published(replace(fact, reactivation_fee=cny(500)))
    assert kind_with == kind
    assert data == {**without, "reactivation_fee": {"minor": 500, "currency": "CNY"}}
    assert "price" in without
    assert "reactivation_fee" not in without


SECRETS = {"code", "advice_code", "network_code", "token", "fingerprint", "last4", "brand", "gateway_ref", "evidence"}


def names_in(data) -> set[str]:
    if not isinstance(data, dict):
        return set()
    return data.keys() | {name for inner in data.values() for name in names_in(inner)}


def test_no_decline_code_no_token_and_no_free_text_is_published():
    decline = replace(failed(code="stolen_card"), advice_code="03", network_code="43")
    on_again, undone = Reinstated(term_number=1, at=OPENS_AT), read_fact(0, *stored("term_undone.v1")).fact
    histories = (fact for seed in range(40) for fact in random_history(seed, 60).facts)
    facts = [*DECLINED, decline, on_again, undone, *histories]
    kinds = set()
    for fact in facts:
        event = public_event(recorded(fact))
        if event is None:
            continue
        kinds.add(event.type)
        body = event.model_dump_json()
        assert not names_in(json.loads(body)["data"]) & SECRETS
        assert not [word for word in ("stolen_card", VISA.token, VISA.fingerprint, "ticket") if word in body]
    assert kinds == set(EventType.__args__)


@pytest.mark.parametrize("name", STORED_NAMES)
def test_only_the_public_facts_become_messages(name):
    """The publisher relies on it: it reads no others from the log."""
    assert (public_event(read_fact(0, *stored(name))) is None) == (name in INTERNAL_FACTS)
