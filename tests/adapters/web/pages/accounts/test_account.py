"""The account: what it shows, what can be changed about it, and who has to prove to be the holder first."""

import json
import re
from uuid import uuid4

import pytest

from tests.adapters.web.pages.accounts.conftest import PASSWORD, by_code, sign_in
from tests.adapters.web.pages.holders import EMAIL, HOLDER, OTHER, card_id_of

NEW = "new@example.com"
PROVED = (
    "/account/email",
    "/account/phone",
    "/account/password",
    "/account/data",
    "/account/data/file",
    "/account/delete",
    "/account/passkeys",
)
UNSAFE = (
    *("/sign-in", "/sign-in/code", "/sign-in/code/enter", "/sign-in/code/enter/again", "/sign-out"),
    *("/register", "/register/code", "/register/code/again", "/reset", "/reset/code", "/reset/code/again"),
    *("/account", "/account/confirm", "/account/confirm/code", "/account/confirm/code/again", "/account/password"),
    *("/account/email", "/account/email/code", "/account/email/code/again", "/account/email/remove"),
    *("/account/phone", "/account/phone/code", "/account/phone/code/again", "/account/phone/remove"),
    *("/account/devices/end", "/account/devices/end-all", "/account/delete", "/language"),
    *("/sign-in/passkey", "/sign-in/passkey/begin", "/account/confirm/passkey", "/account/confirm/passkey/begin"),
    *("/account/passkeys", "/account/passkeys/begin", "/account/passkeys/rename", "/account/passkeys/remove"),
)


@pytest.fixture
def long_ago(world):
    """It is a quarter of an hour since anybody proved to be the holder."""
    world.connection.execute("UPDATE sessions SET confirmed_at = confirmed_at - interval '15 minutes'")


def device_ids(page):
    return re.findall(r'name="device" value="([^"]+)"', page.html)


def test_the_page_shows_what_the_account_has(phone):
    page = phone.get("/account")
    assert "E-mail lin@example.com confirmed Change" in page.text
    assert "Phone number None Add one" in page.text
    assert "Password Set Change" in page.text


def test_language_and_city_are_kept_and_others_refused(lin):
    assert lin.post("/account", {"language": "zh-CN", "zone": "Asia/Tokyo"}).to == "/account?done=settings"
    text = lin.get("/account").text
    assert "东京" in text
    assert "退出所有设备" in text
    for fields, wrong in (({"language": "fr", "zone": "Asia/Tokyo"}, "language"), ({"language": "en"}, "zone")):
        refused = lin.post("/account", fields)
        assert refused.status == 422
        assert f'id="{wrong}-wrong"' in refused.html
    assert lin.get("/account").text == text.replace("已保存。 ", "")


@pytest.mark.parametrize("path", PROVED)
def test_what_is_sensitive_needs_a_recent_proof_and_is_come_back_to(lin, long_ago, path):
    to = lin.get(path).to
    assert to == f"/account/confirm?next={path.replace('/', '%2F')}"
    before = lin.token
    assert "Confirm that it is you" in lin.get(to).text
    wrong = lin.post(to, {"password": "something else"})
    assert wrong.status == 422
    assert "This is not the password." in wrong.text
    assert lin.post(to, {"password": PASSWORD}).to == path
    assert lin.token != before
    assert lin.get(path).status == 200


@pytest.mark.parametrize("path", [one for one in PROVED if "data" not in one])
def test_a_form_without_a_recent_proof_changes_nothing(lin, long_ago, post, path):
    fields = {"address": NEW, "password": "a long enough one"}
    assert lin.post(path, fields).to == f"/account/confirm?next={path.replace('/', '%2F')}"
    assert not post.sent


def test_without_a_password_a_code_is_the_proof(other, post, long_ago):
    to = other.get("/account/password").to
    assert "o…@example.com" in other.get(to).text
    entering = other.post(to).to
    assert entering == "/account/confirm/code?next=%2Faccount%2Fpassword"
    assert "发送到 o***@example.com。" in other.get(entering).text
    assert other.post(entering, {"code": post.wrong_code}).status == 422
    assert other.post(entering, {"code": post.code}).to == "/account/password"
    assert other.get("/account/password").status == 200


def test_a_double_click_on_the_code_is_one_proof(other, post, long_ago):
    entering = other.post("/account/confirm?next=%2Faccount%2Fpassword").to
    before = dict(other.cookies)
    assert other.post(entering, {"code": post.code}).to == "/account/password"
    after, other.cookies = other.cookies, before
    to = other.post(entering, {"code": post.code}).to
    other.cookies = after
    steps = [to := other.get(to).to for _ in range(3)]
    assert steps[-1] == "/account/password"


@pytest.mark.parametrize(("kind", "typed"), [("email", NEW), ("phone", "138 0013 8000")])
def test_a_double_click_on_asking_sends_one_code(phone, post, kind, typed):
    asked = [phone.post(f"/account/{kind}", {"address": typed}) for _ in range(2)]
    assert {one.to for one in asked} == {f"/account/{kind}/code"}
    assert len(post.sent) == 1
    assert phone.post(f"/account/{kind}/code", {"code": post.code}).to == f"/account?done={kind}"


def test_a_double_click_on_asking_for_a_proof_sends_one_code(other, post, long_ago):
    asked = [other.post("/account/confirm?next=%2Faccount%2Fpassword") for _ in range(2)]
    assert asked[0].to == asked[1].to
    assert len(post.sent) == 1
    assert other.post(asked[1].to, {"code": post.code}).to == "/account/password"


@pytest.mark.parametrize("kind", ["email", "phone"])
def test_a_double_click_on_the_code_of_an_address_says_twice_that_it_is_confirmed(phone, post, kind):
    phone.post(f"/account/{kind}", {"address": NEW if kind == "email" else "138 0013 8000"})
    cookies = dict(phone.cookies)
    first = phone.post(f"/account/{kind}/code", {"code": post.code})
    told = len(post.sent)
    phone.cookies = cookies
    assert phone.post(f"/account/{kind}/code", {"code": post.code}).to == first.to == f"/account?done={kind}"
    assert len(post.sent) == told


def test_who_is_signed_in_is_told_that_a_code_is_over_however_lately_that_was(phone, post):
    phone.post("/account/email", {"address": NEW})
    wrong = [phone.post("/account/email/code", {"code": post.wrong_code}) for _ in range(5)]
    assert wrong[-1].to == "/account/email?dead=1"
    assert "This code no longer works. Ask for a new one." in phone.get("/account/email?dead=1").text


@pytest.mark.parametrize("evil", ["//evil.example", "https://evil.example"])
def test_no_page_of_another_site_comes_after_a_proof(lin, evil):
    assert lin.post(f"/account/confirm?next={evil}", {"password": PASSWORD}).to == "/cards"


def test_a_changed_password_ends_the_other_sessions(lin, phone, post):
    refused = phone.post("/account/password", {"password": "short"})
    assert refused.status == 422
    assert phone.post("/account/password", {"password": "a long enough one"}).to == "/account?done=password"
    assert "Your password is set." in phone.get("/account?done=password").text
    assert lin.get("/cards").status == 303
    assert post.kinds() == [("password_changed", EMAIL)]


def test_a_new_address_is_proved_by_a_code_and_the_old_one_told(phone, lin, post):
    assert by_code(phone, post, "/account/email", "/account/email/code", NEW).to == "/account?done=email"
    assert NEW in phone.get("/account").text
    assert post.kinds() == [("code", NEW), ("email_changed", EMAIL)]
    assert lin.get("/cards").status == 303  # others are signed out
    phone.post("/sign-out")
    assert sign_in(phone, EMAIL).status == 422
    assert sign_in(phone, NEW).to == "/cards"


def test_a_phone_number_is_added_and_then_the_address_can_go(phone, post):
    by_code(phone, post, "/account/phone", "/account/phone/code", "138 0013 8000")
    assert "+86 138 0013 8000 confirmed" in phone.get("/account").text
    assert phone.post("/account/email/remove").to == "/account?done=removed"
    assert "E-mail None" in phone.get("/account").text
    assert phone.post("/account/phone/remove").to == "/account?done=last"
    assert "Confirm another address first" in phone.get("/account?done=last").text


@pytest.mark.parametrize(
    ("kind", "typed"), [("email", "+852 5550 0142"), ("phone", NEW), ("phone", "12"), ("email", "")]
)
def test_an_address_of_another_kind_is_asked_again(phone, post, kind, typed):
    answer = phone.post(f"/account/{kind}", {"address": typed})
    assert answer.status == 422
    assert f'value="{typed}"' in answer.html
    assert not post.sent


def test_an_address_of_another_account_looks_as_if_it_were_free(phone, post):
    taken = phone.post("/account/email", {"address": "other@example.com"})
    assert (taken.status, taken.to) == (303, "/account/email/code")
    assert post.kinds() == [("account_exists", "other@example.com")]
    page = phone.get(taken.to)
    free = phone.post("/account/email", {"address": "oscar@example.com"})  # masked it is the same
    assert phone.get(free.to).html == page.html
    assert "You gave o***@example.com." in page.text


def test_one_device_is_signed_out_or_all(lin, phone):
    page = phone.get("/account")
    [other_device] = device_ids(page)
    assert "Firefox, Linux" in page.text
    assert "this device" in page.text
    assert phone.post("/account/devices/end", {"device": other_device}).to == "/account?done=device"
    assert lin.get("/cards").status == 303
    assert phone.post("/account/devices/end-all").to == "/sign-in"
    assert phone.token is None
    assert phone.get("/cards").status == 303


def test_another_holders_device_is_missing_exactly_as_one_that_is_not_there(lin, other, world):
    query = "SELECT session_id FROM sessions WHERE holder_id = %s"
    [theirs] = world.connection.execute(query, (OTHER,)).fetchone()
    answers = [lin.post("/account/devices/end", {"device": one}) for one in (str(theirs), str(uuid4()), "x", "")]
    assert {one.status for one in answers} == {404}
    assert len({one.html for one in answers}) == 1
    assert other.get("/cards").status == 200


def test_the_data_come_as_a_file(phone):
    assert "/account/data/file" in phone.get("/account/data").html
    file = phone.get("/account/data/file")
    assert file.headers["content-disposition"].startswith('attachment; filename="baohao-')
    assert file.headers["cache-control"] == "no-store"
    exported = json.loads(file.html)
    assert exported["account"]["email"] == EMAIL
    assert len(exported["cards"]) == 7
    assert PASSWORD not in file.html
    assert "argon2" not in file.html


def test_an_account_stays_while_something_is_owed(lin):
    assert "What stays" in lin.get("/account/delete").text
    refused = lin.post("/account/delete")
    assert refused.status == 409
    assert "The account cannot be deleted yet" in refused.text
    assert f"/cards/{card_id_of('plus')}" in refused.html
    assert f"/cards/{card_id_of('off')}" not in refused.html
    assert lin.get("/cards").status == 200


def test_an_account_without_debts_is_deleted_and_its_session_ended(other, post, world):
    gone = other.post("/account/delete")
    assert gone.to == "/sign-in?gone=1"
    assert other.token is None
    assert "您的账户已删除。" in other.get(gone.to).text
    assert post.kinds() == [("account_erased", "other@example.com")]
    rows = world.connection.execute("SELECT 1 FROM accounts WHERE holder_id = %s", (OTHER,)).fetchall()
    assert not rows


@pytest.mark.parametrize("path", ["/account", *PROVED])
def test_a_session_that_ended_in_between_leads_to_sign_in_and_back(lin, world, path):
    world.connection.execute("DELETE FROM sessions WHERE holder_id = %s", (HOLDER,))
    to = lin.get(path).to
    assert to == f"/sign-in?next={path.replace('/', '%2F')}"
    assert sign_in(lin, to=to.removeprefix("/sign-in")).to == path
    assert lin.get(path).status == 200


@pytest.mark.parametrize("path", UNSAFE)
def test_no_other_site_changes_anything(lin, path, world):
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": None},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.example"},
    ):
        assert lin.post(path, {"account": EMAIL, "password": PASSWORD}, **headers).status == 403
    assert lin.get("/cards").status == 200


def test_every_route_that_changes_something_was_tried_from_another_site():
    from adapters.web.pages.routes import OF_AN_ACCOUNT  # noqa: PLC0415 (only this test looks inside)

    assert {one.path for one in OF_AN_ACCOUNT if one.method != "GET"} | {"/language"} == set(UNSAFE)


def test_pages_of_an_account_are_kept_by_no_cache_and_send_no_address_along(phone):
    for path in ("/account", *PROVED):
        answer = phone.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
