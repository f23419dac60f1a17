"""Making nodes and founding a mesh: three steps, each of which may be taken again."""

import json
import stat
from pathlib import Path

import pytest
from meshkit_cli.demo import TASKS

from meshkit.core.value import digest
from meshkit.ledger.messages import MAY, ROLES
from meshkit.runtime.home import Home
from meshkit.wire.keys import Identity
from tests.live import Answer, meshkit


def init(home: Path, *words: object) -> Answer:
    said = meshkit("init", "--home", home, *words, "-o", "json")
    assert (said.code, said.err) == (0, "")
    assert said.document["schema"] == "meshkit.init/v1"
    return said.document


def refused(code: int, home: Path, *words: object) -> str:
    return meshkit("init", "--home", home, *words, "-o", "json").complains(code)


def test_a_node_has_keys_of_its_own_and_a_card_for_others(folder: Path) -> None:
    made = init(folder / "a")
    home = Home.open(folder / "a")
    assert made == {
        "schema": "meshkit.init/v1",
        "home": str(folder / "a"),
        "node": home.identity.key.hex(),
        "name": "a",
        "card": str(folder / "a" / "card.json"),
        "mesh": None,
    }
    assert (home.card.weight, home.card.roles) == (1, ROLES)
    assert (home.card.events, home.card.join) == ("tcp://127.0.0.1:7400", "tcp://127.0.0.1:7403")
    for name in ("identity.key", "transport.key", "chain.key"):
        assert stat.S_IMODE((folder / "a" / name).stat().st_mode) == 0o600


def test_what_is_said_of_a_node_is_on_its_card(folder: Path) -> None:
    init(
        folder / "a",
        *("--name", "left", "--host", "10.0.0.7", "--port", 9000, "--weight", 3),
        *("--role", "trainer"),
    )
    card = Home.open(folder / "a").card
    assert (card.name, card.weight, card.roles) == ("left", 3, ("trainer",))
    assert card.direct == "tcp://10.0.0.7:9001"


def test_three_steps_found_a_mesh(folder: Path) -> None:
    for name in ("a", "b"):
        init(folder / name)
    card = folder / "b" / "card.json"
    made = init(folder / "a", "--founder", card, "--mesh-name", "pair", "--engine", "pbft")
    genesis = Home.open(folder / "a").genesis
    assert made["mesh"] == digest(genesis).hex()
    assert (genesis.name, genesis.policy.engine) == ("pair", "pbft")
    assert [founder.name for founder in genesis.founders] != []
    assert {founder.name for founder in genesis.founders} == {"a", "b"}
    assert genesis.policy.allowed_tasks == tuple(sorted(TASKS.values()))
    operator = Identity.load(folder / "a" / "operator.key")
    assert [(one.key, one.may) for one in genesis.operators] == [(operator.key, tuple(sorted(MAY)))]
    taken = init(folder / "b", "--genesis", folder / "a" / "genesis.json")
    assert taken["mesh"] == made["mesh"]
    assert init(folder / "b", "--genesis", folder / "a" / "genesis.json") == taken


def test_a_node_is_made_once(folder: Path) -> None:
    assert init(folder / "a") == init(folder / "a")


def test_the_operator_s_key_may_be_elsewhere_and_be_there_already(folder: Path) -> None:
    key = folder / "me.key"
    words = ("--founder", folder / "a" / "card.json", "--operator", key, "--allow", "m:T")
    init(folder / "a")
    init(folder / "a", *words)
    genesis = Home.open(folder / "a").genesis
    assert [one.key for one in genesis.operators] == [Identity.load(key).key]
    assert genesis.policy.allowed_tasks == ("m:T",)
    assert not (folder / "a" / "operator.key").exists()
    init(folder / "b")
    init(folder / "b", "--founder", folder / "b" / "card.json", "--operator", key)
    assert Home.open(folder / "b").genesis.operators == genesis.operators


def test_people_are_told_where_the_card_is(folder: Path) -> None:
    said = meshkit("init", "--home", folder / "a")
    assert said.code == 0
    assert "card.json" in said.out


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ü", "x" * 65])
def test_a_folder_whose_name_is_none_for_a_node_needs_another(folder: Path, name: str) -> None:
    line = meshkit("init", "--home", folder / name).complains(1)
    assert line == (
        f"{folder / name}: name: the name of a member is 1 to 64 printable ASCII characters, "
        "which the folder's name is not: say --name"
    )
    assert not (folder / name).exists()
    assert init(folder / name, "--name", "a")["name"] == "a"
    # Whoever gave it one knows what to change.
    said = meshkit("init", "--home", folder / "b", "--name", name).complains(1)
    assert said.endswith("1 to 64 printable ASCII characters")


@pytest.mark.parametrize("host", ["", "*", "::1", "a b"])
def test_where_nobody_could_reach_it_no_node_is_made(folder: Path, host: str) -> None:
    said = meshkit("init", "--home", folder / "a", "--host", host).complains(1)
    assert said.startswith(f"{folder / 'a'}: address: events, direct and blobs are endpoints")
    assert not (folder / "a").exists()


WHOLE = ("--name", "left", "--host", "10.0.0.7", "--port", 9000, "--weight", 3, "--role", "trainer")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--name", "right"), "with --name left: leave --name out"),
        (("--host", "10.0.0.8"), "with --host 10.0.0.7: leave --host out"),
        (("--port", 9001), "with --port 9000: leave --port out"),
        (("--weight", 1), "with --weight 3: leave --weight out"),
        (("--role", "validator"), "with --role trainer: leave --role out"),
        ((*WHOLE, "--role", "validator"), "with --role trainer: leave --role out"),
    ],
)
def test_a_node_that_is_made_stays_as_it_is(
    folder: Path, words: tuple[object, ...], line: str
) -> None:
    made = init(folder / "a", *WHOLE)
    assert init(folder / "a", *WHOLE) == made
    assert init(folder / "a", "--port", 9000) == made
    said = refused(1, folder / "a", *words)
    assert said == f"{folder / 'a'}: there is a node already, {line}, or choose another --home"
    assert init(folder / "a") == made


def test_a_setting_that_a_node_does_not_have_is_not_ignored_either(folder: Path) -> None:
    made = init(folder / "a")
    words = ("init", "--home", folder / "a", "-o", "json")
    assert meshkit(*words, MESHKIT_INIT_PORT="7400").document == made
    assert "with --port 7400: leave" in meshkit(*words, MESHKIT_INIT_PORT="7500").complains(1)


@pytest.mark.parametrize(
    "words",
    [("--mesh-name", "m"), ("--engine", "pbft"), ("--operator", "me.key"), ("--allow", "m:T")],
)
def test_what_a_genesis_is_made_of_needs_one_to_be_made(
    folder: Path, words: tuple[str, ...]
) -> None:
    line = refused(2, folder / "a", *words)
    assert line == f"{words[0]} is for founding a mesh: say --founder CARD, too"
    assert not (folder / "a").exists()


def test_a_genesis_is_made_or_taken_not_both(folder: Path) -> None:
    init(folder / "a")
    card = folder / "a" / "card.json"
    line = refused(2, folder / "b", "--founder", card, "--genesis", card)
    assert line == "--founder makes a genesis and --genesis takes one: choose"
    assert not (folder / "b").exists()


def test_a_genesis_of_others_is_not_one_s_own(folder: Path) -> None:
    init(folder / "a")
    init(folder / "a", "--founder", folder / "a" / "card.json")
    line = refused(6, folder / "c", "--genesis", folder / "a" / "genesis.json")
    assert "the genesis does not name this node" in line
    assert "meshkit join TICKET" in line


def test_a_node_belongs_to_one_mesh(folder: Path) -> None:
    init(folder / "a")
    words = ("--founder", folder / "a" / "card.json", "--mesh-name")
    init(folder / "a", *words, "one")
    line = refused(6, folder / "a", *words, "two")
    assert line == f"{folder / 'a'}: this node belongs to another mesh already"


def test_founders_go_by_different_names(folder: Path) -> None:
    init(folder / "a")
    init(folder / "b", "--name", "a")
    line = refused(1, folder / "a", "--founder", folder / "b" / "card.json")
    assert line.startswith("two founders share one name")


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--name", "ä"), 1, "name"),
        (("--host", "no host"), 1, "address"),
        (("--weight", 0), 2, "0 is not in the range"),
        (("--port", 65_533), 2, "65533 is not in the range"),
        (("--role", "cook"), 2, "'cook' is not one of"),
        (("--founder", "nowhere.json"), 2, "'nowhere.json' does not exist"),
    ],
)
def test_a_card_out_of_form_is_not_made(
    folder: Path, words: tuple[object, ...], code: int, line: str
) -> None:
    assert line in refused(code, folder / "a", *words)
    assert not (folder / "a" / "card.json").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"name": 3}', "\0"])
def test_a_founder_s_card_that_is_none_is_said(folder: Path, text: str) -> None:
    (folder / "card.json").write_text(text)
    for option in ("--founder", "--genesis"):
        assert str(folder / "card.json") in refused(1, folder / "a", option, folder / "card.json")


def test_a_key_file_that_is_none_is_said(folder: Path) -> None:
    (folder / "me.key").write_text(json.dumps({}))
    (folder / "me.key").chmod(0o600)
    init(folder / "a")
    words = ("--founder", folder / "a" / "card.json", "--operator", folder / "me.key")
    assert str(folder / "me.key") in refused(1, folder / "a", *words)
