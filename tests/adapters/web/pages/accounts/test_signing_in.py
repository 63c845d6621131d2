"""Signing in and out with a password."""

import pytest

from tests.adapters.web.pages.accounts.conftest import PASSWORD, sign_in
from tests.adapters.web.pages.holders import EMAIL


def test_who_knows_the_password_is_signed_in_until_signing_out(stranger):
    page = stranger.get("/sign-in")
    assert "E-mail or phone number" in page.text
    entered = sign_in(stranger)
    assert (entered.status, entered.to) == (303, "/cards")
    assert "6 cards" in stranger.get("/cards").text
    assert stranger.get("/sign-in").to == "/cards"
    token = stranger.token
    left = stranger.post("/sign-out")
    assert left.to == "/sign-in"
    assert stranger.token is None
    stranger.token = token
    assert stranger.get("/cards").to == "/sign-in?next=%2Fcards"


def test_the_cookie_is_for_this_host_and_no_script(stranger):
    [line] = sign_in(stranger).cookies
    assert line.startswith("__Host-bh=")
    parts = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/", "max-age=1209600"} <= parts
    assert not [part for part in parts if part.startswith("domain")]


def test_the_page_that_was_asked_for_comes_after_signing_in(stranger):
    to = stranger.get("/cards?page=2").to
    assert sign_in(stranger, to=to.removeprefix("/sign-in")).to == "/cards?page=2"


@pytest.mark.parametrize("evil", ["//evil.example", "https://evil.example", "/\\evil.example", "/%09/evil.example", ""])
def test_no_page_of_another_site_comes_after_signing_in(stranger, evil):
    assert sign_in(stranger, to=f"?next={evil}").to == "/cards"


def test_wrong_twice_then_right(stranger):
    for _ in range(2):
        wrong = sign_in(stranger, password="something else")
        assert wrong.status == 422
        assert "That sign-in does not match." in wrong.text
        assert f'value="{EMAIL}"' in wrong.html  # what was typed stays …
        assert "something else" not in wrong.html  # … but for the password
        assert not wrong.cookies
    assert sign_in(stranger).to == "/cards"


def test_no_answer_tells_whether_there_is_an_account(stranger):
    known = sign_in(stranger, password="something else")
    unknown = sign_in(stranger, account="nobody@example.com", password="something else")
    assert known.status == unknown.status
    assert known.html.replace(EMAIL, "X") == unknown.html.replace("nobody@example.com", "X")


def test_after_five_failures_each_try_waits_a_little_longer(stranger, served):
    for _ in range(5):
        assert sign_in(stranger, password="something else").status == 422
    sign_in(stranger, password="something else")
    slowed = sign_in(stranger)
    assert slowed.status == 429
    assert 1 <= int(slowed.headers["retry-after"]) <= 2
    assert "Try again in" in slowed.text
    assert f'value="{EMAIL}"' in slowed.html


def test_what_is_missing_is_said_at_its_field(stranger):
    answer = sign_in(stranger, account=" ", password="")
    assert answer.status == 422
    assert 'id="account-wrong"' in answer.html
    assert 'id="password-wrong"' in answer.html


def test_a_new_session_ends_the_one_that_the_browser_had(stranger, world):
    sign_in(stranger)
    before = stranger.token
    sign_in(stranger)
    assert stranger.token != before
    stranger.token = before
    assert stranger.get("/cards").status == 303


def test_the_account_speaks_the_holders_language(stranger, world):
    world.connection.execute("UPDATE accounts SET language = 'zh-CN'")
    assert "Sign in" in stranger.get("/sign-in").text
    sign_in(stranger)
    assert "保号卡" in stranger.get("/cards").text


def test_the_limit_counts_the_address_that_the_proxy_saw(stranger):
    def fail(number, seen):
        fields = {"account": f"a{number}@example.com", "password": "x"}
        return stranger.post("/sign-in", fields, **{"X-Forwarded-For": f"198.51.100.{number}, {seen}"}).status

    assert {fail(number, "203.0.113.1") for number in range(20)} == {422}
    assert fail(20, "203.0.113.1") == 429  # another first entry is the client's own claim
    assert fail(20, "203.0.113.2") == 422


def test_nothing_secret_is_logged(stranger, lines, post):
    sign_in(stranger, password="a-canary-password")
    sign_in(stranger)
    text = repr(lines)
    for secret in ("a-canary-password", PASSWORD, EMAIL, stranger.token):
        assert secret not in text
