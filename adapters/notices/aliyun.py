"""SMS by Aliyun's SendSms (API version 2017-05-25), which takes an approved signature, template and parameters.

Sources: help.aliyun.com/zh/sms, "SendSms" and "API 错误码"; help.aliyun.com/zh/sdk, "V3 版本请求体和签名机制", whose
example the tests repeat.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from uuid import uuid4

import aiohttp
from msgspec import json
from yarl import URL

from adapters.clock import recorded_now
from adapters.notices.aliyun_templates import Templates
from adapters.notices.delivery import Accepted, Bounced, Doubtful, Failed, Outcome
from adapters.notices.rendering import Sms
from adapters.notices.sms import TIMEOUT_S

ALGORITHM, ACTION, VERSION = "ACS3-HMAC-SHA256", "SendSms", "2017-05-25"
NEVER = frozenset({"isv.MOBILE_NUMBER_ILLEGAL"})
"""Codes for a number that no SMS will ever reach."""
_OURS_TO_MEND, _THEIRS, _SERVER = "isv.", "isp.", 500
_REASON_CHARACTERS = 40


class Key(NamedTuple):
    """An AccessKey."""

    key_id: str
    secret: str


class AliyunSms:
    """Sends by template; `OutId` is the key of the notice, which receipts name again."""

    def __init__(self, url: str, key: Key, sign_name: str, templates: Templates) -> None:
        """`url` is https://dysmsapi.aliyuncs.com; `sign_name` the approved signature (签名), without brackets."""
        self._url, self._key, self._sign_name, self._templates = url, key, sign_name, templates
        self._session: aiohttp.ClientSession | None = None

    async def send(self, sms: Sms) -> Outcome:
        """Aliyun knows no idempotency key: after an answer that got lost, nobody knows."""
        chosen = self._templates.of(sms)
        if chosen is None:
            return Failed("aliyun_no_template")
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=5))
        code, params = chosen
        query = query_of(
            {
                "PhoneNumbers": sms.to.removeprefix("+"),
                "SignName": self._sign_name,
                "TemplateCode": code,
                "TemplateParam": json.encode(params).decode(),
                "OutId": sms.key,
            }
        )
        headers = signed(self._key, urlsplit(self._url).netloc, query, recorded_now(), uuid4().hex)
        try:
            async with self._session.post(URL(f"{self._url}/?{query}", encoded=True), headers=headers) as answer:
                return _outcome(answer.status, await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Failed(type(error).__name__)  # it was never connected
        except (TimeoutError, aiohttp.ClientError) as error:
            return Doubtful(type(error).__name__)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def query_of(parameters: Mapping[str, str]) -> str:
    """The parameters as they are signed and sent: sorted, and percent-encoded as RFC 3986 has it."""
    return "&".join(f"{quote(name, safe='')}={quote(parameters[name], safe='')}" for name in sorted(parameters))


def signed(
    key: Key, host: str, query: str, at: datetime, nonce: str, *, action: str = ACTION, version: str = VERSION
) -> dict[str, str]:
    """The headers of a POST of `query` without a body, signed; valid for 15 minutes around `at`."""
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": sha256(b"").hexdigest(),
        "x-acs-date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(headers)  # they are in order
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n{query}\n{lines}\n{names}\n{headers['x-acs-content-sha256']}"
    text = f"{ALGORITHM}\n{sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key.secret.encode(), text.encode(), "sha256").hex()
    authorization = f"{ALGORITHM} Credential={key.key_id},SignedHeaders={names},Signature={signature}"
    return {**headers, "Authorization": authorization}


def _outcome(status: int, body: bytes) -> Outcome:
    """What an answer means: a refusal has a code whatever its status, and `isp.…` are troubles of theirs."""
    if status >= _SERVER:
        return Doubtful(f"http_{status}")
    try:
        found = json.decode(body, type=dict[str, object])
    except ValueError:
        return Doubtful("answer_unreadable")
    code, biz_id = found.get("Code"), found.get("BizId")
    if code == "OK":
        return Accepted(biz_id) if isinstance(biz_id, str) else Doubtful("answer_unreadable")
    if not isinstance(code, str):
        return Doubtful("answer_unreadable")
    reason = f"aliyun_{code}"[:_REASON_CHARACTERS]
    if code.startswith(_THEIRS):
        return Doubtful(reason)
    return Bounced(reason) if code in NEVER else Failed(reason)
