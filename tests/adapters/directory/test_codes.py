"""Codes: they prove an address, to the one who asked, once, for ten minutes."""

from datetime import timedelta

import pytest

from adapters.directory.addresses import Address
from adapters.directory.answers import CodeDead, CodeSent, CodeWrong, Wait
from adapters.directory.codes import (
    LIVES,
    REPEATED_WITHIN,
    RESEND_AFTER,
    TIMES_SENT,
    TRIES,
    Asked,
    Redeemed,
    TypedCode,
    redeem_code,
    resend_code,
    sent_before,
)
from adapters.directory.codes import ask_code as ask
from tests.adapters.directory.desk import EMAIL, PHONE


def asked_for(address=EMAIL, purpose="sign_in", holder_id="h-1", **more):
    return Asked(purpose, address, "en", holder_id, **more)


def redeem(desk, code, purpose="sign_in", holder_id=None):
    return desk.run(redeem_code(desk.connection, code, purpose, desk.at, holder_id))


def resend(desk, sent):
    return desk.run(resend_code(desk.connection, desk.send, sent.request, desk.visit))


def test_a_code_of_six_digits_is_sent_and_proves_the_address_once(desk):
    sent = desk.do_sending(ask, asked_for())
    [message] = desk.sent
    assert (message.kind, message.to, message.channel, message.language) == ("code", EMAIL.text, "email", "en")
    assert message.values["minutes"] == "10"
    assert len(message.values["code"]) == 6
    assert (sent.resend_at, sent.expires_at) == (desk.at + RESEND_AFTER, desk.at + LIVES)
    assert redeem(desk, desk.code(sent)) == Redeemed(EMAIL, "h-1", "en")
    assert redeem(desk, desk.code(sent)) == CodeDead()


@pytest.mark.parametrize("purpose", ["confirm_email", "confirm_phone", "add_card"])
def test_the_same_form_sent_again_within_a_minute_is_answered_and_used_once(desk, purpose):
    code = desk.code(sent := desk.do_sending(ask, asked_for(purpose=purpose)))
    assert redeem(desk, code, purpose, "h-1") == Redeemed(EMAIL, "h-1", "en")
    assert redeem(desk, code, purpose, "h-1") == Redeemed(EMAIL, "h-1", "en", again=True)
    assert redeem(desk, desk.code(sent, "000000"), purpose, "h-1") == CodeDead()
    assert redeem(desk, code, purpose, "h-2") == resend(desk, sent) == CodeDead()
    desk.later(seconds=REPEATED_WITHIN.total_seconds())
    assert redeem(desk, code, purpose, "h-1") == CodeDead()


def test_it_may_be_typed_with_blanks_and_wide_digits(desk):
    sent = desk.do_sending(ask, asked_for(PHONE))
    assert desk.sent[0].channel == "sms"
    wide = " ".join(chr(ord(digit) + 0xFEE0) for digit in desk.sent[0].values["code"])
    assert isinstance(redeem(desk, desk.code(sent, wide)), Redeemed)


def test_it_lives_for_ten_minutes(desk):
    sent = desk.do_sending(ask, asked_for())
    desk.later(minutes=10)
    assert redeem(desk, desk.code(sent)) == CodeDead()
    assert resend(desk, sent) == CodeDead()


def test_five_wrong_ones_burn_it(desk):
    sent = desk.do_sending(ask, asked_for())
    answers = [redeem(desk, desk.wrong(sent)) for _ in range(TRIES)]
    assert answers == [*(CodeWrong(left) for left in (4, 3, 2, 1)), CodeDead()]
    assert redeem(desk, desk.code(sent)) == CodeDead()


def test_it_is_worth_nothing_without_the_request_for_another_purpose_or_for_another_holder(desk):
    sent = desk.do_sending(ask, asked_for())
    code = desk.sent[0].values["code"]
    assert redeem(desk, TypedCode("another", code)) == CodeDead()
    assert redeem(desk, desk.code(sent), "reset_password") == CodeDead()
    assert redeem(desk, desk.code(sent), holder_id="h-2") == CodeDead()
    assert isinstance(redeem(desk, desk.code(sent), holder_id="h-1"), Redeemed)


def test_a_repeat_after_a_minute_sends_the_same_code_as_a_message_of_its_own(desk):
    sent = desk.do_sending(ask, asked_for())
    assert resend(desk, sent) == Wait(60)
    desk.later(seconds=59.5)
    assert resend(desk, sent) == Wait(1)
    desk.later(seconds=0.5)
    assert isinstance(resend(desk, sent), CodeSent)
    first, second = desk.sent
    assert (first.values, first.expires_at) == (second.values, second.expires_at)
    assert first.message_id != second.message_id
    assert isinstance(redeem(desk, desk.code(sent)), Redeemed)


def test_who_asked_for_the_same_less_than_a_minute_ago_is_answered_as_before(desk):
    def before(purpose="sign_in", address=EMAIL):
        return desk.run(sent_before(desk.connection, sent.request, purpose, address, desk.at))

    sent = desk.do_sending(ask, asked_for())
    desk.later(seconds=59)
    assert before() == sent
    assert before(address=PHONE) is before("reset_password") is None
    desk.later(seconds=1)
    assert before() is None


def test_it_is_sent_three_times_at_most(desk):
    sent = desk.do_sending(ask, asked_for())
    for _ in range(TIMES_SENT - 1):
        assert isinstance(resend(desk.later(minutes=1), sent), CodeSent)
    assert resend(desk.later(minutes=1), sent) == Wait(7 * 60)


def test_an_address_gets_three_codes_an_hour_whoever_asks(desk):
    for number in range(3):
        desk.ip = f"198.51.100.{number}"
        assert isinstance(desk.do_sending(ask, asked_for()), CodeSent)
        desk.later(minutes=10)
    assert desk.do_sending(ask, asked_for(purpose="reset_password")) == Wait(30 * 60)
    assert isinstance(desk.do_sending(ask, asked_for(PHONE)), CodeSent)
    desk.later(minutes=30)
    assert isinstance(desk.do_sending(ask, asked_for()), CodeSent)


def test_a_code_that_is_sent_again_counts_as_one_that_is_asked_for(desk):
    first = desk.do_sending(ask, asked_for(PHONE))
    assert isinstance(resend(desk.later(minutes=1), first), CodeSent)
    other = desk.do_sending(ask, asked_for(PHONE, "reset_password"))
    assert resend(desk.later(minutes=1), other) == Wait(58 * 60)
    assert resend(desk, first) == desk.do_sending(ask, asked_for(PHONE)) == Wait(58 * 60)
    assert len(desk.sent) == 3


def test_a_client_that_has_codes_sent_again_takes_from_its_own_ten(desk):
    addresses = [Address("phone", f"+86138001380{number:02d}") for number in range(5)]
    asked = [desk.do_sending(ask, asked_for(address)) for address in addresses]
    desk.later(minutes=1)
    assert all(isinstance(resend(desk, sent), CodeSent) for sent in asked)
    desk.later(minutes=1)
    assert resend(desk, asked[0]) == Wait(58 * 60)
    desk.ip = "203.0.113.8"
    assert isinstance(resend(desk, asked[0]), CodeSent)


def test_an_address_gets_ten_codes_a_day(desk):
    begin = desk.at
    for number in range(10):
        desk.ip = f"198.51.100.{number}"
        assert isinstance(desk.do_sending(ask, asked_for()), CodeSent)
        desk.later(minutes=30)
    assert desk.do_sending(ask, asked_for()) == Wait(int((begin + timedelta(days=1) - desk.at).total_seconds()))


@pytest.mark.parametrize(
    ("first", "other"),
    [("203.0.113.7", "203.0.113.8"), ("2001:db8::1", "2001:db8:0:1::1")],
)
def test_a_client_asks_for_ten_codes_an_hour(desk, first, other):
    for number in range(10):
        desk.ip = f"{first.rpartition('::')[0]}::{number + 1}" if ":" in first else first
        address = EMAIL.__class__("email", f"{number}@example.org")
        assert isinstance(desk.do_sending(ask, asked_for(address)), CodeSent)
    assert desk.do_sending(ask, asked_for()) == Wait(3600)
    desk.ip = other
    assert isinstance(desk.do_sending(ask, asked_for()), CodeSent)


def test_many_who_ask_at_once_get_no_more(desk):
    answers = desk.at_once(*[lambda connection: ask(connection, desk.send, asked_for(), desk.visit)] * 8)
    assert sum(isinstance(answer, CodeSent) for answer in answers) == 3
    assert len(desk.sent) == 3


def test_of_many_who_redeem_it_at_once_one_does(desk):
    sent = desk.do_sending(ask, asked_for())
    code = desk.code(sent)
    answers = desk.at_once(*[lambda connection: redeem_code(connection, code, "sign_in", desk.at)] * 8)
    assert sorted(type(answer).__name__ for answer in answers) == ["CodeDead"] * 7 + ["Redeemed"]


def test_many_wrong_ones_at_once_get_no_more_tries(desk):
    sent = desk.do_sending(ask, asked_for())
    code = desk.wrong(sent)
    answers = desk.at_once(*[lambda connection: redeem_code(connection, code, "sign_in", desk.at)] * 8)
    assert sum(isinstance(answer, CodeWrong) for answer in answers) == TRIES - 1


def test_one_that_cannot_work_answers_like_any_other_even_the_right_digits(desk):
    sent = desk.do_sending(ask, asked_for(works=False))
    answers = [redeem(desk, desk.code(sent)) for _ in range(TRIES)]
    assert answers == [*(CodeWrong(left) for left in (4, 3, 2, 1)), CodeDead()]


def test_nothing_that_is_stored_gives_it_away(desk):
    sent = desk.do_sending(ask, asked_for())
    stored = str(desk.rows("SELECT codes::text, directory_uses::text FROM codes, directory_uses"))
    assert desk.sent[0].values["code"] not in stored
    assert sent.request not in stored


def test_what_fails_after_the_message_was_handed_over_sends_nothing_and_costs_nothing(desk):
    async def fails(connection, message):
        raise OSError("no outbox")

    for _ in range(5):
        with pytest.raises(OSError, match="no outbox"):
            desk.run(ask(desk.connection, fails, asked_for(), desk.visit))
    assert isinstance(desk.do_sending(ask, asked_for()), CodeSent)
