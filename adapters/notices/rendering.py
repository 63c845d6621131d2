"""Words become bytes: an e-mail as it goes over the wire, or an SMS with its template and parameters.

Done once for each row of the outbox; every try sends the same bytes.
"""

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from functools import cache
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from msgspec import Struct, json

from adapters.languages.language import Language
from adapters.languages.texts import texts
from adapters.notices.gsm import fits_one_sms, sms_text
from adapters.notices.wording import FRAME, Words, why_sent

TEMPLATE_VERSION = "4"
"""Raise it with every change of letters, templates or translations: a row says by which it was rendered."""
_COLONS: Mapping[Language, str] = {"zh-CN": "：", "en": ": "}


class Sender(NamedTuple):
    """Who the e-mails come from, and where their links lead."""

    address: str
    web_url: str | None

    @property
    def domain(self) -> str:
        """The part of the address after the @, which names the e-mails too."""
        return self.address.rpartition("@")[2]


class Sms(Struct, frozen=True):
    """An SMS: a provider takes either the template with its parameters, or the text."""

    to: str
    template: str
    params: Mapping[str, str]
    language: Language
    key: str
    """The same for every try of the same notice."""
    text: str


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("adapters.notices"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def email_bytes(
    words: Words,
    to: str,
    language: Language,
    sender: Sender,
    *,
    key: str,
    page: str | None,
    unsubscribe: str | None,
    at: datetime,
) -> bytes:
    """The e-mail with its headers, in text and HTML.

    `page` is where its button leads, `unsubscribe` ends notices of its kind by one click (RFC 8058); None: they are
    not optional.
    """
    message = EmailMessage()
    translate = texts("adapters.notices", language).gettext
    name, caution, without, helped = (translate(line) for line in FRAME)
    message["From"] = formataddr((name, sender.address))
    message["To"] = to
    message["Subject"] = words.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id(key, sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe is not None:
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    why = translate(why_sent(words.letter)) if unsubscribe is None else without.format(unsubscribe=unsubscribe)
    found = helped.format(page=f"{sender.web_url}/help")
    frame = (caution, why, found) if page is not None and words.button else (why,)
    values = {"words": words, "language": language, "page": page, "frame": frame, "colon": _COLONS[language]}
    coding = "base64" if language == "zh-CN" else "quoted-printable"
    message.set_content(_environment().get_template("letter.txt").render(values), cte=coding)
    message.add_alternative(_environment().get_template("letter.html").render(values), subtype="html", cte=coding)
    message["Content-Language"] = language  # not earlier: that would be the text's own
    return message.as_bytes(policy=SMTP)


def message_id(key: str, domain: str) -> str:
    """The same for every try of one notice, so that whoever gets it twice knows."""
    return f"<{uuid5(NAMESPACE_URL, key)}@{domain}>"


_SMS = json.Decoder(Sms)


def sms_bytes(words: Words, sms: Sms, page: str | None) -> bytes:
    """The SMS with its text: the words, and the address of the page where it fits."""
    text = sms_text(words.sms, sms.language)
    with_page = f"{text} {page}"
    if page is not None and fits_one_sms(with_page):
        text = with_page
    params = {name: sms_text(value, sms.language) for name, value in sms.params.items()}
    return json.encode(Sms(sms.to, sms.template, params, sms.language, sms.key, text))


def sms_of(body: bytes) -> Sms:
    """The SMS of its bytes."""
    return _SMS.decode(body)
