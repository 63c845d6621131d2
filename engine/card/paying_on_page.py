"""Payments that the holder makes on the provider's page: the next term now, or a top-up."""

from datetime import datetime
from typing import Protocol

from engine.card.attempt import ChargeAttempted
from engine.card.balance import check_amount
from engine.card.charge import ChargeableOnRequest, Due, check_due, check_may_charge, due_now, is_outdated
from engine.card.custody import check_kept
from engine.card.deadlines import HasDeadlines
from engine.card.doubt import check_not_lost
from engine.card.gap import attempt_id_of
from engine.card.on_page import PageWallet, check_wallet
from engine.card.promised import check_minimum
from engine.card.term import RenewalStarted, offer
from engine.card.top_ups import Paying, TopUpStarted
from engine.errors import Refused
from engine.money import Money
from engine.rules import Rules


class _ToppingUp(Paying, HasDeadlines, Protocol):
    """What a top-up on the page reads of a card."""


def renew_on_page(
    card: ChargeableOnRequest, rules: Rules, *, wallet: PageWallet, shown: Due | None = None, at: datetime
) -> tuple[RenewalStarted | ChargeAttempted, ...]:
    """The holder pays the next term on the provider's page; asked twice while that is open it is refused.

    No method is charged meanwhile, nor the balance spent; so it is refused, too, while a charge that the holder asked
    for is about to be made. Raises Refused as `renew_now`, and `not_paid_on_page`, `above_method_limit`.
    """
    consent = check_due(card, rules, shown, at)
    check_not_lost(card, at)
    if card.renewal is not None and card.renewal.request_open and card.renewal.withheld is None:
        raise Refused("charge_under_way", "the holder asked to be charged, which is about to be done; wait for it")
    due, renewal, number = due_now(card, consent, rules, at), card.renewal, card.attempts.made + 1
    check_wallet(wallet, due.amount, rules.provider)
    offers = (offer(card, consent, rules, at),) if renewal is None or is_outdated(card, renewal) else ()
    attempt = ChargeAttempted(
        attempt_id=attempt_id_of(card, f"renewal:{due.term_number}", wallet.method_id, number),
        term_number=due.term_number,
        number=number,
        rung=0 if renewal is None else renewal.rung,
        reason="on_page",
        method_id=wallet.method_id,
        token=wallet.token,
        amount=due.amount,
        policy_version=rules.policy.version,
        brand=wallet.brand,
        page_until=at + rules.provider.page_lifetime,
        at=at,
    )
    return *offers, attempt


def top_up_on_page(
    card: _ToppingUp, rules: Rules, *, wallet: PageWallet, amount: Money, at: datetime
) -> tuple[TopUpStarted | ChargeAttempted, ...]:
    """The holder pays `amount` onto the balance on the provider's page.

    Raises Refused `amount_not_positive`, `wrong_currency`, `below_minimum_charge`, `charge_under_way`, `held`,
    `charging_stopped`, `not_paid_on_page`, `above_method_limit`.
    """
    check_kept(card)
    check_amount(card, amount)
    check_minimum(amount, rules.catalogue)
    check_may_charge(card, rules)
    check_not_lost(card, at)
    check_wallet(wallet, amount, rules.provider)
    number = card.top_ups.begun + 1
    attempt = ChargeAttempted(
        attempt_id=attempt_id_of(card, f"top_up:{number}", wallet.method_id, 1),
        term_number=card.term.number,
        number=1,
        rung=0,
        reason="top_up",
        method_id=wallet.method_id,
        token=wallet.token,
        amount=amount,
        policy_version=rules.policy.version,
        top_up=number,
        brand=wallet.brand,
        page_until=at + rules.provider.page_lifetime,
        at=at,
    )
    return TopUpStarted(number=number, amount=amount, automatic=False, at=at), attempt
