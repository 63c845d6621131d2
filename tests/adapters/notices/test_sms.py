"""SMS: what Twilio is asked and what its answers mean, and the adapter that only logs."""

from base64 import b64encode

import pytest
from structlog.testing import capture_logs

from adapters.notices.delivery import Accepted, Bounced, Doubtful, Failed
from adapters.notices.folder import SmsFolder, mails_in
from adapters.notices.rendering import Sms
from adapters.notices.sms import LoggedSms, TwilioSms
from tests.ports import free_port

SMS = Sms("+8613800138000", "renewed", {"card": "尾号 0142"}, "zh-CN", "key", "【保号】已续费。")


def sent(run, url, sender="+15005550006"):
    async def send():
        provider = TwilioSms(url, "AC1", "token", sender)
        try:
            return await provider.send(SMS)
        finally:
            await provider.close()

    return run(send())


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, {"sid": "SM1"}, Accepted("SM1")),
        (201, {}, Doubtful("answer_unreadable")),
        (500, {}, Doubtful("http_500")),
        (429, {"code": 20429}, Failed("http_429")),
        (401, {"code": 20003}, Failed("http_401")),
        (400, {"code": 21614}, Bounced("twilio_21614")),
        (400, {"code": 21610}, Bounced("twilio_21610")),
        (400, {"code": 21606}, Failed("twilio_21606")),
        (400, {"code": 21408}, Failed("twilio_21408")),
        (400, {"code": 21612}, Failed("twilio_21612")),
        (400, [], Failed("twilio_None")),
    ],
)
def test_what_an_answer_means(run, receiver, status, body, outcome):
    receiver.answers = [(status, body)]
    assert sent(run, receiver.url) == outcome


def test_twilio_is_asked_in_its_own_words(run, receiver):
    sent(run, receiver.url)
    sent(run, receiver.url, "MG1")
    assert receiver.paths == ["/2010-04-01/Accounts/AC1/Messages.json"] * 2
    assert receiver.forms == [
        {"To": SMS.to, "Body": SMS.text, "From": "+15005550006"},
        {"To": SMS.to, "Body": SMS.text, "MessagingServiceSid": "MG1"},
    ]
    assert receiver.authorizations[0] == "Basic " + b64encode(b"AC1:token").decode()


def test_what_was_never_connected_has_taken_nothing(run):
    assert sent(run, f"http://127.0.0.1:{free_port()}") == Failed("ClientConnectorError")


def test_the_log_says_the_kind_and_the_end_of_the_number_alone(run):
    with capture_logs() as lines:
        assert run(LoggedSms().send(SMS)) == Accepted("logged")
    assert lines == [
        {"event": "notices.sms_logged", "log_level": "info", "kind": "renewed", "to": "…00", "language": "zh-CN"}
    ]


def test_the_folder_of_a_trial_keeps_one_sms_once_as_its_reader_sees_it(run, tmp_path):
    folder = SmsFolder(tmp_path / "mail")
    assert [run(folder.send(SMS)) for _ in range(2)] == [Accepted("folder")] * 2
    [found] = mails_in(tmp_path / "mail")
    assert (found.to, found.subject, found.text.strip()) == (SMS.to, "SMS", SMS.text)
