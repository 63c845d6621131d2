"""Programs with tokens at the web role that serves the pages' world."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, build_opener

import psycopg
import pytest

from adapters.clock import recorded_now
from adapters.web.api.tokens import SCOPES, NewToken, create_token
from tests.adapters.web.pages.conftest import holders, lin, served, world
from tests.adapters.web.pages.holders import HOLDER, OTHER

__all__ = ["holders", "lin", "served", "world"]
_numbers = count(1)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of a problem."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return self.json["code"]


class Program:
    """A program with a token, or without one."""

    def __init__(self, address, token):
        self.address, self.token = address, token

    def get(self, path, **headers):
        return self.send("GET", path, None, headers)

    def write(self, method, path, body=None, key=None, **headers):
        """With an Idempotency-Key of its own unless one is given."""
        given = {"Idempotency-Key": key or f"key-{next(_numbers)}", **headers}
        return self.send(method, path, None if body is None else json.dumps(body).encode(), given)

    def send(self, method, path, body, headers):
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        given = {"Content-Type": "application/json"} | own | headers
        request = Request(f"{self.address}/api/v1{path}", body, given, method=method)
        try:
            with build_opener().open(request, timeout=60) as answer:
                return _answer(answer.status, answer)
        except HTTPError as error:
            return _answer(error.code, error)


def _answer(status, answer):
    return Answer(status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())


@pytest.fixture
def program(served, world):
    """Makes programs: for a holder's cards, or for all; with scopes, and for some time."""

    def make(holder_id=None, scopes=SCOPES, lasts=timedelta(days=1), name=None):
        new = NewToken(name or f"program-{next(_numbers)}", holder_id, scopes, lasts)

        async def create():
            async with await psycopg.AsyncConnection.connect(world.database_url, autocommit=True) as connection:
                return await create_token(connection, new, recorded_now())

        return Program(served, asyncio.run(create()))

    return make


@pytest.fixture
def app(program):
    """Lin's."""
    return program(HOLDER)


@pytest.fixture
def other_app(program):
    """Another holder's."""
    return program(OTHER)


@pytest.fixture
def office(program):
    """A back office."""
    return program(name="office")
