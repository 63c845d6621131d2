"""The one file that reads the environment: every setting, checked before anything starts."""

import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsConfigDict

from adapters.audit_settings import AuditSettings
from adapters.broker_settings import BrokerSettings
from adapters.gateway_settings import GatewaySettings, absolute
from adapters.issuer_settings import IssuerSettings
from adapters.notice_settings import NoticeSettings
from adapters.trace_settings import TraceSettings
from engine.errors import BaohaoError
from engine.text import has_card_number, is_contact

PREFIX = "BAOHAO_"


class SettingsError(BaohaoError):
    """A variable is unknown or wrong; each line of the message names one and says what is allowed."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _plain_name(value: str) -> str:
    if not re.fullmatch(r"[\w.-]{1,64}", value):
        raise ValueError("it should be one word of letters, digits and . - _, at most 64 of them")
    if is_contact(value) or has_card_number(value):
        raise ValueError("it should be a role or a staff number, not the number of a phone or of a payment card")
    return value


def _begins_with(*schemes: str) -> AfterValidator:
    def check(address: str) -> str:
        if not address.startswith(schemes):
            raise ValueError("it should begin with " + " or ".join(schemes))
        return address

    return AfterValidator(check)


def _also(variable: str) -> AliasChoices:
    """Our own name of an address, and the one that hosting platforms use; ours wins."""
    return AliasChoices(PREFIX + variable, variable)


_AbsolutePath = Annotated[Path, AfterValidator(absolute)]
_PostgresUrl = Annotated[str, _begins_with("postgresql://", "postgres://")]
_NatsUrl = Annotated[str, _begins_with("nats://", "tls://")]
_Seconds = Annotated[float, Field(gt=0, le=300)]
_Milliseconds = Annotated[int, Field(ge=1, le=60_000)]


_NEEDS = {
    "owner_database_url": "database_url",
    "database_password_file": "database_url",
    "owner_password_file": "owner_database_url",
    "events_password_file": "events_url",
    "nats_user": "nats_password_file",
    "nats_password_file": "nats_user",
    "nats_ca": "nats_url",
    "nats_cert": "nats_key",
    "nats_key": "nats_ca",
}
"""Settings that say something only together with another one."""
_SECRETS = frozenset({"stripe_key", "stripe_webhook_secret"})
"""Settings that are never shown."""


def _is_plain(address: str) -> bool:
    return not address.startswith("tls://")


def _page_address(address: str) -> str:
    address = address.rstrip("/")
    if not re.fullmatch(
        r"https://[A-Za-z0-9.-]+(?::\d{1,5})?|http://(?:127\.0\.0\.1|(?:[a-z]+\.)?localhost)(?::\d{1,5})?", address
    ):
        raise ValueError("it should be https://HOST, or http:// on this machine, without a path")
    return address


class Settings(TraceSettings, AuditSettings, BrokerSettings, IssuerSettings, NoticeSettings, GatewaySettings):
    """The settings of an installation; a field `batch_size` is the variable `BAOHAO_BATCH_SIZE`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    database_url: _PostgresUrl | None = Field(None, validation_alias=_also("DATABASE_URL"), repr=False)
    """PostgreSQL; unset: an embedded server in the home folder. Also read from DATABASE_URL."""
    owner_database_url: _PostgresUrl | None = Field(None, repr=False)
    """The same database as its owner, for `baohao migrate` alone, which gives the application its rights."""
    nats_url: _NatsUrl | None = Field(None, validation_alias=_also("NATS_URL"), repr=False)
    """NATS, several servers separated by commas; unset: an embedded server. Also read from NATS_URL."""
    database_password_file: _AbsolutePath | None = None
    """File with the password for DATABASE_URL, so that the address need not hold it."""
    owner_password_file: _AbsolutePath | None = None
    """File with the password for BAOHAO_OWNER_DATABASE_URL."""
    nats_user: str | None = None
    """User of NATS; with its password in a file."""
    nats_password_file: _AbsolutePath | None = None
    """File with the password of BAOHAO_NATS_USER."""
    nats_ca: _AbsolutePath | None = None
    """Certificates (PEM) of the authority that signed those of NATS; its addresses then begin with tls://."""
    nats_cert: _AbsolutePath | None = None
    """Our own certificate (PEM), where NATS wants to see one."""
    nats_key: _AbsolutePath | None = None
    """Private key (PEM) of BAOHAO_NATS_CERT."""
    nats_port: int = Field(4222, ge=0, le=65_535)
    """Port of the embedded NATS on 127.0.0.1; 0: any free one."""
    web_host: str = "127.0.0.1"
    """Address on which the web role listens; what stands before it ends TLS."""
    web_url: Annotated[str, AfterValidator(_page_address)] | None = None
    """The web role's address as holders reach it, https://…; unset: http:// at its host and port."""
    console_url: Annotated[str, AfterValidator(_page_address)] | None = None
    """The operator's console, https://… on a host of its own, at the web role's port; unset: there is none."""
    web_port: int = Field(8080, ge=0, le=65_535)
    """Port of the web role; 0: any free one."""
    web_proxies: int = Field(0, ge=0, le=5)
    """How many trusted proxies stand before the web role, each of which appends to X-Forwarded-For."""
    metrics_host: str = "127.0.0.1"
    """Address at which each role shows /metrics, /healthz and /readyz."""
    metrics_port: int = Field(0, ge=0, le=65_000)
    """Port of these pages, of the first role of `baohao up`, whose others have the next ones; 0: there are none."""
    home: _AbsolutePath = Path(".baohao")
    """Folder of the embedded servers, their data and the logs."""
    catalogue: _AbsolutePath | None = None
    """TOML file of plans and prices; unset: the one that comes with the engine."""
    policy: _AbsolutePath | None = None
    """TOML file of the renewal rules that differ from the shipped ones; unset: none do."""
    gateway_seed: int = 1
    """Simulated gateway: the seed of its random outcomes."""
    gateway_record: _AbsolutePath = Field(default_factory=lambda valid: valid["home"] / "gateway.sqlite3")
    """Simulated gateway: the file of what it charged; unset: gateway.sqlite3 in the home folder."""
    gateway_budget_s: _Seconds = Field(default_factory=lambda valid: 5 if valid["gateway"] == "simulated" else 20)
    """The longest that one call to the gateway may take, in seconds; unset: 5 for the simulated one, 20 for Stripe."""
    gateway_delay_ms: int = Field(0, ge=0, le=60_000)
    """Simulated gateway: how long it takes to answer, in milliseconds."""
    ack_wait_s: float = Field(default_factory=lambda valid: 2 * valid["gateway_budget_s"] + 5, le=3600)
    """Seconds until the broker redelivers an unacknowledged message; unset: twice the gateway's budget and 5 more."""
    cell: Annotated[str, AfterValidator(_plain_name)] = "main"
    """Name of this installation, by which readers of its public events tell it from others."""
    stream_replicas: int = Field(1, ge=1, le=5)
    """On how many NATS servers each stream is kept; one for a single server, three for a cluster."""
    events_max_mb: int = Field(256, ge=1, le=10_000_000)
    """Megabytes of public events that NATS keeps, reserved on each server; older ones leave for newer ones."""
    clock: Literal["system", "virtual"] = "system"
    """Business time: the system's, or a virtual clock that is moved by hand."""
    demo: bool = False
    """Pages on which anybody moves the virtual clock, as `baohao up --demo` has them; for trying, never for holders."""
    batch_size: int = Field(256, ge=1, le=10_000)
    """Maximum number of cards in a batch."""
    batches_in_flight: int = Field(8, ge=1, le=64)
    """Maximum number of batches that one consumer handles at a time."""
    fetch_ms: _Milliseconds = 20
    """How long a consumer waits for a batch to fill, in milliseconds."""
    poll_ms: _Milliseconds = 500
    """How often roles poll PostgreSQL when no notification arrives, in milliseconds."""
    pool_size: int = Field(4, ge=1, le=50)
    """Maximum number of pooled PostgreSQL connections per process."""
    operator: Annotated[str, AfterValidator(_plain_name)] = "cli"
    """The actor recorded for the command line, as `operator:NAME`: a role or a staff number, no personal data."""
    operator_record_days: int = Field(1096, ge=366, le=36_525)
    """How many days the record of what operators did and looked at at the console is kept; at least a year."""
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    """The lowest level that is logged."""
    log_format: Annotated[Literal["json", "console"], BeforeValidator(_lower)] = "json"
    """JSON lines for programs, or readable lines for people."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for field, needed in _NEEDS.items():
            if getattr(self, field) is not None and getattr(self, needed) is None:
                raise ValueError(f"{_variable(field)} is set, but not {_variable(needed)}, which it needs")
        if self.nats_ca is not None and any(_is_plain(address) for address in (self.nats_url or "").split(",")):
            raise ValueError(f"{PREFIX}NATS_CA is set, so each address of NATS_URL should begin with tls://")
        return self

    @model_validator(mode="after")
    def _console_has_a_host_of_its_own(self) -> Self:
        hosts = [urlsplit(one).hostname for one in (self.console_url, self.web_url) if one is not None]
        if len(hosts) > len(set(hosts)):
            raise ValueError(f"{PREFIX}CONSOLE_URL should have another host than {PREFIX}WEB_URL")
        return self

    @model_validator(mode="after")
    def _broker_waits_longer_than_the_gateway(self) -> Self:
        if self.ack_wait_s <= self.gateway_budget_s:
            message = (
                f"{PREFIX}ACK_WAIT_S ({self.ack_wait_s:g}) must be more than {PREFIX}GATEWAY_BUDGET_S "
                f"({self.gateway_budget_s:g}), or cards that are being charged are sent again"
            )
            raise ValueError(message)
        return self


class Described(NamedTuple):
    """One row of `baohao settings`; passwords are masked."""

    variable: str
    value: str
    default: str
    meaning: str


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 (values of any field, checked by pydantic)
    """Read the environment; `overrides` go by field name and win.

    Raises SettingsError for an unknown `BAOHAO_*` variable and for every wrong value.
    """
    _refuse_unknown(os.environ)
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error))) from None


def describe(settings: Settings) -> list[Described]:
    """All settings in the order of `Settings`, as text, secrets masked."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "derived" if field.default_factory else _text(field.default)
        value = _masked(_text(getattr(settings, name)))
        value = "***" if value and name in _SECRETS else value
        rows.append(Described(_variable(name), value, default, field.description or ""))
    return rows


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with `settings` in it: for child processes to load the same ones.

    Where Python is to write nothing beside its modules, what it compiles is kept in the home folder instead: a process
    that is started again would compile all of them each time, which takes many seconds.
    """
    ours = {name for field in Settings.model_fields.items() for name in _names(*field)}
    rest = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    values = {_variable(name): getattr(settings, name) for name in Settings.model_fields}
    if rest.pop("PYTHONDONTWRITEBYTECODE", ""):
        rest.setdefault("PYTHONPYCACHEPREFIX", str(settings.home / "compiled"))
    return rest | {name: str(value) for name, value in values.items() if value is not None}


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _names(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [_variable(name)]


def _refuse_unknown(variables: Iterable[str]) -> None:
    known = [_variable(name) for name in Settings.model_fields]
    unknown = sorted(name for name in variables if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise SettingsError("\n".join(f"{name} is not a setting{_hint(name.upper(), known)}." for name in unknown))


def _hint(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; there is {near[0]}" if near else f"; there are {', '.join(known)}"


def _sentences(error: ValidationError) -> list[str]:
    """Pydantic's errors as sentences that name the variable; addresses may hold secrets and are left out."""
    return [
        _sentence(problem["loc"], problem["msg"], problem["input"])
        for problem in error.errors()
        if problem["type"] != "default_factory_not_called"  # a consequence of another error
    ]


def _sentence(where: tuple[int | str, ...], wrong: str, value: object) -> str:
    wrong = wrong.removeprefix("Value error, ").replace("Input should", "it should")
    if not where:
        return f"{wrong}."
    name = str(where[0]).removeprefix(PREFIX).lower()
    field = Settings.model_fields.get(name)
    if field is None:
        return f"{name} is not a setting."
    what = f"is {value!r}, but" if field.repr else "is wrong:"
    return f"{' or '.join(_names(name, field))} {what} {wrong}."


def _text(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _masked(addresses: str) -> str:
    """Addresses, separated by commas, without their secrets: `user:password@`, `token@` and `password=`."""
    return ",".join(map(_masked_one, re.split(r",(?=\w+://)", addresses)))


def _masked_one(address: str) -> str:
    address = re.sub(r"(://[^:@/]*):.*@", r"\1:***@", address)
    address = re.sub(r"^((?:nats|tls)://)[^:@/]+@", r"\1***@", address)
    return re.sub(r"(password=)[^&]*", r"\1***", address)
