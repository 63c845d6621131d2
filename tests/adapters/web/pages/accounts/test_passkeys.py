"""The pages of passkeys as a browser without a screen sends them: who may add, name, remove and sign in."""

import re
from uuid import uuid4

import pytest

from tests.adapters.authenticator import Authenticator
from tests.adapters.web.pages.accounts.conftest import PASSWORD, by_code
from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import EMAIL

PASSKEYS, SIGN_IN, CONFIRM = "/account/passkeys", "/sign-in/passkey", "/account/confirm/passkey"
NEW = "a long enough one"


@pytest.fixture
def key(served):
    return Authenticator(served)


def add(browser, key, label="My phone"):
    asked = browser.post(f"{PASSKEYS}/begin")
    assert asked.headers["content-type"] == "application/json"
    return browser.post(PASSKEYS, {"label": label, "credential": key.create(asked.html)})


def use(browser, key, path=SIGN_IN, to=""):
    asked = browser.post(f"{path}/begin")
    return browser.post(f"{path}{to}", {"credential": key.sign(asked.html)})


def ids(page):
    return re.findall(r'<button class="link" name="passkey" value="([^"]+)"', page.html)


def test_a_passkey_is_added_and_signs_in_to_where_one_wanted_to_go(phone, served, key, post):
    assert "None Add one Passkeys" in phone.get("/account").text
    done = add(phone, key)
    assert done.to == f"{PASSKEYS}?done=added"
    assert "The passkey is added." in phone.get(done.to).text
    assert "My phone" in phone.get(PASSKEYS).text
    assert "1 passkey Change" in phone.get("/account").text
    assert post.kinds() == [("passkey_added", EMAIL)]
    elsewhere = Client(served)
    assert use(elsewhere, key, to="?next=%2Freceipts").to == "/receipts"
    assert [*elsewhere.cookies] == ["__Host-bh"]  # the one of the challenge is gone
    assert elsewhere.get("/cards").status == 200
    assert "last used" in phone.get(PASSKEYS).text


def test_a_name_is_text_and_nothing_else(phone, key):
    add(phone, key, '<script>alert(1)</script>"')
    assert "<script>alert" not in phone.get(PASSKEYS).html


def test_the_token_of_a_challenge_stands_in_a_cookie_and_in_no_address(stranger):
    answer = stranger.post(f"{SIGN_IN}/begin")
    [line] = answer.cookies
    assert line.startswith("__Host-bh-passkey=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=300"} <= set(line.split("; "))
    assert stranger.cookies["__Host-bh-passkey"] not in answer.html
    assert answer.headers["cache-control"] == "no-store"


def test_an_answer_is_not_taken_twice_nor_in_another_browser(phone, served, stranger, key):
    add(phone, key)
    asked = stranger.post(f"{SIGN_IN}/begin")
    token, signed = stranger.cookies["__Host-bh-passkey"], {"credential": key.sign(asked.html)}
    assert Client(served).post(SIGN_IN, signed).to == "/sign-in?passkey=late"
    assert stranger.post(SIGN_IN, signed).to == "/cards"
    thief = Client(served)
    thief.cookies["__Host-bh-passkey"] = token
    again = thief.post(SIGN_IN, signed)
    assert again.to == "/sign-in?passkey=late"
    assert "That took too long. Try again." in thief.get(again.to).text


def test_what_another_site_had_signed_signs_nobody_in(phone, stranger, served, key):
    add(phone, key)
    key.origin = "https://evil.example"
    refused = use(stranger, key, to="?next=%2Freceipts")
    assert refused.to == "/sign-in?passkey=wrong&next=%2Freceipts"
    assert "That sign-in does not match." in stranger.get(refused.to).text
    assert stranger.token is None


def test_a_challenge_that_has_run_out_is_said_to_be_late(phone, stranger, key, world):
    add(phone, key)
    asked = stranger.post(f"{SIGN_IN}/begin")
    world.connection.execute("UPDATE passkey_challenges SET expires_at = expires_at - interval '5 minutes'")
    assert stranger.post(SIGN_IN, {"credential": key.sign(asked.html)}).to == "/sign-in?passkey=late"


def test_a_passkey_is_named_anew_and_removed(phone, key, post):
    add(phone, key)
    [passkey] = ids(phone.get(PASSKEYS))
    assert phone.post(f"{PASSKEYS}/rename", {"passkey": passkey, "label": "Old phone"}).to == f"{PASSKEYS}?done=renamed"
    assert "Old phone" in phone.get(PASSKEYS).text
    nameless = phone.post(f"{PASSKEYS}/rename", {"passkey": passkey, "label": " "})
    assert "Give the passkey a name." in phone.get(nameless.to).text
    assert phone.post(f"{PASSKEYS}/remove", {"passkey": passkey}).to == f"{PASSKEYS}?done=removed"
    assert "No passkeys yet." in phone.get(PASSKEYS).text
    assert post.kinds()[-1] == ("passkey_removed", EMAIL)


@pytest.mark.parametrize("what", ["rename", "remove"])
def test_another_holders_passkey_is_missing_exactly_as_one_that_is_not_there(phone, other, key, what):
    add(phone, key)
    [theirs] = ids(phone.get(PASSKEYS))
    answers = [
        other.post(f"{PASSKEYS}/{what}", {"passkey": one, "label": "x"}) for one in (theirs, str(uuid4()), "x", "")
    ]
    assert {one.status for one in answers} == {404}
    assert len({one.html for one in answers}) == 1
    assert "My phone" in phone.get(PASSKEYS).text


def test_without_a_recent_proof_nothing_is_added_or_removed(phone, key, world):
    add(phone, key)
    [passkey] = ids(phone.get(PASSKEYS))
    world.connection.execute("UPDATE sessions SET confirmed_at = confirmed_at - interval '15 minutes'")
    to = f"/account/confirm?next={PASSKEYS.replace('/', '%2F')}"
    for path in ("", "/begin", "/rename", "/remove"):
        assert phone.post(f"{PASSKEYS}{path}", {"passkey": passkey, "label": "x"}).to == to
    assert phone.get(PASSKEYS).to == to
    assert 'data-passkey="/account/confirm/passkey/begin"' in phone.get(to).html
    before = phone.token
    assert use(phone, key, CONFIRM, to=f"?next={PASSKEYS}").to == PASSKEYS
    assert phone.token != before
    assert phone.get(PASSKEYS).status == 200


def test_a_wrong_passkey_is_no_proof(phone, other, key, served):
    add(phone, key)
    theirs = Authenticator(served)
    add(other, theirs)
    refused = use(phone, theirs, CONFIRM)
    assert refused.to == "/account/confirm?passkey=wrong"
    assert "The passkey was not taken." in phone.get(refused.to).text
    assert Client(served).post(f"{CONFIRM}/begin").to.startswith("/sign-in")


def test_where_there_is_a_passkey_no_code_is_a_proof(phone, other, stranger, key, post, world):
    add(other, key)
    by_code(stranger, post, "/sign-in/code", "/sign-in/code/enter", "other@example.com")
    stranger.language = "en"
    world.connection.execute("UPDATE accounts SET language = 'en'")
    assert stranger.get("/cards").status == 200
    to = stranger.get("/account/password").to
    assert to.startswith("/account/confirm")
    assert "so a code is not enough here" in stranger.get(to).text
    sent = len(post.sent)
    assert stranger.post(to).status == 200
    assert len(post.sent) == sent
    assert use(stranger, key, CONFIRM, to="?next=/account/password").to == "/account/password"
    assert stranger.post("/account/password", {"password": NEW}).to == "/account?done=password"


def test_no_code_resets_the_password_and_nobody_sees_that(phone, stranger, key, post):
    add(phone, key)
    post.sent.clear()
    asked = stranger.post("/reset", {"address": EMAIL})
    assert asked.to == "/reset/code"
    assert post.kinds() == [("passkey_instead", EMAIL)]
    refused = stranger.post("/reset/code", {"code": "123456", "password": NEW})
    assert "That is not the code." in refused.text
    assert Client(stranger.address).post("/sign-in", {"account": EMAIL, "password": PASSWORD}).to == "/cards"


def test_only_where_passkeys_are_asked_for_a_page_has_a_script(phone, stranger, world):
    scripted = {"/sign-in": stranger, PASSKEYS: phone, "/account/confirm": phone}
    for path, browser in scripted.items():
        page = browser.get(path)
        assert re.findall(r"<script[^>]*>", page.html) == re.findall(
            r'<script src="/static/passkeys[^>]*" defer>', page.html
        )
        assert "script-src 'self'; " in page.headers["content-security-policy"]
        assert re.search(r"data-passkey=\S+ hidden>", page.html) or path == "/account/confirm"
    for path in ("/cards", "/account", "/account/password", "/terms", "/reset", "/nothing"):
        page = phone.get(path)
        assert "<script" not in page.html
        assert "script-src 'none'; " in page.headers["content-security-policy"]
        assert "connect-src 'none'; " in page.headers["content-security-policy"]


def test_without_a_passkey_the_page_of_proof_offers_none(phone):
    assert "data-passkey" not in phone.get("/account/confirm").html


def test_whoever_asks_too_often_waits(stranger, world):
    for _ in range(60):
        assert stranger.post(f"{SIGN_IN}/begin").status == 200
    late = stranger.post(f"{SIGN_IN}/begin")
    assert late.status == 429
    assert int(late.headers["retry-after"]) > 0
