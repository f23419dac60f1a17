"""A node's home: its keys and documents, and one clear line for whatever is wrong with them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from msgspec.structs import replace

from meshkit.core.document import to_document
from meshkit.core.value import digest
from meshkit.learning import Shard
from meshkit.ledger.messages import ROLES, Genesis, Member, Policy
from meshkit.runtime import home as homes
from meshkit.runtime.home import (
    ForeignHome,
    Home,
    HomeError,
    exists,
    read_document,
    read_json,
    write_document,
    write_json,
)
from meshkit.wire.keys import Identity

CARD: dict[str, Any] = {
    "name": "n",
    "roles": ROLES,
    "weight": 1,
    "events": "tcp://127.0.0.1:7001",
    "direct": "tcp://127.0.0.1:7002",
    "blobs": "tcp://127.0.0.1:7003",
    "join": "",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "node", **CARD)


def a_genesis(*homes: Home, name: str = "mesh") -> Genesis:
    return Genesis(name, 0, tuple(one.card for one in homes), (), Policy())


def refusal(attempt: Callable[[], object], kind: type[HomeError] = HomeError) -> str:
    """The one line with which an attempt is refused."""
    with pytest.raises(HomeError) as refused:
        attempt()
    assert type(refused.value) is kind
    assert "\n" not in str(refused.value)
    return str(refused.value)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


# -- made, and opened again ------------------------------------------------------------------------


def test_a_home_holds_fresh_keys_that_are_its_owners_alone(home: Home, tmp_path: Path) -> None:
    assert home.path.stat().st_mode & 0o777 == 0o700
    secrets = {"identity.key", "transport.key", "chain.key"}
    assert {name for name, mode in modes(home.path).items() if mode == 0o600} >= secrets
    other = Home.create(tmp_path / "other", **CARD)
    assert not {home.identity.key, home.transport.key} & {other.identity.key, other.transport.key}


def test_a_home_opened_again_is_the_same_node(home: Home) -> None:
    again = Home.open(home.path)
    assert again.identity.key == home.identity.key == again.card.id
    assert again.transport.key == home.transport.key == again.card.transport
    assert again.chain.anchor == home.chain.anchor == again.card.anchor


def test_a_new_card_replaces_the_old_one(home: Home) -> None:
    assert home.card.weight == 1
    home.write_card(replace(home.card, weight=2))
    assert home.card.weight == Home.open(home.path).card.weight == 2


def test_a_home_is_made_once(home: Home) -> None:
    line = refusal(lambda: Home.create(home.path, **CARD))
    assert line == f"{home.path}: there is a node already; choose another --home"


def test_a_folder_that_was_there_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "node").mkdir(0o755)
    Home.open(Home.create(tmp_path / "node", **CARD).path)


def test_a_card_out_of_form_leaves_nothing_behind(tmp_path: Path) -> None:
    line = refusal(lambda: Home.create(tmp_path / "node", **{**CARD, "weight": 0}))
    assert line == f"{tmp_path / 'node'}: weight: from 1 to 1000000"
    assert not (tmp_path / "node").exists()


def test_where_no_folder_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "node"
    assert refusal(lambda: Home.create(path, **CARD)) == f"{path}: cannot be made: Not a directory"


def test_keys_of_a_home_half_made_are_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "node"
    path.mkdir()
    Identity.create().save(path / "transport.key")
    assert "exists already" in refusal(lambda: Home.create(path, **CARD))


@pytest.mark.parametrize("failing", ["transport.key", "chain.key", "card.json", "identity.key"])
def test_what_cannot_be_made_whole_leaves_nothing_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """A disk that is full in the middle: the next try needs no tidying up."""
    synced = os.fsync

    def full(descriptor: int) -> None:
        if failing in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(28, "No space left on device")
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    line = refusal(lambda: Home.create(tmp_path / "node", **CARD))
    assert line.endswith("cannot be written: No space left on device")
    monkeypatch.undo()
    assert list((tmp_path / "node").iterdir()) == []
    Home.create(tmp_path / "node", **CARD)


def test_what_is_no_home_is_said(tmp_path: Path) -> None:
    nowhere, file, bare = tmp_path / "nowhere", tmp_path / "file", tmp_path / "bare"
    file.touch()
    bare.mkdir(0o700)
    make = "there is no node; make one with: meshkit init --home"
    assert refusal(lambda: Home.open(nowhere)) == f"{nowhere}: {make} {nowhere}"
    assert refusal(lambda: Home.open(bare)) == f"{bare}: {make} {bare}"
    assert refusal(lambda: Home.open(file)) == f"{file}: not a folder"
    under = refusal(lambda: Home.open(file / "node"))
    assert under == f"{file / 'node'}: cannot be read: Not a directory"


def test_a_home_open_to_others_is_refused(home: Home) -> None:
    home.path.chmod(0o750)
    line = f"{home.path}: open to others; close it with: chmod 700 {home.path}"
    assert refusal(lambda: Home.open(home.path)) == line


def test_where_nobody_may_look_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", denied)
    assert refusal(lambda: Home.open(home.path)).endswith("cannot be read: Permission denied")
    assert refusal(lambda: exists(home.path)).endswith("cannot be read: Permission denied")


def test_a_key_that_will_not_do_is_said(home: Home) -> None:
    (home.path / "identity.key").chmod(0o644)
    assert "others may read it" in refusal(lambda: home.identity)
    (home.path / "transport.key").write_text("no key")
    assert "is no transport key" in refusal(lambda: home.transport)
    (home.path / "chain.key").unlink()
    assert "cannot be read" in refusal(lambda: home.chain)


# -- the mesh --------------------------------------------------------------------------------------


def test_a_home_belongs_to_the_mesh_of_its_genesis(home: Home) -> None:
    assert not home.has_genesis
    assert "belongs to no mesh yet" in refusal(lambda: home.genesis)
    genesis = a_genesis(home)
    for _ in range(2):  # the same again changes nothing
        home.found(genesis)
    assert Home.open(home.path).genesis == genesis
    assert home.mesh == digest(genesis)


def test_a_home_belongs_to_one_mesh_only(home: Home) -> None:
    home.found(a_genesis(home))
    line = refusal(lambda: home.found(a_genesis(home, name="other")), ForeignHome)
    assert line == f"{home.path}: this node belongs to another mesh already"


def test_a_genesis_that_is_not_sound_is_refused_given_or_found(home: Home) -> None:
    unsound = a_genesis(home, name="")
    assert "the genesis is not sound: name" in refusal(lambda: home.found(unsound))
    assert not home.has_genesis
    write_document(home.path / "genesis.json", unsound)
    assert "genesis.json: name" in refusal(lambda: home.genesis)


def test_contacts_are_kept_for_a_newcomer(home: Home, tmp_path: Path) -> None:
    assert home.contacts == ()
    other = Home.create(tmp_path / "other", **CARD)
    home.write_contacts((other.card,))
    assert Home.open(home.path).contacts == (other.card,)


# -- the shard -------------------------------------------------------------------------------------


def test_by_default_a_node_trains_on_what_is_in_its_data_folder(home: Home) -> None:
    assert home.shard == Shard(folder=str(home.path / "data"))


def test_a_shard_is_read_as_it_was_written(home: Home) -> None:
    shard = Shard(1, 4, "dirichlet:0.5", 7)
    home.write_shard(shard)
    assert Home.open(home.path).shard == shard


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting property name"),
        ("[]", "Expected `object`, got `array`"),
        ('{"index": "1"}', "Expected `int`, got `str` - at `$.index`"),
        ('{"what": 1}', "unknown field `what`"),
        ('{"index": 4, "count": 4}', "there is no shard 4 of 4"),
        ('{"split": "half"}', "a split is iid or dirichlet"),
        (f'{{"seed": {10**30}}}', f"a shard's seed is from 0 to {2**64 - 1}, not {10**30}"),
        (f'{{"count": {10**30}}}', "there are 1,000,000 shards at most"),
    ],
)
def test_a_shard_out_of_form_is_said(home: Home, text: str, words: str) -> None:
    (home.path / "shard.json").write_text(text)
    line = refusal(lambda: home.shard)
    assert line.startswith(f"{home.path / 'shard.json'}: ")
    assert words in line


# -- blobs that a client leaves --------------------------------------------------------------------


def test_a_blob_that_was_left_is_taken_once(home: Home) -> None:
    name = home.leave_incoming(b"a blob")
    assert name == blake3(b"a blob").digest()
    assert home.incoming_path.stat().st_mode & 0o777 == 0o700
    assert home.take_incoming(name) == b"a blob"
    assert home.take_incoming(name) is None


def test_a_blob_that_is_too_large_is_not_taken(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homes, "BLOB_BYTES_MAX", 5)
    assert home.take_incoming(home.leave_incoming(b"a blob")) is None
    assert home.take_incoming(home.leave_incoming(b"blob")) == b"blob"


def test_where_nothing_can_be_left_is_said(home: Home) -> None:
    home.incoming_path.touch()
    line = refusal(lambda: home.leave_incoming(b"a blob"))
    assert line == f"{home.incoming_path}: cannot be written: File exists"


def test_everything_of_a_node_lies_under_its_home(home: Home) -> None:
    assert {home.journal_path.parent, home.blobs_path.parent} == {home.path}


# -- documents -------------------------------------------------------------------------------------


def test_a_document_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it.json"
    write_json(path, {"a": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = refusal(lambda: write_json(path, {"a": 2}))
    assert line == f"{path}: cannot be written: No space left on device"
    assert read_json(path) == {"a": 1}


@pytest.mark.parametrize("text", ["{", "\xff", "[" * 100_000, ""])
def test_what_is_no_json_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "it.json"
    path.write_bytes(text.encode("latin-1"))
    assert refusal(lambda: read_json(path)).startswith(f"{path}: ")


def test_a_document_is_read_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homes, "DOCUMENT_BYTES_MAX", 10)
    (tmp_path / "it.json").write_text('"' + "x" * 9 + '"')
    assert refusal(lambda: read_json(tmp_path / "it.json")).endswith("larger than 10 bytes")


def test_a_document_of_another_kind_is_said(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    assert refusal(lambda: read_document(path, Member)).endswith("No such file or directory")
    path.write_text(json.dumps({**to_document(home.card), "weight": "heavy"}))
    line = refusal(lambda: read_document(path, Member))
    assert line == f"{path}: Member.weight: int is needed, found 'heavy'"
