"""Payment methods: new details are tried at once, removed ones never, all in the holder's order."""

from datetime import timedelta

from engine.card.attempt import ChargeAttempted
from engine.card.methods import (
    PaymentMethodBound,
    PaymentMethodRemoved,
    PaymentMethodsOrdered,
    PaymentMethodUpdated,
    bind_payment_method,
    order_payment_methods,
    remove_payment_method,
    update_payment_method,
)
from engine.card.term import RenewalStarted
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import (
    CHARGING,
    OPENS_AT,
    PAYPAL,
    SECOND,
    VISA,
    VISA_AGAIN,
    bound,
    enabled,
    failed,
    registered,
    unknown,
)

NOW = OPENS_AT + SECOND


def test_a_new_method_is_bound_last():
    then = given(registered(), bound(VISA)).when(bind_payment_method, method=PAYPAL, at=NOW)
    then.then(fact(PaymentMethodBound, method=PAYPAL, at=NOW))
    assert then.card.methods.bound == (VISA, PAYPAL)


def test_new_details_are_tried_at_once():
    then = given(*CHARGING, failed(code="expired_card")).when(update_payment_method, method=VISA_AGAIN, at=NOW)
    then.then(fact(PaymentMethodUpdated, method=VISA_AGAIN))
    Given(then.card).at(NOW).then(fact(ChargeAttempted, token="tok-visa-2", reason="new_method", rung=1))


def test_a_removed_method_is_not_charged_and_never_sent_again():
    history = (registered(), bound(VISA), bound(PAYPAL), *CHARGING[2:], unknown())
    then = given(*history).when(remove_payment_method, method_id="visa", at=NOW)
    then.then(fact(PaymentMethodRemoved, method_id="visa", reason="holder"))
    Given(then.card).at(OPENS_AT + timedelta(hours=1)).asks("looked_up")


def test_the_last_method_of_a_card_that_is_not_to_be_charged_may_go():
    given(registered(), bound()).when(remove_payment_method, method_id="visa", at=NOW).then(fact(PaymentMethodRemoved))


def test_methods_are_charged_in_the_holders_order():
    card = given(registered(), bound(VISA), bound(PAYPAL), enabled())
    order = {"method_ids": ("paypal", "visa"), "balance_first": False}
    then = card.when(order_payment_methods, **order, at=NOW).then(fact(PaymentMethodsOrdered))
    Given(then.card).at(OPENS_AT).then(fact(RenewalStarted), fact(ChargeAttempted, method_id="paypal"))
