"""A node's secrets and what is done with them: an identity, a transport key, a hash chain.

The identity is an Ed25519 key (RFC 8032); the node's id is its public half. What is signed is
always a 32-byte BLAKE3 digest. Everybody signs and verifies with libsodium, through PyNaCl, since
libraries differ on edge cases: a signature good on one node and bad on another forks replicas.

The transport key is a Curve25519 pair for CURVE, apart from the identity so that it can be changed.
The hash chain feeds the beacon (`meshkit.ledger.beacon`).

Each secret is one file of one line, readable by its owner alone: others are refused before they are
used. Secrets never enter a journal, a log or a message, and have no printable form.
"""

import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Self

from blake3 import blake3
from nacl import bindings
from nacl.exceptions import BadSignatureError
from zmq.utils import z85

from meshkit.ledger import beacon

SECRET_BYTES = 32  # of a seed of Ed25519, of a Curve25519 scalar, and of a hash chain
KEY_BYTES = 32  # of a public key, Ed25519's and Curve25519's
DIGEST_BYTES = 32  # of BLAKE3
SIGNATURE_BYTES = 64  # of Ed25519, RFC 8032
FILE_BYTES_MAX = 256  # a key's file is one line of less than a hundred
VERIFIED_MAX = 2**15  # three rounds of a hundred lists of a hundred updates; 12 MiB (measured)
STRIDE = 256  # of a hash chain's values one in so many is kept, and those of the stride in use


class KeyRefused(Exception):
    """A key's file cannot be used or written; one line says why, and what to do."""


# -- signatures ------------------------------------------------------------------------------------


@lru_cache(maxsize=VERIFIED_MAX)
def _verified(key: bytes, digest: bytes, signature: bytes) -> None:
    # Raises if not, and what raises is not kept: a forger cannot push good ones out of the cache.
    bindings.crypto_sign_open(signature + digest, key)


def verify(key: bytes, digest: bytes, signature: bytes) -> bool:
    """Is `signature` the one of `key` over `digest`? What was found good is remembered a while."""
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES or len(digest) != DIGEST_BYTES:
        return False
    try:
        _verified(key, digest, signature)
    except BadSignatureError:
        return False
    return True


class Identity:
    """An Ed25519 key pair: a node's, or an operator's."""

    __slots__ = ("_private", "_secret", "key")

    def __init__(self, secret: bytes) -> None:
        self.key, self._private = bindings.crypto_sign_seed_keypair(secret)
        self._secret = secret

    @classmethod
    def create(cls) -> Self:
        return cls(os.urandom(SECRET_BYTES))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises `KeyRefused`."""
        return cls(_load(path, "identity"))

    def save(self, path: Path) -> None:
        """Write a new file; raises `KeyRefused`, also where there is one already."""
        _save(path, "identity", self._secret)

    def sign(self, digest: bytes) -> bytes:
        """The 64-byte signature of a 32-byte digest; the same each time it is made."""
        assert len(digest) == DIGEST_BYTES, "sign digests, nothing else"
        return bindings.crypto_sign(digest, self._private)[:SIGNATURE_BYTES]


class Transport:
    """A Curve25519 pair for CURVE. ZeroMQ wants keys in Z85, 40 characters; members' are raw."""

    __slots__ = ("key", "secret")

    def __init__(self, secret: bytes) -> None:
        self.key, self.secret = bindings.crypto_scalarmult_base(secret), secret

    @classmethod
    def create(cls) -> Self:
        return cls(os.urandom(SECRET_BYTES))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises `KeyRefused`."""
        return cls(_load(path, "transport"))

    def save(self, path: Path) -> None:
        """Write a new file; raises `KeyRefused`, also where there is one already."""
        _save(path, "transport", self.secret)

    @property
    def key_z85(self) -> bytes:
        return z85.encode(self.key)

    @property
    def secret_z85(self) -> bytes:
        return z85.encode(self.secret)


# -- the hash chain --------------------------------------------------------------------------------


class HashChain:
    """The links that this node reveals one by one; positions as in `meshkit.ledger.beacon`."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._number = -1  # of the chain whose values are kept
        self._kept: tuple[bytes, ...] = ()
        self._stride = -1  # whose values are all kept
        self._values: tuple[bytes, ...] = ()  # the last to be revealed comes first

    @classmethod
    def create(cls) -> Self:
        return cls(os.urandom(SECRET_BYTES))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises `KeyRefused`."""
        return cls(_load(path, "chain"))

    def save(self, path: Path) -> None:
        """Write a new file; raises `KeyRefused`, also where there is one already."""
        _save(path, "chain", self._secret)

    @property
    def anchor(self) -> bytes:
        """The end of the first chain, published at admission."""
        return self.link(beacon.anchor_position(0))

    def link(self, position: int) -> bytes:
        """The value at `position`: a link, or the anchor of a chain."""
        number = beacon.chain_of(position)
        if number != self._number:
            assert beacon.LINKS % STRIDE == 0, "so that the first value made is kept"
            # Made anew when a chain begins, 40 ms; afterwards a stride at a time, under 100 µs.
            self._kept = beacon.chain(self._secret, number)[::STRIDE]
            self._number, self._stride = number, -1
        place = position - beacon.anchor_position(number)
        above = -(-place // STRIDE)  # the nearest kept value made before this one
        if above != self._stride:
            self._stride, self._values = above, _hashed(self._kept[above], STRIDE)
        return self._values[above * STRIDE - place]


def _hashed(value: bytes, count: int) -> tuple[bytes, ...]:
    """A value of a chain and those made after it, so many in all."""
    values = [value]
    for _ in range(count - 1):
        value = blake3(value).digest()
        values.append(value)
    return tuple(values)


# -- files -----------------------------------------------------------------------------------------


def _save(path: Path, kind: str, secret: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise KeyRefused(f"{path}: exists already, and a key is never overwritten") from None
    except OSError as error:
        raise KeyRefused(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_line(kind, secret))
            file.flush()
            os.fsync(descriptor)
        _sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeyRefused(f"{path}: cannot be written: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(kind: str, secret: bytes) -> bytes:
    return f"meshkit {kind} 1 {secret.hex()}\n".encode()


def _load(path: Path, kind: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise KeyRefused(f"{path}: cannot be read: {error.strerror}") from None
    try:
        _check_owner(path, os.fstat(descriptor))
        return _parse(path, kind, os.read(descriptor, FILE_BYTES_MAX))
    finally:
        os.close(descriptor)


def _parse(path: Path, kind: str, data: bytes) -> bytes:
    _, _, digits = data.rpartition(b" ")
    try:
        secret = bytes.fromhex(digits.decode())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES or data != _line(kind, secret):
        raise KeyRefused(f"{path}: is no {kind} key of meshkit")
    return secret


def _check_owner(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyRefused(f"{path}: is no file")
    if status.st_uid != os.geteuid():
        raise KeyRefused(f"{path}: belongs to another user, who could read it")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyRefused(f"{path}: others may read it; if nobody did, chmod 600 {path}")
