"""Forms as Stripe's libraries write them."""

from urllib.parse import quote

import pytest

from adapters.gateways.sandbox.form import MalformedFormError, decode


@pytest.mark.parametrize(
    ("text", "nested"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[0]=x&a[1]=y", {"a": {"0": "x", "1": "y"}}),
        ("a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}),
        ("a%5Bb%5D=%E4%BF%9D+%2B", {"a": {"b": "保 +"}}),
        ("a=1&a=2", {"a": "2"}),
        ("a==&&", {"a": "="}),
    ],
)
def test_a_form_is_read(text, nested):
    assert decode(text.encode())[0] == nested


@pytest.mark.parametrize(
    "text", [b"a[b=1", b"[b]=1", b"a=1&a[b]=2", b"a[b]=1&a[b][c]=2", b"a=%FF", b"\xff=1", b"a=%00", b"a=\x00"]
)
def test_what_is_no_form_is_refused(text):
    with pytest.raises(MalformedFormError):
        decode(text)


def test_equal_parameters_have_an_equal_digest():
    assert decode(b"a=1&b=2")[1] == decode(b"b=2&a=1")[1] != decode(b"a=1&b=3")[1]


def test_a_form_that_is_refused_is_a_bad_request(api):
    answer = api.send(
        "POST", "/v1/customers", f"name={quote('x', safe='')}&name[a]=1", {"Authorization": "Bearer sk_test_x"}
    )
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
