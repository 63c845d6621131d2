"""Payment methods: what may be charged, in which order, and what keeps a method from being charged."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Literal, Protocol
from uuid import UUID

from msgspec.structs import replace
from pydantic import Field

from engine.calendar import Instant
from engine.card.custody import HasStatus, check_kept
from engine.card.event import Event
from engine.errors import Refused
from engine.networks import NEVER
from engine.text import NoCardNumber
from engine.value import Value

MethodKind = Literal["credit_card", "debit_card", "paypal", "e_wallet"]
NO_NUL = r"^[^\x00]*$"
"""What holders and operators write: NUL fits in no text column, and would stop every read model at its fact."""
DISPUTED = "disputed"
"""What stands in place of a code where a dispute ended a method."""
_Name = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL), NoCardNumber]
_Code = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL), NoCardNumber]
METHODS_MAX = 10
"""Methods on one card: each may be charged once in every pass."""


class PaymentMethod(Value):
    """A way to pay; of a payment card only token, brand, last four, expiry and fingerprint are ever known."""

    method_id: _Name
    kind: MethodKind
    token: _Code
    brand: _Name | None = None
    last4: Annotated[str | None, Field(pattern=r"^\d{4}$")] = None
    expires_on: date | None = None
    """The last day on which it is valid."""
    fingerprint: _Code | None = None
    """The same for one payment card wherever it is bound; wallets have none."""

    @property
    def instrument(self) -> str:
        """What is behind it, under whatever id it is bound: the payment card's fingerprint, or else the token."""
        return self.fingerprint or self.token


# Facts


class PaymentMethodBound(Event, kw_only=True):
    """The holder allowed us to charge this payment method; methods are tried in the order in which they were bound."""

    method: PaymentMethod


class PaymentMethodUpdated(Event, kw_only=True):
    """The holder, or the card's issuer, gave us new details of a payment method."""

    method: PaymentMethod


class PaymentMethodRemoved(Event, kw_only=True):
    """A payment method may not be charged any more."""

    method_id: str
    reason: Literal["holder", "mandate_withdrawn"]


class PaymentMethodsOrdered(Event, kw_only=True):
    """The holder chose in which order to be charged, and whether the balance comes first."""

    method_ids: tuple[str, ...]
    balance_first: bool


# State


class MethodLimit(Value):
    """The network limit that delays a method."""

    rule: str
    last_rung: bool
    """It delays last rungs too, for which a part of each limit is kept."""


class Disputed(Value):
    """A charge that the holder's bank took back, and the instrument that was charged."""

    attempt_id: UUID
    instrument: str


class Methods(Value):
    """The funding order: bound methods in the holder's order, and what keeps any of them from being charged."""

    bound: tuple[PaymentMethod, ...] = ()
    balance_first: bool = False
    """The balance is spent before any method is charged."""
    ended: Mapping[str, str] = {}
    """Method ids not to be tried before the holder changes something, each with the code that ended it, or NEVER."""
    needs_holder: tuple[str, ...] = ()
    """Those of the ended methods that may be tried while the holder is present."""
    not_before: Mapping[str, Instant] = {}
    """Method ids to be left alone for some time."""
    limited: Mapping[str, MethodLimit] = {}
    """Those of them that a network limit delays."""
    disputed: tuple[Disputed, ...] = ()
    """What was disputed stays ended under whatever method id and details it is bound, until the dispute is won."""


class HasMethods(Protocol):
    """A card with its payment methods."""

    @property
    def methods(self) -> Methods: ...


class _Keeping(HasMethods, HasStatus, Protocol):
    """What most decisions about methods read of a card."""


class _MayBeOpen(Protocol):
    @property
    def open(self) -> object | None: ...

    @property
    def top_up(self) -> object | None: ...


class _Charging(_Keeping, Protocol):
    """What removal reads of a card: whether auto-renewal is on and whether an attempt is open."""

    @property
    def consent(self) -> object | None: ...

    @property
    def attempts(self) -> _MayBeOpen: ...


# Fold


def bound(methods: Methods, method: PaymentMethod) -> Methods:
    """One more method, last in order."""
    return disputed_ended(cleared(replace(methods, bound=(*methods.bound, method)), method.method_id))


def updated(methods: Methods, method: PaymentMethod) -> Methods:
    """New details in the same place."""
    same = method.method_id
    bound = tuple(method if m.method_id == same else m for m in methods.bound)
    return disputed_ended(cleared(replace(methods, bound=bound), same))


def removed(methods: Methods, method_id: str) -> Methods:
    """One method less."""
    return cleared(replace(methods, bound=tuple(m for m in methods.bound if m.method_id != method_id)), method_id)


def ordered(methods: Methods, fact: PaymentMethodsOrdered) -> Methods:
    """The holder's order, and whether the balance comes first."""
    by_id = {method.method_id: method for method in methods.bound}
    bound = tuple(by_id[method_id] for method_id in fact.method_ids)
    return replace(methods, bound=bound, balance_first=fact.balance_first)


def cleared(methods: Methods, method_id: str) -> Methods:
    """Nothing keeps the method from being charged any more."""
    return replace(
        methods,
        ended={one: code for one, code in methods.ended.items() if one != method_id},
        needs_holder=tuple(one for one in methods.needs_holder if one != method_id),
        not_before={one: until for one, until in methods.not_before.items() if one != method_id},
        limited=_not_limited(methods, method_id),
    )


def cleared_for_holder(methods: Methods) -> Methods:
    """While the holder is present, what needs the holder may be tried."""
    ended = {one: code for one, code in methods.ended.items() if one not in methods.needs_holder}
    return disputed_ended(replace(methods, ended=ended, needs_holder=()))


def disputed(methods: Methods, attempt_id: UUID, instrument: str) -> Methods:
    """What was charged is not charged automatically any more."""
    known = any(one.attempt_id == attempt_id for one in methods.disputed)
    more = () if known else (Disputed(attempt_id, instrument),)
    return disputed_ended(replace(methods, disputed=(*methods.disputed, *more)))


def dispute_over(methods: Methods, attempt_id: UUID, method_id: str) -> Methods:
    """The dispute was won: what it ended may be charged again; before instruments were recorded, that was a method."""
    instruments = {one.instrument for one in methods.disputed if one.attempt_id == attempt_id}
    freed = {one.method_id for one in methods.bound if one.instrument in instruments} if instruments else {method_id}
    ended = {one: code for one, code in methods.ended.items() if code != DISPUTED or one not in freed}
    left = tuple(one for one in methods.disputed if one.attempt_id != attempt_id)
    return disputed_ended(replace(methods, ended=ended, disputed=left))


def disputed_ended(methods: Methods) -> Methods:
    """Nothing that is disputed may be charged; what ended a method before still does."""
    if not methods.disputed:
        return methods
    instruments = {one.instrument for one in methods.disputed}
    ended = {one.method_id: DISPUTED for one in methods.bound if one.instrument in instruments}
    return replace(methods, ended={**ended, **methods.ended})


def ended(methods: Methods, method_id: str, code: str, *, needs_holder: bool = False) -> Methods:
    """The method is not tried again before the holder changes something, or is present; what is for good stays so."""
    if methods.ended.get(method_id) == NEVER:
        return methods
    waiting = (*(one for one in methods.needs_holder if one != method_id), *((method_id,) if needs_holder else ()))
    return replace(methods, ended={**methods.ended, method_id: code}, needs_holder=waiting)


def delayed(methods: Methods, method_id: str, until: datetime) -> Methods:
    """The method is left alone until then."""
    not_before = {**methods.not_before, method_id: until}
    return replace(methods, not_before=not_before, limited=_not_limited(methods, method_id))


def withheld(
    methods: Methods, method_id: str, reason: str, until: datetime | None, limit: MethodLimit | None
) -> Methods:
    """A rule forbids to charge the method until then (None: for good); `limit` if it is a network limit."""
    if until is None:
        return ended(methods, method_id, reason)
    kept = delayed(methods, method_id, until)
    return kept if limit is None else replace(kept, limited={**kept.limited, method_id: limit})


def _not_limited(methods: Methods, method_id: str) -> Mapping[str, MethodLimit]:
    return {one: limit for one, limit in methods.limited.items() if one != method_id}


# What may be charged


def usable_methods(card: HasMethods) -> list[PaymentMethod]:
    """What may be charged, in the holder's order."""
    methods, ended = card.methods.bound, card.methods.ended
    return [method for method in methods if method.method_id not in ended] if ended else list(methods)


def ready_methods(card: HasMethods, at: datetime, *, last_rung: bool = False) -> list[PaymentMethod]:
    """What may be charged at `at`, in the holder's order; on a last rung also what a limit delays for earlier ones."""
    delays = card.methods.not_before
    if not delays:
        return usable_methods(card)
    kept = {one for one, limit in card.methods.limited.items() if not limit.last_rung} if last_rung else ()
    return [m for m in usable_methods(card) if m.method_id in kept or delays.get(m.method_id, at) <= at]


# Decisions


def bind_payment_method(card: _Keeping, *, method: PaymentMethod, at: datetime) -> tuple[PaymentMethodBound, ...]:
    """Add a way to pay, last in order; raises Refused `method_exists` or `too_many_methods`."""
    check_kept(card)
    known = _known(card, method.method_id)
    if known == method:
        return ()
    if known is not None:
        code, message = "method_exists", f"method {method.method_id!r} is bound already, with other details; update it"
        raise Refused(code, message, "method.method_id")
    if len(card.methods.bound) >= METHODS_MAX:
        raise Refused("too_many_methods", f"a card has at most {METHODS_MAX} payment methods; remove one first")
    return (PaymentMethodBound(method=method, at=at),)


def update_payment_method(card: _Keeping, *, method: PaymentMethod, at: datetime) -> tuple[PaymentMethodUpdated, ...]:
    """New details of a bound method; it may be tried again, at once if a term is unpaid.

    Raises Refused `unknown_method`.
    """
    check_kept(card)
    known = _bound(card, method.method_id, "method.method_id")
    return () if known == method else (PaymentMethodUpdated(method=method, at=at),)


def remove_payment_method(card: _Charging, *, method_id: str, at: datetime) -> tuple[PaymentMethodRemoved, ...]:
    """Charge a method no more; raises Refused `unknown_method` or `last_method`.

    An attempt that is open on it runs to its end, but is never sent again.
    """
    check_kept(card)
    _bound(card, method_id, "method_id")
    if len(card.methods.bound) == 1 and (card.consent or card.attempts.open or card.attempts.top_up):
        message = "it is the only payment method of a card that is to be charged; switch auto-renewal off first"
        raise Refused("last_method", message, "method_id")
    return (PaymentMethodRemoved(method_id=method_id, reason="holder", at=at),)


def order_payment_methods(
    card: _Keeping, *, method_ids: Sequence[str], balance_first: bool, at: datetime
) -> tuple[PaymentMethodsOrdered, ...]:
    """The order in which to charge, and whether the balance is spent first; raises Refused `not_the_methods`."""
    check_kept(card)
    now = [method.method_id for method in card.methods.bound]
    if sorted(method_ids) != sorted(now):
        message = f"name each bound method once: {', '.join(sorted(now)) or 'there is none'}"
        raise Refused("not_the_methods", message, "method_ids")
    if list(method_ids) == now and balance_first == card.methods.balance_first:
        return ()
    return (PaymentMethodsOrdered(method_ids=tuple(method_ids), balance_first=balance_first, at=at),)


def _known(card: HasMethods, method_id: str) -> PaymentMethod | None:
    return next((method for method in card.methods.bound if method.method_id == method_id), None)


def _bound(card: HasMethods, method_id: str, field: str) -> PaymentMethod:
    known = _known(card, method_id)
    if known is None:
        raise Refused("unknown_method", f"no method {method_id!r} is bound to the card", field)
    return known
