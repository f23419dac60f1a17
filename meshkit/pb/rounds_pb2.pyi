from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Update(_message.Message):
    __slots__ = ("submitter", "task", "round", "blob", "size", "samples", "accuracy_ppm", "loss_micro", "signature")
    SUBMITTER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_PPM_FIELD_NUMBER: _ClassVar[int]
    LOSS_MICRO_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    submitter: bytes
    task: bytes
    round: int
    blob: bytes
    size: int
    samples: int
    accuracy_ppm: int
    loss_micro: int
    signature: bytes
    def __init__(self, submitter: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., blob: _Optional[bytes] = ..., size: _Optional[int] = ..., samples: _Optional[int] = ..., accuracy_ppm: _Optional[int] = ..., loss_micro: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Held(_message.Message):
    __slots__ = ("holder", "task", "round", "updates", "signature")
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    holder: bytes
    task: bytes
    round: int
    updates: _containers.RepeatedCompositeFieldContainer[Update]
    signature: bytes
    def __init__(self, holder: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., updates: _Optional[_Iterable[_Union[Update, _Mapping]]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Attestation(_message.Message):
    __slots__ = ("member", "task", "round", "lists", "model", "signature")
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    LISTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    member: bytes
    task: bytes
    round: int
    lists: bytes
    model: bytes
    signature: bytes
    def __init__(self, member: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., lists: _Optional[bytes] = ..., model: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Proof(_message.Message):
    __slots__ = ("lists", "attestations")
    LISTS_FIELD_NUMBER: _ClassVar[int]
    ATTESTATIONS_FIELD_NUMBER: _ClassVar[int]
    lists: _containers.RepeatedCompositeFieldContainer[Held]
    attestations: _containers.RepeatedCompositeFieldContainer[Attestation]
    def __init__(self, lists: _Optional[_Iterable[_Union[Held, _Mapping]]] = ..., attestations: _Optional[_Iterable[_Union[Attestation, _Mapping]]] = ...) -> None: ...

class Spec(_message.Message):
    __slots__ = ("module", "parameters", "quorum", "deadline_ms", "patience_ms", "size", "bits", "scale_bits", "strategy", "seed", "samples_max", "update_bytes", "round_bytes_max", "model_bytes")
    MODULE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_MS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    SCALE_BITS_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_MAX_FIELD_NUMBER: _ClassVar[int]
    UPDATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROUND_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    MODEL_BYTES_FIELD_NUMBER: _ClassVar[int]
    module: str
    parameters: str
    quorum: int
    deadline_ms: int
    patience_ms: int
    size: int
    bits: int
    scale_bits: int
    strategy: str
    seed: int
    samples_max: int
    update_bytes: int
    round_bytes_max: int
    model_bytes: int
    def __init__(self, module: _Optional[str] = ..., parameters: _Optional[str] = ..., quorum: _Optional[int] = ..., deadline_ms: _Optional[int] = ..., patience_ms: _Optional[int] = ..., size: _Optional[int] = ..., bits: _Optional[int] = ..., scale_bits: _Optional[int] = ..., strategy: _Optional[str] = ..., seed: _Optional[int] = ..., samples_max: _Optional[int] = ..., update_bytes: _Optional[int] = ..., round_bytes_max: _Optional[int] = ..., model_bytes: _Optional[int] = ...) -> None: ...

class Holder(_message.Message):
    __slots__ = ("id", "weight")
    ID_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    weight: int
    def __init__(self, id: _Optional[bytes] = ..., weight: _Optional[int] = ...) -> None: ...

class Counted(_message.Message):
    __slots__ = ("submitter", "update", "samples")
    SUBMITTER_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    submitter: bytes
    update: bytes
    samples: int
    def __init__(self, submitter: _Optional[bytes] = ..., update: _Optional[bytes] = ..., samples: _Optional[int] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("collector", "task", "round", "base", "model", "credits", "proof")
    COLLECTOR_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    collector: bytes
    task: bytes
    round: int
    base: bytes
    model: bytes
    credits: _containers.RepeatedCompositeFieldContainer[Counted]
    proof: Proof
    def __init__(self, collector: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., base: _Optional[bytes] = ..., model: _Optional[bytes] = ..., credits: _Optional[_Iterable[_Union[Counted, _Mapping]]] = ..., proof: _Optional[_Union[Proof, _Mapping]] = ...) -> None: ...

class Candidate(_message.Message):
    __slots__ = ("lists", "updates", "key")
    LISTS_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    lists: _containers.RepeatedCompositeFieldContainer[Held]
    updates: _containers.RepeatedCompositeFieldContainer[Update]
    key: bytes
    def __init__(self, lists: _Optional[_Iterable[_Union[Held, _Mapping]]] = ..., updates: _Optional[_Iterable[_Union[Update, _Mapping]]] = ..., key: _Optional[bytes] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("task", "round", "spec", "base", "seed", "trainers", "validators", "ranking", "committee", "standby_ms")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    TRAINERS_FIELD_NUMBER: _ClassVar[int]
    VALIDATORS_FIELD_NUMBER: _ClassVar[int]
    RANKING_FIELD_NUMBER: _ClassVar[int]
    COMMITTEE_FIELD_NUMBER: _ClassVar[int]
    STANDBY_MS_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    round: int
    spec: Spec
    base: bytes
    seed: bytes
    trainers: _containers.RepeatedScalarFieldContainer[bytes]
    validators: _containers.RepeatedCompositeFieldContainer[Holder]
    ranking: _containers.RepeatedScalarFieldContainer[bytes]
    committee: int
    standby_ms: int
    def __init__(self, task: _Optional[bytes] = ..., round: _Optional[int] = ..., spec: _Optional[_Union[Spec, _Mapping]] = ..., base: _Optional[bytes] = ..., seed: _Optional[bytes] = ..., trainers: _Optional[_Iterable[bytes]] = ..., validators: _Optional[_Iterable[_Union[Holder, _Mapping]]] = ..., ranking: _Optional[_Iterable[bytes]] = ..., committee: _Optional[int] = ..., standby_ms: _Optional[int] = ...) -> None: ...

class Close(_message.Message):
    __slots__ = ("task", "reason", "model")
    TASK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    reason: str
    model: bytes
    def __init__(self, task: _Optional[bytes] = ..., reason: _Optional[str] = ..., model: _Optional[bytes] = ...) -> None: ...

class Trained(_message.Message):
    __slots__ = ("task", "round", "blob", "size", "samples", "accuracy_ppm", "loss_micro")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    BLOB_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_PPM_FIELD_NUMBER: _ClassVar[int]
    LOSS_MICRO_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    round: int
    blob: bytes
    size: int
    samples: int
    accuracy_ppm: int
    loss_micro: int
    def __init__(self, task: _Optional[bytes] = ..., round: _Optional[int] = ..., blob: _Optional[bytes] = ..., size: _Optional[int] = ..., samples: _Optional[int] = ..., accuracy_ppm: _Optional[int] = ..., loss_micro: _Optional[int] = ...) -> None: ...

class TrainingFailed(_message.Message):
    __slots__ = ("task", "round", "reason")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    round: int
    reason: str
    def __init__(self, task: _Optional[bytes] = ..., round: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Fetched(_message.Message):
    __slots__ = ("task", "form", "digest", "size", "problem")
    TASK_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    form: str
    digest: bytes
    size: int
    problem: str
    def __init__(self, task: _Optional[bytes] = ..., form: _Optional[str] = ..., digest: _Optional[bytes] = ..., size: _Optional[int] = ..., problem: _Optional[str] = ...) -> None: ...

class Aggregated(_message.Message):
    __slots__ = ("task", "round", "base", "key", "model", "problem")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    round: int
    base: bytes
    key: bytes
    model: bytes
    problem: str
    def __init__(self, task: _Optional[bytes] = ..., round: _Optional[int] = ..., base: _Optional[bytes] = ..., key: _Optional[bytes] = ..., model: _Optional[bytes] = ..., problem: _Optional[str] = ...) -> None: ...

class Judge(_message.Message):
    __slots__ = ("reference", "result", "pooled")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    POOLED_FIELD_NUMBER: _ClassVar[int]
    reference: bytes
    result: Result
    pooled: bool
    def __init__(self, reference: _Optional[bytes] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., pooled: _Optional[bool] = ...) -> None: ...

class Case(_message.Message):
    __slots__ = ("judge", "updates", "key")
    JUDGE_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    judge: Judge
    updates: _containers.RepeatedCompositeFieldContainer[Update]
    key: bytes
    def __init__(self, judge: _Optional[_Union[Judge, _Mapping]] = ..., updates: _Optional[_Iterable[_Union[Update, _Mapping]]] = ..., key: _Optional[bytes] = ...) -> None: ...

class RoundOpened(_message.Message):
    __slots__ = ("opened", "at_ns")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    opened: Open
    at_ns: int
    def __init__(self, opened: _Optional[_Union[Open, _Mapping]] = ..., at_ns: _Optional[int] = ...) -> None: ...

class RoundReopened(_message.Message):
    __slots__ = ("opened", "at_ns")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    opened: Open
    at_ns: int
    def __init__(self, opened: _Optional[_Union[Open, _Mapping]] = ..., at_ns: _Optional[int] = ...) -> None: ...

class TaskClosed(_message.Message):
    __slots__ = ("task", "reason", "model", "at_ns")
    TASK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    reason: str
    model: bytes
    at_ns: int
    def __init__(self, task: _Optional[bytes] = ..., reason: _Optional[str] = ..., model: _Optional[bytes] = ..., at_ns: _Optional[int] = ...) -> None: ...

class TaskForgotten(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    def __init__(self, task: _Optional[bytes] = ...) -> None: ...

class ModelHeld(_message.Message):
    __slots__ = ("task", "digest")
    TASK_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    digest: bytes
    def __init__(self, task: _Optional[bytes] = ..., digest: _Optional[bytes] = ...) -> None: ...

class UpdateFormed(_message.Message):
    __slots__ = ("update", "at_ns")
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    update: Update
    at_ns: int
    def __init__(self, update: _Optional[_Union[Update, _Mapping]] = ..., at_ns: _Optional[int] = ...) -> None: ...

class TrainingLost(_message.Message):
    __slots__ = ("task", "round", "reason")
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    round: int
    reason: str
    def __init__(self, task: _Optional[bytes] = ..., round: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class UpdateNoted(_message.Message):
    __slots__ = ("update", "at_ns")
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    update: Update
    at_ns: int
    def __init__(self, update: _Optional[_Union[Update, _Mapping]] = ..., at_ns: _Optional[int] = ...) -> None: ...

class UpdateRefused(_message.Message):
    __slots__ = ("update", "reason")
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    update: Update
    reason: str
    def __init__(self, update: _Optional[_Union[Update, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class UpdateConflict(_message.Message):
    __slots__ = ("first", "second")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    first: Update
    second: Update
    def __init__(self, first: _Optional[_Union[Update, _Mapping]] = ..., second: _Optional[_Union[Update, _Mapping]] = ...) -> None: ...

class BlobChecked(_message.Message):
    __slots__ = ("task", "digest", "size", "problem", "at_ns")
    TASK_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    digest: bytes
    size: int
    problem: str
    at_ns: int
    def __init__(self, task: _Optional[bytes] = ..., digest: _Optional[bytes] = ..., size: _Optional[int] = ..., problem: _Optional[str] = ..., at_ns: _Optional[int] = ...) -> None: ...

class HeldFormed(_message.Message):
    __slots__ = ("held", "at_ns")
    HELD_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    held: Held
    at_ns: int
    def __init__(self, held: _Optional[_Union[Held, _Mapping]] = ..., at_ns: _Optional[int] = ...) -> None: ...

class HeldTaken(_message.Message):
    __slots__ = ("held", "at_ns")
    HELD_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    held: Held
    at_ns: int
    def __init__(self, held: _Optional[_Union[Held, _Mapping]] = ..., at_ns: _Optional[int] = ...) -> None: ...

class HeldRefused(_message.Message):
    __slots__ = ("held", "reason")
    HELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    held: Held
    reason: str
    def __init__(self, held: _Optional[_Union[Held, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class HeldConflict(_message.Message):
    __slots__ = ("first", "second")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    first: Held
    second: Held
    def __init__(self, first: _Optional[_Union[Held, _Mapping]] = ..., second: _Optional[_Union[Held, _Mapping]] = ...) -> None: ...

class EarlyKept(_message.Message):
    __slots__ = ("statement",)
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    statement: bytes
    def __init__(self, statement: _Optional[bytes] = ...) -> None: ...

class CandidateChosen(_message.Message):
    __slots__ = ("task", "candidate")
    TASK_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    candidate: Candidate
    def __init__(self, task: _Optional[bytes] = ..., candidate: _Optional[_Union[Candidate, _Mapping]] = ...) -> None: ...

class CollectingPutOff(_message.Message):
    __slots__ = ("task", "until_ns")
    TASK_FIELD_NUMBER: _ClassVar[int]
    UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    until_ns: int
    def __init__(self, task: _Optional[bytes] = ..., until_ns: _Optional[int] = ...) -> None: ...

class AggregateKnown(_message.Message):
    __slots__ = ("task", "key", "model")
    TASK_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    key: bytes
    model: bytes
    def __init__(self, task: _Optional[bytes] = ..., key: _Optional[bytes] = ..., model: _Optional[bytes] = ...) -> None: ...

class BlobsLost(_message.Message):
    __slots__ = ("task", "key")
    TASK_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    key: bytes
    def __init__(self, task: _Optional[bytes] = ..., key: _Optional[bytes] = ...) -> None: ...

class AttestationFormed(_message.Message):
    __slots__ = ("attestation", "at_ns")
    ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    attestation: Attestation
    at_ns: int
    def __init__(self, attestation: _Optional[_Union[Attestation, _Mapping]] = ..., at_ns: _Optional[int] = ...) -> None: ...

class AttestationTaken(_message.Message):
    __slots__ = ("attestation",)
    ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    attestation: Attestation
    def __init__(self, attestation: _Optional[_Union[Attestation, _Mapping]] = ...) -> None: ...

class AttestationConflict(_message.Message):
    __slots__ = ("first", "second")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    first: Attestation
    second: Attestation
    def __init__(self, first: _Optional[_Union[Attestation, _Mapping]] = ..., second: _Optional[_Union[Attestation, _Mapping]] = ...) -> None: ...

class CaseOpened(_message.Message):
    __slots__ = ("case",)
    CASE_FIELD_NUMBER: _ClassVar[int]
    case: Case
    def __init__(self, case: _Optional[_Union[Case, _Mapping]] = ...) -> None: ...

class Judged(_message.Message):
    __slots__ = ("reference", "task", "round", "collector", "pooled", "valid", "reason")
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    ROUND_FIELD_NUMBER: _ClassVar[int]
    COLLECTOR_FIELD_NUMBER: _ClassVar[int]
    POOLED_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    reference: bytes
    task: bytes
    round: int
    collector: bytes
    pooled: bool
    valid: bool
    reason: str
    def __init__(self, reference: _Optional[bytes] = ..., task: _Optional[bytes] = ..., round: _Optional[int] = ..., collector: _Optional[bytes] = ..., pooled: _Optional[bool] = ..., valid: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class ResultRefused(_message.Message):
    __slots__ = ("result", "reason")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    result: Result
    reason: str
    def __init__(self, result: _Optional[_Union[Result, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ResultFormed(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: Result
    def __init__(self, result: _Optional[_Union[Result, _Mapping]] = ...) -> None: ...

class Reminded(_message.Message):
    __slots__ = ("task", "repeats", "at_ns")
    TASK_FIELD_NUMBER: _ClassVar[int]
    REPEATS_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    task: bytes
    repeats: int
    at_ns: int
    def __init__(self, task: _Optional[bytes] = ..., repeats: _Optional[int] = ..., at_ns: _Optional[int] = ...) -> None: ...
