"""The compose file: read as YAML, with what matters for safety checked; and the backups that it makes."""

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from adapters.embedded import postgres_server
from adapters.roles import ROLES
from adapters.schema import check_schema, migrate
from adapters.settings import Settings
from tests.engine.databases import application_url

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
EVERY_ROLE = (*ROLES, "web", "notifier", "sealer", "commands", "forwarder")
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("baohao:")]


def test_there_is_a_service_for_each_role_one_to_migrate_and_one_for_the_command_line():
    assert sorted(OURS) == sorted([*EVERY_ROLE, "migrate", "cli"])
    assert [SERVICES[role]["command"] for role in EVERY_ROLE] == [["run", role] for role in EVERY_ROLE]
    assert SERVICES["cli"]["profiles"] == ["cli"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_limits_bounded_logs_and_an_exact_image(name):
    service = SERVICES[name]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert re.search(r":\d+\.\d+(\.\d+)?(-\w+)?$", service["image"])
    if name != "postgres":  # its start has to give the data to the server's user
        assert (service["cap_drop"], service["read_only"]) == (["ALL"], True)
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_no_password_stands_in_an_environment_and_only_two_services_know_the_owners(name):
    service = SERVICES[name]
    for variable, value in service.get("environment", {}).items():
        assert "PASSWORD" not in variable or variable.endswith("_FILE"), variable
        assert not re.search(r"://[^/@]*:[^/@]*@", value), variable
    assert ("owner" in service.get("secrets", [])) == (name in {"postgres", "backup", "migrate"})
    assert all(COMPOSE["secrets"][secret]["file"].startswith("./secrets/") for secret in service.get("secrets", []))


@pytest.mark.parametrize("name", OURS)
def test_the_roles_are_the_application_and_their_settings_exist(name):
    environment = SERVICES[name]["environment"]
    assert "//baohao_app@" in environment["DATABASE_URL"]
    known = {f"BAOHAO_{field.upper()}" for field in Settings.model_fields} | {"DATABASE_URL", "NATS_URL"}
    assert environment.keys() <= known
    assert ("BAOHAO_OWNER_DATABASE_URL" in environment) == (name == "migrate")
    assert "./config:/etc/baohao:ro" in SERVICES[name]["volumes"]


@pytest.mark.parametrize("role", EVERY_ROLE)
def test_the_health_of_a_role_is_that_of_both_servers_asked_in_time(role):
    check = SERVICES[role]["healthcheck"]
    port = SERVICES[role]["environment"]["BAOHAO_METRICS_PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in check["test"][-1]
    compile(check["test"][-1], role, "exec")
    assert int(check["timeout"].removesuffix("s")) > 10


def test_ports_are_open_to_this_machine_alone():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.fixture
def backup(database_url, tmp_path):
    """Runs `scripts/backup` on a migrated database of its own."""
    migrate(database_url, application_url(database_url))
    parts = conninfo_to_dict(database_url)
    programs = postgres_server._programs()
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PGHOST": parts["host"],
        "PGPORT": parts["port"],
        "PGUSER": parts["user"],
        "PGDATABASE": parts["dbname"],
        "BACKUPS": str(tmp_path / "backups"),
        "BACKUPS_KEPT": "2",
    }

    def run(*words, **changed):
        command = [ROOT / "scripts" / "backup", *words]
        return subprocess.run(command, env=environment | changed, capture_output=True, text=True, check=False)

    yield run
    with psycopg.connect(database_url.replace(f"/{parts['dbname']}?", "/postgres?"), autocommit=True) as connection:
        query = "SELECT datname FROM pg_database WHERE datname ~ %s"
        for (name,) in connection.execute(query, (f"^{parts['dbname']}_(before|restored)",)).fetchall():
            connection.execute(f"DROP DATABASE {name}")


def dumps(tmp_path):
    return sorted((tmp_path / "backups").glob("*"))


def test_a_backup_is_restored_and_used_again_by_the_application(backup, database_url, tmp_path):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO followers VALUES ('kept', 7)")
    assert backup("once").returncode == 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE followers SET position = 8")
    (file,) = dumps(tmp_path)
    done = backup("restore", str(file))
    assert done.returncode == 0, done.stderr
    assert "next: baohao migrate" in done.stderr
    migrate(database_url, application_url(database_url))
    check_schema(application_url(database_url))
    with psycopg.connect(application_url(database_url)) as application:
        assert application.execute("SELECT position FROM followers WHERE name = 'kept'").fetchone() == (7,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            application.execute("DELETE FROM card_events")


def test_as_many_backups_are_kept_as_was_said_and_a_failed_one_removes_none(backup, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in (1, 2, 3):
        (folder / f"baohao-2026010{day}T000000Z.dump").touch()
    failed = backup("once", PGDATABASE="none")
    assert failed.returncode != 0
    assert len([file for file in dumps(tmp_path) if file.suffix == ".dump"]) == 3
    assert backup("once").returncode == 0
    kept = [file.name for file in dumps(tmp_path) if file.suffix == ".dump"]
    assert kept[0] == "baohao-20260103T000000Z.dump"
    assert len(kept) == 2


def test_a_wrong_file_restores_nothing(backup, database_url, tmp_path):
    file = tmp_path / "wrong.dump"
    file.write_text("no dump")
    assert backup("restore", str(file)).returncode != 0
    check_schema(application_url(database_url))
