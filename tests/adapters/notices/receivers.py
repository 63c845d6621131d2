"""Real servers that take notices: one for e-mails, and one that answers as Twilio does."""

import json
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

from aiosmtpd.controller import Controller

from tests.ports import free_port


class Mailbox:
    """An SMTP server on this machine; `answer` is what it says at the end of an e-mail, `to_address` to an address."""

    def __init__(self, port: int = 0) -> None:
        self.raw: list[bytes] = []
        self.answer = "250 OK"
        self.to_address = "250 OK"
        self.hangs_up = False
        self.before_answer = lambda: None
        self._is_closed = False
        self._controller = Controller(self, hostname="127.0.0.1", port=port or free_port())
        self._controller.start()

    @property
    def port(self) -> int:
        return self._controller.port

    @property
    def letters(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for raw in self.raw]

    def subjects(self) -> list[str]:
        return [str(letter["Subject"]) for letter in self.letters]

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 (aiosmtpd calls it so)
        if self.to_address.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.to_address

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802 (the same)
        self.raw.append(envelope.original_content)
        self.before_answer()
        if self.hangs_up:
            server.transport.abort()
        return self.answer

    def close(self) -> None:
        """May be called again."""
        if not self._is_closed:
            self._is_closed = True
            self._controller.stop()


class SmsReceiver:
    """Takes SMS as Twilio does; `answers` are status and body of the next ones, before all others are accepted."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.authorizations: list[str | None] = []
        self.answers: list[tuple[int, object]] = []
        self.before_answer = lambda: None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.forms.append(dict(parse_qsl(self.rfile.read(length).decode())))
                receiver.paths.append(self.path)
                receiver.authorizations.append(self.headers["Authorization"])
                receiver.before_answer()
                status, body = receiver.answers.pop(0) if receiver.answers else (201, {"sid": "SM1"})
                answer = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """The tests ask the receiver."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def texts(self) -> list[str]:
        return [form["Body"] for form in self.forms]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
