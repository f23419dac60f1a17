"""The generated modules of the rooms' schemas, by the name of the room."""

from collections.abc import Mapping
from types import ModuleType

from meshkit.pb import (
    body_pb2,
    consensus_pb2,
    history_pb2,
    ledger_pb2,
    pbft_pb2,
    pool_pb2,
    raft_pb2,
    rounds_pb2,
    tendermint_pb2,
)

SCHEMAS: Mapping[str, ModuleType] = {
    "body": body_pb2,
    "history": history_pb2,
    "ledger": ledger_pb2,
    "pool": pool_pb2,
    "consensus": consensus_pb2,
    "tendermint": tendermint_pb2,
    "pbft": pbft_pb2,
    "raft": raft_pb2,
    "rounds": rounds_pb2,
}
