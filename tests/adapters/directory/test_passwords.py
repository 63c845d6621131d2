"""Which passwords are taken: long enough, not known to everybody, and otherwise any."""

import pytest

from adapters.directory.passwords import hashed, is_right, password_fault


@pytest.mark.parametrize(
    "password",
    ["tr0ub4dor", "紫色大象在唱歌吧", " eight  ", "x1" * 64, "correct horse battery staple", "😀" * 7 + "a"],
)
def test_any_characters_will_do(password):
    assert password_fault(password) is None


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", "too_short"),
        ("seven77", "too_short"),
        ("e\N{COMBINING ACUTE ACCENT}" * 7, "too_short"),
        ("ab" * 64 + "c", "too_long"),
        ("😀a" * 64 + "b", "too_long"),
        ("x" * 1_000_000, "too_long"),
        ("password", "common"),
        ("PassWord", "common"),
        ("woaini1314", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("BaoHao2026!", "names_product"),
        ("我的保号密码123", "names_product"),
    ],
)
def test_some_are_refused(password, fault):
    assert password_fault(password) == fault


@pytest.mark.parametrize("password", ["mei.lin@example.com", "Mei.Lin@Example.com", "mei.lin.1", "+8613800138000"])
def test_the_account_s_own_addresses_are_no_passwords(password):
    addresses = ("mei.lin@example.com", None, "mei.lin.1@example.com", "+8613800138000")
    assert password_fault(password, *addresses) == "own_address"
    assert password_fault(password) is None


def test_characters_of_four_bytes_reach_the_limit_of_bytes():
    assert password_fault("😀x" * 64) is None
    assert len(("😀" * 128).encode()) == 512


def test_a_hash_is_argon2id_as_strong_as_it_says_and_salted(run):
    first, second = run(hashed("tr0ub4dor")), run(hashed("tr0ub4dor"))
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert run(is_right(first, "tr0ub4dor"))
    assert not run(is_right(first, "tr0ub4doR"))
    assert not run(is_right("no hash", "tr0ub4dor"))
    assert not run(is_right(None, "tr0ub4dor"))
