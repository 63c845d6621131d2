"""A holder pays on the provider's page: there and back, left, closed, late, and killed before the page was made."""

import asyncio
import re
from datetime import timedelta
from urllib.request import Request, urlopen

import psycopg
import pytest
from msgspec import json

from adapters.cli.demo.at_sandbox import set_clock
from adapters.clock import recorded_now
from adapters.control import move_clock
from adapters.directory.accounts import NewAccount, create_account
from adapters.directory.sessions import open_session
from adapters.directory.visit import Visit
from engine.actor import actor
from engine.card.charge import Due
from engine.card.on_page import PageWallet
from engine.commands import Issued, RenewNow, TopUp
from engine.money import Money
from tests.adapters.cards import FAR, card_id_of, commands_for
from tests.adapters.gateways.stripe.asking import get, post
from tests.adapters.gateways.stripe.test_stripe_pages import submit
from tests.adapters.web.pages.client import Client
from tests.engine.databases import application_url

NUMBER = 30
HOLDER, CARD = f"holder-{NUMBER}", card_id_of(NUMBER)
HOME = f"/cards/{CARD}"
TEN = Money(minor=1000, currency="EUR")
OVER = timedelta(minutes=40)
PAID = ["charge_attempted", "charge_succeeded", "card_renewed"]


@pytest.fixture
def lin(served, database_url):
    """The browser of the holder of a card whose renewal opens in ten days."""
    served.cards.give(*commands_for(NUMBER, "cus_none/pm_none"))

    async def sign_in():
        async with await psycopg.AsyncConnection.connect(application_url(database_url), autocommit=True) as connection:
            visit = Visit(recorded_now(), "192.0.2.1", "Firefox, Linux")
            account = NewAccount(email="lin@example.com", holder_id=HOLDER, language="en")
            await create_account(connection, account, visit)
            return (await open_session(connection, HOLDER, visit)).token

    return Client(served.address, asyncio.run(sign_in()))


def names(served):
    left_out = ("reminder_due", "deferred", "renewal_request_ended")
    return [one for one in served.cards.names(CARD)[3:] if one not in left_out]


def form_of(page, **more):
    return {name: page.field(name) for name in ("command_id", "term", "minor")} | more


def begin(lin, wallet="alipay"):
    """The form of the page `pay` with a wallet; returns the provider's page and the form."""
    form = form_of(lin.get(f"{HOME}/pay"), by=wallet)
    answer = lin.post(f"{HOME}/pay", form)
    assert answer.status == 303, answer.text
    return answer.to, form


def path_of(address):
    return "/" + address.split("/", 3)[3]


def choose(page, wallet="alipay"):
    """The wallet asks for consent on a page of its own; returns its address."""
    submit(page, method=wallet)
    return submit(page)


def pay(page, wallet="alipay"):
    """What the holder does on the provider's pages; where the browser comes back to."""
    submit(choose(page, wallet), answer="agree")
    session = page.rpartition("/")[2]
    return f"{HOME}/paid?session_id={session}"


def money_taken(served):
    return [
        one["amount"]
        for one in get(served.sandbox, "/v1/payment_intents?limit=100")["data"]
        if one["status"] == "succeeded"
    ]


@pytest.mark.parametrize("wallet", ["alipay", "wechat_pay"])
def test_who_pays_and_comes_back_has_renewed_once(served, lin, wallet, eventually):
    page, _ = begin(lin, wallet)
    assert page.startswith(f"{served.sandbox}/pay/cs_test_")
    landed = lin.get(pay(page, wallet)).to
    assert "Renewed for 1 month, until" in lin.get(landed).text.partition("Coming up")[0]
    assert "Receipt</a>" in lin.get(landed).html.partition("Coming up")[0]
    assert names(served)[-3:] == PAID
    eventually(lambda: all(settled for _, settled in served.inbox()))
    assert names(served).count("charge_succeeded") == 1
    assert len(money_taken(served)) == 1
    assert "Alipay" in lin.get(HOME).text or wallet != "alipay"


def test_the_notification_alone_is_enough(served, lin, eventually):
    page, _ = begin(lin)
    pay(page)
    eventually(lambda: names(served)[-3:] == PAID)


def test_the_same_form_again_is_the_same_page_and_another_one_is_refused(served, lin):
    second_tab = form_of(lin.get(f"{HOME}/pay"), by="alipay")
    page, form = begin(lin)
    assert lin.post(f"{HOME}/pay", form).to == page
    other = lin.post(f"{HOME}/pay", second_tab)
    assert (other.status, "A payment is under way already" in other.text) == (409, True)
    assert "Go on paying Cancel this payment" in other.text
    assert names(served).count("charge_attempted") == 1


def test_a_form_whose_page_is_over_does_not_lead_to_the_page_of_another_one(served, lin):
    form = {"command_id": lin.get(f"{HOME}/top-up").field("command_id"), "amount": "10", "by": "alipay"}
    assert lin.post(f"{HOME}/top-up", form).to.startswith(served.sandbox)
    lin.post(f"{HOME}/waiting", {"do": "cancel"})
    page, renewal = begin(lin)
    assert lin.post(f"{HOME}/top-up", form).to == HOME
    assert lin.post(f"{HOME}/pay", renewal).to == page


def test_the_card_says_that_it_waits_and_leads_back_to_the_page(served, lin):
    page, _ = begin(lin)
    card = lin.get(HOME).text
    assert "Waiting for your payment" in card
    assert "You have begun to pay. The payment page is open until" in card
    assert lin.post(f"{HOME}/waiting", {"do": "pay"}).to == page
    assert lin.get(f"{HOME}/paid?session_id=cs_1").status == 200
    chinese = Client(served.address, lin.token, "zh-CN")
    assert chinese.get(HOME).status == 200


@pytest.mark.parametrize("path", ["/pay", "/top-up"])
def test_where_a_payment_waits_the_pages_that_pay_lead_back_to_it_and_begin_no_other(served, lin, path):
    page, _ = begin(lin)
    found = lin.get(f"{HOME}{path}")
    assert "You have begun to pay." in found.text
    assert "Go on paying Cancel this payment" in found.text
    assert "by Alipay" in found.text
    assert 'name="by"' not in found.html
    assert lin.post(f"{HOME}/waiting", {"do": "pay"}).to == page


def test_the_list_says_that_a_payment_is_not_finished_and_leads_on(served, lin):
    served.cards.project()
    begin(lin)
    [card] = [one for one in lin.get("/cards").html.split('<li class="panel card') if f'href="{HOME}"' in one]
    assert re.search(r"Your payment of .+ is not finished\.", card)
    assert re.search(rf'<a class="btn" href="{HOME}">Go on paying</a>', card)


def test_while_a_top_up_waits_the_card_says_what_is_taken_for_the_renewal(served, lin):
    served.cards.project()
    before = re.search("Renewed to .* Next payment [^,]*", lin.get("/cards").text)[0]
    recorded_alone(served, TopUp(command_id="open", card_id=CARD, amount=TEN))
    assert before in lin.get("/cards").text
    card = lin.get(HOME).text
    assert "If you leave the payment page without paying:" in card
    assert "Number lost" not in card


def test_who_cancels_has_paid_nothing_and_may_begin_again(served, lin, eventually):
    page, _ = begin(lin)
    landed = lin.post(f"{HOME}/waiting", {"do": "cancel"}).to
    assert "You did not pay by Alipay. Nothing was charged." in lin.get(landed).text.partition("Coming up")[0]
    assert names(served)[-2:] == ["charge_attempted", "charge_failed"]
    assert "You did not pay by Alipay. Nothing was charged." in lin.get(HOME).text
    again, _ = begin(lin)
    assert again != page
    pay(again)
    eventually(lambda: names(served)[-3:] == PAID)


def test_a_page_that_expires_is_known_from_its_notification(served, lin, eventually):
    begin(lin)
    set_clock(served.sandbox, FAR + timedelta(minutes=36))
    move_clock(served.connection, FAR + timedelta(minutes=36))
    eventually(lambda: "charge_failed" in names(served))


def test_what_is_paid_after_the_page_was_given_up_goes_back(served, lin, eventually):
    page, _ = begin(lin)
    asks = choose(page)
    lin.post(f"{HOME}/waiting", {"do": "cancel"})
    assert names(served)[-1] == "charge_failed"
    submit(asks, answer="agree")
    eventually(lambda: names(served)[-2:] == ["charge_succeeded", "refund_started"])
    card = lin.get(HOME)
    assert "€2.70 was taken after the payment had been given up. It goes back to you." in card.text
    for path in ("", "/pay", "/top-up"):
        assert "Please wait for it before you pay again." in lin.get(f"{HOME}{path}").text
    assert "Try again now" not in card.text
    assert "You did not pay by Alipay in time." in card.text
    assert "Nothing was charged" not in card.text
    served.cards.project()
    [attempt_id] = served.connection.execute("SELECT attempt_id FROM charges").fetchone()
    receipt = lin.get(f"/receipts/{attempt_id}").text
    assert "Payment for a renewal €2.70" in receipt
    assert "Used for Nothing: it goes back to you" in receipt
    assert "Top-up of the balance" not in receipt


def recorded_alone(served, command):  # of another customer than the page would make: it is the same command
    """As if the process was killed between the fact and the page."""
    customer = post(served.sandbox, "/v1/customers", **{"metadata[holder]": HOLDER})["id"]
    command = command.model_copy(update={"on_page": PageWallet("alipay", f"{customer}/alipay")})
    served.cards.now = FAR
    [reply] = served.cards.engine.execute([Issued(command, actor("holder", HOLDER))], *served.cards.rules())
    assert isinstance(reply, tuple), reply


def test_killed_before_the_page_the_same_form_opens_it(served, lin, eventually):
    form = form_of(lin.get(f"{HOME}/pay"), by="alipay")
    shown = Due(term_number=int(form["term"]), amount=Money(minor=int(form["minor"]), currency="EUR"))
    recorded_alone(served, RenewNow(command_id=f"web:{form['command_id']}", card_id=CARD, shown=shown))
    page = lin.post(f"{HOME}/pay", form).to
    assert page.startswith(served.sandbox)
    pay(page)
    eventually(lambda: names(served)[-3:] == PAID)


def test_killed_before_the_page_it_is_looked_up_once_nobody_can_pay_any_more(served, lin):
    recorded_alone(served, RenewNow(command_id="killed", card_id=CARD))
    served.cards.now = FAR + OVER
    set_clock(served.sandbox, FAR + OVER)
    [question] = served.cards.engine.wake({CARD: "due"}, *served.cards.rules()).questions
    assert question.kind == "look_up"
    served.record(question, served.send(question))
    assert names(served)[-2:] == ["charge_attempted", "charge_failed"]
    assert money_taken(served) == []


def test_killed_before_the_page_and_cancelled_nobody_can_make_it_any_more(served, lin):
    recorded_alone(served, RenewNow(command_id="killed", card_id=CARD))
    lin.post(f"{HOME}/waiting", {"do": "cancel"})
    assert names(served)[-2:] == ["charge_attempted", "charge_failed"]
    [session] = get(served.sandbox, "/v1/checkout/sessions")["data"]
    assert session["status"] == "expired"


def test_too_late_to_make_the_page_it_is_over(served, lin):
    recorded_alone(served, RenewNow(command_id="killed", card_id=CARD))
    set_clock(served.sandbox, FAR + timedelta(minutes=10))
    assert lin.post(f"{HOME}/waiting", {"do": "pay"}).to == f"{HOME}?unopened"
    assert names(served)[-2:] == ["charge_attempted", "charge_failed"]
    assert "The payment page could not be opened" in lin.get(f"{HOME}?unopened").text


def faulty(served, kind, path):
    fault = {"kind": kind, "method": "POST", "path": path, "times": 1}
    with urlopen(Request(f"{served.sandbox}/_sandbox/faults", json.encode({"faults": [fault]})), timeout=60):
        return


def test_a_provider_that_does_not_answer_leaves_the_payment_to_be_gone_on_with(served, lin, eventually):
    form = form_of(lin.get(f"{HOME}/pay"), by="alipay")
    faulty(served, "gateway_before", "customers")
    assert lin.post(f"{HOME}/pay", form).status == 503
    assert names(served) == []
    faulty(served, "dropped", "checkout/sessions")
    assert lin.post(f"{HOME}/pay", form).to == f"{HOME}?unopened"
    assert names(served)[-1] == "charge_attempted"
    page = lin.post(f"{HOME}/waiting", {"do": "pay"}).to
    pay(page)
    eventually(lambda: names(served)[-3:] == PAID)
    assert len(money_taken(served)) == 1


def test_a_top_up_by_a_wallet_comes_onto_the_balance(served, lin, eventually):
    page = lin.get(f"{HOME}/top-up")
    assert "Top up by WeChat Pay" in page.text
    form = {"command_id": page.field("command_id"), "amount": "10", "by": "wechat_pay"}
    pay(lin.post(f"{HOME}/top-up", form).to, "wechat_pay")
    eventually(lambda: names(served)[-3:] == ["charge_attempted", "charge_succeeded", "balance_credited"])


def test_a_top_up_that_was_left_is_over(served, lin):
    recorded_alone(served, TopUp(command_id="left", card_id=CARD, amount=TEN))
    lin.post(f"{HOME}/waiting", {"do": "cancel"})
    assert names(served) == ["top_up_started", "charge_attempted", "charge_failed"]


@pytest.mark.parametrize("wallet", ["visa", "paypal", "nothing"])
def test_what_cannot_pay_there_is_not_offered(served, lin, wallet):
    form = form_of(lin.get(f"{HOME}/pay"), by=wallet)
    assert lin.post(f"{HOME}/pay", form).status == 404
    assert lin.post(f"{HOME}/waiting", {"do": wallet}).status == 404


def test_where_nothing_waits_nothing_is_opened(served, lin):
    for act in ("pay", "cancel"):
        assert lin.post(f"{HOME}/waiting", {"do": act}).to == HOME
    assert lin.get(f"{HOME}/paid?session_id=cs_1").to == HOME


def test_the_choice_is_there_in_both_languages(served, lin, connection):
    page = lin.get(f"{HOME}/pay")
    assert "Pay €2.70 by Alipay" in page.text
    assert '<form class="acts"' in page.html  # its buttons stand apart
    connection.execute("UPDATE accounts SET language = 'zh-CN'")
    assert "用支付宝支付" in lin.get(f"{HOME}/pay").text
