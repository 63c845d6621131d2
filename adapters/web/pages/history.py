"""What happened to a card, in the holder's words."""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple
from uuid import UUID

from markupsafe import Markup

from adapters.notices.outbox import Told
from adapters.web.pages import changes, going_back
from adapters.web.pages.naming import every, length, method_name, named, reason
from adapters.web.pages.why_then import why_then
from adapters.web.voice import Voice
from engine.card import facts
from engine.card.attempt import ChargeAttempted
from engine.card.methods import PaymentMethod
from engine.card.on_page import wallet_named
from engine.declines import NOT_PAID_ON_PAGE, OF_THE_AMOUNT
from engine.envelope import Fact, Recorded
from engine.money import Money
from engine.operations import OperationsFact

Tone = Literal["good", "bad", "warn", ""]

NotShown = (
    OperationsFact
    | facts.ZoneChanged
    | facts.NumberConfirmed
    | facts.PaymentMethodAllowed
    | facts.RenewalStarted
    | facts.ChargeAttempted
    | facts.ChargeWithheld
    | facts.ChargeSucceeded
    | facts.ChargeFound
    | facts.GapClosed
    | facts.CaseOpened
    | facts.ChargingBlocked
    | facts.TopUpStarted
    | facts.BalanceDebited
    | facts.RefundOutcomeUnknown
    | facts.RefundPending
    | facts.ReminderDue
    | facts.Deferred
    | facts.Replanned
)
"""What a holder is not shown: steps that another fact sums up, and work of ours behind the scenes."""

_OfMoney = (
    facts.BalanceCredited
    | facts.BalancePaidOut
    | facts.TopUpFailed
    | facts.AutoTopUpSet
    | facts.AutoTopUpStopped
    | facts.RenewalRequestEnded
    | facts.RefundStarted
    | facts.RefundSucceeded
    | facts.RefundRecorded
    | facts.RefundFailed
    | facts.RefundReturned
    | facts.DisputeRecorded
    | facts.DisputeWon
    | facts.CardHeld
    | facts.CardReleased
    | facts.CardClosed
    | facts.HolderChanged
)


class Entry(NamedTuple):
    """One thing that happened; `receipt` names the attempt whose receipt there is, `why` explains the day."""

    of: Recorded
    at: Markup
    text: Markup
    tone: Tone = ""
    why: Markup | None = None
    receipt: UUID | None = None
    told: Markup | None = None
    """When and how the holder was notified of it."""


class _Known(NamedTuple):
    """What the sentences of one fact need of others."""

    methods: Mapping[str, Markup]
    """What they are called."""
    attempts: Mapping[UUID, ChargeAttempted]
    taken: frozenset[UUID]
    """Attempts that succeeded, be it after they had failed."""

    def method(self, method_id: str | None, say: Voice) -> Markup:
        """What a method is called."""
        return self.methods.get(method_id or "") or method_name(wallet_named(method_id), say)


def history(
    recorded: Iterable[Recorded], bound: Iterable[PaymentMethod], sent: Iterable[Told], zone: str, say: Voice
) -> tuple[Entry, ...]:
    """The entries of these facts, newest first; `bound` are the card's methods now, `sent` the notices about it."""
    facts_there = list(recorded)
    known = _known(facts_there, bound, say)
    notified = {one.version: one for one in sent}
    entries: list[Entry] = []
    for one in facts_there:
        told = _told(one.fact, known, say)
        if told is not None:
            text, tone, why, receipt = told
            notice = notified.get(one.version)
            when = None if notice is None else _notified(notice, zone, say)
            entries.append(Entry(one, say.moment(one.fact.at, zone), text, tone, why, receipt, when))
    return tuple(reversed(entries))


def _notified(notice: Told, zone: str, say: Voice) -> Markup:
    at = say.moment(notice.sent_at, zone)
    if notice.channel == "email":
        return say("We told you by e-mail, %(at)s.", at=at)
    return say("We told you by SMS, %(at)s.", at=at)


def _known(recorded: Collection[Recorded], bound: Iterable[PaymentMethod], say: Voice) -> _Known:
    methods = {one.method_id: one for one in bound}
    attempts: dict[UUID, ChargeAttempted] = {}
    for one in recorded:
        match one.fact:
            case facts.PaymentMethodBound(method=method) | facts.PaymentMethodUpdated(method=method):
                methods.setdefault(method.method_id, method)
            case facts.ChargeAttempted() as attempt:
                attempts[attempt.attempt_id] = attempt
            case _:
                pass
    taken = frozenset(one.fact.attempt_id for one in recorded if isinstance(one.fact, facts.ChargeSucceeded))
    return _Known({one.method_id: name for one, name in named(methods.values(), say)}, attempts, taken)


_Told = tuple[Markup, Tone, Markup | None, UUID | None]


def _plain(text: Markup, tone: Tone = "") -> _Told:
    return text, tone, None, None


def _told(fact: Fact, known: _Known, say: Voice) -> _Told | None:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    match fact:
        case facts.CardRenewed():
            return _renewed(fact, known, say)
        case facts.ChargeFailed():
            return _failed(fact, known, say)
        case facts.ChargeOutcomeUnknown(asked=asked):
            text = say("The bank has not answered yet. Your number is safe; we go on asking.")
            return _plain(text, "warn") if asked == 1 else None
        case facts.ChargePending():
            return _plain(say("The bank is still working on the payment."), "warn")
        case facts.AutoRenewEnabled(months=months, price=price):
            return _plain(say("You turned on auto-renewal: %(price)s, %(every)s.", **_agreed(price, months, say)))
        case facts.PeriodChanged(months=months, price=price):
            return _plain(say("You changed the period: %(price)s, %(every)s.", **_agreed(price, months, say)))
        case facts.PriceChangeAnnounced(price=price, applies_from=day):
            text = say(
                "A new price was announced: %(price)s from %(day)s on.", price=say.money(price), day=say.day(day)
            )
            return _plain(text)
        case facts.AutoRenewSwitchedOff(reason=why):
            return _plain(changes.switched_off(why, say), "warn")
        case facts.GraceStarted(suspends_on=day):
            return _plain(say("The paid term ended. Service goes off on %(day)s.", day=say.day(day)), "warn")
        case facts.Suspended(reclaimed_on=day):
            text = say("<b>Service went off.</b> The number is lost on %(day)s.", day=say.day(day))
            return _plain(text, "bad")
        case facts.Reinstated():
            return _plain(say("<b>Service is on again.</b>"), "good")
        case facts.NumberReclaimed():
            return _plain(say("<b>The carrier took the number back.</b>"), "bad")
        case facts.DeadlinesMoved(suspends_on=off, lost_on=lost):
            return _moved(off is None, say.day(lost), off and say.day(off), say) if lost else None
        case facts.TermUndone(term=term):
            text = say("A payment went back, so the card is paid until %(day)s again.", day=say.day(term.ends_on))
            return _plain(text, "warn")
        case facts.PaymentMethodBound(method=method):
            return _plain(say("You added %(method)s.", method=method_name(method, say)))
        case facts.PaymentMethodUpdated(method=method):
            return _plain(say("The details of %(method)s were updated.", method=method_name(method, say)))
        case facts.PaymentMethodRemoved(method_id=method_id, reason=why):
            name = known.method(method_id, say)
            if why == "holder":
                return _plain(say("You removed %(method)s.", method=name))
            return _plain(say("Your bank withdrew the permission to charge %(method)s.", method=name), "warn")
        case facts.PaymentMethodsOrdered():
            return _plain(say("You changed where payment is taken from first."))
        case facts.CardRegistered(term=term):
            return _plain(say("The card was set up, paid until %(day)s.", day=say.day(term.ends_on)))
        case facts.RenewalRequested():
            return _plain(say("You asked us to take payment now."))
        case _:
            return _more(fact, say)


def _more(fact: _OfMoney | NotShown, say: Voice) -> _Told | None:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    match fact:
        case facts.BalanceCredited(amount=amount, reason="top_up", about=about):
            text = say("%(amount)s was added to the balance.", amount=say.money(amount))
            return text, "good", None, about
        case facts.BalanceCredited(amount=amount, reason=why):
            text = say("%(amount)s came back onto the balance.", amount=say.money(amount))
            return None if why == "released" else _plain(text)
        case facts.BalancePaidOut(amount=amount):
            return _plain(say("The balance of %(amount)s was paid out to you.", amount=say.money(amount)))
        case facts.TopUpFailed(last_code=code, withdrawn=withdrawn):
            return None if withdrawn else _plain(_with_reason(say("The top-up failed"), code, say), "bad")
        case facts.AutoTopUpSet(threshold=threshold, amount=amount):
            return _plain(changes.standing_order(threshold, amount, say))
        case facts.AutoTopUpStopped(last_code=code) if code in OF_THE_AMOUNT:
            return _plain(say("Automatic top-up was turned off, since its amount cannot be charged."), "warn")
        case facts.AutoTopUpStopped():
            return _plain(say("Automatic top-up was turned off, since its payments failed again and again."), "warn")
        case facts.RenewalRequestEnded(withheld=withheld):
            text = say("Nothing was charged: the rules of banks and card networks allow no try yet.")
            return _plain(text, "warn") if withheld else None
        case facts.RefundStarted() | facts.RefundFailed() | facts.RefundReturned():
            text = going_back.said(fact, say)
            return _plain(text, "warn") if text else None
        case facts.RefundSucceeded(amount=amount) | facts.RefundRecorded(amount=amount):
            text = say("%(amount)s was refunded.", amount=say.money(amount))
            return _plain(text, "good") if amount.minor else None
        case facts.DisputeRecorded(amount=amount):
            return _plain(say("Your bank took back %(amount)s.", amount=say.money(amount)), "warn")
        case facts.DisputeWon(amount=amount):
            return _plain(say("Your bank returned %(amount)s to us.", amount=say.money(amount)))
        case facts.CardHeld(by=by):
            return _plain(changes.held(by, say), "warn")
        case facts.CardReleased():
            return _plain(say("The hold was lifted."))
        case facts.CardClosed():
            return _plain(say("The card was closed."))
        case facts.HolderChanged():
            return _plain(say("The card came to your account."))
        case _:
            return _nothing(fact)


def _nothing(_: NotShown) -> None:
    """Not shown; a new kind of fact fails the type check here until somebody decides what holders read of it."""


def _agreed(price: Money, months: int, say: Voice) -> Mapping[str, Markup]:
    return {"price": say.money(price), "every": Markup(every(months, say).lower())}  # noqa: S704 (our own text)


def _moved(is_off: bool, lost: Markup, off: Markup | None, say: Voice) -> _Told:  # noqa: FBT001 (two sentences)
    if is_off:
        text = say("The delay was ours, so you have more time: the number is lost on %(lost)s.", lost=lost)
    else:
        text = say("The delay was ours, so you have more time: service goes off on %(off)s.", off=off)
    return _plain(text)


def _renewed(fact: facts.CardRenewed, known: _Known, say: Voice) -> _Told:
    taken = fact.price if fact.reactivation_fee is None else fact.price + fact.reactivation_fee
    values = {"period": length(fact.months, say), "day": say.day(fact.term.ends_on), "price": say.money(taken)}
    if fact.attempt_id is None:
        text = say("<b>Renewed for %(period)s,</b> until %(day)s. Paid %(price)s from the balance.", **values)
        return text, "good", None, None
    method = known.method(fact.method_id, say)
    if fact.from_balance:
        reserve = Money(minor=fact.from_balance, currency=taken.currency)
        values |= {"method": method, "charged": say.money(taken - reserve), "balance": say.money(reserve)}
        text = say(
            "<b>Renewed for %(period)s,</b> until %(day)s. "
            "Paid %(price)s: %(charged)s by %(method)s, %(balance)s from the balance.",
            **values,
        )
    else:
        text = say("<b>Renewed for %(period)s,</b> until %(day)s. Paid %(price)s, %(method)s.", **values, method=method)
    return text, "good", None, fact.attempt_id


def _failed(fact: facts.ChargeFailed, known: _Known, say: Voice) -> _Told | None:
    if fact.code == NOT_PAID_ON_PAGE:
        method = known.method(fact.method_id, say)
        if fact.attempt_id in known.taken:
            return _plain(say("You did not pay by %(method)s in time.", method=method))
        return _plain(say("You did not pay by %(method)s. Nothing was charged.", method=method))
    if not fact.happened:
        return None
    attempt = known.attempts.get(fact.attempt_id)
    method = known.method(fact.method_id, say)
    said = reason(fact.code, say)
    tail = say("%(method)s, %(reason)s", method=method, reason=said) if said else method
    if attempt is None:
        return say("A payment <b>failed</b>: %(tail)s.", tail=tail), "bad", None, None
    amount = say.money(attempt.amount)
    text = say("Payment of %(amount)s <b>failed</b>: %(tail)s.", amount=amount, tail=tail)
    return text, "bad", why_then(attempt, say), None


def _with_reason(text: Markup, code: str | None, say: Voice) -> Markup:
    said = reason(code, say)
    return say("%(text)s: %(reason)s.", text=text, reason=said) if said else say("%(text)s.", text=text)
