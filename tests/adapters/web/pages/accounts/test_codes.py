"""Codes: signing in by one, registering, setting a new password."""

import pytest

from tests.adapters.web.pages.accounts.conftest import PASSWORD, by_code, sign_in
from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import EMAIL, HOLDER

NEW = "new@example.com"
FLOWS = {
    "sign-in": ("/sign-in/code", "/sign-in/code/enter"),
    "register": ("/register", "/register/code"),
    "reset": ("/reset", "/reset/code"),
}
flows = pytest.mark.parametrize("flow", FLOWS)


def test_a_code_signs_in_and_the_way_goes_on(stranger, post):
    ask, enter = (f"{path}?next=%2Fterms" for path in FLOWS["sign-in"])
    assert by_code(stranger, post, ask, enter, EMAIL).to == "/terms"
    assert "6 cards" in stranger.get("/cards").text
    assert [*stranger.cookies] == ["__Host-bh"]  # the one of the code is gone


def test_registering_makes_an_account_that_is_signed_in(stranger, post):
    assert by_code(stranger, post, *FLOWS["register"], NEW, password="a long enough one").to == "/cards"
    assert "No cards yet" in stranger.get("/cards").text
    assert (post.sent[-1].kind, post.sent[-1].to) == ("registered", NEW)
    stranger.post("/sign-out")
    assert sign_in(stranger, NEW, "a long enough one").to == "/cards"


def test_registering_needs_no_password_and_takes_a_phone_number(stranger, post):
    assert by_code(stranger, post, *FLOWS["register"], "138 0013 8000", password="").to == "/cards"
    assert post.kinds()[0] == ("code", "+8613800138000")
    text = stranger.get("/account").text
    assert "+86 138 0013 8000 confirmed" in text
    assert "None; you sign in by code" in text


def test_registering_in_chinese_speaks_chinese(other, post):
    other.cookies.clear()
    by_code(other, post, *FLOWS["register"], NEW)
    assert {one.language for one in post.sent} == {"zh-CN"}
    other.language = "en"
    assert "还没有保号卡" in other.get("/cards").text


@flows
def test_no_answer_tells_whether_there_is_an_account(stranger, post, flow):
    ask, enter = FLOWS[flow]
    seen = []
    for address in (EMAIL, "lan@example.com"):  # masked they are the same
        asked = stranger.post(ask, {"address": address})
        page = stranger.get(enter)
        wrong = stranger.post(enter, {"code": "12345", "password": "a long enough one"})
        seen.append((asked.status, asked.to, page.html, wrong.status, wrong.html))
    assert seen[0] == seen[1]


@flows
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (" LIN@example.com", "l***@example.com"),
        ("13800138000", "+86 138****8000"),
        ("+852 5123 4567", "+852 51****67"),
    ],
)
def test_the_page_of_the_code_says_what_was_typed_masked(stranger, flow, typed, told):
    ask, enter = FLOWS[flow]
    stranger.post(ask, {"address": typed})
    for page in (stranger.get(enter), stranger.post(enter, {"code": ""}), stranger.post(enter, {"code": "12345"})):
        assert f"You gave {told}. Change" in page.text
        assert f'href="{ask}">Change</a>' in page.html
    stranger.cookies["__Host-bh-code-" + flow] = "made-up"
    assert "You gave" not in stranger.get(enter).text


@flows
def test_the_same_address_given_again_within_a_minute_gets_no_second_message(stranger, post, flow):
    ask, enter = FLOWS[flow]
    address = NEW if flow == "register" else EMAIL
    assert stranger.post(ask, {"address": address}).to == enter
    assert stranger.post(ask, {"address": address}).to == enter
    assert post.kinds() == [("code", address)]
    assert stranger.post(enter, {"code": post.code, "password": "a long enough one"}).status == 303
    stranger.post(ask, {"address": "another@example.com"})
    stranger.cookies.clear()
    stranger.post(ask, {"address": address})  # another browser is sent its own
    assert [to for _, to in post.kinds()].count(address) > 1


def test_who_registers_again_is_told_so_by_mail_alone(stranger, post):
    stranger.post("/register", {"address": EMAIL})
    assert post.kinds() == [("account_exists", EMAIL)]


@flows
def test_a_wrong_code_says_how_many_tries_are_left_and_the_fifth_ends_it(stranger, post, flow):
    ask, enter = FLOWS[flow]
    stranger.post(ask, {"address": NEW if flow == "register" else EMAIL})
    fields = {"code": post.wrong_code, "password": "a long enough one"}
    first = stranger.post(enter, fields)
    assert first.status == 422
    assert "That is not the code. You have 4 more tries." in first.text
    assert f'value="{post.wrong_code}"' in first.html
    assert "a long enough one" not in first.html
    assert [stranger.post(enter, fields).status for _ in range(4)] == [422, 422, 422, 303]
    gone = stranger.get(ask + "?dead=1")
    assert "This code no longer works. Ask for a new one." in gone.text
    assert stranger.post(enter, {**fields, "code": post.code}).to == f"{ask}?dead=1"


@flows
def test_the_token_of_a_request_stands_in_a_cookie_and_in_no_address(stranger, flow):
    ask, enter = FLOWS[flow]
    answer = stranger.post(ask, {"address": EMAIL})
    [line] = answer.cookies
    assert line.startswith(f"__Host-bh-code-{flow}=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=900"} <= set(line.split("; "))
    assert answer.to == enter
    token = stranger.cookies[f"__Host-bh-code-{flow}"]
    assert token not in stranger.get(enter).html


@flows
def test_a_code_is_worth_nothing_in_another_browser_or_for_another_thing(stranger, other, post, flow):
    ask, enter = FLOWS[flow]
    stranger.post(ask, {"address": EMAIL})
    fields = {"code": "123456", "password": "a long enough one"}
    assert other.post(enter, fields).to == f"{ask}?dead=1"
    token = stranger.cookies[f"__Host-bh-code-{flow}"]
    wrong_ask, wrong_enter = FLOWS["reset" if flow == "sign-in" else "sign-in"]
    other.cookies[f"__Host-bh-code-{'reset' if flow == 'sign-in' else 'sign-in'}"] = token
    assert other.post(wrong_enter, fields).to == f"{wrong_ask}?dead=1"


def test_the_same_code_is_sent_again_after_a_minute(stranger, post, world):
    ask, enter = FLOWS["sign-in"]
    stranger.post(ask, {"address": EMAIL})
    early = stranger.post(f"{enter}/again")
    assert early.status == 429
    assert 1 <= int(early.headers["retry-after"]) <= 60
    world.connection.execute("UPDATE codes SET sent_at = sent_at - interval '61 seconds'")
    again = stranger.post(f"{enter}/again")
    assert again.to == f"{enter}?again=1"
    assert "The code was sent again." in stranger.get(again.to).text
    assert post.sent[0].values["code"] == post.sent[1].values["code"]


def test_who_has_it_sent_again_too_often_reads_so_and_when_it_may_be_tried(stranger, post, world):
    ask, enter = FLOWS["sign-in"]
    stranger.post(ask, {"address": EMAIL})
    early = stranger.post(f"{enter}/again")
    assert "Too many codes were asked for." not in early.text
    for _ in range(2):
        Client(stranger.address).post(ask, {"address": EMAIL})
    world.connection.execute("UPDATE codes SET sent_at = sent_at - interval '61 seconds'")
    late = stranger.post(f"{enter}/again")
    assert late.status == 429
    assert "Too many codes were asked for. Try again in 60 minutes." in late.text
    assert len(post.sent) == 3


def test_the_fourth_code_in_an_hour_waits(stranger):
    asked = []
    for _ in range(4):
        stranger.cookies.clear()  # the same browser is answered as before, without another message
        asked.append(stranger.post("/reset", {"address": EMAIL}))
    assert [one.status for one in asked] == [303, 303, 303, 429]
    assert "Too many codes were asked for. Try again in 60 minutes." in asked[-1].text
    assert f'value="{EMAIL}"' in asked[-1].html


@flows
@pytest.mark.parametrize("typed", ["", "  ", "nobody", "a@b", "12", "a@example.com, b@example.com", "\N{PILE OF POO}"])
def test_what_is_no_address_is_asked_again_and_stays(stranger, post, flow, typed):
    answer = stranger.post(FLOWS[flow][0], {"address": typed})
    assert answer.status == 422
    assert "with the code of its country" in answer.text
    assert f'value="{typed}"' in answer.html
    assert not post.sent


def test_the_second_step_without_the_first_leads_to_it(stranger):
    for ask, enter in FLOWS.values():
        assert stranger.get(enter).to == ask


def test_a_refused_password_uses_up_neither_code_nor_try(stranger, post):
    ask, enter = FLOWS["register"]
    stranger.post(ask, {"address": NEW})
    for password, why in (
        ("short", "Use at least 8 characters."),
        ("x1y2z3" * 30, "Use at most 128 characters."),
        ("password123", "This password is known to many."),
        ("my-baohao-login", "Leave our name out of the password."),
    ):
        answer = stranger.post(enter, {"code": post.code, "password": password})
        assert answer.status == 422
        assert why in answer.text
    assert stranger.post(enter, {"code": post.code, "password": "a long enough one"}).to == "/cards"


def test_a_reset_ends_all_other_sessions_and_tells_the_holder(stranger, lin, phone, post):
    assert lin.get("/cards").status == phone.get("/cards").status == 200
    assert by_code(stranger, post, *FLOWS["reset"], EMAIL, password="a long enough one").to == "/cards"
    assert stranger.get("/cards").status == 200
    assert lin.get("/cards").status == phone.get("/cards").status == 303
    assert post.kinds()[-1] == ("password_changed", EMAIL)
    stranger.post("/sign-out")
    assert sign_in(stranger, password=PASSWORD).status == 422
    assert sign_in(stranger, password="a long enough one").to == "/cards"


def test_codes_and_addresses_are_not_logged(stranger, post, lines, world):
    by_code(stranger, post, *FLOWS["register"], NEW, password="a-canary-password")
    stranger.post("/reset", {"address": EMAIL})
    text = repr(lines)
    assert HOLDER not in NEW
    for secret in (
        NEW,
        EMAIL,
        "a-canary-password",
        *{one.values["code"] for one in post.sent if one.values.get("code")},
    ):
        assert secret not in text


@flows
def test_the_second_of_two_clicks_leads_where_the_first_one_did(stranger, post, flow):
    ask, enter = FLOWS[flow]
    stranger.post(ask, {"address": NEW if flow == "register" else EMAIL})
    fields, cookies = {"code": post.code, "password": "a long enough one"}, dict(stranger.cookies)
    first = stranger.post(enter, fields)
    session = stranger.token
    stranger.cookies = cookies  # the second one was sent before the first was answered
    second = stranger.post(enter, fields)
    assert second.to == f"{ask}?dead=1"
    stranger.token = session
    assert stranger.get(second.to).to == first.to == "/cards"
