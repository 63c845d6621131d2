"""Where no SMS are sent, codes go by e-mail alone, and the forms say so."""

import pytest

from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import EMAIL

ASKING = ("/register", "/sign-in/code", "/reset")
PHONE = "+8613800138000"


@pytest.fixture
def served(holders, world):
    """The pages of a role that sends no SMS."""
    return holders.address


@pytest.mark.parametrize("path", ASKING)
@pytest.mark.parametrize(
    ("language", "label", "other", "wrong"),
    [
        ("en", "E-mail", "phone", "Give an e-mail address, such as name@example.com."),
        ("zh-CN", "邮箱", "手机", "请填写邮箱，例如 name@example.com。"),
    ],
)
def test_the_forms_want_an_e_mail_address(served, path, language, label, other, wrong):
    browser = Client(served, language=language)
    page = browser.get(path)
    assert label in page.text
    assert other not in page.text
    refused = browser.post(path, {"address": PHONE})
    assert refused.status == 422
    assert wrong in refused.text
    assert f'value="{PHONE}"' in refused.html
    assert browser.post(path, {"address": EMAIL}).status == 303


def test_where_sms_are_sent_they_want_either(account_pages):
    address, _ = account_pages
    for path in ASKING:
        assert "E-mail or phone number" in Client(address).get(path).text
