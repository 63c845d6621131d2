"""The policy as an operator's TOML file: what it does not name stays as it is; problems are told by line."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, Field, field_validator

from engine.errors import PolicyError
from engine.policy import Policy
from engine.toml_file import read_toml

_DAYS_MOST = 366
_NOT_IN_DAYS = ("charge_spread_s", "charge_hour")
_SHIPPED = Policy()


class PolicyFile(Policy):
    """A policy that somebody wrote; no value may make the engine ask without end or charge twice."""

    version: str = Field(min_length=1, max_length=64)

    @field_validator("version")
    @classmethod
    def _of_its_own(cls, version: str) -> str:
        if version == _SHIPPED.version:
            raise ValueError(f"{version!r} is the shipped policy; name this one otherwise, facts will carry its name")
        return version

    @field_validator("gateway_budget", mode="before")
    @classmethod
    def _is_a_setting(cls, value: object) -> object:
        del value
        raise ValueError("is the setting BAOHAO_GATEWAY_BUDGET_S; remove it here")

    @field_validator("*")
    @classmethod
    def _within_a_year(cls, value: Any, field: Any) -> Any:  # noqa: ANN401 (fields of every type)
        for one in () if field.field_name in _NOT_IN_DAYS else _amounts(value):
            if isinstance(one, timedelta) and not timedelta() < one <= timedelta(days=_DAYS_MOST):
                raise ValueError(f"must be more than 0 seconds and at most {_DAYS_MOST} days")
            if isinstance(one, int) and one > _DAYS_MOST:
                raise ValueError(f"must be at most {_DAYS_MOST} days")
        return value

    @field_validator("ladder_days")
    @classmethod
    def _upwards(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if any(later <= earlier for earlier, later in pairwise(days)):
            raise ValueError("must be days in their order, each once")
        return days

    @field_validator("ask_again_after")
    @classmethod
    def _not_empty(cls, waits: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        if not waits:
            raise ValueError("must not be empty")
        return waits


def _amounts(value: Any) -> Iterator[object]:  # noqa: ANN401 (fields of every type)
    """The numbers and durations in a value, however deep."""
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        value = tuple(cast("Mapping[str, Any]", value).values())
    if isinstance(value, tuple):
        for part in cast("tuple[Any, ...]", value):
            yield from _amounts(part)
    else:
        yield value


def read_policy(path: Path | None, gateway_budget: timedelta) -> Policy:
    """The policy in the TOML file at `path`, or the shipped one; the time of a call to the gateway is a setting.

    Raises PolicyError with one line per problem: file, line number, place, what to do.
    """
    if path is None:
        return Policy(gateway_budget=gateway_budget)
    found = read_toml(path, PolicyFile)
    if isinstance(found, PolicyFile):
        return Policy.model_validate(dict(found) | {"gateway_budget": gateway_budget})
    raise PolicyError("\n".join(problem.formatted(path) for problem in found))
