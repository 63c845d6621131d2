"""Commands as data: what is read from outside is whole, known and within bounds, or it is no command."""

import pytest
from pydantic import TypeAdapter, ValidationError

from engine.commands import BindPaymentMethod, Command, EnableAutoRenew, RegisterCard, SwitchOffAutoRenew

COMMANDS = TypeAdapter(Command)
FRAME = {"command_id": "c-1", "card_id": "00000000-0000-4000-8000-000000000001"}
REGISTER = FRAME | {
    "command": "RegisterCard",
    "holder_id": "holder-1",
    "plan": "keep-short",
    "currency": "CNY",
    "zone": "Asia/Shanghai",
    "starts_on": "2026-03-01",
    "months": 1,
}
BIND = FRAME | {
    "command": "BindPaymentMethod",
    "method": {"method_id": "visa", "kind": "credit_card", "token": "tok-visa"},
}
ENABLE = FRAME | {"command": "EnableAutoRenew", "months": 12, "terms_version": "terms-1", "channel": "web"}
SWITCH_OFF = FRAME | {"command": "SwitchOffAutoRenew"}


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (REGISTER, RegisterCard),
        (BIND, BindPaymentMethod),
        (ENABLE, EnableAutoRenew),
        (SWITCH_OFF, SwitchOffAutoRenew),
    ],
)
def test_a_command_is_read_by_its_name_and_written_as_it_was(told, kind):
    command = COMMANDS.validate_python(told)
    assert type(command) is kind
    assert COMMANDS.validate_json(COMMANDS.dump_json(command)) == command


def test_switching_off_is_the_holders_wish_unless_another_reason_is_given():
    assert COMMANDS.validate_python(SWITCH_OFF).reason == "holder"
    assert COMMANDS.validate_python(SWITCH_OFF | {"reason": "operator"}).reason == "operator"


@pytest.mark.parametrize(
    ("told", "place"),
    [
        (FRAME, "command"),
        (SWITCH_OFF | {"command": "GiveItAway"}, "command"),
        (SWITCH_OFF | {"command_id": ""}, "command_id"),
        (SWITCH_OFF | {"command_id": "x" * 201}, "command_id"),
        (SWITCH_OFF | {"card_id": "one"}, "card_id"),
        (REGISTER | {"holder_id": "a\x00b"}, "holder_id"),  # no column of a read model could hold it
        (BIND | {"method": BIND["method"] | {"method_id": "\x00"}}, "method_id"),
        (SWITCH_OFF | {"reason": "bored"}, "reason"),
        (SWITCH_OFF | {"comment": "please"}, "comment"),
        (ENABLE | {"months": 2}, "months"),
        (REGISTER | {"currency": "yuan"}, "currency"),
        (REGISTER | {"starts_on": "2026-02-30"}, "starts_on"),
        (BIND | {"method": BIND["method"] | {"kind": "cash"}}, "kind"),
        (BIND | {"method": BIND["method"] | {"last4": "12345"}}, "last4"),
        (BIND | {"method": BIND["method"] | {"number": "4242424242424242"}}, "number"),  # never in the log
    ],
)
def test_what_is_no_command_is_told_where(told, place):
    with pytest.raises(ValidationError) as error:
        COMMANDS.validate_python(told)
    assert place in str(error.value)
