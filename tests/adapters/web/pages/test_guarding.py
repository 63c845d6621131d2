"""What stands before every page: who may ask for it, from where, and what the browser is told to allow."""

import re
from urllib.parse import unquote

import pytest

from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import card_id_of

PLUS = f"/cards/{card_id_of('plus')}"
FORMS = (
    f"{PLUS}/renewal/period",
    f"{PLUS}/renewal/payment",
    f"{PLUS}/renewal/review",
    f"{PLUS}/renewal/off",
    f"{PLUS}/methods",
    f"{PLUS}/methods/other",
    f"{PLUS}/methods/new",
    f"{PLUS}/pay",
    f"{PLUS}/top-up",
    "/language",
)


def test_who_is_not_signed_in_signs_in_first_and_comes_back(stranger):
    assert stranger.get("/cards").to == "/sign-in?next=%2Fcards"
    assert stranger.get(f"{PLUS}?before=7").to.endswith("%3Fbefore%3D7")


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("/pay", "/pay"),
        ("/top-up", "/top-up"),
        ("/methods", "/methods"),
        ("/methods/new", ""),
        ("/waiting", ""),
        ("/renewal/period", "/renewal/period"),
        ("/renewal/payment", "/renewal/period?anew"),
        ("/renewal/review", "/renewal/period?anew"),
        ("/renewal/off", "/renewal/off"),
    ],
)
def test_whose_session_ended_before_a_form_comes_back_to_its_card_and_reads_why(served, stranger, lin, path, back):
    to = stranger.post(f"{PLUS}{path}").to
    assert unquote(to) == f"/sign-in?next={PLUS}{back}"
    landed = lin.get(f"{PLUS}{back}")
    assert landed.status == 200
    told = "You had to sign in again, and the choice that you had not confirmed was not kept. Choose again."
    assert (told in landed.text) is ("anew" in back)
    assert "You are no longer signed in. Sign in to come back" in Client(served, "ended").get(to).text
    assert "no longer signed in" not in stranger.get(to).text


def test_who_comes_back_to_the_review_without_a_session_begins_at_the_period(stranger, lin):
    assert unquote(stranger.get(f"{PLUS}/renewal/review").to) == f"/sign-in?next={PLUS}/renewal/period?anew"
    lin.post(f"{PLUS}/renewal/period", {"months": "1"})
    assert "You had to sign in again" not in lin.get(f"{PLUS}/renewal/period?anew").text


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "ü", "' OR true --"])
def test_a_made_up_session_is_nobodys(served, token):
    answer = Client(served, token.encode().decode("latin-1")).get("/cards")
    assert answer.status == 303
    assert answer.to.startswith("/sign-in")


@pytest.mark.parametrize(
    "said",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": None, "Origin": "null"},
        {"Sec-Fetch-Site": None},
    ],
)
def test_what_another_site_sends_is_refused_and_changes_nothing(lin, world, said):
    before = world.cards.names(card_id_of("plus"))
    for path in FORMS:
        assert lin.post(path, {"months": "1", "do": "remove:visa", "to": "zh-CN"}, **said).status == 403
    assert world.cards.names(card_id_of("plus")) == before


def test_who_is_refused_reads_why_in_their_language(served):
    for language, head in (("en", "This was not sent from our pages"), ("zh-CN", "这不是从本站页面提交的")):
        answer = Client(served, language=language).post("/sign-in", **{"Sec-Fetch-Site": "cross-site"})
        assert (answer.status, answer.headers["cache-control"]) == (403, "no-store")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert head in answer.text
        assert 'href="/cards"' in answer.html


def test_a_browser_that_names_only_its_origin_is_believed(lin, served):
    assert (
        lin.post("/language", {"to": "en", "back": "/cards"}, **{"Sec-Fetch-Site": None, "Origin": served}).status
        == 303
    )


def test_every_answer_binds_the_browser(lin, stranger):
    for answer in (lin.get("/cards"), lin.get("/nothing"), stranger.get("/terms"), lin.post("/language", Origin="x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert lin.get("/cards").headers["cache-control"] == "no-store"


def test_no_page_has_style_or_script_inline(lin):
    for path in ("/cards", PLUS, f"{PLUS}/renewal/period", f"{PLUS}/methods", f"{PLUS}/top-up"):
        html = lin.get(path).html
        assert "<script" not in html
        assert " style=" not in html
        assert "<style" not in html


def test_a_file_changes_its_address_with_its_content_and_is_kept(lin):
    address = lin.get("/cards").html.split('rel="stylesheet" href="')[1].split('"')[0]
    sheet = lin.get(address)
    assert sheet.status == 200
    assert "immutable" in sheet.headers["cache-control"]
    assert len(sheet.html.encode()) < 12_000
    assert lin.get("/static/../app.py").status == 404
    assert lin.get("/static/no.css").status == 404


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "", "javascript:1", "\r\nX: y"]
)
def test_the_language_is_chosen_and_leads_nowhere_else(lin, world, back):
    answer = lin.post("/language", {"to": "zh-CN", "back": back})
    assert answer.to == "/cards"
    assert "保号卡" in lin.get("/cards").text


def test_before_sign_in_the_browsers_language_counts(served):
    assert "自动续费条款" in Client(served, language="zh-HK,zh;q=0.9").get("/terms").text
    assert "Terms of auto-renewal" in Client(served, language="fr,en;q=0.5").get("/terms").text


def test_a_form_that_is_too_large_or_none_is_refused(lin):
    assert lin.post(f"{PLUS}/top-up", {"amount": "5" * 20_000}).status == 400
    assert lin.post(f"{PLUS}/top-up", {f"f{number}": "1" for number in range(100)}).status == 400


def test_pages_are_small(lin):
    assert len(lin.get("/cards").html.encode()) < 60_000
    assert len(lin.get(PLUS).html.encode()) < 60_000


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            (
                "On the last day before the number is lost, the balance of the card pays if nothing else can, "
                "also where it is not used first."
            ),
        ),
        ("zh-CN", "号码被收回前的最后一天，如果其他方式都扣不成，就用这张卡的余额支付，即使您没有选择先用余额。"),
    ],
)
def test_the_terms_say_that_the_balance_pays_before_the_number_is_lost(served, language, told):
    assert told in Client(served, language=language).get("/terms").text


@pytest.mark.parametrize("path", ["/nothing", "/cards/x", f"{PLUS}/nothing", f"/cards/{card_id_of('nobodys')}"])
def test_a_page_that_is_not_there_leads_on_in_the_holders_language(served, other, stranger, path):
    page = Client(served, other.token, "en").get(path)
    assert page.status == 404
    assert "找不到这个页面" in page.text
    assert 'action="/sign-out"' in page.html
    assert 'href="/receipts"' in page.html
    none = stranger.get(path)
    assert "/sign-in" in none.to or (none.status == 404 and 'action="/sign-out"' not in none.html)


def test_chinese_pages_have_chinese_marks_between_their_words(lin, world):
    world.connection.execute("UPDATE accounts SET language = 'zh-CN'")
    failing = f"/cards/{card_id_of('failing')}"
    lin.post(f"{PLUS}/renewal/period", {"months": "1"})
    lin.post(f"{PLUS}/renewal/payment", {"first": "visa"})
    paths = (
        "/cards",
        failing,
        PLUS,
        f"{failing}/pay",
        f"{failing}/methods",
        f"{failing}/top-up",
        f"{failing}/renewal/off",
    )
    for path in (*paths, f"{PLUS}/renewal/period", f"{PLUS}/renewal/review", "/terms", "/account"):
        text = lin.get(path).text
        assert re.findall(r"[^ ]* ?(?:[,;:!?]|[.](?![0-9])) ?[\u4e00-\u9fff][^ ]*", text) == [], path
        assert "每 1 个月" not in text
    assert "¥21.00，每月" in lin.get(failing).text
