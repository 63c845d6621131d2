"""Every table fits 80 columns, and cuts no amount, no day and no key in the middle, however long its texts are."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, get_type_hints
from uuid import UUID

import pytest
from rich.cells import cell_len

from adapters.cli import accounts, charging, inspecting, noticing, numbers, parking, reconciling
from adapters.cli.casework import CASE_COLUMNS
from adapters.cli.output import out, put_table
from adapters.cli.tables import laid_out, wrapped
from adapters.parked import Parked
from adapters.settings import Described
from adapters.web.api import tokens
from projections.cards import CardRow
from projections.due import DueRow

ID = UUID("0af31f5f-5a4c-4d0e-9c67-2f4f2f0f3a11")
AT, DAY = datetime(2027, 12, 28, 23, 59, 59, tzinfo=UTC), date(2027, 12, 28)
KEY = f"{ID}:117:auto_top_up_stopped"
TEXT = (
    "the card was held on 2027-12-28 since 1,234,567.89 CNY were charged at 2027-12-28 23:59 for 保号卡 by "
    "https://pay.example.org/0123456789012345678901234567890123456789012345678901234567890123456789"
)
WHOLE = ("1,234,567.89 CNY", "2027-12-28")


def row_of(kind: type[Any], columns: Sequence[str] = ()) -> tuple[Sequence[str], list[object]]:
    """A row of that NamedTuple with the longest content that its fields may have."""
    hints = get_type_hints(kind)
    return columns or kind._fields, [_longest(name, str(hints[name])) for name in columns or kind._fields]


def _longest(name: str, hint: str) -> object:
    if "UUID" in hint:
        return ID
    if "datetime.datetime" in hint:
        return AT
    if "datetime.date" in hint:
        return DAY
    if "int" in hint:
        return 1_234_567_890
    return KEY if name == "key" else TEXT


TABLES = {
    "cards list": row_of(CardRow, inspecting.CARD_COLUMNS),
    "due": row_of(DueRow),
    "case list": (CASE_COLUMNS, [ID, TEXT, ID]),
    "parked list": row_of(Parked, parking.PARKED_COLUMNS),
    "notices list": (noticing.NOTICE_COLUMNS, [KEY, "email", "accepted", "outcome_unknown"]),
    "reconcile": (reconciling.COLUMNS, ["charge without fact", ID, "1,234,567.89 CNY", "1,234,567.89 CNY"]),
    "token list": row_of(tokens.Listed),
    "account list": row_of(accounts.Listed),
    "number list": row_of(numbers.Listed),
    "charging history": row_of(charging.Operation),
    "limits blocked": (("fingerprint", "reason", "since"), ["fp-0123456789abcdef", TEXT, AT]),
    "card history": (("version", "fact", "actor", "what happened"), [117, "refund_outcome_unknown.v1", "web", TEXT]),
    "quote": (("months", "price", "saving", "fee if off", "prices of", "since"), [12, *[WHOLE[0]] * 3, "2026-11", DAY]),
    "settings": row_of(Described),
    "roles": (("role", "process", "host", "", "since"), ["publisher", 1234567, "a-host.example.org", "stands by", AT]),
    "status": (("what", "now"), ["charging", TEXT]),
    "card show": (("field", "value"), ["reactivation_fee", TEXT]),
}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_with_the_longest_content_fits_and_cuts_nothing_that_is_one(capsys, monkeypatch, name, width):
    monkeypatch.setattr(out, "_width", width)
    columns, row = TABLES[name]
    put_table(name, columns, [row, row])
    printed = capsys.readouterr().out
    assert max(cell_len(line) for line in printed.splitlines()) <= width
    for cell in row:
        for whole in [one for one in (*WHOLE, KEY) if one in str(cell)]:
            assert whole in printed
    assert ID not in row or str(ID) in printed or f"{str(ID)[:8]}…" in printed


def test_ids_are_whole_where_there_is_room_for_them(capsys, monkeypatch):
    monkeypatch.setattr(out, "_width", 80)
    put_table("cases", CASE_COLUMNS, [[ID, "refund_owed", ID]])
    assert "ids are shortened; --json has them whole" in capsys.readouterr().out
    put_table("cards", ("card_id", "status"), [[ID, "active"]])
    assert str(ID) in capsys.readouterr().out


def test_a_terminal_too_narrow_for_the_columns_gets_a_block_for_each_row(capsys, monkeypatch):
    monkeypatch.setattr(out, "_width", 60)
    put_table("quote", *[(TABLES["quote"][0]), [TABLES["quote"][1]]])
    printed = capsys.readouterr().out
    assert printed.count("1,234,567.89 CNY") == 3
    assert "field" in printed


def test_words_are_divided_only_where_they_are_longer_than_the_line():
    assert wrapped("it costs 15.00 CNY now", 12) == "it costs\n15.00 CNY\nnow"
    assert wrapped("a" * 25, 10) == "\n".join(["a" * 10, "a" * 10, "a" * 5])
    assert wrapped("", 10) == ""
    assert laid_out(("a", "b"), [("2027-12-28", "1.00 CNY")], 10) is None
