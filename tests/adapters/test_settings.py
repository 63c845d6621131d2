"""Settings come from the environment, are checked at once, and are handed on to child processes."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.secret_files import events_address
from adapters.settings import Settings, SettingsError, describe, environment, load_settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith("BAOHAO_") or name in {"DATABASE_URL", "NATS_URL"}:
            monkeypatch.delenv(name)


def test_without_any_variable_everything_is_embedded():
    settings = load_settings()
    assert (settings.database_url, settings.nats_url) == (None, None)
    assert settings.home == Path.cwd() / ".baohao"
    assert settings.gateway_record == settings.home / "gateway.sqlite3"


def test_a_variable_wins_over_the_default_and_an_override_over_the_variable(monkeypatch):
    monkeypatch.setenv("BAOHAO_BATCH_SIZE", "100")
    assert load_settings().batch_size == 100
    assert load_settings(batch_size=7).batch_size == 7


def test_addresses_of_servers_are_also_read_without_the_prefix(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/one")
    monkeypatch.setenv("NATS_URL", "nats://broker")
    assert load_settings().database_url == "postgresql://db/one"
    assert load_settings().nats_url == "nats://broker"
    monkeypatch.setenv("BAOHAO_DATABASE_URL", "postgresql://db/two")
    assert load_settings().database_url == "postgresql://db/two"


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("BAOHAO_BATCH_SIZE", "")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("BAOHAO_BATCH_SIZ", "1", "BAOHAO_BATCH_SIZ is not a setting; there is BAOHAO_BATCH_SIZE."),
        ("BAOHAO_XXXXXXXX", "1", "BAOHAO_XXXXXXXX is not a setting; there are BAOHAO_GATEWAY, "),
        ("BAOHAO_BATCH_SIZE", "0", "BAOHAO_BATCH_SIZE is '0', but it should be greater than or equal to 1."),
        ("BAOHAO_BATCH_SIZE", "many", "BAOHAO_BATCH_SIZE is 'many', but it should be a valid integer"),
        ("BAOHAO_OPERATOR", "night shift", "BAOHAO_OPERATOR is 'night shift', but it should be one word of letters, "),
        (
            "BAOHAO_OPERATOR",
            "13800138000",
            "BAOHAO_OPERATOR is '13800138000', but it should be a role or a staff number, ",
        ),
        ("BAOHAO_CLOCK", "sundial", "BAOHAO_CLOCK is 'sundial', but it should be 'system' or 'virtual'."),
        ("BAOHAO_ACK_WAIT_S", "5", "BAOHAO_ACK_WAIT_S (5) must be more than BAOHAO_GATEWAY_BUDGET_S (5), or"),
        (
            "BAOHAO_OWNER_DATABASE_URL",
            "postgresql://db/one",
            "BAOHAO_OWNER_DATABASE_URL is set, but not BAOHAO_DATABASE_URL, which it needs.",
        ),
        ("BAOHAO_NATS_USER", "me", "BAOHAO_NATS_USER is set, but not BAOHAO_NATS_PASSWORD_FILE, which it needs."),
        ("BAOHAO_EVENTS_URL", "nats://broker", "BAOHAO_EVENTS_URL is wrong: events are on NATS anyway, at NATS_URL"),
        ("BAOHAO_EVENTS_URL", "http://me:secret@mq", "BAOHAO_EVENTS_URL is wrong: it should be amqp://USER:PASSWORD@"),
        ("BAOHAO_EVENTS_URL", "amqp://", "BAOHAO_EVENTS_URL is wrong: it should be amqp://USER:PASSWORD@HOST:PORT, "),
        ("BAOHAO_EVENTS_URL", "kafka://me:secret@k", "BAOHAO_EVENTS_URL is wrong: it should be kafka://HOST:PORT, sev"),
        (
            "DATABASE_URL",
            "mysql://me:secret@db",
            "BAOHAO_DATABASE_URL or DATABASE_URL is wrong: it should begin with postgresql:// or postgres://.",
        ),
    ],
)
def test_a_wrong_variable_stops_the_start_with_a_sentence(monkeypatch, variable, value, sentence):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert str(refusal.value).startswith(sentence)
    assert str(refusal.value).count("\n") == 0


def test_an_authority_for_the_broker_needs_addresses_with_tls():
    assert load_settings(nats_url="tls://a,tls://b", nats_ca="/ca.pem").nats_ca == Path("/ca.pem")
    with pytest.raises(SettingsError, match="NATS_CA is set, so each address of NATS_URL should begin with tls://"):
        load_settings(nats_url="tls://a,nats://b", nats_ca="/ca.pem")


def test_an_unknown_override_is_refused():
    with pytest.raises(SettingsError, match=r"^color is not a setting\.$"):
        load_settings(color="red")


def test_every_wrong_variable_gets_its_line(monkeypatch):
    monkeypatch.setenv("BAOHAO_POOL_SIZE", "0")
    monkeypatch.setenv("BAOHAO_GATEWAY_BUDGET_S", "-1")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    lines = str(refusal.value).splitlines()
    assert [line.split()[0] for line in lines] == ["BAOHAO_GATEWAY_BUDGET_S", "BAOHAO_POOL_SIZE"]


def test_the_broker_waits_longer_than_a_call_to_the_gateway_may_take():
    assert load_settings().ack_wait_s == 15
    assert load_settings(gateway_budget_s=20).ack_wait_s == 45
    with pytest.raises(SettingsError, match="ACK_WAIT_S"):
        load_settings(gateway_budget_s=20, ack_wait_s=20)


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        load_settings().batch_size = 1


def test_a_child_process_loads_the_same_settings(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/one")
    monkeypatch.setenv("BAOHAO_FETCH_MS", "30")
    settings = load_settings(nats_url="nats://b", gateway_budget_s=1.5, catalogue=Path("plans.toml"), clock="virtual")
    handed_on = environment(settings)
    assert handed_on["PATH"] == os.environ["PATH"]
    monkeypatch.setattr(os, "environ", handed_on)
    monkeypatch.chdir("/")
    assert load_settings() == settings


def test_a_child_process_does_not_see_what_was_overridden(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/one")
    assert "DATABASE_URL" not in environment(load_settings(database_url=None))


def test_each_setting_is_described():
    rows = describe(load_settings(batch_size=7))
    assert [row.variable for row in rows] == [f"BAOHAO_{name.upper()}" for name in Settings.model_fields]
    assert all(row.meaning.endswith(".") for row in rows)
    assert ("BAOHAO_BATCH_SIZE", "7", "256", "Maximum number of cards in a batch.") in rows


@pytest.mark.parametrize(
    ("field", "address", "shown"),
    [
        ("database_url", "postgresql://me:s:e@cr,et@db:1/x?a=b", "postgresql://me:***@db:1/x?a=b"),
        ("database_url", "postgresql://db/x?password=secret&a=b", "postgresql://db/x?password=***&a=b"),
        ("database_url", "postgresql://me@/x?host=/run", "postgresql://me@/x?host=/run"),
        ("events_url", "amqps://me:secret@mq:5671/x", "amqps://me:***@mq:5671/x"),
        ("events_url", "kafka://a:9092,b:9092", "kafka://a:9092,b:9092"),
        ("nats_url", "nats://me:se,cret@a,nats://token@b:1,nats://c", "nats://me:***@a,nats://***@b:1,nats://c"),
    ],
)
def test_no_secret_is_shown(field, address, shown):
    settings = load_settings(**{field: address})
    assert shown in [row.value for row in describe(settings)]
    assert "cret" not in repr(settings)


def test_a_process_that_is_started_again_has_its_compiled_modules_also_where_python_writes_none_beside_them(
    monkeypatch, tmp_path
):
    settings = load_settings(home=tmp_path)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    assert "PYTHONPYCACHEPREFIX" not in environment(settings)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    child = environment(settings)
    assert "PYTHONDONTWRITEBYTECODE" not in child
    assert child["PYTHONPYCACHEPREFIX"] == str(tmp_path / "compiled")


def test_the_password_of_the_other_broker_may_stand_in_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("a/b@c\n")
    settings = load_settings(events_url="amqp://baohao@mq:5672/x", events_password_file=file)
    assert events_address(settings) == "amqp://baohao:a%2Fb%40c@mq:5672/x"
    assert events_address(load_settings(events_url="kafka://k1:9092")) == "kafka://k1:9092"
    assert events_address(load_settings()) is None


@pytest.mark.parametrize("address", ["amqp://mq:5672", "amqp://baohao:other@mq:5672", "kafka://k1:9092"])
def test_a_password_in_a_file_is_that_of_a_user_who_has_none_yet(tmp_path, address):
    with pytest.raises(SettingsError, match="BAOHAO_EVENTS_URL should be amqp://USER@HOST"):
        events_address(load_settings(events_url=address, events_password_file=tmp_path / "password"))


@pytest.mark.parametrize(
    "address",
    [
        "amqp://me:word@mq:99999",
        "amqp://me:word@mq:abc",
        "amqp://me:wo/rd@mq:5672",
        "amqp://me:word@[127.0.0.1:5672",
        "kafka://k1:9092,k2:70000",
    ],
)
def test_an_address_of_no_broker_is_refused_without_repeating_it(address):
    with pytest.raises(SettingsError, match=r"^BAOHAO_EVENTS_URL is wrong: it") as refused:
        load_settings(events_url=address)
    assert "me:" not in str(refused.value)


def test_the_user_of_a_collector_is_not_repeated():
    with pytest.raises(SettingsError, match=r"^BAOHAO_TRACES_URL is wrong: ") as refused:
        load_settings(traces_url="http://me:word@127.0.0.1/")
    assert "me:word" not in str(refused.value)
    with pytest.raises(SettingsError, match=r"^BAOHAO_TRACES_URL is wrong: "):
        load_settings(traces_url="http://127.0.0.1:99999/")
