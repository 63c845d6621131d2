"""Commands as data: what is read from outside is whole, known and within bounds, or it is no command."""

from typing import Any

import pytest
from msgspec import to_builtins
from msgspec.structs import replace
from pydantic import ValidationError

from engine import commands
from tests.engine.every_command import COMMANDS, KINDS, command
from tests.engine.samples import VISA

FRAME = {"command_id": "c-1", "card_id": "00000000-0000-4000-8000-000000000001"}
EVERY = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@EVERY
def test_a_command_is_read_by_its_name_and_written_as_it_was(kind):
    read = command(kind)
    assert type(read) is kind
    assert COMMANDS.validate_json(COMMANDS.dump_json(read)) == read


def test_switching_off_is_the_holders_wish_unless_another_reason_is_given():
    switch_off = FRAME | {"command": "SwitchOffAutoRenew"}
    assert COMMANDS.validate_python(switch_off).reason == "holder"
    assert COMMANDS.validate_python(switch_off | {"reason": "operator"}).reason == "operator"


@pytest.mark.parametrize(
    "given", [FRAME, FRAME | {"command": "GiveItAway"}, FRAME | {"command": None}, "RenewNow", None]
)
def test_an_unknown_name_is_no_command(given):
    with pytest.raises(ValidationError):
        COMMANDS.validate_python(given)


def test_an_invalid_method_is_rejected_on_validation():
    wrong = replace(VISA, token="a\x00b")
    with pytest.raises(ValidationError):
        COMMANDS.validate_python(FRAME | {"command": "BindPaymentMethod", "method": wrong})


# Wrong fields

NUL, LONG = "a\x00b", "x" * 201
IDS = [({"command_id": ""}, "command_id"), ({"command_id": LONG}, "command_id"), ({"card_id": "one"}, "card_id")]
MORE = [({"comment": "please"}, "comment")]


def method(**changed: Any) -> dict[str, Any]:
    return {"method": to_builtins(VISA) | changed}


METHODS = [
    ({"method": "visa"}, "method"),
    (method(method_id=""), "method.method_id"),
    (method(method_id="x" * 65), "method.method_id"),
    (method(method_id=NUL), "method.method_id"),
    (method(kind="cash"), "method.kind"),
    (method(token=""), "method.token"),
    (method(token=NUL), "method.token"),
    (method(brand=NUL), "method.brand"),
    (method(fingerprint=NUL), "method.fingerprint"),
    (method(fingerprint=""), "method.fingerprint"),
    (method(fingerprint=LONG), "method.fingerprint"),
    (method(last4="12345"), "method.last4"),
    (method(expires_on="2028-02-30"), "method.expires_on"),
    (method(number="4242424242424242"), "method.number"),  # never in the log
]
CONSENT = [
    ({"months": 2}, "months"),
    ({"months": "all"}, "months"),
    ({"terms_version": ""}, "terms_version"),
    ({"channel": LONG}, "channel"),
]
EVIDENCE = [
    ({"attempt_id": "the last one"}, "attempt_id"),
    ({"evidence": ""}, "evidence"),
    ({"evidence": "x" * 1001}, "evidence"),
    ({"evidence": NUL}, "evidence"),
]
AMOUNT = [
    ({"amount": 5}, "amount"),
    ({"amount": {"minor": 5}}, "amount.currency"),
    ({"amount": {"minor": 5, "currency": "yuan"}}, "amount.currency"),
    ({"amount": {"minor": 0.5, "currency": "CNY"}}, "amount.minor"),
    ({"amount": {"minor": "5", "currency": "CNY"}}, "amount.minor"),
    ({"amount": {"minor": 5, "currency": "CNY", "note": "x"}}, "amount.note"),
]
WRONG_FIELDS: dict[type, list[tuple[dict[str, Any], str]]] = {
    commands.RegisterCard: [
        *IDS,
        ({"holder_id": NUL}, "holder_id"),  # no column of a read model could hold it
        ({"plan": ""}, "plan"),
        ({"currency": "yuan"}, "currency"),
        ({"zone": LONG}, "zone"),
        ({"starts_on": "2026-02-30"}, "starts_on"),
        ({"starts_on": "1999-12-31"}, "starts_on"),
        ({"starts_on": "2100-01-02"}, "starts_on"),
        ({"months": 0}, "months"),
    ],
    commands.BindPaymentMethod: METHODS,
    commands.UpdatePaymentMethod: METHODS,
    commands.RemovePaymentMethod: [({"method_id": ""}, "method_id")],
    commands.OrderPaymentMethods: [
        ({"method_ids": "visa"}, "method_ids"),
        ({"method_ids": ["visa", ""]}, "method_ids.1"),
        ({"balance_first": "perhaps"}, "balance_first"),
    ],
    commands.AllowPaymentMethod: [({"fingerprint": ""}, "fingerprint"), ({"reason": LONG}, "reason")],
    commands.EnableAutoRenew: CONSENT,
    commands.ChangePeriod: CONSENT,
    commands.SwitchOffAutoRenew: [*IDS, *MORE, ({"reason": "bored"}, "reason")],
    commands.RenewNow: MORE,
    commands.TopUp: AMOUNT,
    commands.SetAutoTopUp: [*AMOUNT, ({"threshold": "low"}, "threshold")],
    commands.ChangeZone: [({"zone": ""}, "zone")],
    commands.ChangeHolder: [({"holder_id": ""}, "holder_id"), ({"holder_id": NUL}, "holder_id")],
    commands.HoldCard: [({"reason": ""}, "reason")],
    commands.ReleaseCard: MORE,
    commands.ConfirmNumber: EVIDENCE,
    commands.CloseCard: [({"reason": NUL}, "reason")],
    commands.ConfirmReclaim: MORE,
    commands.ResolveAttempt: [*EVIDENCE, ({"charged": "perhaps"}, "charged"), ({"gateway_ref": ""}, "gateway_ref")],
    commands.UndoTerm: EVIDENCE[:1],
    commands.RecordRefund: [*EVIDENCE, *AMOUNT, ({"to": "charity"}, "to"), ({"ends_term": "maybe"}, "ends_term")],
    commands.RefundCharge: [*AMOUNT, ({"ends_term": "maybe"}, "ends_term"), ({"evidence": "bank"}, "evidence")],
    commands.RecordDispute: [*EVIDENCE, *AMOUNT],
    commands.RecordDisputeWon: [*EVIDENCE, *AMOUNT],
    commands.AnnouncePriceChange: [({"version": LONG}, "version")],
}


def test_every_command_has_examples():
    assert set(WRONG_FIELDS) == set(KINDS)
    assert all(WRONG_FIELDS.values())


@EVERY
def test_a_wrong_field_is_named_and_is_all_that_is_wrong(kind):
    for changed, place in WRONG_FIELDS[kind]:
        with pytest.raises(ValidationError) as error:
            command(kind, **changed)
        [wrong] = error.value.errors()
        assert ".".join(str(part) for part in wrong["loc"]) == f"{kind.__name__}.{place}", changed
