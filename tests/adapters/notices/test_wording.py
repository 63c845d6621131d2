"""Every kind of notice has its text in both languages, plain and in full, without what is not for holders."""

import re
from datetime import date
from importlib import resources
from string import Formatter
from typing import get_args

import pytest
from babel.messages.pofile import read_po
from msgspec.structs import asdict, replace

from adapters.directory.codes import Purpose
from adapters.directory.messages import MessageKind
from adapters.languages.language import LANGUAGES
from adapters.notices.kinds import KINDS
from adapters.notices.of_card import next_payment_on
from adapters.notices.reasons import GROUPS, REASONS, Group
from adapters.notices.wording import (
    BRANDS,
    INSTEAD_OF,
    LETTERS,
    OTHERS,
    every_text,
    method_name,
    receipt_of,
    words_of,
)
from adapters.web.pages.naming import reason
from adapters.web.voice import Voice
from engine.card.consent import PeriodChanged
from engine.card.hold import CardHeld
from engine.money import Money
from engine.notices import SHOWN_CODES, NoticeKind
from tests.adapters.notices.values import FULL, about
from tests.engine.given_when_then import given
from tests.engine.samples import (
    CHARGING,
    OPENS_AT,
    PAID,
    PAYING,
    POLICY,
    REGISTERED_AT,
    SECOND,
    bound,
    enabled,
    registered,
    started,
    suspended,
    switched_off,
)
from tests.engine.test_notices import NOTICES


@pytest.fixture(scope="module")
def catalogue():
    source = resources.files("adapters.notices") / "locale" / "zh_CN.po"
    with source.open("rb") as file:
        return read_po(file, abort_invalid=True)


def test_every_kind_of_notice_and_message_has_a_letter_and_no_other():
    kinds = {kind for group in get_args(NoticeKind) for kind in (get_args(group) or (group,))}
    assert kinds == KINDS.keys()
    assert LETTERS.keys() == kinds | set(get_args(MessageKind)) | INSTEAD_OF.keys()
    assert kinds >= set(INSTEAD_OF.values())
    assert OTHERS["purpose"].keys() == set(get_args(Purpose))


def test_the_catalogue_has_every_text_with_the_same_values_and_no_other(catalogue):
    translated = {str(message.id): str(message.string) for message in catalogue if message.id}
    assert translated.keys() == set(every_text())
    for english, chinese in translated.items():
        assert chinese, english
        assert values_in(english) == values_in(chinese), english


def values_in(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_no_text_shouts_or_apologises_and_chinese_keeps_its_blanks(catalogue):
    for message in catalogue:
        assert not re.search(r"[!！“”‘’]", f"{message.id}{message.string}")
        assert not re.search(r"\b(please|sorry|oops)\b", str(message.id), re.IGNORECASE)
        assert not re.search(r"[一-鿿][A-Za-z0-9]|[A-Za-z0-9][一-鿿]", str(message.string)), message.string


def test_every_code_that_may_be_shown_has_a_reason_in_letters_and_on_pages_and_no_other():
    assert GROUPS.keys() == SHOWN_CODES
    assert REASONS.keys() == set(GROUPS.values()) == set(get_args(Group))
    for language in LANGUAGES:
        said = {group: reason(code, Voice(language)) for code, group in GROUPS.items()}
        assert all(said.values())
        assert len(set(said.values())) == len(said)
    assert reason("lost_card", Voice("en")) is None


@pytest.mark.parametrize(
    ("code", "in_letters", "on_pages"),
    [
        ("card_not_supported", "这种支付方式不能用于这笔付款。", "这种支付方式不能用于这笔付款"),
        ("resource_missing", "从这种支付方式扣款的授权已失效。", "扣款授权已失效"),
        ("invalid_expiry_year", "支付卡已过期，或有效期不对。", "卡已过期，或有效期不对"),
        ("online_or_offline_pin_required", "银行要求输入密码，这里无法输入。", "银行要求输入密码"),
        ("refer_to_customer", "银行说您已撤回授权。", "您在银行撤销了授权"),
        ("payment_method_customer_decline", "没有在应用里确认付款。", "没有在应用里确认付款"),
    ],
)
def test_a_page_gives_the_same_reason_as_a_letter(code, in_letters, on_pages):
    assert words_of("payment_failed", {"code": code}, about("zh-CN")).more[0] == in_letters
    assert reason(code, Voice("zh-CN")) == on_pages


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("fact", "kind", "values"), NOTICES)
def test_a_notice_of_the_log_leaves_no_value_open_and_names_no_hidden_code(fact, kind, values, language):
    del fact
    words = words_of(kind, values, about(language))
    texts = [words.subject, words.result, words.sms, words.button, *words.more, *map("".join, words.rows)]
    assert all(texts)
    for text in texts:
        assert not re.search(r"[{}]|None|\d{4}-\d\d-\d\d|[a-z]_[a-z]", text), text
        assert "15.00" not in text or re.search(r"¥15\.00", text), text


def test_dates_amounts_and_times_are_written_in_full():
    words = words_of("payment_failed", FULL | {"code": "expired_card"}, about("zh-CN"))
    assert ("下次扣款", "2027 年 12 月 30 日 10:00，香港时间") in words.rows
    assert ("金额", "¥1,233.00") in words.rows
    assert ("应付", "¥1,234.00") in words.rows
    assert "支付卡已过期，或有效期不对。" in words.more
    english = words_of("payment_failed", FULL | {"code": "lost_card"}, about("en"))
    assert ("Next try", "30\N{NO-BREAK SPACE}December 2027, 10:00, Hong Kong time") in english.rows
    assert not [text for text in english.more if "lost_card" in text or "bank says" in text]


def test_what_is_not_known_is_left_out():
    words = words_of("payment_failed", {"term_number": 0, "declines": 1, "code": None}, about("en"))
    assert words.result == "The payment for your card ending 0142 failed."
    assert words.rows == ()


def test_a_receipt_says_what_the_balance_paid_and_what_was_charged():
    rows = dict(words_of("renewed", FULL | {"price": {"minor": 1500, "currency": "CNY"}}, about("en")).rows)
    assert (rows["Price"], rows["Reactivation"], rows["From the balance"], rows["Charged"]) == (
        "¥15.00",
        "¥5.00",
        "¥1.00",
        "¥19.00",
    )
    assert rows["Reference"] == "25B6-8F46"


def test_a_code_of_a_bank_is_never_taken_for_one_of_a_sign_in():
    letters = {kind: letter for kind, letter in LETTERS.items() if "{code}" in repr(letter)}
    assert letters.keys() == {"code"}


@pytest.mark.parametrize(("wanted", "sentence"), [("larger", "较大"), ("smaller", "较小")])
@pytest.mark.parametrize("kind", ["top_up_failed", "auto_top_up_stopped"])
def test_of_an_amount_that_nobody_takes_it_is_said_what_to_choose_and_no_method_is_blamed(kind, wanted, sentence):
    words = words_of(kind, {"declined": 0, "code": None, "amount_wanted": wanted}, about("zh-CN"))
    assert words.letter == f"{kind}_not_taken"
    assert words.more == ("这个金额不能一次扣款。", f"请到这张卡的页面选择{sentence}的金额。")
    assert "支付方式" not in f"{words.sms}{words.button}"


def test_a_failure_names_what_was_declined_and_apart_from_it_what_the_next_try_charges():
    yuan = {name: {"minor": minor, "currency": "CNY"} for name, minor in (("declined_amount", 300), ("amount", 300))}
    same = {**yuan, "next_try_at": "2027-12-30T02:00:00Z"}
    words = words_of("payment_failed", same, about("en"))
    assert words.result == "The payment of ¥3.00 for your card ending 0142 failed."
    assert words.more[0] == "We try again on 30\N{NO-BREAK SPACE}December 2027, 10:00, Hong Kong time."
    dearer = {"amount": {"minor": 400, "currency": "CNY"}, "reactivation_fee": {"minor": 100, "currency": "CNY"}}
    words = words_of("payment_failed", same | dearer, about("en"))
    assert words.result == "The payment of ¥3.00 for your card ending 0142 failed."
    assert words.more[0].endswith("time, then ¥4.00, ¥1.00 of it to have the service on again.")
    assert (dict(words.rows)["Amount"], dict(words.rows)["Due"]) == ("¥3.00", "¥4.00")
    last = words_of("payment_failed", yuan | dearer, about("en")).more[0]
    assert last.startswith("No further try is planned. ¥4.00 is due, ¥1.00 of it")


def test_a_failure_of_an_earlier_version_does_not_call_declined_what_the_next_try_charges():
    words = words_of("payment_failed", {"amount": {"minor": 400, "currency": "CNY"}}, about("en"))
    assert words.result == "The payment for your card ending 0142 failed."
    assert ("Due", "¥4.00") in words.rows


def test_chinese_sms_begin_with_the_name_and_no_other_text_does_and_one_word_is_used_for_an_account(catalogue):
    for message in catalogue:
        english, chinese = str(message.id), str(message.string)
        assert english.startswith("Baohao: ") == chinese.startswith("【保号】"), english
        assert "账号" not in chinese, chinese


def test_chinese_texts_have_chinese_punctuation(catalogue):
    for message in catalogue:
        chinese = re.sub(r"\{\w+\}", "", str(message.string)) if message.id else ""
        assert not re.search(r"[.,:;?()]", chinese), chinese


@pytest.mark.parametrize(
    ("brand", "chinese"),
    [("alipay", "支付宝"), ("wechat_pay", "微信支付"), ("unionpay", "银联"), ("visa", "Visa"), (None, "电子钱包")],
)
def test_who_has_a_chinese_name_is_called_by_it(brand, chinese):
    assert method_name("e_wallet", brand, None, "zh-CN") == chinese
    assert method_name("e_wallet", brand, None, "en") == BRANDS.get(brand, "e-wallet")


@pytest.mark.parametrize("kind", ["grace", "suspended", "last_chance"])
def test_with_auto_renewal_off_no_payment_is_called_failed_and_none_can_be_made_but_by_turning_it_on(kind):
    off, on = given(registered(), bound()).card, given(*PAYING).card
    named = about("zh-CN")
    for said in (words_of(kind, FULL, named._replace(card=card)) for card in (on, None)):
        assert (said.letter, said.button) != (f"{kind}_switched_off", "开启自动续费")
    said = words_of(kind, FULL, named._replace(card=off))
    assert (said.letter, said.button) == (f"{kind}_switched_off", "开启自动续费")
    text = "".join((said.subject, said.result, said.sms, *said.more))
    assert "自动续费" in said.sms
    assert "请到这张卡的页面开启自动续费" in text
    assert not re.search(r"未成功|没有成功|付款", text), text


SWITCHED_OFF = {"reason": "holder", "ends_on": "2026-04-01", "lost_on": "2026-05-01"}


def said_of(*facts):
    return words_of("switched_off", SWITCHED_OFF, about("zh-CN")._replace(card=given(*facts).card))


def test_who_switches_off_is_told_when_the_service_goes_off_by_the_days_of_grace():
    words = said_of(*PAYING, switched_off())
    assert "已付至 2026 年 4 月 1 日，2026 年 4 月 3 日起停机。" in words.more
    assert "不会再为它扣款。" in words.more
    assert ("停机", "2026 年 4 月 3 日") in words.rows
    assert words.sms.endswith("已付至 2026 年 4 月 1 日，2026 年 4 月 3 日起停机。")


def test_who_switches_off_what_is_suspended_is_told_that_the_service_is_off():
    words = said_of(*PAYING, suspended(), switched_off())
    assert "目前已停机。" in words.more
    assert "停机" not in dict(words.rows)
    assert "4 月" not in words.sms


def test_who_switches_off_during_a_payment_is_told_that_it_may_still_count():
    words = said_of(*CHARGING, switched_off())
    assert "有一笔付款正在进行，如果扣款成功，这次续费仍然有效。" in words.more
    assert "不会再为它扣款。" not in words.more


def test_no_day_is_named_for_a_service_that_was_paid_again_or_switched_on_since():
    for facts in ((*PAID, switched_off()), PAYING):
        words = said_of(*facts)
        assert not [text for text in (*words.more, words.sms) if "起停机" in text or "已付至" in text]


def test_a_refund_that_our_support_made_does_not_promise_the_payment_method():
    amount = {"amount": {"minor": 1500, "currency": "CNY"}}
    assert "钱退回原来的支付方式" in words_of("refunded", amount, about("zh-CN")).more[0]
    words = words_of("refunded", amount | {"by": "support"}, about("zh-CN"))
    assert words.more == ("客服已退还这笔钱。",)
    assert "银行" not in words.sms


def test_no_letter_calls_a_day_the_last_one_on_which_the_service_or_number_is_gone(catalogue):
    for message in catalogue:
        english, chinese = str(message.id), str(message.string)
        for name in ("suspends_on", "goes_off_on", "lost_on", "reclaimed_on"):
            assert f"until {{{name}}}" not in english, english
            assert f"{{{name}}}为止" not in chinese, chinese


@pytest.mark.parametrize("kind", ["suspended", "last_chance"])
def test_who_is_to_pay_is_told_how_much_and_what_of_it_is_the_fee(kind):
    offer = replace(started(), reactivation_fee=Money(minor=500, currency="CNY"))
    card = given(*PAYING, offer, suspended()).card
    words = words_of(kind, FULL, about("en")._replace(card=card))
    assert ("Due", "¥20.00") in words.rows
    assert [text for text in words.more if text.startswith("Pay ¥20.00 on the card's page")]
    assert "¥5.00 of it is for switching the service on again." in words.more
    stale = given(*PAYING, offer, suspended(), PeriodChanged(**asdict(enabled(3)))).card
    again = words_of(kind, FULL, about("en")._replace(card=stale))
    assert not [text for text in (*again.more, *dict(again.rows)) if "¥20" in text or text == "Due"]


def test_the_next_payment_is_named_by_its_day_once_that_is_known():
    card = given(*PAYING).card
    assert next_payment_on(card, POLICY, OPENS_AT - SECOND) == date(2026, 3, 29)
    for other, at in (
        (card, OPENS_AT),
        (given(registered(), bound()).card, OPENS_AT - SECOND),
        (given(*CHARGING).card, OPENS_AT - SECOND),
        (given(*PAYING, CardHeld(reason="asked", by="operator", at=REGISTERED_AT)).card, OPENS_AT - SECOND),
        (None, OPENS_AT),
    ):
        assert next_payment_on(other, POLICY, at) is None
    words = words_of("switched_on", FULL, about("en")._replace(next_payment_on=date(2026, 3, 29)))
    assert "The next payment is on 29\N{NO-BREAK SPACE}March 2026." in words.more
    assert "Next payment" not in dict(words_of("switched_on", FULL, about("en")).rows)


def test_a_receipt_is_opened_where_there_is_one_else_the_card():
    for kind in ("renewed", "topped_up"):
        assert words_of(kind, FULL, about("en")).button == "Open the receipt"
        assert receipt_of(kind, FULL) == FULL["attempt_id"]
        assert words_of(kind, FULL | {"attempt_id": None}, about("en")).button == "Open the card"
        assert receipt_of(kind, FULL | {"attempt_id": None}) is None
    assert receipt_of("suspended", FULL) is None
