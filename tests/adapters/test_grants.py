"""As the application's role, on a real PostgreSQL: the log is read and added to, and nothing else can be done to it."""

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from adapters.grants import RIGHTS
from adapters.schema import check_schema, migrate
from engine.errors import SchemaError
from engine.store.limits_rebuild import rebuild_limits
from projections.follow import follow
from projections.live import LIVE, MODELS, differences
from tests.engine.databases import application_url

FORBIDDEN = [
    "UPDATE card_events SET state = ''",
    "DELETE FROM card_events",
    "TRUNCATE card_events",
    "MERGE INTO card_events e USING card_events n ON e = n WHEN MATCHED THEN DELETE",
    "SELECT FROM card_events FOR UPDATE",
    "ALTER TABLE card_events DISABLE TRIGGER ALL",
    "ALTER TABLE card_events DISABLE TRIGGER card_events_refuse_row_change",
    "ALTER TABLE card_events ADD COLUMN note text",
    "ALTER TABLE card_events RENAME TO away",
    "ALTER TABLE card_events OWNER TO CURRENT_USER",
    "ALTER TABLE card_events ENABLE ROW LEVEL SECURITY",
    "DROP TABLE card_events",
    "DROP TRIGGER card_events_refuse_truncate ON card_events",
    "CREATE TRIGGER mine BEFORE INSERT ON card_events EXECUTE FUNCTION card_events_refuse_change()",
    "CREATE RULE mine AS ON INSERT TO card_events DO INSTEAD NOTHING",
    "CREATE TABLE child () INHERITS (card_events)",
    "DROP INDEX card_events_attempts",
    "SELECT setval('card_events_notification_id_seq', 1)",
    "DROP FUNCTION card_events_refuse_change CASCADE",
    "CREATE OR REPLACE FUNCTION card_events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "SET session_replication_role = replica",
    "SET ROLE baohao",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA baohao",
    "UPDATE schema_version SET version = 0",
    "DELETE FROM card_events_commands",
    "UPDATE card_events_commands SET facts = 0",
]


@pytest.fixture
def application(connection, database_url):
    """A connection of the application's role to a migrated database."""
    del connection
    with psycopg.connect(application_url(database_url), autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def kept_url(postgres_url):
    """A migrated database for all forbidden statements, which change nothing."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE forbidden")
        url = postgres_url.replace("/baohao?", "/forbidden?")
        migrate(url, application_url(url))
        yield url
        connection.execute("DROP DATABASE forbidden WITH (FORCE)")


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_application_can_do_no_more_than_read_the_log_and_add_to_it(kept_url, statement):
    with psycopg.connect(application_url(kept_url)) as application, pytest.raises(InsufficientPrivilege):
        application.execute(statement)


def test_the_application_cannot_grant_itself_what_it_lacks(kept_url):
    with psycopg.connect(application_url(kept_url), autocommit=True) as application:
        application.execute("GRANT ALL ON card_events TO CURRENT_USER")  # a warning, and nothing granted
        rights = "SELECT has_table_privilege('card_events', 'UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN')"
        assert application.execute(rights).fetchone() == (False,)


def test_the_engine_projects_and_rebuilds_as_the_application(cards, application):
    cards.register(1, 2)
    while follow(application, LIVE, 1000).fact_count:
        pass
    assert not any(differences(application, 1000).values())
    assert rebuild_limits(application) == 0
    with application.transaction():
        for model in MODELS:
            application.execute(f"TRUNCATE {model.name}")
        application.execute("DELETE FROM followers WHERE starts_with(name, %s)", (LIVE.name,))
    while follow(application, LIVE, 1000).fact_count:
        pass
    assert application.execute("SELECT count(*) FROM cards").fetchone() == (2,)
    assert not any(differences(application, 1000).values())


def test_every_table_has_its_rights(connection):
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert {name for (name,) in tables} == RIGHTS.keys()
    query = """
        SELECT sequencename FROM pg_sequences
        WHERE schemaname = 'public' AND NOT has_sequence_privilege('baohao_app', sequencename, 'USAGE')
    """
    assert connection.execute(query).fetchall() == []


def test_migrating_takes_back_what_was_granted_beside_it(connection, database_url, application):
    connection.execute("GRANT ALL ON card_events TO baohao_app")
    migrate(database_url, application_url(database_url))
    with pytest.raises(InsufficientPrivilege):
        application.execute("ALTER TABLE card_events DISABLE TRIGGER ALL")
    rights = "SELECT has_table_privilege('baohao_app', 'card_events', 'UPDATE, DELETE, TRUNCATE, TRIGGER')"
    assert connection.execute(rights).fetchone() == (False,)


def test_a_database_of_before_the_roles_says_what_to_do_and_is_upgraded_in_place(database_url):
    migrate(database_url)
    application = application_url(database_url)
    with pytest.raises(SchemaError, match="baohao_app has no rights in the database; run `baohao migrate` with BAOHAO"):
        check_schema(application)
    migrate(database_url, application)
    check_schema(application)


@pytest.fixture
def other_role(postgres_url):
    """The name of a role that does not exist, and will not after the test."""
    yield "other_app"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS other_app")


def test_a_missing_role_is_created_with_its_password_but_without_power(database_url, other_role):
    application = database_url.replace("//baohao@", f"//{other_role}:it%27s%20secret@", 1)
    migrate(database_url, application)
    with psycopg.connect(database_url, autocommit=True) as owner:
        query = "SELECT rolcanlogin, rolsuper, rolcreaterole, rolpassword FROM pg_authid WHERE rolname = %s"
        login, *power, password = owner.execute(query, (other_role,)).fetchone()
        owner.execute(f"DROP OWNED BY {other_role}")
    assert (login, power, password.startswith("SCRAM-SHA-256$")) == (True, [False, False], True)


def test_a_role_that_could_change_the_log_is_refused(database_url, other_role):
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {other_role} LOGIN IN ROLE baohao")
    with pytest.raises(SchemaError, match="other_app is a superuser or a member of baohao, so that it could change"):
        migrate(database_url, database_url.replace("//baohao@", f"//{other_role}@", 1))


def test_an_owner_that_may_create_no_role_says_who_has_to(database_url, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as superuser:
        superuser.execute("CREATE ROLE plain LOGIN")
        name = database_url.partition("?")[0].rpartition("/")[2]
        superuser.execute(f"ALTER DATABASE {name} OWNER TO plain")
        try:
            owner = database_url.replace("//baohao@", "//plain@", 1)
            with pytest.raises(SchemaError, match="no role unknown_app, and plain may not create it; have an admin"):
                migrate(owner, database_url.replace("//baohao@", "//unknown_app@", 1))
            migrate(owner, application_url(database_url))
            check_schema(application_url(database_url))
            with psycopg.connect(application_url(database_url)) as application, pytest.raises(InsufficientPrivilege):
                application.execute("ALTER TABLE card_events DISABLE TRIGGER ALL")
        finally:
            superuser.execute(f"ALTER DATABASE {name} OWNER TO baohao")
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("DROP OWNED BY plain")
            superuser.execute("DROP ROLE plain")
