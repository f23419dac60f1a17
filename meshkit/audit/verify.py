"""`verify`: whether the journals at hand are true, each by itself, to each other, and to the rules.

In this order, and each step for all journals before the next:

1.  whose they are, and of which mesh; the mesh's id is the digest of its genesis;
2.  every envelope in them, opened: signatures, and all statements inside (`letters`);
3.  every chain and seal, against the heads that the letters carry (`meshkit.journal.audit`);
4.  every entry decided again, and every letter of its sender derived (`trial`); the marks that
    lead to decisions (`index`);
5.  the decisions: certificates, blocks, aggregates computed from the blobs (`chronicle`);
6.  the blobs themselves (`stores`).

A *finding* says that a journal at hand is not what an honest node of this mesh writes. What the
journals prove against a node whose own is not at hand is *evidence*: the journals are all the truer
for it. What could not be looked at is a *note*. It reads and never writes, needs no key, and comes
to the same under every hash seed and number of threads.

The nodes may be running. What stands in a journal once its envelopes have been read is what is
judged, in every step; that cut comes before any chain is checked and before any blob store is
opened. So each of its entries finds its blobs there, and each head that it holds of another node is
in that node's journal by the time its chain is walked, which goes on to the end as it is then.

What it cannot see: an end that nobody else's journal remembers, a clock that runs at its own pace,
what was trained on, and who was silent on purpose.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from meshkit.audit.chronicle import Chronicle, Verified
from meshkit.audit.errors import AuditError, OtherRules
from meshkit.audit.exhibits import Exhibit
from meshkit.audit.findings import Evidence, Finding, Findings, Note
from meshkit.audit.folding import genesis_in, want_engine
from meshkit.audit.index import check_index
from meshkit.audit.letters import Copy, Post
from meshkit.audit.shelves import Shelves
from meshkit.audit.stores import check_store
from meshkit.audit.trial import Deposition, Trial
from meshkit.audit.words import ref, short
from meshkit.consensus.engines import ENGINES
from meshkit.core.value import digest
from meshkit.journal import Identity, JournalError, Record
from meshkit.journal import audit as journals
from meshkit.journal.chain import BLOCKS
from meshkit.ledger.messages import Genesis
from meshkit.wire.keys import verify as is_signed

EVIDENCE_OF_A_KIND_MAX = 20  # of one culprit: a flood of contradictions fills no screen (a guess)
UNATTESTED = "it agrees by {}, whose decisions show no votes: they rest on its members' word"
TICK_ENTRIES = 256  # between two words on how far it has come: some hundredths of a second

Watch: TypeAlias = Callable[[str, int, int], None]  # what is done, how much of it, of how much


def unwatched(doing: str, done: int, of: int) -> None:
    """Nobody looks on."""


class Report(NamedTuple):
    """What came of it. `ok` is that there are no findings."""

    ok: bool
    attested: bool
    journals: int
    entries: int
    certificates: int
    aggregates: int
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...]
    notes: tuple[Note, ...]
    names: Mapping[bytes, str]


class Case(NamedTuple):
    """One journal under audit, and the hashes of its entries up to the cut."""

    exhibit: Exhibit
    identity: Identity
    hashes: dict[int, bytes]

    @property
    def node(self) -> bytes:
        return self.identity.node_key

    def present(self) -> Iterator[Record]:
        """What stands in its entries' places now, unchecked."""
        return journals.entries(self.exhibit.journal, self.identity)

    def records(self) -> Iterator[Record]:
        """The same up to the cut: a running node has gone on since."""
        last = max(self.hashes, default=0)
        return takewhile(lambda record: record.index <= last, self.present())

    def marked(self) -> dict[int, int]:
        """The entry that is marked as having decided each height."""
        marks = journals.marks(self.exhibit.journal, self.identity, BLOCKS)
        return {height: int.from_bytes(content, "big") for height, content in marks}


def verify(
    exhibits: Sequence[Exhibit], mesh: bytes | None = None, watch: Watch = unwatched
) -> Report:
    """Everything wrong with these journals, as those of `mesh` (by default, of most of them).

    Raises AuditError where a journal cannot be read at all, OtherRules where another release is
    needed to decide it again and nothing else is wrong.
    """
    return Audit(exhibits, mesh, watch).run()


class Audit:
    """One run."""

    def __init__(self, exhibits: Sequence[Exhibit], mesh: bytes | None, watch: Watch) -> None:
        self._exhibits = exhibits
        self._watch = watch
        self._findings = Findings()
        self._notes: list[Note] = []
        self._names: dict[bytes, str] = {}
        self._cases: list[Case] = []
        self._mesh = self._identify(mesh)
        self._post = Post(self._mesh)
        self._total = self._done = 0  # entries
        self._other_rules = ""

    def run(self) -> Report:
        """All the steps, in order."""
        for case in self._cases:
            self._collect(case)
        for case in self._cases:
            self._check_chain(case)
        self._compare_copies()
        evidence = tuple(self._contradictions())
        genesis = self._genesis()
        if genesis is not None:
            want_engine(genesis)
        verified = Verified(0, 0, 0)
        if genesis is not None:
            with closing(Shelves()) as shelves:
                verified = self._hear(genesis, shelves)
        found = tuple(self._findings)
        if not found and self._other_rules:
            raise OtherRules(self._other_rules)
        attested = genesis is not None and ENGINES[genesis.policy.engine].attests
        if genesis is not None and not attested:
            self._notes.append(Note(b"", 0, UNATTESTED.format(genesis.policy.engine)))
        return Report(
            not found,
            attested,
            len(self._exhibits),
            self._total,
            verified.certificates,
            verified.aggregates,
            found,
            evidence,
            tuple(self._notes),
            self._names,
        )

    # -- whose they are ---------------------------------------------------------------------------

    def _identify(self, mesh: bytes | None) -> bytes:
        """The mesh under audit; the journals of other meshes are found out and laid aside."""
        claimed: list[Case] = []
        for exhibit in self._exhibits:
            identity = exhibit.identity()
            if identity is None:
                what = f"{exhibit.name}: nothing says whose journal it is"
                self._findings.add(b"", 0, "identity", what)
                continue
            claimed.append(Case(exhibit, identity, {}))
            self._names.setdefault(identity.node_key, exhibit.name)
        meshes = Counter(case.identity.mesh for case in claimed)
        chosen = mesh or (meshes.most_common(1)[0][0] if meshes else b"")
        for case in claimed:
            if case.identity.mesh == chosen:
                self._cases.append(case)
                continue
            what = f"it is of the mesh {short(case.identity.mesh)}, and not {short(chosen)}"
            self._findings.add(case.node, 0, "genesis", what)
        return chosen

    def _genesis(self) -> Genesis | None:
        """The genesis of the mesh, from whichever journal has it whole."""
        found = None
        for case in self._cases:
            genesis = genesis_in(case.records())
            if genesis is not None and digest(genesis) == self._mesh:
                found = found or genesis
            elif genesis is not None:
                what = f"it is founded on {short(digest(genesis))}, and the mesh is not"
                self._findings.add(case.node, 0, "genesis", what)
            else:
                what = "it does not found its mesh at its beginning"
                self._findings.add(case.node, 0, "genesis", what)
        return found

    # -- letters and chains -----------------------------------------------------------------------

    def _collect(self, case: Case) -> None:
        """Every envelope in the journal, and the hash of every entry: where it ends is the cut."""
        for record in case.present():
            case.hashes[record.index] = record.hash
            self._post.take(case.node, record)
            self._total += 1
            if self._total % TICK_ENTRIES == 0:
                self._watch("reading letters", self._total, 0)

    def _check_chain(self, case: Case) -> None:
        for copy in self._post.faults(case.node):
            self._findings.add(case.node, copy.at, "envelope", copy.letter.fault)
        held = list(self._post.heads(case.node))
        expected = [copy.letter.head for copy in held]
        try:
            found = journals.verify(case.exhibit.journal, case.identity, is_signed, expected)
            for one in found:
                what = one.text + _witnesses(one, held, case.hashes)
                self._findings.add(case.node, one.first, one.kind, what, one.last)
        except JournalError as error:
            raise AuditError(str(error)) from None

    def _compare_copies(self) -> None:
        """Two journals of one node: one is a beginning of the other, or the node keeps two."""
        first: dict[bytes, Case] = {}
        for case in self._cases:
            other = first.setdefault(case.node, case)
            common = sorted(case.hashes.keys() & other.hashes.keys())
            parted = next((i for i in common if case.hashes[i] != other.hashes[i]), 0)
            if parted:
                what = (
                    f"its journal in {other.exhibit.name} and the one in {case.exhibit.name} "
                    "part here: it keeps two"
                )
                self._findings.add(case.node, parted, "copies", what)

    def _contradictions(self) -> Iterator[Evidence]:
        """What one node signed and no honest one does: a finding if its journal is at hand."""
        here = {case.node for case in self._cases}
        counts: Counter[tuple[bytes, str]] = Counter()
        for one in (*self._post.contradictions, *self._post.split_heads()):
            if one.culprit in here:
                self._findings.add(one.culprit, one.entry, one.kind, one.what)
            counts[one.culprit, one.kind] += 1
            if counts[one.culprit, one.kind] <= EVIDENCE_OF_A_KIND_MAX:
                yield Evidence(one.culprit, one.kind, one.what, one.first, one.second)

    # -- what the journals say --------------------------------------------------------------------

    def _hear(self, genesis: Genesis, shelves: Shelves) -> Verified:
        for case in self._cases:
            shelves.add(case.exhibit)
        depositions = [self._try(case, genesis, shelves) for case in self._cases]
        for said in depositions:
            self._names.update(said.names)
        self._watch("checking decisions", 0, 0)
        chronicle = Chronicle(
            genesis, depositions, shelves, self._post.votes, self._findings, self._notes
        )
        verified = chronicle.walk()
        self._watch("hashing blobs", 0, 0)
        for case, said in zip(self._cases, depositions, strict=True):
            check_store(said, case.exhibit, shelves, self._findings, self._notes)
        self._miss(depositions)
        return verified

    def _try(self, case: Case, genesis: Genesis, shelves: Shelves) -> Deposition:
        letters = self._post.copies(case.node)
        trial = Trial(case.node, genesis, letters, shelves, self._findings)
        for record in case.records():
            trial.take(record)
            self._done += 1
            if self._done % TICK_ENTRIES == 0:
                self._watch("deciding again", self._done, self._total)
        said = trial.end()
        check_index(said, case.marked(), self._findings)
        if said.stopped:
            what = f"from here on nothing was decided again: {said.unread}"
            self._notes.append(Note(case.node, said.stopped, what))
        if said.other_rules:
            line = f"{case.exhibit.path}: entry {said.stopped}: {said.unread}"
            self._other_rules = self._other_rules or line
        return said

    def _miss(self, depositions: Sequence[Deposition]) -> None:
        here = {said.node for said in depositions}
        for node in sorted({node for said in depositions for node in said.names} - here):
            what = "its journal is not at hand: what others hold of it was not derived"
            self._notes.append(Note(node, 0, what))


def _witnesses(found: journals.Finding, held: Sequence[Copy], hashes: Mapping[int, bytes]) -> str:
    """Who holds the heads that a cut or rewritten journal does not have."""
    if found.kind not in ("cut", "fork"):
        return ""
    missed = [copy for copy in held if hashes.get(copy.letter.head.index) != copy.letter.head.hash]
    if found.kind == "fork":
        missed = [copy for copy in missed if copy.letter.head.index == found.last]
    if not missed:
        return ""
    copy = missed[-1]
    return f" ({ref(copy.holder)} holds the head {copy.letter.head.index} at entry {copy.at})"
