"""What the holder pays on the provider's page, by a wallet that cannot be charged later: its marks and its times.

Such an attempt is recorded first and never sent: whoever serves the holder opens its page, and what came of it is
looked up. Until the page is surely closed it is open like any other; what is not paid by then uses nothing up.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from engine.card.methods import NO_NUL, MethodKind, PaymentMethod
from engine.card.promised import most_at_once
from engine.declines import NOT_PAID_ON_PAGE
from engine.errors import Refused
from engine.money import Money
from engine.ports import Answer, Charged, Declined, NotFound
from engine.provider import Provider
from engine.text import NoCardNumber
from engine.value import Value

CLOSED_AFTER = timedelta(minutes=5)
"""So long after its end a page is surely closed: clocks differ, and providers are not prompt."""
KIND: MethodKind = "e_wallet"
_PREFIX = "on_page:"


class PageWallet(Value):
    """A wallet that pays on the provider's page, once: `token` names the holder there, and is charged by nobody."""

    brand: Annotated[str, Field(min_length=1, max_length=40, pattern=NO_NUL)]
    token: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL), NoCardNumber]

    @property
    def kind(self) -> MethodKind:
        """Its kind as a payment method."""
        return KIND

    @property
    def identity(self) -> str:
        """What tells it from another one in a command: the provider may name the holder anew."""
        return self.brand

    @property
    def method_id(self) -> str:
        """What stands in the place of a payment method's id; no such method is ever bound."""
        return f"{_PREFIX}{self.brand}"


def wallet_named(method_id: str | None) -> PaymentMethod | None:
    """The wallet of that id, to be named to people; None for the id of a payment method that was bound."""
    if method_id is None or not method_id.startswith(_PREFIX):
        return None
    return PaymentMethod(method_id, KIND, token="", brand=method_id.removeprefix(_PREFIX))


def wallets_of(provider: Provider) -> tuple[str, ...]:
    """The wallets, by brand, that pay on the provider's page alone."""
    return tuple(brand for brand, promise in provider.methods.items() if not promise.reusable)


def check_wallet(wallet: PageWallet, amount: Money, provider: Provider) -> None:
    """Raise Refused `not_paid_on_page`, `above_method_limit` for what the provider's page does not take."""
    if wallet.brand not in wallets_of(provider):
        message = f"{wallet.brand} does not pay on the provider's page; choose one of {', '.join(wallets_of(provider))}"
        raise Refused("not_paid_on_page", message, "on_page.brand")
    most = most_at_once([wallet], provider, amount.currency)
    if most is not None and amount.minor > most:
        message = f"{wallet.brand} takes at most {amount.of(most)} at once, not {amount}"
        raise Refused("above_method_limit", message, "amount.minor")


def surely_closed_at(page_until: datetime) -> datetime:
    """From when on nobody can pay any more on a page that ends then."""
    return page_until + CLOSED_AFTER


def said_of_page(answer: Answer, page_until: datetime, at: datetime) -> Answer | None:
    """What an answer says of a payment on a page that ends then; None: nothing yet.

    Until the page is surely closed only the payment and the end of the page are news. After that a page that was never
    made cannot be made any more.
    """
    if isinstance(answer, Charged):
        return answer
    if isinstance(answer, Declined):
        return Declined(code=NOT_PAID_ON_PAGE)
    if at < surely_closed_at(page_until):
        return None
    return Declined(code=NOT_PAID_ON_PAGE) if isinstance(answer, NotFound) else answer
