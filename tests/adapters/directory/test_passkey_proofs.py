"""What a passkey proves: a challenge of ours, once, here, within minutes, signed by whoever was verified."""

import json

import pytest

from adapters.directory.answers import (
    Done,
    Opened,
    PasskeyRefused,
    Wait,
)
from adapters.directory.passkey_challenges import PasskeyAnswer, Site
from adapters.directory.passkey_proofs import (
    begin_passkey_confirmation,
    begin_passkey_sign_in,
    confirm_with_passkey,
    sign_in_with_passkey,
)
from adapters.directory.passkeys import (
    begin_adding,
    finish_adding,
)
from adapters.directory.sweeping import sweep
from tests.adapters.authenticator import PRESENT, Authenticator
from tests.adapters.directory.desk import EMAIL, PHONE
from tests.adapters.directory.passkey_desk import SITE, add_passkey, answered, kinds


@pytest.fixture
def holder_id(desk):
    return desk.account(phone=PHONE.text)


def test_a_challenge_is_answered_once(desk, holder_id, key):
    signed_in = desk.signed_in(holder_id)
    asked = desk.do(begin_adding, signed_in, SITE)
    answer = PasskeyAnswer(asked.request, key.create(asked.options), SITE)
    assert desk.do_sending(finish_adding, signed_in, answer, "a") == Done()
    assert desk.do_sending(finish_adding, signed_in, answer, "a") == PasskeyRefused("late")
    answer = answered(desk, key)
    assert isinstance(desk.do_sending(sign_in_with_passkey, answer), Opened)
    assert desk.do_sending(sign_in_with_passkey, answer) == PasskeyRefused("late")


def test_of_the_same_answer_at_the_same_time_one_signs_in(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    answer = answered(desk, key)

    def once(connection):
        return sign_in_with_passkey(connection, desk.send, answer, desk.visit)

    answers = desk.at_once(once, once, once)
    assert sum(isinstance(one, Opened) for one in answers) == 1
    assert answers.count(PasskeyRefused("late")) == 2


def test_a_challenge_that_has_run_out_is_late_and_swept_away(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    answer = answered(desk, key)
    assert desk.later(minutes=5).do_sending(sign_in_with_passkey, answer) == PasskeyRefused("late")
    answered(desk, key)
    desk.later(minutes=6)
    assert desk.run(sweep(desk.connection, desk.at)) >= 1
    assert desk.rows("SELECT * FROM passkey_challenges") == []


def test_an_answer_is_worth_nothing_in_another_browser_or_for_another_thing(desk, holder_id, key):
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key)
    asked = desk.do(begin_passkey_sign_in, SITE)
    signed = key.sign(asked.options)
    for request in ("", "x", desk.do(begin_passkey_sign_in, SITE).request):
        refused = desk.do_sending(sign_in_with_passkey, PasskeyAnswer(request, signed, SITE))
        assert refused in (PasskeyRefused("late"), PasskeyRefused("wrong"))
    answer = PasskeyAnswer(asked.request, signed, SITE)
    assert desk.do_sending(confirm_with_passkey, signed_in, answer) == PasskeyRefused("late")


@pytest.mark.parametrize("origin", ["https://evil.example", "http://baohao.example", "https://sub.baohao.example", ""])
def test_what_was_signed_for_another_site_is_refused(desk, holder_id, key, origin):
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key)
    key.origin = origin
    assert desk.do_sending(sign_in_with_passkey, answered(desk, key)) == PasskeyRefused("wrong")
    assert add_passkey(desk, signed_in, key) == PasskeyRefused("wrong")


def test_a_passkey_holds_for_one_host_alone(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    other = Site("https://other.example")
    key.origin = other.origin
    answer = answered(desk, key, other)
    assert isinstance(desk.do_sending(sign_in_with_passkey, answer), Opened)  # the settings say that this is our host
    key.origin = SITE.origin
    asked = desk.do(begin_passkey_sign_in, other)
    answer = PasskeyAnswer(asked.request, key.sign(asked.options), SITE)
    assert desk.do_sending(sign_in_with_passkey, answer) == PasskeyRefused("wrong")


def test_the_authenticator_has_to_verify_its_owner(desk, holder_id, key):
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key)
    key.flags = PRESENT
    assert desk.do_sending(sign_in_with_passkey, answered(desk, key)) == PasskeyRefused("wrong")
    assert add_passkey(desk, signed_in, key) == PasskeyRefused("wrong")


def test_a_count_that_goes_back_is_a_copys_which_the_holder_is_told_of(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    key.count = 7
    assert isinstance(desk.do_sending(sign_in_with_passkey, answered(desk, key)), Opened)
    desk.sent.clear()
    for count in (7, 3):
        key.count = count
        assert desk.do_sending(sign_in_with_passkey, answered(desk, key)) == PasskeyRefused("wrong")
    assert kinds(desk) == [("passkey_copied", EMAIL.text), ("passkey_copied", PHONE.text)] * 2
    assert "passkey_copied" in desk.events(holder_id)


def test_an_authenticator_that_does_not_count_is_taken(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    for _ in range(2):
        key.count = -1
        assert isinstance(desk.do_sending(sign_in_with_passkey, answered(desk, key)), Opened)


def test_a_wrong_count_is_told_only_where_the_signature_is_right(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    key.count = 9
    desk.do_sending(sign_in_with_passkey, answered(desk, key))
    desk.sent.clear()
    forger = Authenticator(SITE.origin)
    asked = desk.do(begin_adding, desk.signed_in(holder_id), SITE)
    forger.create(asked.options)
    [(name, (_, handle))] = key.keys.items()
    forger.keys = {name: (next(iter(forger.keys.values()))[0], handle)}
    assert desk.do_sending(sign_in_with_passkey, answered(desk, forger)) == PasskeyRefused("wrong")
    assert desk.sent == []


@pytest.mark.parametrize(
    "made_up",
    ["", "null", "[]", "{}", "x" * 5000, '{"id": 1}', '{"id": "_", "rawId": "_", "type": "x", "response": {}}'],
)
def test_what_somebody_made_up_is_refused(desk, holder_id, made_up):
    signed_in = desk.signed_in(holder_id)
    asked = desk.do(begin_passkey_sign_in, SITE)
    answer = PasskeyAnswer(asked.request, made_up, SITE)
    assert desk.do_sending(sign_in_with_passkey, answer) == PasskeyRefused("wrong")
    asked = desk.do(begin_adding, signed_in, SITE)
    answer = PasskeyAnswer(asked.request, made_up, SITE)
    assert desk.do_sending(finish_adding, signed_in, answer, "") == PasskeyRefused("wrong")


def test_every_byte_of_an_answer_counts(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    for part in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        for spoiled in ("", "AAAA", "!", None, 7):
            answer = answered(desk, key, **{part: spoiled})
            assert desk.do_sending(sign_in_with_passkey, answer) == PasskeyRefused("wrong"), (part, spoiled)


@pytest.mark.parametrize(("handle", "is_right"), [(None, True), ("AAAA", False), ("", False)])
def test_a_proof_may_do_without_the_handle_of_the_account_but_not_have_another_one(
    desk, holder_id, key, handle, is_right
):
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key)
    asked = desk.do(begin_passkey_confirmation, signed_in, SITE)
    answer = PasskeyAnswer(asked.request, key.sign(asked.options, userHandle=handle), SITE)
    assert isinstance(desk.do_sending(confirm_with_passkey, signed_in, answer), Opened) is is_right


def test_another_holders_passkey_proves_nothing_without_a_handle(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(desk.account("other@example.org")), key)
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, Authenticator(SITE.origin))
    asked = desk.do(begin_passkey_confirmation, signed_in, SITE)
    answer = PasskeyAnswer(asked.request, key.sign(asked.options, userHandle=None), SITE)
    assert desk.do_sending(confirm_with_passkey, signed_in, answer) == PasskeyRefused("wrong")


def test_a_client_asks_for_so_many_challenges_only(desk):
    asked = [desk.do(begin_passkey_sign_in, SITE) for _ in range(61)]
    assert isinstance(asked[-1], Wait)
    desk.ip = "203.0.113.8"
    assert not isinstance(desk.do(begin_passkey_sign_in, SITE), Wait)


def test_no_secret_of_a_passkey_is_stored(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    asked = desk.do(begin_passkey_sign_in, SITE)
    rows = str(desk.rows("SELECT t::text FROM passkey_challenges t"))
    assert asked.request not in rows
    assert json.loads(asked.options)["challenge"] not in rows
