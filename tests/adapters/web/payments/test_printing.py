"""Printed receipts: complete in both languages, in characters that their fonts have, and always the same bytes."""

import asyncio
import struct
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.web.pages.outlooks import Outlooks
from adapters.web.pages.portal import Held
from adapters.web.payments.issuer import Issuer
from adapters.web.payments.paid import Paid, Receipt
from adapters.web.payments.paper import paper_of
from adapters.web.payments.printable import characters, readable
from adapters.web.payments.printing import Printer, tag_of
from adapters.web.voice import voice
from engine.calendar import term_from
from engine.card.term import CardRenewed
from engine.money import Money
from tests.engine.given_when_then import given
from tests.engine.samples import REGISTERED_AT, RULES, VISA, registered
from tests.receipt_font import CHARACTERS, FONTS, LIGHT, WEIGHTS, needed, wanted

PAID = Paid(
    attempt_id=UUID("7f3a21c9-1234-5678-9abc-def012345678"),
    card_id=UUID(int=1),
    number="+85255500142",
    zone="Asia/Hong_Kong",
    settled_at=datetime(2027, 1, 6, 2, 24, 11, tzinfo=UTC),
    currency="CNY",
    minor=5880,
    from_balance_minor=1800,
    refunded_minor=0,
    top_up=None,
)
RENEWED = CardRenewed(
    at=PAID.settled_at,
    term=term_from(1, date(2027, 1, 9), 12, 9, PAID.zone),
    months=12,
    price=Money(minor=7680, currency="CNY"),
    anchor_day=9,
    attempt_id=PAID.attempt_id,
)
HELD = Held(given(registered(plan="keep-basic")).card, PAID.number, RULES, REGISTERED_AT, 1, Outlooks())
RECEIPT = Receipt(PAID, HELD, RENEWED, VISA, None)
TOP_UP = Receipt(PAID._replace(from_balance_minor=0, top_up=1), HELD, None, None, None)


def paper(receipt=RECEIPT, language="en"):
    return paper_of(receipt, voice(language))


def printed(*papers):
    """By a printer of its own."""

    async def all_of_them():
        printer = Printer()
        return await asyncio.gather(*(printer.pdf(one) for one in papers))

    return asyncio.run(all_of_them())


def in_font(path):
    """The characters of a font: its cmap table, format 4 (ISO/IEC 14496-22)."""
    content = path.read_bytes()
    tables = struct.unpack(">H", content[4:6])[0]
    start = next(
        struct.unpack(">I", content[at + 8 : at + 12])[0]
        for at in range(12, 12 + 16 * tables, 16)
        if content[at : at + 4] == b"cmap"
    )
    for at in range(start + 4, start + 4 + 8 * struct.unpack(">H", content[start + 2 : start + 4])[0], 8):
        table = start + struct.unpack(">I", content[at + 4 : at + 8])[0]
        kind, _, _, doubled = struct.unpack(">4H", content[table : table + 8])
        if kind == 4:
            ends = struct.unpack(f">{doubled // 2}H", content[table + 14 : table + 14 + doubled])
            starts = struct.unpack(f">{doubled // 2}H", content[table + 16 + doubled : table + 16 + 2 * doubled])
            return {chr(one) for first, last in zip(starts, ends, strict=True) for one in range(first, last + 1)}
    raise AssertionError(f"{path.name} has no such table")


@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_font_has_every_character_that_receipts_can_show(weight):
    assert needed(weight) <= in_font(FONTS / WEIGHTS[weight]), "run scripts/receipt-font"


def test_the_list_of_characters_is_that_of_the_regular_font():
    no_character = "\uffff"
    assert set((FONTS / CHARACTERS).read_text("utf-8")) - {"\n"} == in_font(FONTS / WEIGHTS[LIGHT]) - {no_character}
    assert wanted(LIGHT) <= characters()
    assert sum(one.stat().st_size for one in FONTS.iterdir()) < 2_000_000


def test_a_renewal_is_printed_with_term_sources_and_total():
    found = paper()
    assert (found.title, found.what) == ("Receipt 7F3A-21C9", "Renewal for 12 months")
    assert found.rows == (
        ("Card", "+852 5550 0142"),
        ("Plan", "Keep Basic"),
        ("Term", "9 Jan 2027 to 9 Jan 2028"),
        ("Paid on", "6 Jan 2027 10:24, Hong Kong time"),
        ("Number of the payment", "7f3a21c9-1234-5678-9abc-def012345678"),
    )
    assert found.amounts == (("Visa ending 4242", "¥58.80"), ("Balance", "¥18.00"))
    assert (found.total, found.refunded) == (("Total paid (CNY)", "¥76.80"), None)


def test_a_reactivation_fee_is_a_line_of_its_own_beside_the_price():
    seven = Money(minor=700, currency="CNY")
    renewed = replace(RENEWED, price=Money(minor=6980, currency="CNY"), reactivation_fee=seven)
    reinstated = Receipt(PAID, HELD, renewed, VISA, None)
    assert paper(reinstated).rows[3:5] == (("Price", "¥69.80"), ("Reactivation fee", "¥7.00"))
    assert paper(reinstated, "zh-CN").rows[3:5] == (("价格", "¥69.80"), ("恢复费", "¥7.00"))
    assert paper(reinstated).total == ("Total paid (CNY)", "¥76.80")


def test_the_issuer_is_named_below_with_what_is_known_of_it():
    issuer = Issuer("杭州鑫淼保号有限公司", None, "91330108MA28ABCD3X")
    named = paper(Receipt(PAID, HELD, RENEWED, VISA, issuer), "zh-CN")
    assert named.rows[-2:] == (("开具方", issuer.name), ("纳税人识别号", issuer.tax_id))
    assert set(issuer.name) <= characters()
    [content] = printed(named)
    assert len(content) < 60_000


def test_it_is_chinese_for_who_reads_chinese():
    found = paper(language="zh-CN")
    assert (found.title, found.what) == ("收据 7F3A-21C9", "续费 12 个月")
    assert found.rows[2:4] == (
        ("有效期", "2027 年 1 月 9 日 至 2028 年 1 月 9 日"),
        ("付款时间", "2027 年 1 月 6 日 10:24，香港时间"),
    )
    assert found.total == ("合计（CNY）", "¥76.80")


def test_a_top_up_has_no_term_and_a_refund_is_said():
    found = paper(replace_paid(TOP_UP, refunded_minor=2100))
    assert found.what == "Top-up of the balance"
    assert "Term" not in dict(found.rows)
    assert found.amounts == (("a method that has been removed", "¥58.80"),)
    assert found.refunded == ("Of it refunded", "¥21.00")


def test_a_renewal_that_came_too_late_is_no_top_up_and_says_that_it_goes_back():
    late = Receipt(PAID, HELD, None, VISA, None, goes_back=True)
    assert paper(late).what == "Payment for a renewal"
    assert ("Used for", "Nothing: it goes back to you") in paper(late).rows
    chinese = paper(late, "zh-CN")
    assert chinese.what == "续费"
    assert ("用途", "未使用，退还给您") in chinese.rows


def replace_paid(receipt, **changes):
    return Receipt(receipt.paid._replace(**changes), receipt.held, receipt.renewed, receipt.method, receipt.issuer)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("receipt", [RECEIPT, TOP_UP, Receipt(PAID, HELD, None, VISA, None, goes_back=True)])
def test_what_is_printed_is_in_the_fonts(receipt, language):
    found = paper(receipt, language)
    heavy = {*found.brand, *found.what, *found.total[0], *found.total[1]}
    light = {one for pair in (*found.rows, *found.amounts) for text in pair for one in text}
    assert heavy <= needed(600)
    assert light | {*found.title, *found.foot, *found.about} <= characters()


def test_what_the_fonts_lack_is_written_otherwise():
    assert readable("保号加", "keep-plus") == "保号加"
    assert readable("囍", "keep-plus") == "keep-plus"
    assert paper(replace_paid(TOP_UP, currency="PHP")).total == ("Total paid (PHP)", "PHP\N{NO-BREAK SPACE}58.80")


def test_the_same_receipt_is_the_same_file_wherever_it_is_printed():
    papers = [paper(), paper(language="zh-CN"), paper(TOP_UP)]
    first, again = printed(*papers), printed(*reversed(papers))
    assert first == [*reversed(again)]
    assert len(set(first)) == 3


def test_the_file_says_what_it_is_in_which_language_and_when_it_was_paid():
    [content] = printed(paper(language="zh-CN"))
    assert content.startswith(b"%PDF-1.7")
    assert len(content) < 60_000
    assert b"/Lang(zh-CN)" in content
    assert f"/Title<FEFF{'收据 7F3A-21C9 · 保号'.encode('utf-16-be').hex().upper()}>".encode() in content
    assert b"/CreationDate(D:20270106022411Z)" in content
    assert b"NotoSansSC-Regular" in content
    assert set(fonts_in(content)) == {"NotoSansSC-Regular", "NotoSansSC-SemiBold"}


def fonts_in(content):
    return [part.split(b"/")[0].split(b"+")[1].decode() for part in content.split(b"/FontName/")[1:]]


def test_a_refund_makes_it_another_file():
    assert tag_of(paper()) != tag_of(paper(replace_paid(RECEIPT, refunded_minor=2100)))
    later = paper(replace_paid(RECEIPT, settled_at=PAID.settled_at + timedelta(seconds=1)))
    assert tag_of(paper()) == tag_of(paper()) != tag_of(later)


def test_texts_are_set_as_they_are():
    odd = replace(paper(), brand='#panic("x") $x$ *b* \\ "', foot="#sys.inputs")
    [content] = printed(odd)
    assert content.startswith(b"%PDF")


def test_only_the_receipts_that_were_asked_for_last_are_kept():
    async def many():
        printer = Printer(kept=2)
        first = await printer.pdf(paper())
        for number in range(3):
            await printer.pdf(replace(paper(), reference=f"{number}"))
        assert len(printer) == 2
        assert await printer.pdf(paper()) == first

    asyncio.run(many())
