"""Registering, and that nobody learns from it who has an account."""

import asyncio

import pytest

from adapters.directory.accounts import find_account
from adapters.directory.answers import CodeDead, CodeSent, CodeWrong, Opened, PasswordRefused
from adapters.directory.changing import begin_reset
from adapters.directory.codes import TypedCode
from adapters.directory.registering import begin_registration, finish_registration
from adapters.directory.signing_in import sign_in
from tests.adapters.directory.desk import EMAIL, PASSWORD, PHONE


def finish(desk, code, password=PASSWORD):
    return desk.do_sending(finish_registration, code, password, language="en", zone="Europe/Berlin")


@pytest.mark.parametrize("address", [EMAIL, PHONE])
def test_an_address_is_proved_before_there_is_an_account(desk, address):
    sent = desk.do_sending(begin_registration, address, "en")
    assert desk.rows("SELECT FROM accounts") == []
    assert finish(desk, desk.wrong(sent)) == CodeWrong(4)
    opened = finish(desk, desk.code(sent))
    account = desk.run(find_account(desk.connection, opened.holder_id))
    assert account.addresses == (address,)
    assert (account.email_confirmed, account.phone_confirmed) == (address is EMAIL, address is PHONE)
    assert (account.language, account.zone) == ("en", "Europe/Berlin")
    assert opened.holder_id.startswith("h-")
    assert len(opened.holder_id) == 18
    assert desk.session(opened).holder_id == opened.holder_id
    assert [message.kind for message in desk.sent] == ["code", "registered"]
    assert isinstance(desk.do(sign_in, address.text, PASSWORD), Opened)


def test_an_account_may_do_without_a_password(desk):
    sent = desk.do_sending(begin_registration, EMAIL, "en")
    opened = finish(desk, desk.code(sent), password=None)
    assert not desk.run(find_account(desk.connection, opened.holder_id)).has_password


def test_a_refused_password_uses_up_neither_code_nor_try(desk):
    sent = desk.do_sending(begin_registration, EMAIL, "en")
    for _ in range(6):
        assert finish(desk, desk.code(sent), "short") == PasswordRefused("too_short")
        assert finish(desk, desk.code(sent), EMAIL.text) == PasswordRefused("own_address")
    assert isinstance(finish(desk, desk.code(sent)), Opened)


def test_an_address_that_has_an_account_is_told_so_and_whoever_asks_sees_no_difference(desk):
    desk.account(language="en")
    sent = desk.do_sending(begin_registration, EMAIL, "zh-CN")
    assert isinstance(sent, CodeSent)
    [message] = desk.sent
    assert (message.kind, message.to, message.language, message.values) == ("account_exists", EMAIL.text, "en", {})
    assert finish(desk, desk.wrong(sent)) == CodeWrong(4)
    assert len(desk.rows("SELECT FROM accounts")) == 1


@pytest.mark.usefixtures("hashing_is_busy")
def test_a_code_that_cannot_be_right_is_answered_without_hashing_anything(desk):
    for_another_thing = desk.do_sending(begin_reset, EMAIL, "en")
    late = desk.do_sending(begin_registration, PHONE, "en")
    for code in (TypedCode("made up", "123456"), TypedCode(for_another_thing.request, "123456")):
        assert without_waiting(desk, code) == CodeDead()
    desk.later(minutes=10)
    assert without_waiting(desk, desk.code(late)) == CodeDead()


def without_waiting(desk, code):
    finishing = finish_registration(desk.connection, desk.send, code, PASSWORD, desk.visit, language="en")
    return desk.run(asyncio.wait_for(finishing, timeout=60))


def test_of_two_who_register_an_address_at_once_one_gets_the_account(desk):
    first = desk.do_sending(begin_registration, EMAIL, "en")
    code_of_first = desk.code(first)
    second = desk.do_sending(begin_registration, EMAIL, "en")
    codes = [code_of_first, desk.code(second)]
    answers = desk.at_once(
        *(
            lambda connection, code=code: finish_registration(
                connection, desk.send, code, PASSWORD, desk.visit, language="en"
            )
            for code in codes
        )
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["CodeDead", "Opened"]
    assert CodeDead() in answers
    assert len(desk.rows("SELECT FROM accounts")) == 1
