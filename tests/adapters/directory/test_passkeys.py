"""Passkeys of an account: adding, naming and removing them; they are a second way in, which no code goes around."""

import json

import pytest
from webauthn.helpers import base64url_to_bytes

from adapters.directory.answers import (
    CodeDead,
    Done,
    NotRecent,
    Opened,
    PasskeyRefused,
)
from adapters.directory.changing import begin_reset, finish_reset
from adapters.directory.codes import TypedCode
from adapters.directory.lost_passkeys import remove_lost_passkeys
from adapters.directory.passkey_challenges import PasskeyAnswer
from adapters.directory.passkey_proofs import (
    begin_passkey_confirmation,
    confirm_with_passkey,
    sign_in_with_passkey,
)
from adapters.directory.passkeys import (
    PASSKEYS_MOST,
    begin_adding,
    finish_adding,
    list_passkeys,
    remove_passkey,
    rename_passkey,
)
from adapters.directory.signing_in import (
    begin_code_sign_in,
    begin_confirmation,
    confirm_with_code,
    sign_in,
    sign_in_with_code,
)
from tests.adapters.authenticator import Authenticator
from tests.adapters.directory.desk import EMAIL, PASSWORD, PHONE
from tests.adapters.directory.passkey_desk import SITE, add_passkey, answered, kinds


@pytest.fixture
def holder_id(desk):
    return desk.account(phone=PHONE.text)


def labels(desk, holder_id):
    return [one.label for one in desk.run(list_passkeys(desk.connection, holder_id))]


def test_a_passkey_is_added_told_of_and_signs_in_without_an_address(desk, holder_id, key):
    signed_in, elsewhere = desk.signed_in(holder_id), desk.do(sign_in, EMAIL.text, PASSWORD)
    assert add_passkey(desk, signed_in, key) == Done()
    assert kinds(desk) == [("passkey_added", EMAIL.text), ("passkey_added", PHONE.text)]
    assert desk.session(elsewhere) is None
    assert labels(desk, holder_id) == ["My phone"]
    opened = desk.later(hours=1).do_sending(sign_in_with_passkey, answered(desk, key))
    assert opened.holder_id == holder_id
    assert desk.session(opened).is_recent(desk.at)
    [passkey] = desk.run(list_passkeys(desk.connection, holder_id))
    assert passkey.used_at == desk.at
    assert desk.events(holder_id)[-1] == "signed_in_with_passkey"


def test_an_authenticator_learns_no_address_by_its_handle_and_adds_nothing_twice(desk, holder_id, key):
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key)
    asked = json.loads(desk.do(begin_adding, signed_in, SITE).options)
    assert [one["id"] for one in asked["excludeCredentials"]] == list(key.keys)
    assert asked["rp"] == {"name": "Baohao", "id": "baohao.example"}
    assert holder_id not in asked["user"]["id"]
    for address in (EMAIL.text, PHONE.text):
        assert address not in asked["user"]["id"]


def test_a_passkey_belongs_to_one_account(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    other = desk.signed_in(desk.account("other@example.org"))
    asked = desk.do(begin_adding, other, SITE)
    created = json.loads(key.create(asked.options))
    same_id = desk.connection.execute("UPDATE passkeys SET credential_id = %s", (base64url_to_bytes(created["id"]),))
    desk.run(same_id)
    answer = PasskeyAnswer(asked.request, json.dumps(created), SITE)
    assert desk.do_sending(finish_adding, other, answer, "") == PasskeyRefused("known")


def test_another_holders_passkey_is_neither_named_nor_removed_nor_a_proof(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    [passkey] = desk.run(list_passkeys(desk.connection, holder_id))
    other = desk.signed_in(desk.account("other@example.org"))
    assert desk.run(rename_passkey(desk.connection, other, passkey.passkey_id, "Mine")) is False
    assert desk.do_sending(remove_passkey, other, passkey.passkey_id) is False
    assert labels(desk, holder_id) == ["My phone"]
    assert desk.do(begin_passkey_confirmation, other, SITE) == PasskeyRefused("wrong")
    add_passkey(desk, other, Authenticator(SITE.origin))
    asked = desk.do(begin_passkey_confirmation, other, SITE)
    answer = PasskeyAnswer(asked.request, key.sign(asked.options), SITE)
    assert desk.do_sending(confirm_with_passkey, other, answer) == PasskeyRefused("wrong")


def test_a_passkey_is_named_and_removed(desk, holder_id, key):
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key, "  \n a\tb  ")
    [passkey] = desk.run(list_passkeys(desk.connection, holder_id))
    assert passkey.label == "a b"
    assert desk.run(rename_passkey(desk.connection, signed_in, passkey.passkey_id, " \n")) is None
    assert desk.run(rename_passkey(desk.connection, signed_in, passkey.passkey_id, "x" * 200)) is True
    assert labels(desk, holder_id) == ["x" * 60]
    elsewhere = desk.do_sending(sign_in_with_passkey, answered(desk, key))
    desk.sent.clear()
    assert desk.do_sending(remove_passkey, signed_in, passkey.passkey_id) is True
    assert kinds(desk) == [("passkey_removed", EMAIL.text), ("passkey_removed", PHONE.text)]
    assert desk.session(elsewhere) is None
    assert desk.do_sending(sign_in_with_passkey, answered(desk, key)) == PasskeyRefused("wrong")


def test_those_that_were_lost_are_removed_by_the_support_and_codes_are_a_way_in_again(desk, holder_id, key):
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key)
    desk.sent.clear()
    assert desk.do_sending(remove_lost_passkeys, holder_id) == 1
    assert kinds(desk) == [("passkeys_removed", EMAIL.text), ("passkeys_removed", PHONE.text)]
    assert desk.do_sending(sign_in_with_passkey, answered(desk, key)) == PasskeyRefused("wrong")
    desk.do_sending(begin_reset, EMAIL, "en")
    assert desk.sent[-1].kind == "code"
    assert desk.do_sending(remove_lost_passkeys, holder_id) == 0
    assert len(desk.sent) == 3


def test_without_a_name_a_passkey_is_called_by_the_device(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key, "")
    assert labels(desk, holder_id) == ["Firefox, Linux"]


def test_an_account_has_so_many_at_most(desk, holder_id):
    signed_in = desk.signed_in(holder_id)
    late = Authenticator(SITE.origin)
    asked = desk.do(begin_adding, signed_in, SITE)
    for _ in range(PASSKEYS_MOST):
        assert add_passkey(desk, signed_in, Authenticator(SITE.origin)) == Done()
    assert desk.do(begin_adding, signed_in, SITE) == PasskeyRefused("too_many")
    answer = PasskeyAnswer(asked.request, late.create(asked.options), SITE)
    assert desk.do_sending(finish_adding, signed_in, answer, "") == PasskeyRefused("too_many")


def test_changes_need_a_recent_proof_which_a_passkey_gives(desk, holder_id, key):
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key)
    [passkey] = desk.run(list_passkeys(desk.connection, holder_id))
    desk.later(minutes=11)
    assert desk.do(begin_adding, signed_in, SITE) == NotRecent()
    assert desk.do_sending(finish_adding, signed_in, PasskeyAnswer("", "", SITE), "") == NotRecent()
    assert desk.do_sending(remove_passkey, signed_in, passkey.passkey_id) == NotRecent()
    asked = desk.do(begin_passkey_confirmation, signed_in, SITE)
    assert [one["id"] for one in json.loads(asked.options)["allowCredentials"]] == list(key.keys)
    answer = PasskeyAnswer(asked.request, key.sign(asked.options), SITE)
    confirmed = desk.session(desk.do_sending(confirm_with_passkey, signed_in, answer))
    assert desk.do_sending(remove_passkey, confirmed, passkey.passkey_id) is True


def test_no_code_sets_a_password_where_there_is_a_passkey(desk, holder_id, key):
    before = desk.do_sending(begin_reset, EMAIL, "en")
    code = desk.code(before)
    add_passkey(desk, desk.signed_in(holder_id), key)
    assert desk.do_sending(finish_reset, code, "a long enough one") == CodeDead()
    desk.sent.clear()
    sent = desk.later(minutes=1).do_sending(begin_reset, EMAIL, "en")
    assert kinds(desk) == [("passkey_instead", EMAIL.text)]
    assert desk.sent[0].values == {}
    assert desk.do_sending(finish_reset, TypedCode(sent.request, "123456"), "a long enough one") != Done()
    assert isinstance(desk.do(sign_in, EMAIL.text, PASSWORD), Opened)


def test_a_code_signs_in_but_proves_too_little_where_there_is_a_passkey(desk, holder_id, key):
    add_passkey(desk, desk.signed_in(holder_id), key)
    sent = desk.do_sending(begin_code_sign_in, EMAIL, "en")
    signed_in = desk.session(desk.do(sign_in_with_code, desk.code(sent)))
    assert not signed_in.is_recent(desk.at)
    assert desk.do_sending(begin_confirmation, signed_in) == CodeDead()


def test_a_code_that_was_asked_for_before_is_no_proof_either(desk, holder_id, key):
    signed_in = desk.signed_in(holder_id)
    sent = desk.do_sending(begin_confirmation, signed_in)
    code = desk.code(sent)
    query = """
        INSERT INTO passkeys VALUES (gen_random_uuid(), %s, 'x', 'x', 0, 'x', now(), NULL)
    """
    desk.run(desk.connection.execute(query, (holder_id,)))
    assert desk.do(confirm_with_code, signed_in, code) == CodeDead()
