"""What a node and its worker say comes back as it went; anything else is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.learning import Grid, Shard, Trained
from meshkit.runtime import worker_messages
from meshkit.runtime.worker_messages import (
    FRAME_BYTES_MAX,
    LENGTH,
    Aggregate,
    Begin,
    Contribution,
    Evaluate,
    Evaluated,
    Failed,
    Incoming,
    Initial,
    Model,
    Reply,
    TooLong,
    Train,
    Warm,
    Warmed,
    body_bytes,
    frame,
    incoming,
    reply,
)

REQUESTS: list[Incoming] = [
    Begin(("m:a", "m:b"), Shard(1, 5, "dirichlet:0.5", 3, "data")),
    Warm("m:a", "{}"),
    Initial("m:a", "{}", 2**63),
    Train("m:a", "{}", b"base", Grid(7, 8, 3), 4, 5),
    Evaluate("m:a", "{}", b"model", "test"),
    Aggregate("fedavg", b"base", Grid(7), 2),
    Contribution(b"update", 12),
]
REPLIES: list[Reply] = [
    Warmed(7),
    Model(b"model"),
    Trained(b"update", 12, -1, -1, 0),
    Evaluated(9, 900_000, 1),
    Failed("task-failed", "one line"),
]


@pytest.mark.parametrize("message", REQUESTS, ids=lambda m: type(m).__name__)
def test_a_request_comes_back(message: Incoming) -> None:
    packed = frame(message)
    assert body_bytes(packed) == len(packed) - LENGTH.size
    assert incoming(packed[LENGTH.size :]) == message


@pytest.mark.parametrize("message", REPLIES, ids=lambda m: type(m).__name__)
def test_a_reply_comes_back(message: Reply) -> None:
    assert reply(frame(message)[LENGTH.size :]) == message


@given(st.binary(max_size=80))
def test_anything_else_is_refused(body: bytes) -> None:
    for decode in (incoming, reply):
        with pytest.raises(ValueError, match=r"."):
            decode(body)


def test_a_reply_is_no_request() -> None:
    with pytest.raises(ValueError, match="Warmed"):
        incoming(frame(Warmed(7))[LENGTH.size :])


def test_frames_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLong):
        body_bytes(LENGTH.pack(FRAME_BYTES_MAX + 1))
    monkeypatch.setattr(worker_messages, "FRAME_BYTES_MAX", 100)
    with pytest.raises(TooLong):
        frame(Model(b"x" * 100))
