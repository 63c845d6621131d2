"""Where holders find help."""

import pytest

from adapters.web.frame import page
from adapters.web.pages.plain import leads_to
from tests.adapters.web.pages.client import Client


@pytest.mark.parametrize(
    ("support", "leads"),
    [
        ("https://help.example/cards", "https://help.example/cards"),
        ("help@operator.example", "mailto:help@operator.example"),
        ("+1 212 555 0100", "tel:+12125550100"),
        ("400 820 (8820)", "tel:4008208820"),
        ("10086", "tel:10086"),
        ("@help", None),
        ("---", None),
        ("+1 212 555 0100 (9 to 17)", None),
        ("the shop at the corner", None),
        ("javascript:alert(1)", None),
    ],
)
def test_the_support_is_a_link_where_a_browser_opens_one(support, leads):
    assert leads_to(support) == leads


@pytest.mark.parametrize(("language", "title"), [("en", "Help"), ("zh-CN", "帮助")])
def test_the_page_says_how_to_reach_the_support_also_before_sign_in(served, language, title):
    found = Client(served, language=language).get("/help")
    assert (found.status, f"<h1>{title}</h1>" in found.html) == (200, True)
    assert '<a href="tel:+12125550100">+1 212 555 0100</a>' in found.html


def test_each_page_leads_to_it(lin):
    assert '<a href="/help">Help</a>' in lin.get("/cards").html


@pytest.mark.parametrize(
    ("support", "told"),
    [(None, "Ask whoever gave you the card."), ("the <shop> at the corner", "the &lt;shop&gt; at the corner")],
)
def test_what_is_no_link_is_a_text(support, told):
    found = page("help", "en", here="/help", support=support, leads_to=None).body.decode()
    assert (told in found, 'href="tel:' in found) == (True, False)
