"""What must not enter the log is recognised, and what is shown holds neither secrets nor control characters."""

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from engine import commands
from engine.text import escaped, has_card_number, is_contact, masked, masked_token, printable_lines
from tests.engine.every_command import command
from tests.engine.samples import VISA

NUMBER = "4242424242424242"
CARD_NUMBERS = [
    *(NUMBER, "4242 4242 4242 4242", "4242-4242-4242-4242", "4242.4242.4242.4242", "４２４２４２４２４２４２４２４２"),
    *("378282246310005", "4222222222222", "6304000000000000000", f"pm-{NUMBER}", f"tok_{NUMBER}", f"it is {NUMBER}/12"),
]
OTHER_TEXTS = [
    *("4242424242424241", "424242424242", "42424242424242424242", f"x{NUMBER}", "0000000000000000", "", "fp-1"),
    *("12345678-1234-4123-8123-123456789012", "2026-11-28 2026-12-25", "pm_1MowQVLkdIwHu7ixraBm864M", "sim:good:1"),
]
CONTACTS = [
    *("+8613800138000", "13800138000", "8613800138000", "+49 170 1234567", "0049170123456", "tel:+4917012345"),
    *("01701234567", "415-555-2671", "(415) 555-2671", "anna@example.com", "Anna <anna@example.com>", " 13800138000 "),
]
ACCOUNTS = ["h-1", "holder-13800138000", "12345678", "0000123456", "173280000000000000", "anna@tenant", "2026-1"]


@pytest.mark.parametrize("text", CARD_NUMBERS)
def test_a_card_number_is_recognised_however_it_is_written(text):
    assert has_card_number(text)


@pytest.mark.parametrize("text", OTHER_TEXTS)
def test_what_is_no_card_number_is_none(text):
    assert not has_card_number(text)
    assert masked(text) == text


@pytest.mark.parametrize("text", CONTACTS)
def test_a_phone_number_or_address_is_recognised(text):
    assert is_contact(text)


@pytest.mark.parametrize("text", ACCOUNTS)
def test_the_id_of_an_account_is_no_phone_number(text):
    assert not is_contact(text)


@pytest.mark.parametrize("field", ["token", "method_id", "brand", "fingerprint"])
@pytest.mark.parametrize("kind", [commands.BindPaymentMethod, commands.UpdatePaymentMethod])
def test_no_field_of_a_payment_method_takes_a_card_number(kind, field):
    assert wrong(kind, method=replace(VISA, **{field: NUMBER})) == [("card_number", field)]


@pytest.mark.parametrize(
    ("kind", "field"),
    [(commands.HoldCard, "reason"), (commands.CloseCard, "reason"), (commands.RecordDispute, "evidence")],
)
def test_no_reason_takes_a_card_number(kind, field):
    assert wrong(kind, **{field: f"charged {NUMBER} twice"}) == [("card_number", field)]


def test_a_method_that_was_bound_under_a_card_number_can_be_removed():
    assert command(commands.RemovePaymentMethod, method_id=NUMBER).method_id == NUMBER


def test_no_phone_number_or_address_is_the_id_of_a_holder():
    for contact in CONTACTS:
        assert wrong(commands.RegisterCard, holder_id=contact) == [("contact", "holder_id")]


def wrong(kind, **changed):
    with pytest.raises(ValidationError) as error:
        command(kind, **changed)
    return [(one["type"], one["loc"][-1]) for one in error.value.errors()]


def test_a_value_shows_only_the_end_of_its_token():
    shown = repr(replace(VISA, token="tok_of_the_gateway"))
    assert "token='…eway'" in shown
    assert "tok_of" not in shown
    assert "method_id='visa'" in shown


def test_of_a_short_token_nothing_is_shown():
    assert (masked_token("sim:good:1"), masked_token("sim:good:123")) == ("…", "…:123")


def test_card_numbers_and_tokens_in_a_text_are_masked():
    assert masked(f"no method '{NUMBER}' is bound") == "no method '************4242' is bound"
    assert masked("""{"token": "tok_1", "a": 1} X(token='tok_2')""") == """{"token": "…", "a": 1} X(token="…")"""


def test_what_moves_a_terminal_is_replaced_and_lines_stay():
    assert printable_lines("a\x1b[31m\r\nb\x9b2J\u202e保号") == "a?[31m?\nb?2J?保号"
    assert escaped('"\x9b\u202e\udcff保号"') == '"\\u009b\\u202e\\udcff保号"'
