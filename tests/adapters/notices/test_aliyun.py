"""SMS by Aliyun: how it is asked, that its signature is right, what its answers mean, and its reports."""

import hmac
import threading
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest
from msgspec import json
from psycopg_pool import AsyncConnectionPool

from adapters.notices.aliyun import AliyunSms, Key, query_of, signed
from adapters.notices.aliyun_templates import read_templates, texts_of
from adapters.notices.delivery import Accepted, Bounced, Doubtful, Failed
from adapters.notices.rendering import Sms
from adapters.notices.wording import LETTERS
from adapters.settings import SettingsError
from adapters.web.app import Guarded, application
from adapters.web.receipts import aliyun_reports
from tests.adapters.notices.post import WEB
from tests.adapters.notices.requests import asked
from tests.ports import free_port

KEY = Key("key-1", "secret-of-a-test")
SECRET = "a-secret-path"
PARAMS = {"code": "012345", "minutes": "尾号 0142 & +*~", "unused": "x"}
SMS = Sms("+8613800138000", "code", PARAMS, "zh-CN", "account:1", "…")


class Aliyun:
    """Takes SendSms and judges each signature from what came over the wire; `answer` is status and body."""

    def __init__(self):
        self.queries, self.wrong = [], []
        self.answer = 200, {"Code": "OK", "BizId": "1^0", "RequestId": "r", "Message": "OK"}
        aliyun = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if not aliyun.is_signed(self.path, self.headers, body):
                    aliyun.wrong.append(self.path)
                aliyun.queries.append(dict(parse_qsl(urlsplit(self.path).query)))
                status, found = aliyun.answer
                content = found if isinstance(found, bytes) else json.encode(found)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                """The tests ask the receiver."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def is_signed(self, path, headers, body):
        """By the headers that the request itself names, with the query as it came."""
        kind, _, rest = headers["Authorization"].partition(" ")
        given = dict(part.split("=", 1) for part in rest.split(","))
        names = given["SignedHeaders"].split(";")
        wanted = {"host", *(one.lower() for one in headers if one.lower().startswith("x-acs-"))}
        assert headers["x-acs-action"], headers["x-acs-version"] == ("SendSms", "2017-05-25")
        lines = [f"{one}:{headers[one].strip()}" for one in names]
        payload = sha256(body).hexdigest()
        request = "\n".join(["POST", *path.split("?", 1), *lines, "", ";".join(names), payload])
        text = "ACS3-HMAC-SHA256\n" + sha256(request.encode()).hexdigest()
        right = hmac.new(KEY.secret.encode(), text.encode(), sha256).hexdigest()
        return (kind, given["Credential"], given["Signature"], headers["x-acs-content-sha256"], set(names)) == (
            *("ACS3-HMAC-SHA256", KEY.key_id, right, payload),
            wanted,
        )

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def aliyun():
    found = Aliyun()
    yield found
    found.close()


@pytest.fixture
def templates(tmp_path):
    """Makes templates of a file."""

    def read(text='[mainland.zh-CN]\ncode = "SMS_1"\n'):
        (tmp_path / "templates.toml").write_text(text)
        return read_templates(tmp_path / "templates.toml")

    return read


@pytest.fixture
def send(run, templates):
    def once(url, sms=SMS):
        async def sent():
            provider = AliyunSms(url, KEY, "保号", templates())
            try:
                return await provider.send(sms)
            finally:
                await provider.close()

        return run(sent())

    return once


def test_the_worked_example_of_the_documentation_is_signed_as_it_says():
    query = query_of({"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"})
    headers = signed(
        Key("YourAccessKeyId", "YourAccessKeySecret"),
        "ecs.cn-shanghai.aliyuncs.com",
        query,
        datetime(2023, 10, 26, 10, 22, 32, tzinfo=UTC),
        "3156853299f313e23d1673dc12e1703d",
        action="RunInstances",
        version="2014-05-26",
    )
    expected = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    assert headers["Authorization"].endswith(f",Signature={expected}")


def test_it_is_asked_by_template_with_the_values_of_its_text_alone(aliyun, send):
    assert send(aliyun.url) == Accepted("1^0")
    assert aliyun.wrong == []
    [query] = aliyun.queries
    params = json.decode(query.pop("TemplateParam"))
    assert params == {name: PARAMS[name] for name in next(texts_of("code")).values}
    assert query == {
        "PhoneNumbers": "8613800138000",
        "SignName": "保号",
        "TemplateCode": "SMS_1",
        "OutId": "account:1",
    }


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL"}, Bounced("aliyun_isv.MOBILE_NUMBER_ILLEGAL")),
        (200, {"Code": "isv.BUSINESS_LIMIT_CONTROL"}, Failed("aliyun_isv.BUSINESS_LIMIT_CONTROL")),
        (200, {"Code": "isv.AMOUNT_NOT_ENOUGH"}, Failed("aliyun_isv.AMOUNT_NOT_ENOUGH")),
        (400, {"Code": "SignatureDoesNotMatch"}, Failed("aliyun_SignatureDoesNotMatch")),
        (400, {"Code": "Throttling.User"}, Failed("aliyun_Throttling.User")),
        (200, {"Code": "isp.SYSTEM_ERROR"}, Doubtful("aliyun_isp.SYSTEM_ERROR")),
        (200, {"Code": "OK"}, Doubtful("answer_unreadable")),
        (200, b"<html>", Doubtful("answer_unreadable")),
        (200, [], Doubtful("answer_unreadable")),
        (503, {}, Doubtful("http_503")),
    ],
)
def test_what_an_answer_means(aliyun, send, status, body, outcome):
    aliyun.answer = status, body
    assert send(aliyun.url) == outcome


def test_what_was_never_connected_has_taken_nothing(send):
    assert send(f"http://127.0.0.1:{free_port()}") == Failed("ClientConnectorError")


@pytest.mark.parametrize(("to", "language"), [("+85255500142", "zh-CN"), ("+8613800138000", "en")])
def test_without_an_approved_template_nothing_is_sent(aliyun, send, to, language):
    assert send(aliyun.url, Sms(to, "code", PARAMS, language, "k", "")) == Failed("aliyun_no_template")
    assert aliyun.queries == []


def test_a_letter_without_a_template_of_its_own_is_sent_as_that_of_its_kind(templates):
    sms = Sms("+8613800138000", "top_up_failed_not_taken", {"card": "0142", "other_amount": "x"}, "zh-CN", "k", "")
    text = '[mainland.zh-CN]\ntop_up_failed = "SMS_1"\n'
    assert templates(text).of(sms) == ("SMS_1", {"card": "0142"})
    assert templates(f'{text}top_up_failed_not_taken = "SMS_2"').of(sms) == ("SMS_2", {"card": "0142"})


@pytest.mark.parametrize("kind", LETTERS)
def test_a_text_is_handed_in_with_its_values_by_name(kind):
    for one in texts_of(kind):
        for language in ("zh-CN", "en"):
            text = one.as_template(language)
            assert all(f"${{{name}}}" in text for name in one.values)


@pytest.mark.parametrize(
    "text",
    [
        "[mainland",
        'code = "SMS_1"',
        '[elsewhere.en]\ncode = "SMS_1"',
        '[abroad.fr]\ncode = "SMS_1"',
        '[abroad.en]\nunknown = "SMS_1"',
        '[abroad.en]\ncode = "1"',
        "[abroad.en]\ncode = 1",
    ],
)
def test_a_file_that_is_wrong_says_so(templates, text):
    with pytest.raises(SettingsError, match="BAOHAO_ALIYUN_TEMPLATES"):
        templates(text)


@pytest.fixture
def report(post):
    """Posts a body as Aliyun does; the status and the answer."""

    async def send(body, secret):
        async with AsyncConnectionPool(post.url, min_size=1, max_size=1, open=False) as pool:
            app = application([aliyun_reports(pool, SECRET)], guard=Guarded(WEB, ()))
            return await asked(app, "POST", f"/notices/aliyun/{secret}", body=body)

    return lambda body, secret=SECRET: post.run(send(body, secret))


@pytest.fixture
def sms(post):
    """The key of an SMS that was accepted."""
    post.account(email=None)
    post.wake(post.card())
    post.tell()
    return post.rows()[1]["key"]


def reports(*found):
    return json.encode(
        [
            {"phone_number": "13800138000", "success": ok, "err_code": code, "biz_id": "1^0", "out_id": key}
            for key, ok, code in found
        ]
    )


def test_reports_move_the_state_forward_only(post, report, sms):
    body = reports((sms, True, "DELIVERED"), ("unknown", True, "DELIVERED"), (sms, False, "UNKNOWN"))
    assert report(body) == (200, '{"code":0,"msg":"OK"}')
    assert report(body)[0] == 200
    assert post.states()[1] == ("sms", "delivered", None)


def test_a_report_of_loss_says_why(post, report, sms):
    assert report(reports((sms, False, "MOBILE_IN_BLACK")))[0] == 200
    assert post.states()[1] == ("sms", "bounced", "aliyun_MOBILE_IN_BLACK")


def test_who_does_not_know_the_secret_is_not_believed(post, report, sms):
    assert report(reports((sms, True, "DELIVERED")), "another")[0] == 403
    assert report(b"[", SECRET)[0] == 400
    assert report(b"x" * 300_000)[0] == 400
    assert post.states()[1] == ("sms", "accepted", None)
