from meshkit.pb import history_pb2 as _history_pb2
from meshkit.pb import ledger_pb2 as _ledger_pb2
from meshkit.pb import consensus_pb2 as _consensus_pb2
from meshkit.pb import tendermint_pb2 as _tendermint_pb2
from meshkit.pb import rounds_pb2 as _rounds_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Moment(_message.Message):
    __slots__ = ("now_ns", "seed")
    NOW_NS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    now_ns: int
    seed: int
    def __init__(self, now_ns: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class Wake(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Restarted(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Heard(_message.Message):
    __slots__ = ("sender", "message")
    SENDER_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    sender: bytes
    message: Body
    def __init__(self, sender: _Optional[bytes] = ..., message: _Optional[_Union[Body, _Mapping]] = ...) -> None: ...

class At(_message.Message):
    __slots__ = ("name", "body")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    name: str
    body: Body
    def __init__(self, name: _Optional[str] = ..., body: _Optional[_Union[Body, _Mapping]] = ...) -> None: ...

class Body(_message.Message):
    __slots__ = ("moment", "wake", "restarted", "heard", "at", "history_start", "history_snapshot", "history_show_head", "history_started", "history_snapshotted", "history_head_shown", "history_head_noted", "history_head", "ledger_member", "ledger_operator", "ledger_policy", "ledger_genesis", "ledger_task", "ledger_submit_task", "ledger_cancel_task", "ledger_ticket", "ledger_join", "ledger_remove_member", "ledger_note", "ledger_accusation", "ledger_credit", "ledger_round_result", "ledger_block", "consensus_validator", "consensus_seal", "consensus_certificate", "consensus_begin", "consensus_open", "consensus_propose", "consensus_judge", "consensus_proposal_wanted", "consensus_proposal_taken", "consensus_decided", "consensus_equivocation_seen", "consensus_ask", "consensus_committed", "tendermint_vote", "tendermint_proposal", "rounds_update", "rounds_held", "rounds_attestation", "rounds_proof")
    MOMENT_FIELD_NUMBER: _ClassVar[int]
    WAKE_FIELD_NUMBER: _ClassVar[int]
    RESTARTED_FIELD_NUMBER: _ClassVar[int]
    HEARD_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_START_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SHOW_HEAD_FIELD_NUMBER: _ClassVar[int]
    HISTORY_STARTED_FIELD_NUMBER: _ClassVar[int]
    HISTORY_SNAPSHOTTED_FIELD_NUMBER: _ClassVar[int]
    HISTORY_HEAD_SHOWN_FIELD_NUMBER: _ClassVar[int]
    HISTORY_HEAD_NOTED_FIELD_NUMBER: _ClassVar[int]
    HISTORY_HEAD_FIELD_NUMBER: _ClassVar[int]
    LEDGER_MEMBER_FIELD_NUMBER: _ClassVar[int]
    LEDGER_OPERATOR_FIELD_NUMBER: _ClassVar[int]
    LEDGER_POLICY_FIELD_NUMBER: _ClassVar[int]
    LEDGER_GENESIS_FIELD_NUMBER: _ClassVar[int]
    LEDGER_TASK_FIELD_NUMBER: _ClassVar[int]
    LEDGER_SUBMIT_TASK_FIELD_NUMBER: _ClassVar[int]
    LEDGER_CANCEL_TASK_FIELD_NUMBER: _ClassVar[int]
    LEDGER_TICKET_FIELD_NUMBER: _ClassVar[int]
    LEDGER_JOIN_FIELD_NUMBER: _ClassVar[int]
    LEDGER_REMOVE_MEMBER_FIELD_NUMBER: _ClassVar[int]
    LEDGER_NOTE_FIELD_NUMBER: _ClassVar[int]
    LEDGER_ACCUSATION_FIELD_NUMBER: _ClassVar[int]
    LEDGER_CREDIT_FIELD_NUMBER: _ClassVar[int]
    LEDGER_ROUND_RESULT_FIELD_NUMBER: _ClassVar[int]
    LEDGER_BLOCK_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_VALIDATOR_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_SEAL_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_BEGIN_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_OPEN_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_PROPOSE_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_JUDGE_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_PROPOSAL_WANTED_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_PROPOSAL_TAKEN_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_DECIDED_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_EQUIVOCATION_SEEN_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_ASK_FIELD_NUMBER: _ClassVar[int]
    CONSENSUS_COMMITTED_FIELD_NUMBER: _ClassVar[int]
    TENDERMINT_VOTE_FIELD_NUMBER: _ClassVar[int]
    TENDERMINT_PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_UPDATE_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_HELD_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_ATTESTATION_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_PROOF_FIELD_NUMBER: _ClassVar[int]
    moment: Moment
    wake: Wake
    restarted: Restarted
    heard: Heard
    at: At
    history_start: _history_pb2.Start
    history_snapshot: _history_pb2.Snapshot
    history_show_head: _history_pb2.ShowHead
    history_started: _history_pb2.Started
    history_snapshotted: _history_pb2.Snapshotted
    history_head_shown: _history_pb2.HeadShown
    history_head_noted: _history_pb2.HeadNoted
    history_head: _history_pb2.Head
    ledger_member: _ledger_pb2.Member
    ledger_operator: _ledger_pb2.Operator
    ledger_policy: _ledger_pb2.Policy
    ledger_genesis: _ledger_pb2.Genesis
    ledger_task: _ledger_pb2.Task
    ledger_submit_task: _ledger_pb2.SubmitTask
    ledger_cancel_task: _ledger_pb2.CancelTask
    ledger_ticket: _ledger_pb2.Ticket
    ledger_join: _ledger_pb2.Join
    ledger_remove_member: _ledger_pb2.RemoveMember
    ledger_note: _ledger_pb2.Note
    ledger_accusation: _ledger_pb2.Accusation
    ledger_credit: _ledger_pb2.Credit
    ledger_round_result: _ledger_pb2.RoundResult
    ledger_block: _ledger_pb2.Block
    consensus_validator: _consensus_pb2.Validator
    consensus_seal: _consensus_pb2.Seal
    consensus_certificate: _consensus_pb2.Certificate
    consensus_begin: _consensus_pb2.Begin
    consensus_open: _consensus_pb2.Open
    consensus_propose: _consensus_pb2.Propose
    consensus_judge: _consensus_pb2.Judge
    consensus_proposal_wanted: _consensus_pb2.ProposalWanted
    consensus_proposal_taken: _consensus_pb2.ProposalTaken
    consensus_decided: _consensus_pb2.Decided
    consensus_equivocation_seen: _consensus_pb2.EquivocationSeen
    consensus_ask: _consensus_pb2.Ask
    consensus_committed: _consensus_pb2.Committed
    tendermint_vote: _tendermint_pb2.Vote
    tendermint_proposal: _tendermint_pb2.Proposal
    rounds_update: _rounds_pb2.Update
    rounds_held: _rounds_pb2.Held
    rounds_attestation: _rounds_pb2.Attestation
    rounds_proof: _rounds_pb2.Proof
    def __init__(self, moment: _Optional[_Union[Moment, _Mapping]] = ..., wake: _Optional[_Union[Wake, _Mapping]] = ..., restarted: _Optional[_Union[Restarted, _Mapping]] = ..., heard: _Optional[_Union[Heard, _Mapping]] = ..., at: _Optional[_Union[At, _Mapping]] = ..., history_start: _Optional[_Union[_history_pb2.Start, _Mapping]] = ..., history_snapshot: _Optional[_Union[_history_pb2.Snapshot, _Mapping]] = ..., history_show_head: _Optional[_Union[_history_pb2.ShowHead, _Mapping]] = ..., history_started: _Optional[_Union[_history_pb2.Started, _Mapping]] = ..., history_snapshotted: _Optional[_Union[_history_pb2.Snapshotted, _Mapping]] = ..., history_head_shown: _Optional[_Union[_history_pb2.HeadShown, _Mapping]] = ..., history_head_noted: _Optional[_Union[_history_pb2.HeadNoted, _Mapping]] = ..., history_head: _Optional[_Union[_history_pb2.Head, _Mapping]] = ..., ledger_member: _Optional[_Union[_ledger_pb2.Member, _Mapping]] = ..., ledger_operator: _Optional[_Union[_ledger_pb2.Operator, _Mapping]] = ..., ledger_policy: _Optional[_Union[_ledger_pb2.Policy, _Mapping]] = ..., ledger_genesis: _Optional[_Union[_ledger_pb2.Genesis, _Mapping]] = ..., ledger_task: _Optional[_Union[_ledger_pb2.Task, _Mapping]] = ..., ledger_submit_task: _Optional[_Union[_ledger_pb2.SubmitTask, _Mapping]] = ..., ledger_cancel_task: _Optional[_Union[_ledger_pb2.CancelTask, _Mapping]] = ..., ledger_ticket: _Optional[_Union[_ledger_pb2.Ticket, _Mapping]] = ..., ledger_join: _Optional[_Union[_ledger_pb2.Join, _Mapping]] = ..., ledger_remove_member: _Optional[_Union[_ledger_pb2.RemoveMember, _Mapping]] = ..., ledger_note: _Optional[_Union[_ledger_pb2.Note, _Mapping]] = ..., ledger_accusation: _Optional[_Union[_ledger_pb2.Accusation, _Mapping]] = ..., ledger_credit: _Optional[_Union[_ledger_pb2.Credit, _Mapping]] = ..., ledger_round_result: _Optional[_Union[_ledger_pb2.RoundResult, _Mapping]] = ..., ledger_block: _Optional[_Union[_ledger_pb2.Block, _Mapping]] = ..., consensus_validator: _Optional[_Union[_consensus_pb2.Validator, _Mapping]] = ..., consensus_seal: _Optional[_Union[_consensus_pb2.Seal, _Mapping]] = ..., consensus_certificate: _Optional[_Union[_consensus_pb2.Certificate, _Mapping]] = ..., consensus_begin: _Optional[_Union[_consensus_pb2.Begin, _Mapping]] = ..., consensus_open: _Optional[_Union[_consensus_pb2.Open, _Mapping]] = ..., consensus_propose: _Optional[_Union[_consensus_pb2.Propose, _Mapping]] = ..., consensus_judge: _Optional[_Union[_consensus_pb2.Judge, _Mapping]] = ..., consensus_proposal_wanted: _Optional[_Union[_consensus_pb2.ProposalWanted, _Mapping]] = ..., consensus_proposal_taken: _Optional[_Union[_consensus_pb2.ProposalTaken, _Mapping]] = ..., consensus_decided: _Optional[_Union[_consensus_pb2.Decided, _Mapping]] = ..., consensus_equivocation_seen: _Optional[_Union[_consensus_pb2.EquivocationSeen, _Mapping]] = ..., consensus_ask: _Optional[_Union[_consensus_pb2.Ask, _Mapping]] = ..., consensus_committed: _Optional[_Union[_consensus_pb2.Committed, _Mapping]] = ..., tendermint_vote: _Optional[_Union[_tendermint_pb2.Vote, _Mapping]] = ..., tendermint_proposal: _Optional[_Union[_tendermint_pb2.Proposal, _Mapping]] = ..., rounds_update: _Optional[_Union[_rounds_pb2.Update, _Mapping]] = ..., rounds_held: _Optional[_Union[_rounds_pb2.Held, _Mapping]] = ..., rounds_attestation: _Optional[_Union[_rounds_pb2.Attestation, _Mapping]] = ..., rounds_proof: _Optional[_Union[_rounds_pb2.Proof, _Mapping]] = ...) -> None: ...
