"""Every page of the console with every role, with none, and from another site."""

import pytest

from adapters.web.console.roles import LEAST, ROLES, may
from adapters.web.console.served import PAGES
from adapters.web.console.visit import FORBIDDEN
from tests.adapters.web.pages.holders import card_id_of

IDS = [f"{one.method} {one.path}" for one in PAGES]
PLUS = card_id_of("plus")


def asked(client, page, **headers):
    path = page.path.replace("{card_id:uuid}", str(PLUS))
    return client.get(path, **headers) if page.method == "GET" else client.post(path, **headers)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_a_page_is_for_its_roles_alone_and_for_nobody_without_a_session(desk, page):
    for role in ROLES:
        answer = asked(desk(role), page)
        assert (answer.status == 403) is not may(role, page.action), role
        assert answer.status < 500
    assert asked(desk(), page).to.startswith("/sign-in")


def test_what_a_role_may_not_do_is_neither_done_nor_offered(desk, world, record):
    before = world.cards.names(PLUS)
    fields = {"reason": "a reason", "who": "holder", "step": "do"}
    for role, act in (("read", "switch-off"), ("read", "hold"), ("support", "hold")):
        assert desk(role).post(f"/cards/{PLUS}/{act}", fields).status == 403
    assert world.cards.names(PLUS) == before
    assert all(outcome.startswith("refused") for *_, outcome in record())
    assert "Switch auto-renewal off" not in desk("read").get(f"/cards/{PLUS}").text
    assert ">Hold<" not in desk("support").get(f"/cards/{PLUS}").html


def test_what_a_role_may_not_do_is_recorded(desk, record):
    desk("read").get(f"/cards/{PLUS}?clear")
    desk("support").post("/charging/stop", {"reason": "a reason"})
    desk("support").get(f"/cards/{PLUS}/refund")
    desk("support").post("/payment-cards")
    tried = {(action, card_id, outcome) for action, card_id, _, _, outcome in record()}
    assert tried == {
        ("see_personal_data", PLUS, FORBIDDEN),
        ("stop_charging", None, FORBIDDEN),
        ("refund", PLUS, FORBIDDEN),
        ("allow_payment_card", None, FORBIDDEN),
    }


def test_every_action_has_a_least_role_and_money_is_for_operators_alone():
    assert set(LEAST.values()) == set(ROLES)
    for action in ("refund", "record_refund", "resolve", "release", "stop_charging", "resume_charging"):
        assert [one for one in ROLES if may(one, action)] == ["operator"]


@pytest.mark.parametrize(
    "said",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": None}, {"Sec-Fetch-Site": None, "Origin": "null"}],
    ids=["cross-site", "silent", "null"],
)
def test_what_another_site_sends_is_refused(desk, record, said):
    for page in PAGES:
        if page.method == "POST":
            assert asked(desk("operator"), page, **said).status == 403, page.path
    assert record() == []


def test_the_holders_origin_is_another_site(desk, site):
    said = {"Sec-Fetch-Site": None, "Origin": site.address}
    refused = desk("operator").post("/sign-out", **said)
    assert refused.status == 403
    assert "This was not sent from the console" in refused.text
    assert desk("operator").post("/search", {"sought": "x"}, **{**said, "Origin": site.origin}).status == 200


def test_every_answer_binds_the_browser_and_is_kept_by_nobody(desk):
    for path in ("/", "/nothing", "/sign-in", "/set-up/x", f"/cards/{PLUS}"):
        answer = desk("operator").get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self';" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert " style=" not in answer.html
        assert "<script" not in answer.html


MISSING = (
    "/cards/6f1c0000-0000-4000-8000-000000000000",
    "/cards/6f1c0000-0000-4000-8000-000000000000/hold",
    "/cards/x",
    f"/cards/{PLUS}/nothing",
    f"/cards/{PLUS}/refund",
    f"/cards/{PLUS}/refund?attempt=x",
    f"/cards/{PLUS}/resolve?attempt=6f1c0000-0000-4000-8000-000000000000",
    "/cards?status=dead",
    "/cards?page=0",
    "/cards?outcome=x",
    "/cards?month=2026-13&currency=CNY",
    "/cards?days=1000000&code=x",
    "/cards?waits=x",
    "/figures?days=x",
    "/record?card=x",
    "/record?page=-1",
    "/openapi.json",
    "/demo",
)


def test_what_does_not_exist_is_missing(operator):
    for path in MISSING:
        assert operator.get(path).status == 404, path


def test_a_form_that_is_none_of_ours_is_refused(operator):
    assert operator.post("/search", {"sought": "5" * 20_000}).status == 400
