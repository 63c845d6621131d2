"""Coming in: a link that works once, password and code together, and what keeps others out."""

import asyncio
from datetime import timedelta

import psycopg
import pytest

from adapters.clock import recorded_now
from adapters.web.console.accounts import add_operator, remove_operator, reset_operator
from adapters.web.console.proof import STEP_S, code_at, step_of
from adapters.web.console.visit import SESSION
from tests.engine.databases import application_url

EMAIL, PASSWORD = "new@example.com", "correct horse battery"
NO_MATCH = "That sign-in does not match."


def run(site, work, *args):
    async def once():
        async with await psycopg.AsyncConnection.connect(application_url(site.url), autocommit=True) as connection:
            return await work(connection, *args, recorded_now())

    return asyncio.run(once())


@pytest.fixture
def invited(site, world):
    return run(site, add_operator, EMAIL, "support")


def secret_on(page):
    return page.html.split('class="secret">')[1].split("<")[0].replace(" ", "")


def set_up(client, invited, *, password=PASSWORD):
    """Returns the secret, after the account was set up with the code of a minute ago, so that today's is left."""
    path = f"/set-up/{invited.token}"
    secret = secret_on(client.get(path))
    code = code_at(secret, recorded_now() - timedelta(seconds=STEP_S))
    answer = client.post(path, {"password": password, "code": code})
    assert answer.to == "/", answer.text
    return secret


def enter(client, secret, *, email=EMAIL, password=PASSWORD, code=None, **headers):
    given = code if code is not None else code_at(secret, recorded_now())
    return client.post("/sign-in", {"email": email, "password": password, "code": given}, **headers)


def test_the_link_sets_password_and_second_factor_once_and_signs_in(desk, invited, world, record):
    client = desk()
    page = client.get(f"/set-up/{invited.token}")
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in page.html
    assert page.headers["referrer-policy"] == "no-referrer"
    set_up(client, invited)
    assert client.get("/").status == 200
    assert desk().get(f"/set-up/{invited.token}").status == 404
    assert desk().post(f"/set-up/{invited.token}", {"password": PASSWORD, "code": "1"}).status == 404
    assert record() == [("set_up", None, None, None, "done")]


def test_a_link_is_for_a_day_and_a_made_up_one_for_nothing(desk, invited, world):
    assert desk().get("/set-up/x").status == 404
    world.connection.execute("UPDATE operators SET set_up_until = now() WHERE email = %s", (EMAIL,))
    assert desk().get(f"/set-up/{invited.token}").status == 404


@pytest.mark.parametrize(
    ("password", "code", "said"),
    [
        ("short", None, "Use 8 characters or more."),
        ("password1", None, "Many people use that password."),
        ("", None, "Give your password."),
        (PASSWORD, "", "Give the six digits"),
        (PASSWORD, "000000x", "That is not the code of this moment."),
    ],
)
def test_a_set_up_that_is_wrong_says_so_and_sets_nothing(desk, invited, world, password, code, said):
    path = f"/set-up/{invited.token}"
    secret = secret_on(desk().get(path))
    given = code_at(secret, recorded_now()) if code is None else code
    answer = desk().post(path, {"password": password, "code": given})
    assert answer.status == 422
    assert said in answer.text
    assert secret_on(answer) == secret
    row = world.connection.execute("SELECT password_hash, totp_secret FROM operators WHERE email = %s", (EMAIL,))
    assert row.fetchone() == (None, None)


def test_password_and_code_open_a_session_and_no_code_opens_a_second(desk, invited):
    secret = set_up(desk(), invited)
    code = code_at(secret, recorded_now())
    first, second = desk(), desk()
    answer = enter(first, secret, code=code)
    assert answer.to == "/"
    [line] = answer.cookies
    assert line.startswith(f"{SESSION}=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= {part.strip() for part in line.split(";")}
    assert first.get("/record").status == 200
    assert NO_MATCH in enter(second, secret, code=code).text
    assert second.get("/record").status == 303


def test_whatever_is_wrong_the_answer_is_the_same(desk, invited):
    secret = set_up(desk(), invited)
    answers = [
        enter(desk(), secret, email="nobody@example.com"),
        enter(desk(), secret, password="wrong horse battery"),
        enter(desk(), secret, code="123456"),
        enter(desk(), secret, email="read@example.com"),
    ]
    assert [one.status for one in answers] == [422] * 4
    texts = {
        one.html.replace(email, "") for one in answers for email in (EMAIL, "nobody@example.com", "read@example.com")
    }
    assert all(NO_MATCH in one for one in texts)
    assert 'value="nobody@example.com"' in answers[0].html


def test_sign_in_leads_on_to_where_one_wanted_to_go_and_nowhere_else(desk, invited):
    secret = set_up(desk(), invited)
    assert desk().get("/record?page=2").to == "/sign-in?next=%2Frecord%3Fpage%3D2"
    fields = {"email": EMAIL, "password": PASSWORD, "code": code_at(secret, recorded_now())}
    assert desk().post("/sign-in?next=%2Frecord%3Fpage%3D2", fields).to == "/record?page=2"
    assert desk("read").get("/sign-in?next=https://evil.example").to == "/cards"


def test_an_empty_field_is_named_and_what_was_typed_stays(desk):
    answer = desk().post("/sign-in", {"email": "a@example.com", "password": "", "code": " "})
    assert answer.status == 422
    assert "Give your password." in answer.text
    assert "Give the six digits" in answer.text
    assert 'value="a@example.com"' in answer.html


def test_failures_delay_more_and_more_and_lock_nobody_out(desk, invited, world):
    secret = set_up(desk(), invited)
    answers = [enter(desk(), secret, password=f"wrong {number}") for number in range(7)]
    assert {one.status for one in answers[:5]} == {422}
    assert answers[-1].status == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert enter(desk(), secret).status == 429
    world.connection.execute("UPDATE sign_in_tries SET try_at = now() - interval '1 s'")
    assert enter(desk(), secret).to == "/"


@pytest.mark.parametrize(("column", "age"), [("seen_at", "31 minutes"), ("created_at", "12 hours 1 minute")])
def test_a_session_ends_by_itself(desk, world, column, age):
    assert desk("read").get("/").status == 200
    world.connection.execute(f"UPDATE operator_sessions SET {column} = now() - %s::interval", (age,))
    assert desk("read").get("/").to == "/sign-in"


def test_a_session_in_use_goes_on(desk, world):
    world.connection.execute("UPDATE operator_sessions SET seen_at = now() - interval '29 minutes'")
    assert desk("read").get("/").status == 200
    query = "SELECT max(seen_at) > now() - interval '1 minute' FROM operator_sessions"
    assert world.connection.execute(query).fetchone() == (True,)


def test_signing_out_ends_the_session(site, desk):
    client = desk("read")
    assert client.post("/sign-out").to == "/sign-in"
    assert SESSION not in client.cookies
    assert desk("read").get("/").status == 303


def test_who_is_removed_is_out_at_once_and_a_new_role_holds_at_once(site, desk, world):
    world.connection.execute("UPDATE operators SET role = 'read' WHERE role = 'operator'")
    assert desk("operator").post("/charging/stop").status == 403
    assert run(site, remove_operator, "support@example.com")
    assert desk("support").get("/").status == 303


def test_a_reset_ends_sessions_and_asks_for_both_anew(site, desk, invited):
    client = desk()
    old = set_up(client, invited)
    again = run(site, reset_operator, EMAIL)
    assert client.get("/").status == 303
    assert NO_MATCH in enter(desk(), old).text
    assert set_up(desk(), again, password="another horse battery") != old


def test_nothing_secret_is_logged_or_stands_in_the_record(desk, invited, world, lines, record):
    secret = set_up(desk(), invited)
    code = code_at(secret, recorded_now())
    client = desk()
    enter(client, secret, password="wrong horse battery", code="654321")
    enter(client, secret, code=code)
    client.post("/search", {"sought": "+12125550142"})
    client.post("/search", {"sought": "lin@example.com"})
    everything = f"{lines} {record()}"
    for canary in (secret, code, "654321", PASSWORD, "wrong horse", invited.token, client.cookies[SESSION]):
        assert canary not in everything
    for canary in ("12125550142", "lin@example", EMAIL):
        assert canary not in everything
    assert invited.token not in str(world.connection.execute("SELECT operators::text FROM operators").fetchall())


def test_a_code_of_the_neighbouring_moments_is_taken_and_no_older_one():
    now, secret = recorded_now(), "JBSWY3DPEHPK3PXP" * 2
    present = int(now.timestamp()) // STEP_S
    for steps, taken in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = code_at(secret, now + timedelta(seconds=steps * STEP_S))
        assert (step_of(secret, f" {code[:3]} {code[3:]} ", now) == present + steps) is taken
    assert step_of(secret, code_at(secret, now), now, after=present) is None
    assert step_of(secret, "", now) is None
    assert step_of(secret, "１２３４５６", now) is None
