"""The settings of e-mail and SMS; `adapters.settings` reads them."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.gateway_settings import absolute

TWILIO_URL, ALIYUN_URL = "https://api.twilio.com", "https://dysmsapi.aliyuncs.com"
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?")
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def _twilio_or_here(address: str) -> str:
    address = address.rstrip("/")
    if address != TWILIO_URL and not _LOOPBACK.fullmatch(address):
        raise ValueError(f"it should be {TWILIO_URL}, or http://127.0.0.1:PORT of a receiver on this machine")
    return address


def _aliyun_or_here(address: str) -> str:
    address = address.rstrip("/")
    if not re.fullmatch(r"https://dysmsapi(?:\.[a-z0-9-]+)?\.aliyuncs\.com", address) and not _LOOPBACK.fullmatch(
        address
    ):
        raise ValueError(f"it should be {ALIYUN_URL}, or http://127.0.0.1:PORT of a receiver on this machine")
    return address


def _mail_address(address: str) -> str:
    if not re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", address):
        raise ValueError("it should be an e-mail address")
    return address


_AbsolutePath = Annotated[Path, AfterValidator(absolute)]


class NoticeSettings(BaseSettings):
    """How holders are told: by which SMTP server, and by which provider of SMS."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    smtp_host: str | None = None
    """The SMTP server that takes our e-mails; unset: none are sent."""
    smtp_port: int = Field(587, ge=1, le=65_535)
    """Its port; 587 goes with starttls, 465 with tls."""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to it is protected; none: only for a server on this machine."""
    smtp_ca: _AbsolutePath | None = None
    """Certificates (PEM) of the authority that signed the server's; unset: the system's."""
    smtp_user: str | None = None
    """Our name at the SMTP server; with its password in a file."""
    smtp_password_file: _AbsolutePath | None = Field(None, repr=False)
    """File with the password of BAOHAO_SMTP_USER."""
    mail_folder: _AbsolutePath | None = None
    """Folder into which e-mails are written instead of being sent, for trying; with BAOHAO_SMTP_HOST unset."""
    mail_from: Annotated[str, AfterValidator(_mail_address)] | None = None
    """The address that our e-mails come from."""
    sms: Literal["none", "log", "twilio", "aliyun"] = "none"
    """Who delivers SMS; log: nobody, the log says which kinds would be sent, or BAOHAO_MAIL_FOLDER has them."""
    twilio_url: Annotated[str, AfterValidator(_twilio_or_here)] = Field(TWILIO_URL, repr=False)
    """Twilio: the address of its API, or of a receiver on this machine."""
    twilio_account: str | None = None
    """Twilio: the SID of our account (AC…)."""
    twilio_token_file: _AbsolutePath | None = Field(None, repr=False)
    """Twilio: file with the account's token."""
    twilio_from: str | None = None
    """Twilio: the number that our SMS come from, in E.164, or the SID of a messaging service (MG…)."""

    aliyun_url: Annotated[str, AfterValidator(_aliyun_or_here)] = Field(ALIYUN_URL, repr=False)
    """Aliyun: the address of its SMS API, or of a receiver on this machine."""
    aliyun_key: str | None = None
    """Aliyun: the id of an AccessKey that may call SendSms."""
    aliyun_secret_file: _AbsolutePath | None = Field(None, repr=False)
    """Aliyun: file with the secret of that AccessKey."""
    aliyun_sign: str | None = None
    """Aliyun: the approved signature, without brackets."""
    aliyun_templates: _AbsolutePath | None = None
    """Aliyun: TOML file with the codes of the approved templates; `baohao notices templates` lists what it names."""
    aliyun_receipts_file: _AbsolutePath | None = Field(None, repr=False)
    """Aliyun: file with the secret that ends the address of its reports, URL/notices/aliyun/SECRET; unset: none."""

    @property
    def tells_holders(self) -> bool:
        """Whether there is anything for a notifier to do."""
        return self.smtp_host is not None or self.mail_folder is not None or self.sms != "none"

    @model_validator(mode="after")
    def _tells_completely(self) -> Self:
        if self.smtp_host is not None and self.mail_folder is not None:
            raise ValueError("BAOHAO_SMTP_HOST and BAOHAO_MAIL_FOLDER are both set; e-mails go to one of them")
        if self.smtp_host is not None and self.mail_from is None:
            raise ValueError("BAOHAO_SMTP_HOST is set, but not BAOHAO_MAIL_FROM, which it needs")
        if self.smtp_tls == "none" and self.smtp_host not in {None, *_HERE}:
            raise ValueError("BAOHAO_SMTP_TLS is none, which is only for a server on this machine")
        if (self.smtp_user is None) != (self.smtp_password_file is None):
            raise ValueError("BAOHAO_SMTP_USER and BAOHAO_SMTP_PASSWORD_FILE belong together: set both or none")
        if self.sms == "twilio" and None in (self.twilio_account, self.twilio_token_file, self.twilio_from):
            raise ValueError(
                "BAOHAO_SMS is twilio, so BAOHAO_TWILIO_ACCOUNT, BAOHAO_TWILIO_TOKEN_FILE and BAOHAO_TWILIO_FROM "
                "should be set"
            )
        if self.sms == "aliyun" and None in self._of_aliyun:
            raise ValueError(
                "BAOHAO_SMS is aliyun, so BAOHAO_ALIYUN_KEY, BAOHAO_ALIYUN_SECRET_FILE, BAOHAO_ALIYUN_SIGN and "
                "BAOHAO_ALIYUN_TEMPLATES should be set"
            )
        return self

    @property
    def _of_aliyun(self) -> tuple[object, ...]:
        return self.aliyun_key, self.aliyun_secret_file, self.aliyun_sign, self.aliyun_templates
