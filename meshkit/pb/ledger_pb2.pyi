from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Member(_message.Message):
    __slots__ = ("id", "name", "roles", "weight", "transport", "events", "direct", "blobs", "join", "anchor")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    DIRECT_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    name: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    weight: int
    transport: bytes
    events: str
    direct: str
    blobs: str
    join: str
    anchor: bytes
    def __init__(self, id: _Optional[bytes] = ..., name: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., weight: _Optional[int] = ..., transport: _Optional[bytes] = ..., events: _Optional[str] = ..., direct: _Optional[str] = ..., blobs: _Optional[str] = ..., join: _Optional[str] = ..., anchor: _Optional[bytes] = ...) -> None: ...

class Operator(_message.Message):
    __slots__ = ("key", "name", "may")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MAY_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    name: str
    may: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, key: _Optional[bytes] = ..., name: _Optional[str] = ..., may: _Optional[_Iterable[str]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("engine", "allowed_tasks", "samples_max", "update_bytes_max", "round_bytes_max", "pool_items_max", "block_items_max", "committee", "standby_ms", "propose_ms", "vote_ms", "step_ms")
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_TASKS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_MAX_FIELD_NUMBER: _ClassVar[int]
    UPDATE_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    ROUND_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    POOL_ITEMS_MAX_FIELD_NUMBER: _ClassVar[int]
    BLOCK_ITEMS_MAX_FIELD_NUMBER: _ClassVar[int]
    COMMITTEE_FIELD_NUMBER: _ClassVar[int]
    STANDBY_MS_FIELD_NUMBER: _ClassVar[int]
    PROPOSE_MS_FIELD_NUMBER: _ClassVar[int]
    VOTE_MS_FIELD_NUMBER: _ClassVar[int]
    STEP_MS_FIELD_NUMBER: _ClassVar[int]
    engine: str
    allowed_tasks: _containers.RepeatedScalarFieldContainer[str]
    samples_max: int
    update_bytes_max: int
    round_bytes_max: int
    pool_items_max: int
    block_items_max: int
    committee: int
    standby_ms: int
    propose_ms: int
    vote_ms: int
    step_ms: int
    def __init__(self, engine: _Optional[str] = ..., allowed_tasks: _Optional[_Iterable[str]] = ..., samples_max: _Optional[int] = ..., update_bytes_max: _Optional[int] = ..., round_bytes_max: _Optional[int] = ..., pool_items_max: _Optional[int] = ..., block_items_max: _Optional[int] = ..., committee: _Optional[int] = ..., standby_ms: _Optional[int] = ..., propose_ms: _Optional[int] = ..., vote_ms: _Optional[int] = ..., step_ms: _Optional[int] = ...) -> None: ...

class Genesis(_message.Message):
    __slots__ = ("name", "created_ns", "founders", "operators", "policy")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CREATED_NS_FIELD_NUMBER: _ClassVar[int]
    FOUNDERS_FIELD_NUMBER: _ClassVar[int]
    OPERATORS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    name: str
    created_ns: int
    founders: _containers.RepeatedCompositeFieldContainer[Member]
    operators: _containers.RepeatedCompositeFieldContainer[Operator]
    policy: Policy
    def __init__(self, name: _Optional[str] = ..., created_ns: _Optional[int] = ..., founders: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., operators: _Optional[_Iterable[_Union[Operator, _Mapping]]] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("name", "module", "parameters", "rounds", "quorum", "deadline_ms", "patience_ms", "size", "bits", "scale_bits", "strategy", "initial", "seed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_MS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    SCALE_BITS_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    INITIAL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    name: str
    module: str
    parameters: str
    rounds: int
    quorum: int
    deadline_ms: int
    patience_ms: int
    size: int
    bits: int
    scale_bits: int
    strategy: str
    initial: bytes
    seed: int
    def __init__(self, name: _Optional[str] = ..., module: _Optional[str] = ..., parameters: _Optional[str] = ..., rounds: _Optional[int] = ..., quorum: _Optional[int] = ..., deadline_ms: _Optional[int] = ..., patience_ms: _Optional[int] = ..., size: _Optional[int] = ..., bits: _Optional[int] = ..., scale_bits: _Optional[int] = ..., strategy: _Optional[str] = ..., initial: _Optional[bytes] = ..., seed: _Optional[int] = ...) -> None: ...

class SubmitTask(_message.Message):
    __slots__ = ("operator", "serial", "task", "signature")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    operator: bytes
    serial: int
    task: Task
    signature: bytes
    def __init__(self, operator: _Optional[bytes] = ..., serial: _Optional[int] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CancelTask(_message.Message):
    __slots__ = ("operator", "serial", "task", "signature")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    operator: bytes
    serial: int
    task: bytes
    signature: bytes
    def __init__(self, operator: _Optional[bytes] = ..., serial: _Optional[int] = ..., task: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Ticket(_message.Message):
    __slots__ = ("operator", "serial", "member", "roles", "weight", "signature")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    operator: bytes
    serial: int
    member: bytes
    roles: _containers.RepeatedScalarFieldContainer[str]
    weight: int
    signature: bytes
    def __init__(self, operator: _Optional[bytes] = ..., serial: _Optional[int] = ..., member: _Optional[bytes] = ..., roles: _Optional[_Iterable[str]] = ..., weight: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Join(_message.Message):
    __slots__ = ("signer", "ticket", "member", "signature")
    SIGNER_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    signer: bytes
    ticket: Ticket
    member: Member
    signature: bytes
    def __init__(self, signer: _Optional[bytes] = ..., ticket: _Optional[_Union[Ticket, _Mapping]] = ..., member: _Optional[_Union[Member, _Mapping]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class RemoveMember(_message.Message):
    __slots__ = ("operator", "serial", "member", "signature")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    operator: bytes
    serial: int
    member: bytes
    signature: bytes
    def __init__(self, operator: _Optional[bytes] = ..., serial: _Optional[int] = ..., member: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Reanchor(_message.Message):
    __slots__ = ("member", "chain", "anchor", "signature")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    chain: int
    anchor: bytes
    signature: bytes
    def __init__(self, member: _Optional[bytes] = ..., chain: _Optional[int] = ..., anchor: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Note(_message.Message):
    __slots__ = ("author", "serial", "payload", "signature")
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    author: bytes
    serial: int
    payload: bytes
    signature: bytes
    def __init__(self, author: _Optional[bytes] = ..., serial: _Optional[int] = ..., payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Accusation(_message.Message):
    __slots__ = ("accuser", "culprit", "first", "second", "signature")
    ACCUSER_FIELD_NUMBER: _ClassVar[int]
    CULPRIT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    accuser: bytes
    culprit: bytes
    first: bytes
    second: bytes
    signature: bytes
    def __init__(self, accuser: _Optional[bytes] = ..., culprit: _Optional[bytes] = ..., first: _Optional[bytes] = ..., second: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("submitter", "update", "samples")
    SUBMITTER_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    submitter: bytes
    update: bytes
    samples: int
    def __init__(self, submitter: _Optional[bytes] = ..., update: _Optional[bytes] = ..., samples: _Optional[int] = ...) -> None: ...

class RoundResult(_message.Message):
    __slots__ = ("collector", "task", "round", "base", "model", "credits", "proof", "signature")
    COLLECTOR_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    collector: bytes
    task: bytes
    round: int
    base: bytes
    model: bytes
    credits: _containers.RepeatedCompositeFieldContainer[Credit]
    proof: bytes
    signature: bytes
    def __init__(self, collector: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., base: _Optional[bytes] = ..., model: _Optional[bytes] = ..., credits: _Optional[_Iterable[_Union[Credit, _Mapping]]] = ..., proof: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("height", "previous", "proposer", "link", "items")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    height: int
    previous: bytes
    proposer: bytes
    link: bytes
    items: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, height: _Optional[int] = ..., previous: _Optional[bytes] = ..., proposer: _Optional[bytes] = ..., link: _Optional[bytes] = ..., items: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Found(_message.Message):
    __slots__ = ("genesis",)
    GENESIS_FIELD_NUMBER: _ClassVar[int]
    genesis: Genesis
    def __init__(self, genesis: _Optional[_Union[Genesis, _Mapping]] = ...) -> None: ...

class Apply(_message.Message):
    __slots__ = ("height", "block")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    height: int
    block: Block
    def __init__(self, height: _Optional[int] = ..., block: _Optional[_Union[Block, _Mapping]] = ...) -> None: ...

class Founded(_message.Message):
    __slots__ = ("genesis",)
    GENESIS_FIELD_NUMBER: _ClassVar[int]
    genesis: Genesis
    def __init__(self, genesis: _Optional[_Union[Genesis, _Mapping]] = ...) -> None: ...

class MemberAdmitted(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: Member
    def __init__(self, member: _Optional[_Union[Member, _Mapping]] = ...) -> None: ...

class MemberRemoved(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    def __init__(self, member: _Optional[bytes] = ...) -> None: ...

class TicketVoided(_message.Message):
    __slots__ = ("member",)
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    def __init__(self, member: _Optional[bytes] = ...) -> None: ...

class Reanchored(_message.Message):
    __slots__ = ("member", "chain", "anchor")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    chain: int
    anchor: bytes
    def __init__(self, member: _Optional[bytes] = ..., chain: _Optional[int] = ..., anchor: _Optional[bytes] = ...) -> None: ...

class TaskOpened(_message.Message):
    __slots__ = ("id", "task")
    ID_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    task: Task
    def __init__(self, id: _Optional[bytes] = ..., task: _Optional[_Union[Task, _Mapping]] = ...) -> None: ...

class RoundOpened(_message.Message):
    __slots__ = ("task", "round", "base", "seed")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    round: int
    base: bytes
    seed: bytes
    def __init__(self, task: _Optional[bytes] = ..., round: _Optional[int] = ..., base: _Optional[bytes] = ..., seed: _Optional[bytes] = ...) -> None: ...

class RoundCommitted(_message.Message):
    __slots__ = ("task", "round", "model", "credits")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    round: int
    model: bytes
    credits: _containers.RepeatedCompositeFieldContainer[Credit]
    def __init__(self, task: _Optional[bytes] = ..., round: _Optional[int] = ..., model: _Optional[bytes] = ..., credits: _Optional[_Iterable[_Union[Credit, _Mapping]]] = ...) -> None: ...

class TaskFinished(_message.Message):
    __slots__ = ("task", "model")
    TASK_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    model: bytes
    def __init__(self, task: _Optional[bytes] = ..., model: _Optional[bytes] = ...) -> None: ...

class TaskCancelled(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    def __init__(self, task: _Optional[bytes] = ...) -> None: ...

class NoteRecorded(_message.Message):
    __slots__ = ("author", "serial", "payload")
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    author: bytes
    serial: int
    payload: bytes
    def __init__(self, author: _Optional[bytes] = ..., serial: _Optional[int] = ..., payload: _Optional[bytes] = ...) -> None: ...

class Accused(_message.Message):
    __slots__ = ("culprit", "accuser", "domain", "first", "second")
    CULPRIT_FIELD_NUMBER: _ClassVar[int]
    ACCUSER_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    culprit: bytes
    accuser: bytes
    domain: str
    first: bytes
    second: bytes
    def __init__(self, culprit: _Optional[bytes] = ..., accuser: _Optional[bytes] = ..., domain: _Optional[str] = ..., first: _Optional[bytes] = ..., second: _Optional[bytes] = ...) -> None: ...

class SerialUsed(_message.Message):
    __slots__ = ("operator", "serial")
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    operator: bytes
    serial: int
    def __init__(self, operator: _Optional[bytes] = ..., serial: _Optional[int] = ...) -> None: ...

class ItemRefused(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    reason: str
    def __init__(self, id: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class BlockApplied(_message.Message):
    __slots__ = ("height", "value_id", "proposer", "link", "seed")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VALUE_ID_FIELD_NUMBER: _ClassVar[int]
    PROPOSER_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    height: int
    value_id: bytes
    proposer: bytes
    link: bytes
    seed: bytes
    def __init__(self, height: _Optional[int] = ..., value_id: _Optional[bytes] = ..., proposer: _Optional[bytes] = ..., link: _Optional[bytes] = ..., seed: _Optional[bytes] = ...) -> None: ...
