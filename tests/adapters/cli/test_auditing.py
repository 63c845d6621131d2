"""`audit …`: keys, heads, verification and proofs, with what is printed and what is refused."""

import stat

import psycopg
import pytest

from adapters.settings import SettingsError
from engine.errors import BaohaoError
from projections.audit.heads import SealKey, read_head
from projections.audit.tree import ProofError


@pytest.fixture
def verified(installation, public, key_file):
    """The answer of `audit verify` with these options."""

    def verify(*words):
        return installation.run("audit", "verify", *words, BAOHAO_SEAL_KEY_FILE=str(key_file))

    return verify


def test_a_key_is_written_for_its_owner_alone_and_never_over_another(installation, public, key_file):
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert SealKey.read(key_file.read_text()).public.text == public
    with pytest.raises(FileExistsError):
        installation.run("audit", "key", key_file, "--name", "other")
    done = installation.run("audit", "key", key_file.with_name("other"), "--name", "other")
    assert done.stdout.startswith("other+")
    assert "BAOHAO_SEAL_KEY_FILE" in done.stderr
    with pytest.raises(BaohaoError, match="visible ASCII"):
        installation.run("audit", "key", key_file.with_name("bad"), "--name", "a b")
    assert not key_file.with_name("bad").exists()


def test_a_head_is_printed_as_it_was_signed(installation, public):
    newest = installation.json("audit", "head")
    assert newest.keys() == {"seal", "facts", "position", "head"}
    assert installation.run("audit", "head", "--seal", newest["seal"]).stdout == newest["head"]
    assert read_head(installation.run("audit", "head", "--seal", 1).stdout).size == 4
    with pytest.raises(BaohaoError, match="there is no seal 99"):
        installation.run("audit", "head", "--seal", 99)


def test_a_log_is_verified_with_the_sealers_key_or_a_public_one(installation, public, verified, tmp_path):
    said = verified().stdout
    assert said.startswith("6 facts under 2 seals compared; all are as they were sealed\nwhether facts were cut off")
    answer = installation.json("audit", "verify", "--key", public, "--parallel", 2)
    assert answer == {"facts": 6, "seals": 2, "unsealed": 0, "findings": []}
    file = tmp_path / "key"
    file.write_text(public)
    assert installation.json("audit", "verify", "--key", file, "--from-seal", 1)["facts"] == 2


def test_a_head_that_was_kept_shows_what_was_cut(installation, public, verified, tmp_path):
    file = tmp_path / "head"
    file.write_text(installation.run("audit", "head").stdout)
    assert verified("--head", file).exit_code == 0
    with psycopg.connect(installation.database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("CREATE TABLE kept_events AS SELECT * FROM card_events")
        connection.execute("CREATE TABLE kept_seals AS SELECT * FROM seals")
        connection.execute("DELETE FROM card_events WHERE notification_id >= 5")
        connection.execute("DELETE FROM seals WHERE number > 1")
    found = verified("--head", file, "--json")
    with psycopg.connect(installation.database_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("INSERT INTO card_events SELECT * FROM kept_events WHERE notification_id >= 5")
        connection.execute("INSERT INTO seals SELECT * FROM kept_seals WHERE number > 1")
        connection.execute("DROP TABLE kept_events, kept_seals")
    assert found.exit_code == 1
    assert "the log ends after 4 facts; its head of 6 facts shows that 2 were cut off" in found.stdout
    assert verified("--head", file).exit_code == 0


def test_what_is_found_is_a_table_and_exit_status_1(installation, public, verified):
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE card_events SET topic = topic || 'x' WHERE notification_id = 2")
        done = verified()
        connection.execute("UPDATE card_events SET topic = rtrim(topic, 'x') WHERE notification_id = 2")
    assert done.exit_code == 1
    assert "altered" in done.stdout
    assert verified().exit_code == 0


def test_a_proof_is_checked_with_the_public_key_alone(installation, public, tmp_path):
    file = tmp_path / "proof"
    file.write_text(installation.run("audit", "prove", 3).stdout)
    shown = installation.json("audit", "check", file, "--key", public)
    assert (shown["number"], shown["position"], shown["facts"]) == (2, 3, 4)
    event_id = shown["state"].split('"')[3]
    assert installation.json("audit", "prove", event_id)["proof"] == file.read_text()
    assert "the log holds this fact" in installation.run("audit", "check", file, "--key", public).stdout
    file.write_text(installation.run("audit", "prove-growth", 1, 2).stdout)
    assert installation.json("audit", "check", file, "--key", public)["newer_facts"] == 6
    assert installation.json("audit", "prove-growth", 1, 2)["proof"] == file.read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("prove", "nonsense"), "'nonsense' is neither the id of an event nor a position"),
        (("prove", "999"), "the log has no fact at position 999"),
        (("prove", "00000000-0000-4000-8000-000000000000"), "the log has no event"),
        (("prove-growth", 1, 9), "there is no seal 9"),
        (("verify", "--key", "a+b+c"), "this is no public key of a sealer"),
        (("check", "{file}", "--key", "{public}"), "this is no proof"),
        (("verify", "--key", "{public}", "--head", "{file}"), "this is no signed head"),
        (("verify", "--key", "{file}"), "this is no public key of a sealer"),
        (("verify", "--key", "{public}", "--from-seal", 9), "there is no seal 9 to begin with"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(installation, public, tmp_path, words, sentence):
    file = tmp_path / "bad"
    file.write_text("bad")
    with pytest.raises(BaohaoError, match=sentence):
        installation.run("audit", *(str(word).format(file=file, public=public) for word in words))


def test_without_any_key_nothing_is_verified(installation, public, key_file):
    new = key_file.with_name("new")
    for words in (
        ("verify",),
        ("verify", "--archive", new),
        ("export", new),
        ("archive", "--before", "2100-01-01", "--to", new),
        ("import", key_file),
    ):
        with pytest.raises(
            SettingsError, match="public key: --key KEY; or set BAOHAO_SEAL_KEY_FILE to the file of its"
        ):
            installation.run("audit", *words)
    assert not new.exists()
    with pytest.raises(SettingsError, match="is wrong: this is no key of a sealer"):
        installation.run("audit", "verify", BAOHAO_SEAL_KEY_FILE=str(key_file.with_name("cards.jsonl")))


def test_a_sealed_log_goes_into_a_file_and_into_another_installation(
    installation, new_installation, public, tmp_path, key_file
):
    file = tmp_path / "log.jsonl"
    assert installation.json("audit", "export", file, "--key", public) == {"facts": 6, "seals": 2}
    with pytest.raises(FileExistsError):
        installation.run("audit", "export", file, "--key", public)
    with pytest.raises(BaohaoError, match="the log has no seals with all these numbers"):
        installation.run("audit", "export", tmp_path / "none", "--from", 9, "--key", public)
    assert not (tmp_path / "none").exists()
    with pytest.raises(BaohaoError, match="the file goes on after seal 0, but the log ends with seal 2"):
        installation.run("audit", "import", file, "--key", public, BAOHAO_OWNER_DATABASE_URL=installation.database_url)
    other = new_installation()
    other.migrate()
    with pytest.raises(ProofError, match="only the owner of the database may set positions: set BAOHAO_OWNER_DATABASE"):
        other.run("audit", "import", file, "--key", public)
    done = other.run("audit", "import", file, "--key", public, "--json", BAOHAO_OWNER_DATABASE_URL=other.database_url)
    assert done.stdout == '{"facts": 6, "seals": 2}\n'
    assert other.json("audit", "head") == installation.json("audit", "head")
