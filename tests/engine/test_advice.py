"""An issuer's advice to wait holds for the payment card, wherever it is bound, in PostgreSQL and in memory alike."""

import pytest
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.card.hold import CardHeld, CardReleased
from engine.card.methods import PaymentMethodUpdated
from engine.networks import DELAYED, Limited
from engine.ports import Declined
from tests.engine.payment_cards import AT, DAY, HOUR, MINUTE, TICK, declined, tries
from tests.engine.samples import OPENS_AT, VISA_AGAIN
from tests.engine.sharing import Sharing, charges


@pytest.mark.parametrize("what", [{}, {"brand": "visa"}, {"brand": "visa", "again": True}])
def test_advice_delays_the_payment_card_for_every_card_until_its_end(happens, what):
    told = tries(**what)
    happens(told)
    assert happens(replace(declined(told), not_before=AT + 8 * DAY)) is None
    happens(replace(declined(told), not_before=AT + 3 * DAY))  # a shorter one ends no longer one
    assert happens(tries(AT + HOUR, **what)) == Limited(DELAYED, AT + 8 * DAY)
    assert happens(tries(AT + 8 * DAY - TICK, **what)) == Limited(DELAYED, AT + 8 * DAY)
    assert happens(tries(AT + HOUR, fingerprint="another", **what)) is None
    assert happens(tries(AT + 8 * DAY, **what)) is None
    assert happens(tries(AT + 9 * DAY, **what)) is None


@pytest.mark.parametrize("what", [{}, {"brand": "visa"}, {"brand": "visa", "again": True}])
def test_a_try_of_a_clock_that_was_ahead_ends_no_advice(happens, what):
    told = tries(**what)
    happens(told)
    happens(replace(declined(told), not_before=AT + 3 * DAY))
    assert happens(tries(AT + 4 * DAY, **what)) is None  # it was put right before this was sent
    assert happens(tries(AT + HOUR, **what)) == Limited(DELAYED, AT + 3 * DAY)


def test_our_own_second_try_in_a_rung_is_no_advice(happens):
    told = tries()
    happens(told)
    happens(replace(declined(told), not_before=AT + HOUR, within_rung=True))
    assert happens(tries(AT + MINUTE)) is None


def test_an_append_cannot_be_advised_to_wait_and_try(happens):
    told = tries(brand="visa")
    happens(told)
    advised = replace(declined(told), not_before=AT + DAY)
    assert happens(advised, tries(brand="visa")) == Limited(DELAYED, AT + DAY)
    assert happens(tries(brand="visa")) is None  # nothing of it was written


def test_advice_survives_an_update_of_the_method():
    cards = Sharing(1)
    (card_id,) = cards.ids
    cards.live(OPENS_AT + MINUTE, lambda *_: Declined(code="do_not_honor", advice_code="30"))
    again = PaymentMethodUpdated(method=VISA_AGAIN, at=OPENS_AT + MINUTE)
    cards.record(card_id, again, wake_at=OPENS_AT + HOUR)
    cards.live(OPENS_AT + 2 * HOUR, charges)
    withheld = next(one for one in cards.facts(card_id) if isinstance(one, ChargeWithheld))
    assert (withheld.reason, withheld.until) == (DELAYED, OPENS_AT + 10 * DAY)
    assert cards.card(card_id).methods.limited == {}


def test_advice_holds_for_the_holders_other_cards():
    cards = Sharing(2)
    first, other = cards.ids
    cards.record(other, CardHeld(reason="later", by="operator", at=OPENS_AT), wake_at=OPENS_AT + HOUR)
    cards.live(OPENS_AT + MINUTE, lambda *_: Declined(code="do_not_honor", advice_code="25"))
    cards.record(other, CardReleased(at=OPENS_AT + HOUR), wake_at=OPENS_AT + HOUR)
    cards.live(OPENS_AT + 2 * HOUR, charges)
    kinds = [type(one) for one in cards.facts(other)]
    assert ChargeAttempted in map(type, cards.facts(first))
    assert ChargeWithheld in kinds
    cards.live(OPENS_AT + 2 * DAY, charges)
    assert cards.card(other).term.number == 1  # it is made up for in the same pass
