"""Each command: its table for people and, with --json, its JSON for programs."""

import json
import signal

import psycopg
import pytest
import typer

from adapters.cli.app import app
from adapters.schema import SCHEMA_VERSION
from engine.errors import CatalogueError, Refused, SchemaError
from projections.follow import follow
from projections.live import LIVE
from tests.adapters.cards import card_id_of, commands_for
from tests.adapters.parking import park

CARD, OTHER, UNKNOWN = card_id_of(1), card_id_of(2), card_id_of(99)
WITHOUT_JSON = {"up", "run", "sandbox"}
RUN_ELSEWHERE = {
    *(
        "demo",
        "card why",
        "catalogue check",
        "catalogue announce",
        "policy check",
        "quote",
        "limits allow",
        "limits blocked",
    ),
    *("case list", "case resolve", "case number-exists", "case close", "refund", "reconcile", "bind"),
    *("parked show", "parked retry", "parked drop", "status", "clock forward", "clock confirm"),
    *("restore begin", "restore status", "restore end", "contract build"),
    *("notices list", "notices show", "notices resend", "notices templates"),
    *("account create", "account show", "account list", "account erase", "number set", "number list", "number import"),
    *("token create", "token list", "token revoke", "card change-holder"),
    *("projections status", "projections pause", "projections resume", "projections rebuild", "projections rollback"),
    *("projections parked list", "projections parked retry", "projections parked skip"),
    *("operator add", "operator list", "operator reset", "operator remove"),
    *("audit key", "audit head", "audit verify", "audit prove", "audit prove-growth", "audit check"),
    *("audit replay", "audit diff", "audit export", "audit import", "audit archive", "broker config", "events replay"),
    *("report revenue", "report recovery", "report lifecycle", "report ledger", "whatif"),
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Two cards as lines of commands."""
    lines = [command.model_dump_json() for number in (1, 2) for command in commands_for(number, "sim:good:x")]
    path = tmp_path_factory.mktemp("cards") / "cards.jsonl"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module", autouse=True)
def _cards(installation, file):
    """Imported, in the read models, one of them parked."""
    installation.json("import", file)
    installation.json("charging", "stop")
    installation.json("charging", "resume")
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        follow(connection, LIVE, 100)
        park(connection, [(OTHER, b'{"card_id": "2"}', "a reason"), (None, b"\xff", "malformed message")])


def commands_of(group, *above):
    """All commands below a group, by their full name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, *above, name)
        else:
            yield " ".join((*above, name)), command


COMMANDS = dict(commands_of(typer.main.get_command(app)))
FIELDS = {
    "migrate": {"before", "now"},
    "import": {"lines", "accepted", "repeated", "unchanged", "facts", "problems"},
    "health": {"database", "broker"},
    "settings": {"variable", "value", "default", "meaning"},
    "card show": {"card_id", "status", "ends_on", "price_minor", "version"},
    "card history": {"version", "name", "fact", "recorded_at", "cause", "actor"},
    "cards list": {"card_id", "status", "ends_at"},
    "due": {"card_id", "version", "wake_at"},
    "parked list": {"parked_id", "card_id", "message", "reason", "parked_at"},
    "charging stop": {"stopped_since", "why", "by"},
    "charging status": {"stopped_since", "why", "by"},
    "charging resume": {"was_stopped_since", "gateway_was_down_since", "cards_woken"},
    "charging history": {"at", "by", "what", "why"},
    "replan": {"planned_anew", "failed"},
    "limits rebuild": {"counted_tries"},
    "events new-epoch": {"epoch", "published_upto"},
    "publisher status": {"published_upto", "head", "behind", "epoch", "messages", "oldest_at"},
    "publisher rewind": {"published_upto", "before"},
}
"""For each command with --json, the fields that its object or each of its rows must have."""


def test_every_command_has_json_output_except_the_long_running_ones():
    with_json = {name for name, command in COMMANDS.items() if any(p.name == "as_json" for p in command.params)}
    assert with_json == COMMANDS.keys() - WITHOUT_JSON
    assert with_json == FIELDS.keys() | RUN_ELSEWHERE


@pytest.mark.parametrize("name", FIELDS)
def test_with_json_a_command_prints_one_line_of_json_and_nothing_on_stderr(installation, file, name):
    arguments = {"import": [file], "publisher rewind": ["--to", "0"], "card show": [CARD], "card history": [CARD]}
    done = installation.run(*name.split(), *arguments.get(name, []), "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    rows = answer if isinstance(answer, list) else [answer]
    assert rows
    for row in rows:
        assert FIELDS[name] <= row.keys()


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - {"migrate", "import", "settings"}))
def test_without_json_a_command_prints_a_table(installation, name):
    arguments = {"publisher rewind": ["--to", "0"], "card show": [CARD], "card history": [CARD]}
    done = installation.run(*name.split(), *arguments.get(name, []))
    assert (done.exit_code, done.stderr) == (0, "")
    assert name.split()[0] in done.stdout


def test_a_card_is_shown_in_its_current_state(installation):
    card = installation.json("card", "show", CARD)
    assert (card["status"], card["term_number"], card["auto_renew_months"], card["methods"]) == ("active", 0, 1, 1)
    assert (card["ends_on"], card["ends_at"]) == ("2027-01-05", "2027-01-05T00:00:00+00:00")


def test_a_history_is_all_facts_in_their_order(installation):
    history = installation.json("card", "history", CARD)
    assert [fact["name"] for fact in history] == [
        *("card_registered.v1", "payment_method_bound.v1", "auto_renew_enabled.v1"),
    ]
    assert [fact["cause"] for fact in history] == ["register-1", "bind-1", "enable-1"]
    assert {fact["actor"] for fact in history} == {"operator:cli"}


def test_ids_are_printed_whole_so_that_they_can_be_copied(installation):
    assert str(CARD) in installation.run("cards", "list").stdout
    assert str(CARD) in installation.run("due").stdout


def test_cards_are_listed_by_the_end_of_their_terms_up_to_a_limit(installation):
    assert [row["card_id"] for row in installation.json("cards", "list")] == [str(CARD), str(OTHER)]
    assert [row["card_id"] for row in installation.json("cards", "list", "--limit", 1)] == [str(CARD)]
    assert [row["card_id"] for row in installation.json("due", "--limit", 1)] == [str(CARD)]


def test_a_table_of_cards_says_of_how_many_and_has_pages(installation):
    first = installation.run("cards", "list", "--limit", 1).stdout
    second = installation.run("cards", "list", "--limit", 1, "--page", 2).stdout
    titles = [table.splitlines()[0].strip() for table in (first, second)]
    assert titles == ["cards 1 to 1 of 2; --page 2 has the next", "cards 2 to 2 of 2"]
    assert str(CARD) in first
    assert str(OTHER) in second
    assert installation.run("cards", "list", "--page", 3).stdout == "cards on page 3 of 2 cards: none\n"


def test_cards_are_listed_by_their_holder(installation):
    holder = installation.json("card", "show", CARD)["holder_id"]
    listed = installation.json("cards", "list", "--holder", holder)
    assert str(CARD) in [row["card_id"] for row in listed]
    assert {row["holder_id"] for row in listed} == {holder}
    assert installation.json("cards", "list", "--holder", "nobody") == []


def test_a_parked_card_says_so_wherever_it_is_looked_at(installation):
    [parked] = [row for row in installation.json("parked", "list") if row["card_id"]]
    shown = installation.json("card", "show", OTHER)
    assert (shown["parked_since"], shown["parked_why"]) == (parked["parked_at"], "a reason")
    assert installation.json("card", "why", OTHER)["parked"] == {"since": parked["parked_at"], "why": "a reason"}
    why = installation.run("card", "why", OTHER).stdout
    assert f"(a reason); `baohao parked retry {parked['parked_id']}` lets it go on." in why
    [case] = installation.json("case", "list")
    assert (case["card_id"], case["reason"]) == (str(OTHER), "parked: a reason")
    assert installation.json("card", "why", CARD)["parked"] is None
    assert installation.json("card", "show", CARD)["parked_since"] is None


@pytest.mark.parametrize("name", ["cards list", "due", "parked list", "charging history", "case list", "settings"])
def test_a_table_fits_a_terminal_and_no_column_is_squeezed(installation, name):
    lines = installation.run(*name.split(), COLUMNS="80").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    [head] = [line for line in lines if line.startswith("┃")]
    assert all(len(cell.strip()) >= 2 and "…" not in cell for cell in head.strip("┃").split("┃"))


def test_charging_status_says_since_when_why_and_by_whom(installation):
    installation.json("charging", "resume")
    assert installation.run("charging", "status").stdout == "charging is not stopped\n"
    stopped = installation.json("charging", "stop", "--why", "gateway trouble")
    assert installation.json("charging", "status") == stopped
    assert "gateway trouble" in installation.run("charging", "status").stdout
    installation.json("charging", "resume")


def test_cards_are_listed_by_status(installation):
    assert len(installation.json("cards", "list", "--status", "active")) == 2
    assert installation.json("cards", "list", "--status", "suspended") == []
    assert "cards on page 1 of 0 cards: none" in installation.run("cards", "list", "--status", "suspended").stdout
    wrong = installation.run("cards", "list", "--status", "asleep")
    assert wrong.exit_code == 2
    assert "asleep" in wrong.stderr


@pytest.mark.parametrize("command", ["show", "history"])
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["people", "programs"])
def test_an_unknown_card_is_a_sentence_and_status_1(installation, command, options):
    done = installation.run("card", command, UNKNOWN, *options)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"there is no card {UNKNOWN}\n"


def test_an_unmigrated_database_is_refused_with_the_remedy(new_installation):
    with pytest.raises(SchemaError, match="run `baohao migrate`"):
        new_installation().run("cards", "list")


def test_a_wrong_catalogue_is_refused_before_anything_is_done(installation, file, tmp_path):
    catalogue = tmp_path / "plans.toml"
    catalogue.write_text("plans = 7")
    with pytest.raises(CatalogueError, match=r"plans\.toml"):
        installation.run("import", file, BAOHAO_CATALOGUE=str(catalogue))


def test_parked_messages_are_listed_with_their_reasons_whatever_their_bytes(installation):
    listed = installation.json("parked", "list")
    assert [(row["card_id"], row["message"], row["reason"]) for row in listed] == [
        (str(OTHER), '{"card_id": "2"}', "a reason"),
        (None, "\\xff", "malformed message"),
    ]


def test_one_that_is_parked_is_shown_whole(installation):
    _, message = [row["parked_id"] for row in installation.json("parked", "list")]
    shown = installation.json("parked", "show", message)
    assert (shown["message"], shown["subject"], shown["headers"], shown["tries"]) == ("\\xff", "baohao.due", {}, 1)


def test_retrying_what_is_not_parked_or_names_no_card_is_a_sentence_and_status_1(installation):
    _, message = [row["parked_id"] for row in installation.json("parked", "list")]
    for what in ("retry", "show"):
        unknown = installation.run("parked", what, 99)
        assert unknown.exit_code == 1
        assert unknown.stderr == "nothing is parked under 99; `baohao parked list` shows what is\n"
    malformed = installation.run("parked", "retry", message, "--json")
    assert (malformed.exit_code, malformed.stdout) == (1, '{"retried": 0}\n')
    assert f"`baohao parked drop {message}` removes it" in malformed.stderr


def test_a_message_that_names_no_card_is_dropped_and_a_card_is_not(installation):
    card, _ = [row["parked_id"] for row in installation.json("parked", "list")]
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        park(connection, [(None, b"{", "malformed message")])
    *_, message = [row["parked_id"] for row in installation.json("parked", "list")]
    assert installation.json("parked", "drop", message) == {"dropped": 1}
    refused = installation.run("parked", "drop", card, message)
    assert refused.exit_code == 1
    assert f"parked under {card}, {message}" in refused.stderr


def test_charging_stays_stopped_since_it_first_was_until_it_is_resumed(installation):
    first = installation.json("charging", "stop", "--why", "a bad night")
    assert installation.json("charging", "stop", "--why", "a bad night") == first
    with pytest.raises(Refused, match="charging is stopped already"):
        installation.run("charging", "stop", "--why", "still bad")
    assert installation.json("charging", "status") == first
    assert installation.json("charging", "resume")["was_stopped_since"] == first["stopped_since"]
    assert installation.json("charging", "resume")["was_stopped_since"] is None


def test_the_history_of_charging_has_time_actor_and_reason(installation):
    before = len(installation.json("charging", "history"))
    stopped = json.loads(
        installation.run("charging", "stop", "--why", "tests", "--json", BAOHAO_OPERATOR="night-shift").stdout
    )
    installation.json("charging", "resume")
    stop, resume = installation.json("charging", "history")[before:]
    assert stop == {"at": stopped["stopped_since"], "by": "operator:night-shift", "what": "stopped", "why": "tests"}
    assert (resume["by"], resume["what"], resume["why"]) == ("operator:cli", "resumed", None)
    assert stopped["by"] == "operator:night-shift"


def test_charging_is_not_stopped_without_a_reason(installation):
    before = installation.json("charging", "history")
    with pytest.raises(Refused, match="say why"):
        installation.run("charging", "stop", "--why", " ")
    assert installation.json("charging", "history") == before


def test_migrating_again_changes_nothing(installation):
    assert installation.json("migrate") == {"before": SCHEMA_VERSION, "now": SCHEMA_VERSION}
    assert len(installation.json("cards", "list")) == 2


def test_settings_hide_secrets_and_are_explained(installation):
    done = installation.run("settings", "--json", NATS_URL="nats://me:hunter2@broker")
    assert "hunter2" not in done.stdout
    rows = {row["variable"]: row for row in json.loads(done.stdout)}
    assert rows["BAOHAO_NATS_URL"]["value"] == "nats://me:***@broker"
    assert all(row["meaning"] for row in rows.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_text(installation, name):
    done = installation.run(*name.split(), "--help")
    assert done.exit_code == 0
    assert COMMANDS[name].help.split()[0] in done.stdout


def test_a_closed_connection_does_not_kill_the_process():
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN, "the command line keeps Python's own setting"
