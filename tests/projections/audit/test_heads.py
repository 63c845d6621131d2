"""Heads are what the C2SP's texts say: their examples are read, and nothing else is taken for a signed head."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.audit.heads import Head, HeadError, PublicKey, SealKey, check_head, read_head, signed_head

# The example of c2sp.org/tlog-checkpoint.
EXAMPLE = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
# The key and the note in the documentation of golang.org/x/mod/sumdb/note.
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ROOT = bytes(range(32))
KEY = SealKey.new("baohao.example/cell-1")
TEXT = signed_head(KEY, 17, ROOT)


def test_the_published_example_of_a_head_is_read():
    head = read_head(EXAMPLE)
    assert (head.origin, head.size, head.root[:2]) == ("example.com/behind-the-sofa", 20852163, b"\x0a\xc5")


def test_the_published_keys_are_read_and_belong_together():
    key = SealKey.read(GO_PRIVATE)
    assert key.public == PublicKey.read(GO_PUBLIC)
    assert (key.text, key.public.text) == (GO_PRIVATE, GO_PUBLIC)


def test_a_signed_head_is_read_and_checked():
    head = read_head(TEXT)
    assert head == Head("baohao.example/cell-1", 17, ROOT, TEXT)
    assert check_head(head, [PublicKey.read(GO_PUBLIC), KEY.public]) == KEY.public


def test_signatures_of_others_are_passed_over():
    body, signature = TEXT.split("\n\n")
    other = signed_head(SealKey.new("witness.example"), 17, ROOT).split("\n\n")[1]
    check_head(read_head(f"{body}\n\n{other}{signature}"), [KEY.public])


@pytest.mark.parametrize("keys", [[], [PublicKey.read(GO_PUBLIC)], [SealKey.new(KEY.name).public]])
def test_a_head_of_an_unknown_key_is_refused(keys):
    with pytest.raises(HeadError, match="is not signed by a key that was given"):
        check_head(read_head(TEXT), keys)


def test_a_head_in_the_name_of_another_origin_is_refused():
    forged = read_head(signed_head(KEY, 17, ROOT))._replace(origin="another")
    with pytest.raises(HeadError, match="not signed by a key"):
        check_head(forged, [KEY.public])


@given(st.integers(0, len(TEXT) - 1), st.characters(codec="utf-8"))
def test_no_changed_head_holds(place, character):
    changed = TEXT[:place] + character + TEXT[place + 1 :]
    if changed != TEXT:
        with pytest.raises(HeadError):
            check_head(read_head(changed), [KEY.public])


@given(st.integers(0, len(TEXT) - 1))
def test_no_part_of_a_head_holds(length):
    with pytest.raises(HeadError):
        check_head(read_head(TEXT[:length]), [KEY.public])


@given(st.text())
def test_any_other_text_is_refused_in_a_sentence(text):
    for read in (read_head, PublicKey.read, SealKey.read):
        with pytest.raises(HeadError):
            read(text)


@pytest.mark.parametrize("name", ["", "with space", "with+plus", "带", "x" * 201])
def test_a_key_has_a_plain_name(name):
    with pytest.raises(HeadError, match="the name of a key"):
        SealKey.new(name)
