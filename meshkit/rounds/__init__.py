"""A federated round: train, submit, hold, collect, judge. Without a server, and with liars about.

Federated averaging (McMahan et al. 2017) sends a model out, lets each member train it on data that
never leaves the member, and averages what comes back by how much each learnt from. Here nobody is
the one who sends, or averages, or decides who counted:

    ledger opens round r: from this base, with these trainers, validators and committee
        │
    train       each trainer trains, and signs an Update: the blob's digest and its weight
        │
    hold        each validator fetches the blobs, checks them, and signs one Held list: once all are
        │       settled, or a quorum is there and patience is over, or the deadline has passed
        │
    collect     lists of more than two thirds of the weight name the updates that count: see
        │       `inclusion`. The first of the committee's ranking makes the result of them; the next
        │       ranks stand by, each a while longer, and step in if no result is known by then
        │
    judge       every validator checks that the result follows from its lists, computes the
        │       aggregate itself, and says whether the model is the one that the result names
        ▼
    ledger commits the result, by consensus, and opens round r + 1

A dead trainer stops nothing, for quorum and deadline are the task's; nor a dead collector, for
every validator is in the ranking. A round in which nothing counts ends as well: its model is its
base, credited to nobody.

The rest is said where it is done: `inclusion` why nobody can be censored and nothing counts that
only liars hold, `hearing` what is refused and what is kept as evidence, `rules` what follows of
itself, `duties` what is asked of the world and asked again, `machine` about what a judgement is.

Attestations are no votes. A collector signs which model its lists make; each other member of the
committee signs the same once it has found the result right by its own computation. Nothing waits
for them, and validators believe none of them. They tell who cannot compute, a light node or a
trainer that validates nothing, how many of those drawn to look have looked; and two of one member
that give the same lists two models are a lie that everybody can read.

What the shell does for the effects:

1.  `Train`: run the task in a worker; store the blob, then answer `Trained`. The same asking while
    it runs is nothing new; a newer round of the task makes an older one pointless, and what comes
    of it is refused here.
2.  `Fetch`: answer at once if the blob is stored, and else pull it from the sources, in order.
    Check it against the task: an update is exactly `size` bytes and lies on the grid, a model has
    at most `size` bytes and is finite. Store what is right, and answer `Fetched` with the effect's
    own fields and "" or the problem: "missing" if no source had it, which is no verdict.
3.  `Aggregate`: all blobs named are stored; compute, store the model, answer `Aggregated`.
4.  `Broadcast`: sign, send, and bring the signed statement back as `Heard`.

What is left out: which rule aggregates (`meshkit.learning`), how the committee is drawn
(`meshkit.ledger`), and secret updates, which a committee would have to open first.
"""

from meshkit.rounds.machine import Rounds
from meshkit.rounds.state import Round, State, unanswered, verdict

__all__ = ["Rounds", "State", "Round", "unanswered", "verdict"]
