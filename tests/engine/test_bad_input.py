"""Invalid commands of every kind: each is refused with its code and leaves no fact. Wrong fields: test_commands.py.

Each row is one change to a command's good example: of a field, or of the card that it is for.
"""

import re
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

import engine as package
from engine import commands
from engine.card.balance import AMOUNT_MAX_MINOR, BalanceCredited
from engine.card.disputes import DisputeRecorded
from engine.card.event import Event
from engine.card.methods import METHODS_MAX, PaymentMethod
from engine.card.top_ups import TopUpFailed, TopUpStarted
from engine.errors import RefusalCode
from engine.money import Money
from engine.rules import Rules
from tests.engine.engine_calls import execute
from tests.engine.every_command import (
    CLOSED,
    EXAMPLES,
    FIVE,
    HELD,
    IN_DOUBT,
    KINDS,
    NOW,
    OWED,
    PAID,
    RECLAIMED,
    REFUND,
    TEN,
    cards_with,
    command,
)
from tests.engine.samples import (
    CHARGING,
    DECLINED,
    ENDS_AT,
    PAYING,
    SECOND,
    TWO_VERSIONS,
    VISA,
    attempt_id,
    bound,
    failed,
    leaving_out,
    local,
    registered,
    succeeded,
    switched_off,
)

pytestmark = pytest.mark.usefixtures("copied_attempts")


class Refusal(NamedTuple):
    """What is refused, with its code and the field to change."""

    code: str
    field: str | None
    card: tuple[Event, ...] | None
    """The card's history; None: that of the good example."""
    after: Event | None
    """A further fact of it."""
    rules: Rules
    at: datetime
    changed: dict[str, Any]


def no(
    code: str, field: str | None = None, *, card=None, after=None, rules=TWO_VERSIONS, at=NOW, **changed: Any
) -> Refusal:
    return Refusal(code, field, card, after, rules, at, changed)


STOPPED, FEWER = replace(TWO_VERSIONS, charging_stopped=True), leaving_out("keep-short")
TOO_EARLY, TOO_LATE = local("2025-12-31 12:00"), local("2026-06-02 12:00")
OFF, TOP_UP_ID = (*PAYING, switched_off()), attempt_id(7)
EUROS, FIFTEEN_AND_MORE = {"minor": 5, "currency": "EUR"}, {"minor": 1501, "currency": "CNY"}
UNDER_WAY = TopUpStarted(number=1, amount=Money(**TEN), automatic=False, at=NOW)
BY_GATEWAY = replace(REFUND, reason="operator", amount=Money(**FIVE))
REFUNDED_500 = BalanceCredited(amount=Money(**FIVE), reason="refund", about=attempt_id(), evidence="cash", at=NOW)
DISPUTED_500 = DisputeRecorded(attempt_id=attempt_id(), method_id="visa", amount=Money(**FIVE), evidence="bank", at=NOW)
_TOPPED_UP = {"attempt_id": TOP_UP_ID, "top_up": 1, "amount": Money(**TEN)}
_DECLINED_TOP_UP = (
    UNDER_WAY,
    replace(CHARGING[-1], **_TOPPED_UP),
    replace(failed(), attempt_id=TOP_UP_ID, top_up=1),
    TopUpFailed(number=1, last_code="insufficient_funds", at=UNDER_WAY.at),
)
DECLINED_FIVE_TIMES = (*PAYING, *_DECLINED_TOP_UP * 5)
PAID_FROM_BALANCE = (*PAID[:-1], replace(PAID[-1], attempt_id=None))
TOPPED_UP = (UNDER_WAY, replace(CHARGING[-1], **_TOPPED_UP), replace(succeeded(), **_TOPPED_UP))


def amount(minor: int) -> dict[str, Any]:
    return {"minor": minor, "currency": "CNY"}


def method(**changed: Any) -> dict[str, Any]:
    return {"method": to_builtins(VISA) | changed}


def renamed(method_id: str) -> PaymentMethod:
    return replace(VISA, method_id=method_id)


UNKNOWN = [no("unknown_card", "card_id", card=())]
KEPT = [*UNKNOWN, no("card_reclaimed", after=RECLAIMED), no("card_closed", after=CLOSED)]
MONEY = [
    no("wrong_currency", "amount.currency", amount=EUROS),
    no("amount_not_positive", "amount.minor", amount=amount(0)),
    no("amount_not_positive", "amount.minor", amount=amount(-5)),
    no("amount_too_large", "amount.minor", amount=amount(AMOUNT_MAX_MINOR + 1)),
    no("amount_too_large", "amount.minor", amount=amount(10**30)),
]
TOP_UP = [*MONEY, no("below_minimum_charge", "amount.minor", amount=amount(399))]
CHARGE = [
    no("held", after=HELD),
    no("number_in_doubt", after=IN_DOUBT),
    no("charging_stopped", rules=STOPPED),
    no("charge_under_way", card=CHARGING),
    no("charge_under_way", after=UNDER_WAY),
    no("no_usable_method", card=(*CHARGING, failed(code="expired_card"))),
]
QUOTE = [
    no("unknown_plan", "plan", card=(registered(plan="keep-old"), *PAYING[1:])),
    no("unknown_currency", "currency", card=(registered(currency="GBP"), *PAYING[1:])),
]
OTHER_QUOTE = {"price": {"minor": 1, "currency": "CNY"}, "catalogue_version": "2026-11-01"}
SHOWN = [no("price_changed", "shown", shown=OTHER_QUOTE)]
SOLD = [*QUOTE, no("not_sold", "plan", at=TOO_EARLY), no("not_sold", "plan", rules=FEWER, at=TOO_LATE)]
MISTYPED_YEARS = {"term_ended_long_ago": "2026-01-01", "term_far_ahead": "2027-05-04"}
NO_ZONES = "Asia/Peking Asia ../etc/passwd localtime Factory posix/UTC right/UTC UTC+8 Etc/GMT+5 EST5EDT Zulu"
ZONES = [no("unknown_zone", "zone", zone=zone) for zone in NO_ZONES.split()]
OF_CHARGE = [
    *UNKNOWN,
    *MONEY,
    no("unknown_attempt", "attempt_id", attempt_id=str(attempt_id(9))),
    no("unknown_attempt", "attempt_id", card=DECLINED),
]
REFUSALS: dict[type, list[Refusal]] = {
    commands.RegisterCard: [
        no("unknown_plan", "plan", plan="keep-all"),
        no("unknown_currency", "currency", currency="GBP"),
        no("not_sold", "plan", at=TOO_EARLY),
        no("not_sold", "plan", rules=FEWER, at=TOO_LATE),
        *ZONES,
        no("already_registered", "card_id", card=PAYING, holder_id="holder-2"),
        no("already_registered", "card_id", card=PAYING, plan="keep-cn"),
        no("already_registered", "card_id", card=PAYING, currency="USD"),
        no("already_registered", "card_id", card=PAYING, months=3),
        no("already_registered", "card_id", card=PAID),  # renewed since
        *(no(code, "starts_on", starts_on=day) for code, day in MISTYPED_YEARS.items()),
    ],
    commands.BindPaymentMethod: [
        *KEPT,
        no("method_exists", "method.method_id", **method(token="tok-other")),
        no("too_many_methods", card=(registered(), *(bound(renamed(f"m-{n}")) for n in range(METHODS_MAX)))),
    ],
    commands.UpdatePaymentMethod: [*KEPT, no("unknown_method", "method.method_id", **method(method_id="debit"))],
    commands.RemovePaymentMethod: [
        *KEPT,
        no("unknown_method", "method_id", method_id="debit"),
        no("last_method", "method_id", card=PAYING, method_id="visa"),
        no("last_method", "method_id", card=(*CHARGING, switched_off()), method_id="visa"),
    ],
    commands.AllowPaymentMethod: UNKNOWN,
    commands.UndoTerm: [*KEPT, no("not_a_full_refund", "attempt_id", card=PAID), no("term_begun", at=ENDS_AT)],
    commands.OrderPaymentMethods: [
        *KEPT,
        *(
            no("not_the_methods", "method_ids", method_ids=ids)
            for ids in ([], ["visa"], ["visa", "visa"], ["visa", "debit"], ["paypal", "visa", "debit"])
        ),
    ],
    commands.EnableAutoRenew: [*KEPT, no("no_payment_method", card=(registered(),)), *SOLD, *SHOWN],
    commands.ChangePeriod: [*KEPT, no("auto_renew_off", card=OFF), *SOLD, *SHOWN],
    commands.SwitchOffAutoRenew: UNKNOWN,
    commands.RenewNow: [*KEPT, *CHARGE, no("auto_renew_off", card=OFF), no("already_paid_ahead", card=PAID)],
    commands.TopUp: [
        *KEPT,
        *TOP_UP,
        *CHARGE,
        no("no_usable_method", card=(registered(),)),
        no("declined_too_often", card=DECLINED_FIVE_TIMES),
    ],
    commands.SetAutoTopUp: [
        *KEPT,
        *TOP_UP,
        no("half_an_order", "amount", amount=None),
        no("amount_below_threshold", "amount", amount=amount(499)),
        no("half_an_order", "amount", threshold=None),
        no("wrong_currency", "threshold.currency", threshold=EUROS),
        no("amount_not_positive", "threshold.minor", threshold=amount(0)),
        no("amount_too_large", "threshold.minor", threshold=amount(10**30)),
    ],
    commands.ChangeZone: [*KEPT, *ZONES],
    commands.ChangeHolder: [*KEPT, no("in_use", card=PAYING), no("held", after=HELD)],
    **dict.fromkeys((commands.HoldCard, commands.ReleaseCard, commands.ConfirmNumber), KEPT),
    commands.CloseCard: [*UNKNOWN, no("card_reclaimed", after=RECLAIMED)],
    commands.ConfirmReclaim: [*UNKNOWN, no("card_closed", after=CLOSED)],
    commands.ResolveAttempt: [
        *UNKNOWN,
        no("gateway_ref_missing", "gateway_ref", gateway_ref=None),
        no("unknown_attempt", "attempt_id", attempt_id=str(attempt_id(9))),
        no("already_charged", "charged", card=PAID, charged=False),
    ],
    commands.RecordRefund: [
        *OF_CHARGE,
        no("more_than_charged", "amount.minor", amount=FIFTEEN_AND_MORE),
        no("more_than_charged", "amount.minor", after=REFUNDED_500, amount=amount(1001)),
        no("is_on_balance", "to", card=(*PAYING, *TOPPED_UP), attempt_id=str(TOP_UP_ID), amount=FIVE, to="balance"),
        no("no_charge_named", "attempt_id", attempt_id=None, to="balance"),
        no("not_what_is_owed", "amount.minor", card=OWED, to="method"),
        no("more_than_charged", "amount.minor", card=OWED),
        no("more_than_balance", "amount.minor", attempt_id=None, to="method"),
        no("wrong_currency", "amount.currency", attempt_id=None, amount=EUROS, to="method"),
        no("no_charge_named", "attempt_id", attempt_id=None, to="method", ends_term=True),
        no("not_a_full_refund", "amount.minor", ends_term=True),
        no("not_the_last_term", "attempt_id", card=PAID_FROM_BALANCE, ends_term=True),
        no("term_begun", "ends_term", ends_term=True, at=ENDS_AT),
    ],
    commands.RefundCharge: [
        *OF_CHARGE,
        no("more_than_charged", "amount.minor", amount=FIFTEEN_AND_MORE),
        no("refund_under_way", "attempt_id", after=BY_GATEWAY),
        no("not_a_full_refund", "amount.minor", ends_term=True),
    ],
    commands.RecordDispute: [
        *OF_CHARGE,
        no("more_than_charged", "amount.minor", after=DISPUTED_500, amount=amount(1001)),
        no("more_than_charged", "amount.minor", amount=amount(3001)),
    ],
    commands.RecordDisputeWon: [
        *OF_CHARGE,
        *(no("more_than_disputed", "amount.minor", **what) for what in ({"amount": amount(501)}, {"card": PAID})),
    ],
    commands.AnnouncePriceChange: [
        *KEPT,
        no("auto_renew_off", card=OFF),
        no("unknown_version", "version", version="2031"),
        no("not_sold", "plan", rules=FEWER),
        no("unknown_currency", "currency", card=(registered(currency="GBP"), *PAYING[1:])),
        no("unknown_plan", "plan", card=(registered(plan="keep-old"), *PAYING[1:])),
    ],
}
OF_PROVIDERS = {"not_reusable", "above_method_limit", "not_paid_on_page"}  # test_promised.py, test_paying_on_page.py
ROWS = [(kind, row) for kind, rows in REFUSALS.items() for row in rows]


def test_every_command_has_examples():
    assert {kind for kind, _ in ROWS} == set(KINDS)


def test_every_refusal_code_has_an_example():
    elsewhere = {"command_id_reused", "reserved_id", "restored", "restore_unfinished", "another_holder", *OF_PROVIDERS}
    elsewhere |= {"reason_missing", "reason_invalid", "not_blocked", "clock_not_behind"}  # of operations
    assert set(get_args(RefusalCode)) - elsewhere == {row.code for _, row in ROWS}


def test_every_refusal_is_explained_in_the_readme():
    readme = Path(package.__file__).with_name("README.md").read_text("utf-8")
    refusals = readme.partition("## Refusals")[2].partition("##")[0]
    assert re.findall(r"^\| `(\w+)` \|", refusals, re.MULTILINE) == list(get_args(RefusalCode))


def test_each_invalid_command_is_refused_and_leaves_no_fact_and_its_id_free(engine, store):
    histories = [EXAMPLES[kind].card if row.card is None else row.card for kind, row in ROWS]
    happened = [() if row.after is None else (row.after,) for _, row in ROWS]
    cards = cards_with(store, *(facts + after for facts, after in zip(histories, happened, strict=True)))
    invalid = [command(kind, card_id, **row.changed) for (kind, row), card_id in zip(ROWS, cards, strict=True)]
    before = store.load_many(cards)
    assert refusals(engine, invalid) == {
        one.command_id: (kind, row.code, row.field) for one, (kind, row) in zip(invalid, ROWS, strict=True)
    }
    assert store.load_many(cards) == before
    assert store.accepted_commands([one.command_id for one in invalid]) == {}

    fit = cards_with(store, *(EXAMPLES[kind].card for kind, _ in ROWS))
    better = [command(type(one), card_id, command_id=one.command_id) for one, card_id in zip(invalid, fit, strict=True)]
    replies = execute(engine, better, TWO_VERSIONS, NOW)
    assert [reply for reply in replies if not isinstance(reply, tuple) or not reply] == []


def refusals(engine, invalid) -> dict[str, tuple[type, str, str | None]]:
    """By command id, kind, code and field of the refusal; the field only where the example names one."""
    batches = defaultdict(list)
    for one, (_, row) in zip(invalid, ROWS, strict=True):
        batches[id(row.rules), row.at].append((one, row))
    found = {}
    for together in batches.values():
        _, first = together[0]
        replies = execute(engine, [one for one, _ in together], first.rules, first.at)
        for (one, row), reply in zip(together, replies, strict=True):
            field = getattr(reply, "field", None) if row.field else None
            found[one.command_id] = (type(one), getattr(reply, "code", reply), field)
    return found


def test_the_id_of_an_accepted_command_is_refused_to_any_other_and_keeps_its_reply(engine, store):
    cards = cards_with(store, *(EXAMPLES[kind].card for kind in KINDS))
    accepted = [command(kind, card_id) for kind, card_id in zip(KINDS, cards, strict=True)]
    replies = execute(engine, accepted, TWO_VERSIONS, NOW)
    before = store.load_many(cards)
    other_kinds = zip((*KINDS[1:], KINDS[0]), cards, accepted, strict=True)
    others = [command(kind, card_id, command_id=one.command_id) for kind, card_id, one in other_kinds]
    elsewhere = [one.model_copy(update={"card_id": cards[0]}) for one in accepted[1:]]
    refused = execute(engine, [*others, *elsewhere], TWO_VERSIONS, NOW + SECOND)
    assert {(reply.code, reply.field) for reply in refused} == {("command_id_reused", "command_id")}
    assert store.load_many(cards) == before
    assert execute(engine, accepted, TWO_VERSIONS, NOW + SECOND) == replies
