"""What our tokens name at Stripe: whom and by what to charge. To the engine they are opaque."""

import re
from typing import NamedTuple

from engine.errors import GatewayMisuseError
from engine.text import has_card_number

CARD = "card"
REUSABLE = ("card", "link", "paypal")
"""Types of PaymentMethods that may be charged while the holder is away (docs.stripe.com, payment method support)."""
PAY_NOW = ("alipay", "wechat_pay")
"""Types that are paid on the hosted page alone, once each."""

_TOKEN = re.compile(
    rf"(?P<customer>cus_\w+)/(?:(?P<method>pm_\w+)(?:/(?P<type>{'|'.join(REUSABLE)}))?|(?P<now>{'|'.join(PAY_NOW)}))"
)


class Token(NamedTuple):
    """`cus_…/pm_…` is a card, `cus_…/pm_…/paypal` another type that can be saved, `cus_…/alipay` one that cannot."""

    customer: str
    method: str | None
    type: str

    def __str__(self) -> str:
        parts = [self.customer, self.method, None if self.method and self.type == CARD else self.type]
        return "/".join(part for part in parts if part)


def read_token(text: str) -> Token:
    """What a token names; raises GatewayMisuseError, without the token, for one that was not made for Stripe."""
    found = _TOKEN.fullmatch(text)
    if found is None or has_card_number(text):
        raise GatewayMisuseError("the payment method's token is none of Stripe's; was it bound at another provider?")
    return Token(found["customer"], found["method"], found["now"] or found["type"] or CARD)
