"""The door, as libzmq asks it: who comes in, how often, and what the others are told."""

from collections import Counter
from collections.abc import Iterator

import pytest
import zmq

from meshkit.wire.limits import Limits, S
from meshkit.wire.zap import ADDRESS, JOIN, Door, user_key
from tests.wire.test_sockets import Hand

MEMBER, OTHER, STRANGER = b"m" * 32, b"o" * 32, b"s" * 32
LIMITS = Limits(handshakes_burst=3, handshakes_per_s=1, guests_burst=4, guests_per_s=1, ban_ns=S)


class Asking:
    """A door and libzmq's side of it."""

    def __init__(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.clock, self.counters = Hand(), Counter[str]()
        self.door = Door(self.context, LIMITS, self.counters, self.clock)
        self.door.allow([MEMBER, OTHER])
        self.libzmq = self.context.socket(zmq.DEALER)
        self.libzmq.connect(ADDRESS)

    def raw(self, *frames: bytes) -> list[bytes]:
        self.libzmq.send_multipart(frames)
        self.door.drain()
        return self.libzmq.recv_multipart(zmq.NOBLOCK) if self.libzmq.poll(0) else []

    def ask(self, key: bytes, domain: str = "direct", mechanism: bytes = b"CURVE") -> list[bytes]:
        return self.raw(b"", b"1.0", b"7", domain.encode(), b"127.0.0.1", b"", mechanism, key)

    def close(self) -> None:
        self.libzmq.close()
        self.door.socket.close()
        self.context.term()


@pytest.fixture
def asking() -> Iterator[Asking]:
    built = Asking()
    yield built
    built.close()


def test_a_member_comes_in_under_its_key(asking: Asking) -> None:
    name = MEMBER.hex().encode()
    assert asking.ask(MEMBER) == [b"", b"1.0", b"7", b"200", b"", name, b""]
    assert asking.counters == {"door.admitted": 1}


def test_a_stranger_is_told_to_try_again_later(asking: Asking) -> None:
    """Not "never": he may be a member as soon as our ledger has caught up."""
    assert asking.ask(STRANGER) == [b"", b"1.0", b"7", b"300", b"stranger", b"", b""]


def test_anybody_may_join_but_not_without_end(asking: Asking) -> None:
    codes = [asking.ask(bytes([n]) * 32, JOIN)[3] for n in range(6)]
    assert codes == [b"200"] * 4 + [b"300"] * 2
    asking.clock.now_ns += 2 * S
    assert asking.ask(STRANGER, JOIN)[3] == b"200"
    assert asking.counters["door.crowding"] == 2


def test_a_member_may_knock_only_so_often_at_each_door(asking: Asking) -> None:
    assert [asking.ask(MEMBER)[3] for _ in range(4)] == [b"200"] * 3 + [b"300"]
    assert asking.ask(MEMBER, "blobs")[3] == b"200"
    assert asking.ask(OTHER)[3] == b"200"
    asking.door.forgive()
    assert asking.ask(MEMBER)[3] == b"200"


def test_a_banned_member_waits(asking: Asking) -> None:
    asking.door.ban(MEMBER)
    assert asking.ask(MEMBER)[3:5] == [b"300", b"banned"]
    assert asking.ask(OTHER)[3] == b"200"
    asking.clock.now_ns += S
    assert asking.ask(MEMBER)[3] == b"200"


def test_bans_go_with_membership(asking: Asking) -> None:
    asking.door.ban(MEMBER)
    asking.door.allow([OTHER])
    assert not asking.door.banned
    assert asking.ask(MEMBER)[4] == b"stranger"


@pytest.mark.parametrize(
    ("key", "mechanism"), [(MEMBER, b"NULL"), (MEMBER, b"PLAIN"), (b"short", b"CURVE"), (b"", b"")]
)
def test_only_curve_keys_come_in(asking: Asking, key: bytes, mechanism: bytes) -> None:
    assert asking.ask(key, mechanism=mechanism)[3:5] == [b"300", b"malformed"]


def test_a_question_in_no_form_gets_no_answer(asking: Asking) -> None:
    assert asking.raw(b"", b"1.0") == []
    assert asking.raw(b"", b"1.0", b"7")[3] == b"300"
    assert asking.raw(*[b""] * 20)[3] == b"300"
    assert asking.counters == {"door.malformed": 3}


def test_who_came_in_without_a_door_has_no_key() -> None:
    assert user_key(zmq.Frame(b"x")) == b""
