"""A node's home: one folder that holds who it is, which mesh it belongs to, and what it did.

    identity.key transport.key chain.key    secrets, 0600
    card.json       how others reach it: what a genesis or a ticket is made from
    genesis.json    the mesh it belongs to, once it does
    contacts.json   who let it in, of a node that joined: whom to listen to until it is a member
    shard.json      which part of a common data set it trains on; without it, what is in data/
    journal.sqlite  blobs/                  what it did, and the models and updates
    worker.log      what its workers and the tasks in them printed
    operator.ipc    where its operators reach it while it runs; node.lock keeps a second one out
    incoming/       blobs that an operator's client leaves for it

The folder is 0700: whoever can read it is the node. Moving it to another machine moves the node;
running it twice is refused by a lock.
"""

import json
import os
import stat
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
from blake3 import blake3

from meshkit.core.document import from_document, to_document
from meshkit.core.value import Value, digest
from meshkit.learning.data import Shard
from meshkit.ledger.forms import check_genesis, check_member
from meshkit.ledger.messages import Genesis, Member
from meshkit.wire.keys import HashChain, Identity, KeyRefused, Transport

DOCUMENT_BYTES_MAX = 16 * 2**20  # a genesis of ten thousand founders is 10 MB
BLOB_BYTES_MAX = 256 * 2**20  # as the mesh carries
PRIVATE = 0o700

# A shard by the names of its fields; on its way to a worker it is an array.
SHARD_FORM = msgspec.defstruct(
    "ShardForm",
    [(field.name, field.type, field.default) for field in msgspec.structs.fields(Shard)],
    forbid_unknown_fields=True,
)

V = TypeVar("V", bound=Value)


class Contacts(Value):
    members: tuple[Member, ...]


class HomeError(Exception):
    """A home cannot be made or used; one line says why and what to do."""


class ForeignHome(HomeError):
    """The home's keys or journal belong to another node or mesh than its genesis says."""


class Home:
    """The folder of one node. Nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, **card: Any) -> Self:
        """A new home with fresh keys. `card` gives what a `Member` has besides its keys."""
        home = cls(path)
        if home.is_made:
            raise HomeError(f"{path}: there is a node already; choose another --home")
        identity, transport, chain = Identity.create(), Transport.create(), HashChain.create()
        made = Member(id=identity.key, transport=transport.key, anchor=chain.anchor, **card)
        if refusal := check_member(made):
            raise HomeError(f"{path}: {refusal}")
        home._make()
        with ExitStack() as undone:
            for key, name in ((transport, "transport.key"), (chain, "chain.key")):
                _save(key, path / name)
                undone.callback((path / name).unlink)
            home.write_card(made)
            undone.callback((path / "card.json").unlink)
            _save(identity, path / "identity.key")  # last: with it, there is a node
            undone.pop_all()
        return home

    @classmethod
    def open(cls, path: Path) -> Self:
        """An existing home, its folder closed to others."""
        home = cls(path)
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            raise HomeError(_nobody_at(path)) from None
        except OSError as error:
            raise HomeError(f"{path}: cannot be read: {error.strerror}") from None
        if not stat.S_ISDIR(mode):
            raise HomeError(f"{path}: not a folder")
        if mode & 0o077:
            raise HomeError(f"{path}: open to others; close it with: chmod 700 {path}")
        if not home.is_made:
            raise HomeError(_nobody_at(path))
        return home

    @property
    def is_made(self) -> bool:
        """Whether there is a node. Raises HomeError where that cannot be seen."""
        return exists(self.path / "identity.key")

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            os.chmod(self.path, PRIVATE)
        except OSError as error:
            raise HomeError(f"{self.path}: cannot be made: {error.strerror}") from None

    # -- secrets ----------------------------------------------------------------------------------

    @cached_property
    def identity(self) -> Identity:
        return _key(Identity, self.path / "identity.key")

    @cached_property
    def transport(self) -> Transport:
        return _key(Transport, self.path / "transport.key")

    @cached_property
    def chain(self) -> HashChain:
        return _key(HashChain, self.path / "chain.key")

    def check_keys(self) -> None:
        """Are the keys those of the card, and the card's, for a founder, the genesis' own?

        Raises ForeignHome.
        """
        card: Member = self.card
        keys = (self.identity.key, self.transport.key, self.chain.anchor)
        if (card.id, card.transport, card.anchor) != keys:
            raise ForeignHome(f"{self.path}: the keys are not those of card.json: wrong key files?")
        if not self.has_genesis:
            return
        founders = {member.id: member for member in self.genesis.founders}
        founder = founders.get(card.id)
        if founder is None and not self.contacts:
            raise ForeignHome(
                f"{self.path}: the genesis does not name this node, and it brought no ticket: "
                "is genesis.json of another mesh? Join with: meshkit join TICKET"
            )
        if founder is not None and (founder.transport, founder.anchor) != keys[1:]:
            raise ForeignHome(f"{self.path}: the genesis names other keys for this node")

    # -- documents --------------------------------------------------------------------------------

    @cached_property
    def card(self) -> Member:
        return read_document(self.path / "card.json", Member)

    def write_card(self, card: Member) -> None:
        write_document(self.path / "card.json", card)
        self.__dict__.pop("card", None)

    @property
    def has_genesis(self) -> bool:
        return exists(self.path / "genesis.json")

    @cached_property
    def genesis(self) -> Genesis:
        if not self.has_genesis:
            raise HomeError(
                f"{self.path}: this node belongs to no mesh yet; "
                "found one with: meshkit init --founder, or join one with: meshkit join TICKET"
            )
        genesis = read_document(self.path / "genesis.json", Genesis)
        if refusal := check_genesis(genesis):
            raise HomeError(f"{self.path / 'genesis.json'}: {refusal}")
        return genesis

    @cached_property
    def mesh(self) -> bytes:
        return digest(self.genesis)

    def found(self, genesis: Genesis) -> None:
        """Belong to the mesh of `genesis` from now on, and to no other."""
        if refusal := check_genesis(genesis):
            raise HomeError(f"{self.path}: the genesis is not sound: {refusal}")
        if self.has_genesis:
            if digest(self.genesis) != digest(genesis):
                raise ForeignHome(f"{self.path}: this node belongs to another mesh already")
            return
        write_document(self.path / "genesis.json", genesis)

    @property
    def shard(self) -> Shard:
        """Which data this node trains on: by default, all that lies in its folder `data`."""
        path = self.path / "shard.json"
        try:
            if path.exists():
                form = msgspec.convert(read_json(path), SHARD_FORM)
                shard = Shard(**msgspec.structs.asdict(form))
            else:
                shard = Shard(folder=str(self.path / "data"))
            shard.check()
        except ValueError as error:
            raise HomeError(f"{path}: {error}") from None
        return shard

    def write_shard(self, shard: Shard) -> None:
        document = {name: getattr(shard, name) for name in shard.__struct_fields__}
        write_json(self.path / "shard.json", document)

    @property
    def contacts(self) -> tuple[Member, ...]:
        """Members that a newcomer was told of, to listen to until it is a member itself."""
        path = self.path / "contacts.json"
        return read_document(path, Contacts).members if path.exists() else ()

    def write_contacts(self, members: tuple[Member, ...]) -> None:
        write_document(self.path / "contacts.json", Contacts(members))

    # -- blobs that a client leaves for the node --------------------------------------------------

    def leave_incoming(self, data: bytes) -> bytes:
        """Leave a blob for the running node to adopt; its digest."""
        name = blake3(data).digest()
        try:
            self.incoming_path.mkdir(mode=PRIVATE, exist_ok=True)
            # scan: secret-file-mode: no secret, and the folder's mode is 0700
            (self.incoming_path / name.hex()).write_bytes(data)
        except OSError as error:
            raise HomeError(f"{self.incoming_path}: cannot be written: {error.strerror}") from None
        return name

    def take_incoming(self, name: bytes) -> bytes | None:
        """The blob left under this digest, taken away; None if there is none of bounded size."""
        path = self.incoming_path / name.hex()
        try:
            with path.open("rb") as file:
                data = file.read(BLOB_BYTES_MAX + 1)
            path.unlink()
        except OSError:
            return None
        return data if len(data) <= BLOB_BYTES_MAX else None

    # -- places -----------------------------------------------------------------------------------

    @property
    def journal_path(self) -> Path:
        return self.path / "journal.sqlite"

    @property
    def blobs_path(self) -> Path:
        return self.path / "blobs"

    @property
    def incoming_path(self) -> Path:
        return self.path / "incoming"


Key = TypeVar("Key", Identity, Transport, HashChain)


def _save(key: Identity | Transport | HashChain, path: Path) -> None:
    try:
        key.save(path)
    except KeyRefused as refused:
        raise HomeError(str(refused)) from None


def _key(kind: type[Key], path: Path) -> Key:
    try:
        return kind.load(path)
    except KeyRefused as refused:
        raise HomeError(str(refused)) from None


def exists(path: Path) -> bool:
    """Whether there is such a file; raises HomeError where nobody may look."""
    try:
        return path.exists()
    except OSError as error:
        raise HomeError(f"{path}: cannot be read: {error.strerror}") from None


def read_document(path: Path, kind: type[V]) -> V:
    """The value of class `kind` in a JSON file; raises HomeError naming what is wrong with it."""
    try:
        return from_document(kind, read_json(path))
    except ValueError as error:
        raise HomeError(f"{path}: {error}") from None


def read_json(path: Path) -> object:
    """What a JSON file of bounded size holds; raises HomeError."""
    try:
        with path.open("rb") as file:
            text = file.read(DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        raise HomeError(f"{path}: cannot be read: {error.strerror}") from None
    if len(text) > DOCUMENT_BYTES_MAX:
        raise HomeError(f"{path}: larger than {DOCUMENT_BYTES_MAX} bytes")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HomeError(f"{path}: {error}") from None


def write_document(path: Path, value: Value) -> None:
    """Write a value as JSON: whole or not at all, and durable."""
    write_json(path, to_document(value))


def write_json(path: Path, document: object) -> None:
    text = json.dumps(document, indent=2) + "\n"
    aside = path.with_name(path.name + ".new")
    try:
        with aside.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise HomeError(f"{path}: cannot be written: {error.strerror}") from None


def _nobody_at(path: Path) -> str:
    return f"{path}: there is no node; make one with: meshkit init --home {path}"
