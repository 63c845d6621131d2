"""An SMS fits into one part: English keeps to the alphabet of GSM 03.38, and the page follows where there is room."""

import pytest

from adapters.languages.language import LANGUAGES
from adapters.notices.aliyun_templates import texts_of
from adapters.notices.gsm import BASIC, EXTENSION, fits_one_sms, sms_text
from adapters.notices.rendering import Sms, sms_bytes, sms_of
from adapters.notices.wording import LETTERS, About, shown_values, words_of
from tests.adapters.notices.values import FULL, about


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", LETTERS)
def test_an_sms_fits_into_one_part(kind, language):
    said = words_of(kind, FULL | {"code": "123456"}, about(language)).sms
    assert fits_one_sms(sms_text(said, language)), said


def sms_said(kind, values, page=None):
    named = About("en", "America/Sao_Paulo", None, "ending 0142")
    words = words_of(kind, values, named)
    sms = Sms("+5511999990000", kind, shown_values(values, named), "en", "key", "")
    return sms_of(sms_bytes(words, sms, page))


@pytest.mark.parametrize("currency", ["CNY", "EUR", "KWD", "INR", "XOF"])
@pytest.mark.parametrize("kind", LETTERS)
def test_an_english_sms_has_no_character_that_would_halve_its_length(kind, currency):
    values = {
        name: value | {"currency": currency} if isinstance(value, dict) else value for name, value in FULL.items()
    }
    sms = sms_said(kind, values | {"code": "123456"})
    texts = [sms.text, *(sms.params[name] for text in texts_of(kind) for name in text.values if name in sms.params)]
    assert set("".join(texts)) <= BASIC | EXTENSION, texts
    assert "  " not in sms.text


def test_what_the_alphabet_lacks_is_written_without_it():
    written = "St. John's, Sao Paulo, INR 5.00, KWD 1.000"
    assert sms_text("St. John’s, São Paulo, ₹5.00, KWD\N{NO-BREAK SPACE}1.000", "en") == written
    assert sms_text("林 é €", "en") == "林 é €"
    assert sms_text("【保号】：", "zh-CN") == "【保号】："


def test_the_address_of_the_page_follows_where_it_fits():
    page = "https://baohao.example/cards/25b68f46-0000-0000-0000-000000000000"
    assert sms_said("closed", {}, page).text.endswith(page)
    assert sms_said("grace", FULL, page).text.endswith("Change payment method.")
    assert [fits_one_sms(text) for text in ("x" * 160, "x" * 161, "€" * 81, "林" * 70, "林" * 71)] == [
        True,
        False,
        False,
        True,
        False,
    ]
