"""The rounds' machine: what a node decides when it is told something, and what it then asks for.

A judgement is about the open round alone. Rounds and ledger advance in one step, so a block that
proposes a result of any other round is refused by the ledger itself; and a result that reaches the
pool early, a block ahead of us, is met with silence, for an answer of no would be remembered
against it. Who asked asks again when the round is open here, or when the result is proposed.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias, assert_never, cast, get_args

from meshkit.core.machine import Heard, Moment, Restarted, Wake
from meshkit.core.value import digest
from meshkit.rounds.duties import SILENT, is_training, needs, react
from meshkit.rounds.fold import evolve, evolved, task_of
from meshkit.rounds.hearing import hear
from meshkit.rounds.inclusion import (
    ELSEWHERE,
    fault_of_result,
    flaw_of_update,
    included,
    key_of,
)
from meshkit.rounds.messages import (
    MISSING,
    MODEL,
    Aggregated,
    AggregateKnown,
    Attestation,
    BlobChecked,
    BlobsLost,
    Case,
    CaseOpened,
    Close,
    Command,
    Effect,
    Event,
    Fetched,
    Held,
    Judge,
    ModelHeld,
    Open,
    Reminded,
    RoundOpened,
    RoundReopened,
    TaskClosed,
    TaskForgotten,
    Trained,
    TrainingFailed,
    TrainingLost,
    Update,
    UpdateFormed,
    UpdateRefused,
)
from meshkit.rounds.rules import answer, next_events, wrong_model
from meshkit.rounds.state import (
    FINAL_REPEATS_MAX,
    Round,
    State,
    due_ns,
    has_room,
    is_ready,
    model_of,
    pending,
    reason_of,
    repeat_at_ns,
    unseen,
    works,
)

Said: TypeAlias = Update | Held | Attestation
SAID = frozenset(get_args(Said))
Told: TypeAlias = Open | Close | Heard | Trained | TrainingFailed | Fetched | Aggregated | Judge


class Rounds:
    """The machine of one node, whose id is `me`."""

    SILENT = SILENT

    def __init__(self, me: bytes) -> None:
        self.me = me

    def initial(self) -> State:
        return State(self.me)

    def decide(self, state: State, command: Command, moment: Moment) -> Sequence[Event]:
        return [event for event, _ in self.unfold(state, command, moment)]

    def unfold(
        self, state: State, command: Command, moment: Moment
    ) -> Sequence[tuple[Event, State]]:
        """What is decided, each event with the state after it: the rules need that state anyway."""
        deciding = Deciding(state, moment.now_ns)
        if type(command) is Wake:
            _wake(deciding)
        elif type(command) is Restarted:
            deciding.add(_restarted(state, moment.now_ns))
        else:
            events = _told(state, cast(Told, command), moment.now_ns)
            if events:
                deciding.add(events)
                deciding.conclude(task_of(events[0]))
        return deciding.unfolded

    def evolve(self, state: State, event: Event) -> State:
        return evolve(state, event)

    def react(self, state: State, event: Event) -> Sequence[Effect]:
        return react(state, event)

    def deadline(self, state: State) -> int | None:
        rounds = state.rounds.values()
        return min([due for one in rounds if (due := due_ns(one)) is not None], default=None)


class Deciding:
    """One command being decided: the state so far, and each event with the state after it."""

    __slots__ = ("now_ns", "state", "unfolded")

    def __init__(self, state: State, now_ns: int) -> None:
        self.state = state
        self.now_ns = now_ns
        self.unfolded: list[tuple[Event, State]] = []

    def add(self, events: Iterable[Event]) -> None:
        for event in events:
            self.state = state = evolve(self.state, event)
            self.unfolded.append((event, state))

    def conclude(self, task: bytes) -> None:
        """All that follows from the task's round as it stands, in the order in which it follows."""
        while (round_ := self.state.rounds.get(task)) is not None:
            events = next_events(self.state.me, round_, self.now_ns)
            if not events:
                return
            self.add(events)


# -- time ------------------------------------------------------------------------------------------


def _wake(deciding: Deciding) -> None:
    now_ns = deciding.now_ns
    for task in sorted(deciding.state.rounds):
        round_ = deciding.state.rounds[task]
        due = due_ns(round_)
        if due is None or due > now_ns:
            continue
        if round_.repeat_ns is not None and round_.repeat_ns <= now_ns:
            deciding.add((_repeated(round_, now_ns),))
        deciding.conclude(task)


def _repeated(round_: Round, now_ns: int) -> Event:
    task, repeats = round_.opened.task, round_.repeats + 1
    if round_.closing and repeats > FINAL_REPEATS_MAX:
        return TaskForgotten(task)
    return Reminded(task, repeats, now_ns)


def _restarted(state: State, now_ns: int) -> Sequence[Event]:
    """All effects of a former life may be lost: whatever is owed is asked for again, at once."""
    return tuple(
        Reminded(task, 0, now_ns)
        for task in sorted(state.rounds)
        if state.rounds[task].repeat_ns not in (None, repeat_at_ns(now_ns, 0))
    )


# -- what we are told ------------------------------------------------------------------------------


def _told(state: State, command: Told, now_ns: int) -> Sequence[Event]:
    match command:
        case Heard():
            if type(command.message) not in SAID:
                return ()  # another room's
            said = cast(Said, command.message)
            round_ = state.rounds.get(said.task)
            return () if round_ is None else hear(state.me, round_, said, now_ns)
        case Open(task):
            return _open(state, state.rounds.get(task), command, now_ns)
        case Judge(_, result):
            round_ = state.rounds.get(result.task)
            return () if round_ is None else _judge(state.me, round_, command, now_ns)
        case Close(task, reason, model):
            round_ = state.rounds.get(task)
            closes = round_ is not None and not round_.closing
            return (TaskClosed(task, reason, model, now_ns),) if closes else ()
        case _:
            round_ = state.rounds.get(command.task)
            return () if round_ is None else _done(state.me, round_, command, now_ns)


def _open(state: State, before: Round | None, command: Open, now_ns: int) -> Sequence[Event]:
    if before is None or before.opened.round < command.round:
        return _opened(state, before, command, now_ns)
    same = before.opened.round == command.round and not before.closing
    if same and before.opened != command:
        return (RoundReopened(command, now_ns),)
    return ()


def _opened(state: State, before: Round | None, command: Open, now_ns: int) -> Sequence[Event]:
    """The round opens, and what was said of it too early is heard now."""
    found: list[Event] = [RoundOpened(command, now_ns)]
    if before is not None:
        round_ = evolve(state, found[0]).rounds[command.task]
        for place in sorted(before.early):
            for event in hear(state.me, round_, before.early[place], now_ns):
                found.append(event)
                round_ = evolved(state.me, round_, event)
    return found


# -- what we asked of the world --------------------------------------------------------------------


def _done(
    me: bytes,
    round_: Round,
    command: Trained | TrainingFailed | Fetched | Aggregated,
    now_ns: int,
) -> Sequence[Event]:
    match command:
        case Trained():
            return _trained(me, round_, command, now_ns)
        case TrainingFailed(task, number, reason):
            due = is_training(round_, number)
            return (TrainingLost(task, number, reason),) if due else ()
        case Fetched():
            return _fetched(round_, command, now_ns)
        case Aggregated():
            return _aggregated(round_, command)
        case _:
            assert_never(command)


def _trained(me: bytes, round_: Round, done: Trained, now_ns: int) -> Sequence[Event]:
    if not is_training(round_, done.round):
        return ()
    update = Update(
        submitter=me,
        task=done.task,
        round=done.round,
        blob=done.blob,
        size=done.size,
        # The policy caps what one update weighs, not how much a member may learn from.
        samples=min(done.samples, round_.opened.spec.samples_max),
        accuracy_ppm=done.accuracy_ppm,
        loss_micro=done.loss_micro,
    )
    if flaw := flaw_of_update(update, round_.opened.spec):
        return (TrainingLost(done.task, done.round, flaw),)
    return (UpdateFormed(update, now_ns),)


def _fetched(round_: Round, done: Fetched, now_ns: int) -> Sequence[Event]:
    if done.problem == MISSING:
        return ()  # still owed: the next repeat asks again, and whoever else has it by then
    if done.form == MODEL:
        wanted = not round_.base_here and done.digest == round_.opened.base
        return (ModelHeld(done.task, done.digest),) if wanted and not done.problem else ()
    key = (done.digest, done.size)
    named = pending(round_, key)
    if key in round_.blobs or not (named or any(needs(work, key) for work in works(round_))):
        return ()
    checked = BlobChecked(done.task, done.digest, done.size, done.problem, now_ns)
    refused = named if done.problem else ()
    return (checked, *(UpdateRefused(update, done.problem) for update in refused))


def _aggregated(round_: Round, done: Aggregated) -> Sequence[Event]:
    """What was not asked for is refused; what failed in our own world is still owed."""
    work = next((work for work in works(round_) if work.key == done.key), None)
    asked = (done.round, done.base) == (round_.opened.round, round_.opened.base)
    if work is None or not asked:
        return ()
    if done.problem == MISSING and is_ready(round_, work):
        return (BlobsLost(done.task, done.key),)
    if done.problem or done.model is None:
        return ()
    return (AggregateKnown(done.task, done.key, done.model),)


# -- judging ---------------------------------------------------------------------------------------


def _judge(me: bytes, round_: Round, judge: Judge, now_ns: int) -> Sequence[Event]:
    made, reference = judge.result, judge.reference
    if not round_.validates or made.round != round_.opened.round:
        return ()
    offered = round_.offers.get(made.collector)
    if judge.pooled and offered not in (None, reference):
        return ()  # an honest collector makes one result; another of its is judged if proposed
    reason = reason_of(round_, reference)
    waiting = any(case.judge.reference == reference for case in round_.cases)
    if (waiting or reason is not None) and not (judge.pooled and offered is None):
        return ()  # it is known already, and so is that we can propose it
    if reason is None:
        reason = _reason_at_once(round_, judge)
    if reason == ELSEWHERE and judge.pooled:
        return ()  # we may be told of the change in a moment; and who is behind will be, too
    if reason is not None:
        return answer(me, round_, judge, reason, now_ns)
    updates = included(made.proof.lists, round_.opened.validators, round_.opened.trainers)
    case = Case(judge, updates, key_of(updates))
    if judge.pooled and not _affordable(round_, case):
        return ()
    return (CaseOpened(case),)


def _reason_at_once(round_: Round, judge: Judge) -> str | None:
    """Why the result is not valid, "" if it is, None if that is still to be computed."""
    made = judge.result
    fault = fault_of_result(made, round_.opened, round_.admitted)
    if fault or not made.credits:
        return fault
    model = model_of(round_, digest(made.credits))
    return None if model is None else wrong_model(made, model)


def _affordable(round_: Round, case: Case) -> bool:
    """Whether each submitter may still make us fetch what this result includes of it."""
    return all(has_room(round_, update.submitter, update.size) for update in unseen(round_, case))
