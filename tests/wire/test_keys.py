"""Keys sign alike for ever, and their files are for their owner alone."""

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from meshkit.ledger import beacon
from meshkit.wire import keys
from meshkit.wire.keys import HashChain, Identity, KeyRefused, Transport, verify
from tests.tidy import ROOT, sources

DIGEST = bytes(range(32))
ANNA, BERT = Identity(bytes([1]) * 32), Identity(bytes([2]) * 32)
KINDS: list[Any] = [Identity, Transport, HashChain]


# -- signatures ------------------------------------------------------------------------------------


def test_one_module_knows_the_library_that_signs() -> None:
    """Libraries differ on malformed signatures, and nodes that disagree about one part ways."""
    knowing = re.compile(r"^\s*(?:import|from) nacl\b", re.MULTILINE)
    found = [path for path in sources() if knowing.search(path.read_text(encoding="utf-8"))]
    assert found == [ROOT / "meshkit" / "wire" / "keys.py"]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_signature_is_good_for_its_key_and_digest_alone(secret: bytes, digest: bytes) -> None:
    identity = Identity(secret)
    signature = identity.sign(digest)
    assert signature == Identity(secret).sign(digest)
    assert verify(identity.key, digest, signature)
    assert not verify(BERT.key, digest, signature)
    assert not verify(identity.key, bytes(digest[:31]) + b"\xff", signature) or digest[31] == 0xFF


def test_every_flipped_bit_of_a_signature_is_noticed() -> None:
    good = ANNA.sign(DIGEST)
    for bit in range(512):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        assert not verify(ANNA.key, DIGEST, bytes(bad))


def test_a_signature_has_no_second_form() -> None:
    # RFC 8032, 5.1.7: S must be below the order of the group, or S + L would be good as well.
    order = 2**252 + 27742317777372353535851937790883648493
    good = ANNA.sign(DIGEST)
    shifted = int.from_bytes(good[32:], "little") + order
    assert not verify(ANNA.key, DIGEST, good[:32] + shifted.to_bytes(32, "little"))


def test_a_key_of_small_order_signs_nothing() -> None:
    # Of order one: without the check, its signatures would be good for every message.
    identity_point = b"\x01" + bytes(31)
    assert not verify(identity_point, DIGEST, identity_point + bytes(32))


@pytest.mark.parametrize("at", range(3))
def test_what_has_the_wrong_length_is_no_signature(at: int) -> None:
    good = [ANNA.key, DIGEST, ANNA.sign(DIGEST)]
    for bad in (b"", good[at][:-1], good[at] + b"\x00"):
        assert not verify(*[*good[:at], bad, *good[at + 1 :]])


def test_only_what_was_good_is_remembered() -> None:
    keys._verified.cache_clear()
    good = ANNA.sign(DIGEST)
    assert verify(ANNA.key, DIGEST, good)
    assert not verify(ANNA.key, DIGEST, bytes(64))
    assert verify(ANNA.key, DIGEST, good)
    found = keys._verified.cache_info()
    assert (found.hits, found.currsize, found.maxsize) == (1, 1, keys.VERIFIED_MAX)


def test_only_digests_are_signed() -> None:
    with pytest.raises(AssertionError, match="digests"):
        ANNA.sign(b"a message")


# -- transport keys --------------------------------------------------------------------------------


def test_a_transport_key_is_what_zeromq_takes() -> None:
    public, secret = zmq.curve_keypair()
    transport = Transport(z85.decode(secret))
    assert transport.key_z85 == public
    assert transport.secret_z85 == secret
    assert zmq.curve_public(transport.secret_z85) == public
    assert len(transport.key) == 32


# -- the hash chain --------------------------------------------------------------------------------


def test_links_are_those_of_the_beacon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beacon, "LINKS", 4 * keys.STRIDE)
    chain = HashChain(DIGEST)
    for number in (0, 1, 0):
        values = beacon.chain(DIGEST, number)
        for place, value in enumerate(values):
            assert chain.link(beacon.anchor_position(number) + place) == value


def test_each_link_follows_the_one_before() -> None:
    chain = HashChain(DIGEST)
    revealed = chain.anchor
    for position in range(1, 2 * keys.STRIDE):
        link = chain.link(position)
        assert beacon.follows(link, revealed)
        revealed = link
    last = chain.link(beacon.LINKS)
    assert beacon.follows(last, chain.link(beacon.LINKS - 1))
    assert len(chain._kept) == beacon.LINKS // keys.STRIDE + 1


# -- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_comes_back_from_its_file(kind: Any, tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    made = kind.create()
    made.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = kind.load(path)
    shown = "anchor" if kind is HashChain else "key"
    assert getattr(again, shown) == getattr(made, shown)
    assert getattr(kind.create(), shown) != getattr(made, shown)


def refused(path: Path, kind: Any = Identity) -> str:
    with pytest.raises(KeyRefused) as refusal:
        kind.load(path)
    line = str(refusal.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_a_file_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    ANNA.save(path)
    path.chmod(mode)
    assert f"chmod 600 {path}" in refused(path)


def test_another_users_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "some.key"
    ANNA.save(path)
    someone = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: someone)
    assert "belongs to another user" in refused(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "none")
    assert "is no file" in refused(tmp_path)
    ANNA.save(tmp_path / "some.key")
    (tmp_path / "link.key").symlink_to(tmp_path / "some.key")
    assert "cannot be read" in refused(tmp_path / "link.key")
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "is no file" in refused(tmp_path / "pipe")


@pytest.mark.parametrize("other", [Transport, HashChain])
def test_a_key_of_another_kind_is_refused(other: Any, tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    ANNA.save(path)
    assert "is no " in refused(path, other)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"meshkit identity 1 \n",
        b"meshkit identity 1 " + b"ab" * 31 + b"\n",
        b"meshkit identity 2 " + b"ab" * 32 + b"\n",
        b"meshkit identity 1 " + b"ab" * 32,
        b"meshkit identity 1 " + b"AB" * 32 + b"\n",
        b"meshkit identity 1 " + b"ab" * 32 + b"\n" + b"x" * 300,
        b"meshkit identity 1 " + b"\xff" * 64 + b"\n",
    ],
)
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    path.write_bytes(content)
    path.chmod(0o600)
    assert "is no identity key" in refused(path)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "some.key"
    ANNA.save(path)
    with pytest.raises(KeyRefused, match="exists already"):
        BERT.save(path)
    assert Identity.load(path).key == ANNA.key


def test_a_key_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyRefused, match="cannot be written: No such file"):
        ANNA.save(tmp_path / "none" / "some.key")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyRefused, match="cannot be written: No space left"):
        ANNA.save(tmp_path / "some.key")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_is_not_shown(kind: Any) -> None:
    made = kind(DIGEST)
    for text in (repr(made), str(made)):
        assert DIGEST.hex() not in text
        assert repr(DIGEST) not in text
