"""The pool: stories of items from our door and from peers, of quotas, links, and restarts."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.core.machine import Broadcast, Heard, Restarted, Wake
from meshkit.core.value import Statement, Value
from meshkit.pool.machine import Pool
from meshkit.pool.messages import (
    Advance,
    AnchorReady,
    AnchorWanted,
    Command,
    Configure,
    Configured,
    DrawLink,
    ItemDrafted,
    ItemPooled,
    ItemsOffered,
    ItemsSettled,
    Limits,
    LinkDrawn,
    LinkReady,
    LinkSpent,
    Offer,
    OfferAll,
    Offered,
    OfferRefused,
    Resumed,
    Settle,
    WantAnchor,
)
from meshkit.pool.state import BATCH, candidates, item_id, next_link, waiting
from tests.laws import (
    SECOND_NS,
    check_idempotent,
    check_owed,
    check_replay,
    check_snapshot,
    check_wake,
    live,
)
from tests.pool.world import (
    ANN,
    BEN,
    CAL,
    KINDS,
    LINK,
    ME,
    MS,
    SIGNED,
    Chatter,
    Node,
    Oath,
    Proof,
    Wish,
    unsigned,
)


@pytest.fixture
def node() -> Node:
    return Node()


def pooled(event: Value) -> ItemPooled:
    assert isinstance(event, ItemPooled)
    return event


# -- by our own door ------------------------------------------------------------------------------


def test_an_operators_item_is_told_at_once_and_again_until_it_is_settled(node: Node) -> None:
    wish = Wish(ANN, 1)
    (event,) = node.hears(Offer(wish))
    assert (pooled(event).item, pooled(event).id, pooled(event).own) == (wish, item_id(wish), True)
    assert node.asked() == [Broadcast(Offered(wish))]

    for waited_ms in (500, 1_000, 2_000, 4_000):
        assert node.hears(Wake(), waited_ms - 1) == ()
        assert node.hears(Wake(), 1) == (ItemsOffered((item_id(wish),), node.now_ns),)
        assert node.asked() == [Broadcast(Offered(wish))]

    assert node.hears(Settle((wish,))) == (ItemsSettled((item_id(wish),)),)
    assert node.pool.deadline(node.state) is None
    assert node.asked() == []


def test_what_is_offered_together_is_taken_one_after_the_other(node: Node) -> None:
    limits = Limits(signer_items_max=2)
    node.hears(Configure(limits))
    node.asked()
    wishes = [Wish(ANN, serial) for serial in (1, 2, 3)]
    first, second, third = node.hears(OfferAll((*wishes, wishes[0])))
    assert [pooled(one).item for one in (first, second)] == wishes[:2]
    assert isinstance(third, OfferRefused)
    assert node.asked() == [Broadcast(Offered(wish)) for wish in wishes[:2]]


def test_what_we_sign_ourselves_goes_out_bare_and_comes_back_signed(node: Node) -> None:
    draft, signed = unsigned(), Wish(ME, 1)
    (event,) = node.hears(Offer(draft))
    assert isinstance(event, ItemDrafted)
    assert node.asked() == [Broadcast(draft)]  # the shell signs it on its way
    assert candidates(node.state, 9, 9_999) == ()

    (event,) = node.hears(Heard(ME, signed))
    assert (pooled(event).item, pooled(event).own) == (signed, True)
    assert node.asked() == []  # everyone has heard it
    assert candidates(node.state, 9, 9_999) == waiting(node.state) == (signed,)
    node.hears(Wake(), 500)
    assert node.asked() == [Broadcast(Offered(signed))]


def test_a_draft_that_nobody_signed_goes_out_again(node: Node) -> None:
    node.hears(Offer(unsigned()))
    node.asked()
    node.hears(Wake(), 500)
    assert node.asked() == [Broadcast(unsigned())]


@pytest.mark.parametrize("bringer", [Offer(Wish(ME, 1)), Heard(ANN, Offered(Wish(ME, 1)))])
def test_a_draft_is_signed_by_whatever_hand_brings_the_signature(
    node: Node, bringer: Command
) -> None:
    node.hears(Offer(unsigned()))
    (event,) = node.hears(bringer)
    assert pooled(event).own
    assert waiting(node.state) == (Wish(ME, 1),)


def test_a_signature_that_comes_after_the_item_was_settled_changes_nothing(node: Node) -> None:
    """The others heard it from us, and decided it while we were down."""
    node.hears(Offer(unsigned()))
    node.hears(Settle((Wish(ME, 1),)))
    assert node.hears(Heard(ME, Wish(ME, 1))) == ()
    assert node.hears(Offer(unsigned())) == ()
    assert waiting(node.state) == ()


def test_whoever_brings_an_item_is_told_why_it_is_not_taken(node: Node) -> None:
    node.limit(signer_items_max=2, signer_bytes_max=1_000)
    chat, foreign, bulky = Chatter(ANN), unsigned(author=ANN), Proof(BEN, bytes(1_000))
    for item, slug in ((chat, "unknown-kind"), (foreign, "unsigned"), (bulky, "full")):
        (event,) = node.hears(Offer(item))
        assert isinstance(event, OfferRefused)
        assert (event.id, event.reason.partition(":")[0]) == (item_id(item), slug)
    node.hears(Offer(Wish(ANN, 1)))
    node.hears(Offer(Wish(ANN, 2)))
    (event,) = node.hears(Offer(Wish(ANN, 3)))
    assert isinstance(event, OfferRefused)
    assert node.pool.refusal(node.state, Wish(ANN, 3)) == event.reason
    assert len(node.asked()) == 2
    assert len(waiting(node.state)) == 2


def test_what_is_vital_to_us_is_taken_whatever_of_ours_is_waiting(node: Node) -> None:
    """Who accuses a liar of eight things must still be able to offer its round's result."""
    node.limit(signer_items_max=1)
    node.hears(Offer(unsigned()))
    (refused,) = node.hears(Offer(unsigned(2)))
    assert isinstance(refused, OfferRefused)
    (drafted,) = node.hears(Offer(Oath(ME, b"", b"")))
    assert isinstance(drafted, ItemDrafted)
    assert isinstance(node.hears(Heard(ME, Oath(ME, b"")))[0], ItemPooled)
    node.hears(Offer(Oath(ANN, b"1")))
    assert isinstance(node.hears(Offer(Oath(ANN, b"2")))[0], OfferRefused)


# -- from peers -----------------------------------------------------------------------------------


def test_a_peers_item_is_kept_and_said_again_only_after_long(node: Node) -> None:
    wish = Wish(ANN, 1)
    (event,) = node.hears(Heard(BEN, Offered(wish)))
    assert not pooled(event).own
    assert node.asked() == []
    for waited_ms in (20_000, 40_000, 80_000):
        assert node.hears(Wake(), waited_ms - 1) == ()
        node.hears(Wake(), 1)
        assert node.asked() == [Broadcast(Offered(wish))]


def test_a_signers_first_word_is_an_item_too(node: Node) -> None:
    (event,) = node.hears(Heard(ANN, Wish(ANN, 1)))
    assert not pooled(event).own
    (event,) = node.hears(Heard(ME, Wish(ME, 1)))  # of a draft that we lost
    assert pooled(event).own
    assert not pooled(event).announce


@pytest.mark.parametrize(
    "message",
    [
        Wish(BEN, 1),  # bare, but not its signer's word
        Offered(unsigned(author=ANN)),
        Offered(Chatter(ANN)),
        Chatter(ANN),
        Restarted(),
        Offered(Wish(ANN, 1, bytes(1_000))),
    ],
)
def test_what_is_no_item_for_us_is_dropped_without_a_word(node: Node, message: Value) -> None:
    node.limit(signer_bytes_max=1_000)
    assert node.hears(Heard(ANN, message)) == ()


def test_an_item_is_taken_once_whatever_its_signature(node: Node) -> None:
    node.hears(Heard(ANN, Offered(Wish(ANN, 1))))
    assert node.hears(Heard(BEN, Offered(Wish(ANN, 1)))) == ()
    assert node.hears(Heard(ANN, Offered(replace(Wish(ANN, 1), signature=b"another")))) == ()
    assert node.hears(Offer(Wish(ANN, 1))) == ()


def test_late_gossip_does_not_bring_back_what_is_settled(node: Node) -> None:
    node.hears(Heard(ANN, Offered(Wish(ANN, 1))))
    wishes = (Wish(ANN, 1), Wish(ANN, 2), Wish(ANN, 2))
    assert node.hears(Settle(wishes)) == (ItemsSettled(tuple(map(item_id, wishes[:2]))),)
    assert node.hears(Settle(wishes)) == ()
    assert node.hears(Settle(())) == ()
    for wish in wishes:
        assert node.hears(Heard(BEN, Offered(wish))) == ()
    assert waiting(node.state) == ()


def test_a_flood_harms_the_flooder_alone(node: Node) -> None:
    node.hears(Configure(Limits(signer_items_max=4)))
    for serial in range(100):
        node.hears(Heard(BEN, Offered(Wish(ANN, serial))))
    node.hears(Heard(BEN, Offered(Wish(BEN, 1))))
    assert [wish.serial for wish in waiting(node.state) if isinstance(wish, Wish)] == [
        *(0, 1, 2, 3),
        1,
    ]


@pytest.mark.parametrize("limit", [{"items_max": 1}, {"bytes_max": 200}])
def test_a_full_pool_still_opens_our_own_door(node: Node, limit: dict[str, int]) -> None:
    node.limit(**limit)
    assert len(node.hears(Heard(ANN, Offered(Wish(ANN, 1))))) == 1
    assert node.hears(Heard(BEN, Offered(Wish(BEN, 1)))) == ()
    assert len(node.hears(Offer(Wish(CAL, 1)))) == 1


# -- saying it again ------------------------------------------------------------------------------


def test_what_is_due_goes_out_in_batches(node: Node) -> None:
    wishes = [Wish(ANN, serial) for serial in range(BATCH + 5)]
    for wish in wishes:
        node.hears(Offer(wish))
    node.asked()
    node.hears(Wake(), 500)
    assert node.asked() == [Broadcast(Offered(wish)) for wish in wishes[:BATCH]]
    assert node.pool.deadline(node.state) == node.now_ns + 50 * MS
    node.hears(Wake(), 50)
    assert node.asked() == [Broadcast(Offered(wish)) for wish in wishes[BATCH:]]
    assert node.pool.deadline(node.state) == node.now_ns + 950 * MS


def test_a_wake_that_finds_nothing_due_any_more_moves_the_deadline(node: Node) -> None:
    node.hears(Offer(Wish(ANN, 1)))
    node.hears(Heard(BEN, Offered(Wish(BEN, 1))))
    node.hears(Settle((Wish(ANN, 1),)))
    assert node.hears(Wake(), 500) == (ItemsOffered((), 500 * MS),)
    assert node.pool.deadline(node.state) == 20_000 * MS


def test_no_wait_grows_for_ever(node: Node) -> None:
    node.hears(Offer(Wish(ANN, 1)))
    for _ in range(100):
        due = node.pool.deadline(node.state)
        assert due is not None
        assert due - node.now_ns <= 30 * SECOND_NS
        node.hears(Wake(), (due - node.now_ns) // MS)


# -- links ----------------------------------------------------------------------------------------


def test_a_link_that_never_came_is_asked_for_again_with_the_items_that_wait_for_it(
    node: Node,
) -> None:
    node.hears(Configure(Limits()))
    node.hears(Offer(Wish(ANN, 1)))
    assert node.asked() == [DrawLink(1), Broadcast(Offered(Wish(ANN, 1)))]
    node.hears(Wake(), 500)
    assert node.asked() == [Broadcast(Offered(Wish(ANN, 1))), DrawLink(1)]
    node.hears(LinkDrawn(1, LINK))
    node.hears(Wake(), 1_000)
    assert node.asked() == [Broadcast(Offered(Wish(ANN, 1)))]


def test_a_link_is_drawn_ahead_and_stays_until_it_is_spent(node: Node) -> None:
    assert node.hears(Configure(Limits())) == (Configured(Limits()),)
    assert node.asked() == [DrawLink(1)]
    assert node.hears(Configure(Limits())) == ()
    assert next_link(node.state) == b""

    assert node.hears(LinkDrawn(2, LINK)) == ()  # not asked for
    assert node.hears(LinkDrawn(1, b"")) == ()
    assert node.hears(LinkDrawn(1, LINK)) == (LinkReady(1, LINK),)
    assert node.hears(LinkDrawn(1, LINK)) == ()
    assert next_link(node.state) == LINK
    assert node.hears(Configure(Limits(items_max=9))) == (Configured(Limits(items_max=9)),)
    assert node.asked() == []

    assert node.hears(Advance(1)) == ()
    assert node.hears(Advance(2)) == (LinkSpent(1),)
    assert node.asked() == [DrawLink(2)]
    assert next_link(node.state) == b""


def test_who_was_away_goes_on_from_where_the_ledger_is(node: Node) -> None:
    """Its journal was lost, and the blocks it built before come back to it all at once."""
    for position in (2, 3, 9):
        node.hears(Advance(position))
    node.asked()
    assert node.hears(LinkDrawn(2, LINK)) == ()
    assert node.hears(LinkDrawn(9, LINK)) == (LinkReady(9, LINK),)


def test_the_next_chains_anchor_is_drawn_once_it_is_wanted(node: Node) -> None:
    assert node.hears(WantAnchor(0)) == ()
    assert node.hears(LinkDrawn(0, LINK)) == ()
    assert node.hears(WantAnchor(100)) == (AnchorWanted(100),)
    assert node.hears(WantAnchor(100)) == ()
    assert node.asked() == [DrawLink(100)]
    assert node.hears(LinkDrawn(100, b"")) == ()
    assert node.hears(LinkDrawn(100, LINK)) == (AnchorReady(100, LINK),)
    assert node.hears(LinkDrawn(100, LINK)) == ()


# -- restarts -------------------------------------------------------------------------------------


def test_a_restart_asks_again_for_whatever_is_owed(node: Node) -> None:
    node.hears(Offer(Wish(ANN, 1)))
    node.hears(Heard(BEN, Offered(Wish(BEN, 1))))
    node.hears(Offer(unsigned()))
    node.hears(WantAnchor(100))
    node.asked()
    assert node.hears(Restarted(), 10) == (Resumed(10 * MS),)
    assert node.asked() == [DrawLink(1), DrawLink(100)]
    assert node.pool.deadline(node.state) == 10 * MS
    node.hears(Wake())
    assert node.asked() == [Broadcast(Offered(Wish(ANN, 1))), Broadcast(unsigned())]


def test_a_restart_that_owes_nothing_says_nothing(node: Node) -> None:
    node.hears(Heard(BEN, Offered(Wish(BEN, 1))))
    node.hears(LinkDrawn(1, LINK))
    assert node.hears(Restarted()) == ()
    node.hears(Offer(Wish(ANN, 1)))
    assert node.hears(Restarted()) == (Resumed(0),)
    assert node.asked() == [Broadcast(Offered(Wish(ANN, 1)))]


# -- laws -----------------------------------------------------------------------------------------

authors = st.sampled_from([ME, ANN, BEN])
signatures = st.sampled_from([SIGNED, SIGNED, b"another", b""])
items: st.SearchStrategy[Statement] = st.one_of(
    st.builds(Wish, authors, st.integers(0, 3), st.just(b""), signatures),
    st.builds(Proof, authors, st.sampled_from([b"", bytes(200)]), signatures),
    st.builds(Chatter, authors),
)
positions = st.integers(0, 4)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Offer, items),
    st.builds(Offer, items),
    st.builds(OfferAll, st.lists(items, max_size=3).map(tuple)),
    st.builds(Heard, authors, st.builds(Offered, items)),
    st.builds(Heard, authors, items),
    st.builds(Settle, st.lists(items, max_size=3).map(tuple)),
    st.builds(Advance, positions),
    st.builds(WantAnchor, positions),
    st.builds(LinkDrawn, positions, st.sampled_from([LINK, b""])),
    st.builds(Configure, st.builds(Limits, st.integers(1, 3), st.just(600), st.integers(1, 4))),
    st.just(Wake()),
    st.just(Restarted()),
)
stories = st.lists(st.tuples(commands, st.integers(0, 60 * SECOND_NS)), max_size=14).map(
    lambda story: [
        (command, sum(gap for _, gap in story[: number + 1]))
        for number, (command, _) in enumerate(story)
    ]
)
Story = Sequence[tuple[Command, int]]


@given(stories)
def test_the_laws_of_every_machine(story: Story) -> None:
    pool = Pool(ME, KINDS)
    check_replay(pool, story)
    check_snapshot(pool, story)
    check_wake(pool, story)


@given(stories)
def test_a_command_heard_twice_brings_nothing_new(story: Story) -> None:
    """But for two that are owed an answer each time: an offer refused, and a restart."""
    pool = Pool(ME, KINDS)
    _, entries = live(pool, story)
    answers = (OfferRefused, Resumed)
    if not entries or not any(isinstance(event, answers) for event in entries[-1].events):
        check_idempotent(pool, story)


@given(stories)
def test_whatever_is_lost_is_said_again_until_it_is_settled(story: Story) -> None:
    pool = Pool(ME, KINDS)
    state, _ = live(pool, story)
    own = [one for _, one in sorted(state.items.items()) if one.own]
    said = [Broadcast(Offered(one.item) if one.signed else one.item) for one in own]
    link = [] if state.link else [DrawLink(state.position)]
    anchor = [DrawLink(state.anchor)] if state.anchor else []
    check_owed(pool, story, [*said, *link, *anchor])


@given(stories)
def test_no_limit_is_passed_and_every_count_is_right(story: Story) -> None:
    pool = Pool(ME, KINDS)
    limits = Limits(signer_items_max=2, signer_bytes_max=600, items_max=3)
    rest = [entry for entry in story if not isinstance(entry[0], Configure)]
    state, _ = live(pool, [(Configure(limits), 0), *rest])
    waiting_now = sorted(state.items.items())
    assert sum(not one.own for _, one in waiting_now) <= limits.items_max
    assert all(len(queue) <= limits.signer_items_max for queue in state.queues.values())
    assert all(size <= limits.signer_bytes_max for size in state.used_bytes.values())
    assert state.all_bytes == sum(one.size_bytes for _, one in waiting_now)
    for signer, queue in sorted(state.queues.items()):
        assert state.used_bytes[signer] == sum(state.items[id_].size_bytes for id_ in queue)
        assert {state.items[id_].signer for id_ in queue} == {signer}
    assert sorted(id_ for queue in state.queues.values() for id_ in queue) == sorted(state.items)
    assert sorted(state.used_bytes) == sorted(state.queues)
    assert not {*state.settled, *state.settled_before} & set(state.items)
    assert (state.due_ns is None) == (not state.items)
    assert all(one.due_ns >= (state.due_ns or 0) for _, one in waiting_now)
