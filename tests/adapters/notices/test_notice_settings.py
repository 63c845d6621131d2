"""Settings of e-mail and SMS: what is incomplete refuses to start, and no secret is shown."""

import os

import pytest

from adapters.roles.notifier import mailer_of, sms_of_settings
from adapters.settings import SettingsError, describe, load_settings

SMTP = {"smtp_host": "mail.example.org", "mail_from": "notices@example.org"}
TWILIO = {"sms": "twilio", "twilio_account": "AC1", "twilio_from": "+15005550006"}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith("BAOHAO_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"smtp_host": "mail.example.org"}, "not BAOHAO_MAIL_FROM"),
        (SMTP | {"smtp_tls": "none"}, "only for a server on this machine"),
        (SMTP | {"smtp_user": "baohao"}, "belong together"),
        (SMTP | {"mail_from": "Baohao <notices@example.org>"}, "it should be an e-mail address"),
        (SMTP | {"mail_from": "a@b\r\nBcc: c@d"}, "it should be an e-mail address"),
        ({"sms": "pigeon"}, "BAOHAO_SMS"),
        (TWILIO, "BAOHAO_TWILIO_TOKEN_FILE"),
        (TWILIO | {"twilio_url": "http://elsewhere.example"}, "BAOHAO_TWILIO_URL is wrong"),
        ({"sms": "aliyun", "aliyun_key": "k"}, "BAOHAO_ALIYUN_SECRET_FILE"),
        ({"aliyun_url": "https://elsewhere.example"}, "BAOHAO_ALIYUN_URL is wrong"),
    ],
)
def test_what_is_incomplete_or_unsafe_is_refused(given, sentence):
    with pytest.raises(SettingsError, match=sentence):
        load_settings(**given)


def test_without_settings_nobody_is_told():
    settings = load_settings()
    assert not settings.tells_holders
    assert mailer_of(settings) is sms_of_settings(settings) is None


def test_the_secrets_come_from_files_and_are_not_shown(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of-a-test\n")
    settings = load_settings(**SMTP, **TWILIO, smtp_user="baohao", smtp_password_file=secret, twilio_token_file=secret)
    assert settings.tells_holders
    assert mailer_of(settings) is not None
    assert sms_of_settings(settings) is not None
    assert "of-a-test" not in str(describe(settings)) + repr(settings)


def test_a_certificate_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(SettingsError, match="BAOHAO_SMTP_CA"):
        mailer_of(load_settings(**SMTP, smtp_ca=tmp_path / "none"))
