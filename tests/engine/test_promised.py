"""What a provider promises per kind of payment method, as data: what may be saved, and how much it takes at once."""

import pytest
from msgspec.structs import replace

from engine.card.promised import check_reusable, most_at_once
from engine.card.top_ups import TopUpStarted, top_up
from engine.errors import Refused
from engine.provider import CARD_LIKE, MethodPromise, Provider
from tests.engine.given_when_then import fact, given
from tests.engine.samples import DEBIT, FIVE, PAYING, PAYPAL, PROVIDER, REGISTERED_AT, RULES, TEN, VISA

ALIPAY = replace(PAYPAL, kind="e_wallet", brand="alipay")
LIMITED = Provider(
    methods={"paypal": MethodPromise(greatest={"CNY": 500}), "visa": MethodPromise(greatest={"CNY": 900})}
)


@pytest.mark.parametrize("brand", ["alipay", "wechat_pay"])
def test_at_stripe_alipay_and_wechat_pay_pay_only_while_the_holder_is_there(brand):
    with pytest.raises(Refused, match="cannot pay for renewals") as refused:
        check_reusable(replace(ALIPAY, brand=brand), PROVIDER)
    assert refused.value.code == "not_reusable"


def test_payment_cards_paypal_and_other_wallets_are_saved():
    for method in (VISA, DEBIT, PAYPAL, replace(ALIPAY, brand="link"), replace(ALIPAY, brand=None)):
        check_reusable(method, PROVIDER)


def test_another_provider_may_save_what_stripe_does_not():
    check_reusable(ALIPAY, Provider(name="another", methods={}))


def test_a_brand_goes_before_a_kind_and_what_is_not_named_is_like_a_payment_card():
    assert LIMITED.promises("paypal", None).greatest == {"CNY": 500}
    assert LIMITED.promises("paypal", "visa").greatest == {"CNY": 900}
    assert LIMITED.promises("debit_card", None) == CARD_LIKE


@pytest.mark.parametrize(
    ("methods", "currency", "most"),
    [((PAYPAL,), "CNY", 500), ((PAYPAL, VISA), "CNY", 900), ((PAYPAL, DEBIT), "CNY", None), ((PAYPAL,), "EUR", None)],
)
def test_the_most_at_once_is_that_of_the_method_that_takes_most(methods, currency, most):
    assert most_at_once(methods, LIMITED, currency) == most


def test_a_top_up_above_what_the_methods_take_is_refused_and_says_how_much_they_take():
    rules = replace(RULES, provider=Provider(methods={"visa": MethodPromise(greatest={"CNY": 500})}))
    topping_up = {"rules": rules, "at": REGISTERED_AT}
    refused = given(*PAYING).when(top_up, amount=TEN, **topping_up)
    refused.refused("above_method_limit")
    assert "at most 5.00 CNY" in str(refused.refusal)
    given(*PAYING).when(top_up, amount=FIVE, **topping_up).then(fact(TopUpStarted, amount=FIVE))
