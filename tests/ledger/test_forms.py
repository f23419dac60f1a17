"""What can be said against members, tasks and genesis documents by looking at them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.ledger.forms import (
    BITS_MAX,
    MEMBERS_MAX,
    OPERATORS_MAX,
    PARAMETERS_BYTES_MAX,
    VALIDATORS_MAX,
    canonical_json,
    check_genesis,
    check_member,
    check_operator,
    check_parameters,
    check_policy,
    check_task,
    check_vote,
    fits,
    is_endpoint,
    update_bytes,
)
from meshkit.ledger.messages import Operator, Policy
from tests.ledger.world import GENESIS, OLGA, TASK, key

POLICY = GENESIS.policy
ADA = GENESIS.founders[0]


def slug(refusal: str) -> str:
    assert len(refusal) < 400
    return refusal.partition(":")[0]


def test_the_mesh_of_these_tests_is_in_form() -> None:
    assert check_genesis(GENESIS) == ""
    assert check_task(TASK, POLICY) == ""


# -- members, operators, policies -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, "name"),
        ({"name": " padded"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "bell\a"}, "name"),
        ({"name": "Zoë"}, "name"),  # what counts as a letter differs between releases
        ({"name": "x" * 64}, ""),
        ({"name": "node 1 (kitchen)"}, ""),
        ({"id": b"short"}, "key"),
        ({"transport": b""}, "key"),
        ({"anchor": bytes(33)}, "key"),
        ({"roles": ()}, "roles"),
        ({"roles": ("validator", "trainer")}, "roles"),
        ({"roles": ("trainer", "trainer")}, "roles"),
        ({"roles": ("cook",)}, "roles"),
        ({"roles": ("trainer",)}, ""),
        ({"weight": 0}, "weight"),
        ({"weight": 1_000_001}, "weight"),
        ({"weight": 1_000_000}, ""),
        ({"events": "nowhere"}, "address"),
        ({"direct": ""}, "address"),
        ({"blobs": "tcp://a b:1"}, "address"),
        ({"join": "tcp://"}, "address"),
        ({"join": ""}, ""),
        ({"events": "tcp://[::1]:65535"}, ""),
        ({"events": "tcp://:7400"}, "address"),  # nobody could reach it
        ({"join": "tcp://:7403"}, "address"),
        ({"events": "nats://hub:4222"}, "address"),
    ],
)
def test_members(fields: dict[str, Any], expected: str) -> None:
    assert slug(check_member(replace(ADA, **fields))) == expected


@pytest.mark.parametrize(
    "text", ["tcp://127.0.0.1:5555", "tcp://node-1.example.org:1", "tcp://[::1]:65535"]
)
def test_an_address_is_one_host_and_one_port(text: str) -> None:
    assert is_endpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tcp://",
        "tcp://host",
        "tcp://host:0",
        "tcp://host:65536",
        "tcp://:80",
        "tcp://*:80",
        "tcp://host:80/x",
        "tcp://host:80\n",
        "tcp://a;b:80",
        "tcp://1.2.3.4:0;127.0.0.1:22",
        "inproc://zeromq.zap.01",
        "ipc:///etc/passwd",
        "tcp://" + "a" * 198 + ":80",
        "tcp://host:٣",
    ],
)
def test_nothing_else_is_an_address(text: str) -> None:
    assert not is_endpoint(text)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert not is_endpoint(text) or text.startswith("tcp://")


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (Operator(OLGA, "olga", ()), ""),
        (Operator(OLGA, "olga", ("admit", "submit")), ""),
        (Operator(OLGA, "", ()), "name"),
        (Operator(b"", "olga", ()), "key"),
        (Operator(OLGA, "olga", ("submit", "admit")), "may"),
        (Operator(OLGA, "olga", ("fly",)), "may"),
    ],
)
def test_operators(operator: Operator, expected: str) -> None:
    assert slug(check_operator(operator)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ""),
        ({"engine": "oracle"}, "engine"),
        ({"allowed_tasks": ("digits",)}, "allowed-tasks"),
        ({"allowed_tasks": ("a.b:C", "d:e")}, ""),
        ({"allowed_tasks": ("a:b",) * 257}, "allowed-tasks"),
        ({"samples_max": 0}, "policy"),
        ({"update_bytes_max": 2**37}, "policy"),
        ({"committee": VALIDATORS_MAX + 1}, "policy"),
        ({"vote_ms": 0}, "policy"),
    ],
)
def test_policies(fields: dict[str, Any], expected: str) -> None:
    assert slug(check_policy(replace(Policy(), **fields))) == expected


# -- genesis --------------------------------------------------------------------------------------

BOB = GENESIS.founders[1]
CROWD = tuple(
    replace(ADA, id=key(f"id {n}"), name=f"n{n}", transport=key(f"t {n}"), roles=("trainer",))
    for n in range(MEMBERS_MAX)
)
VOTERS = tuple(replace(one, roles=("validator",)) for one in CROWD[: VALIDATORS_MAX + 1])
DESKS = tuple(Operator(key(f"o {n}"), f"o{n}", ()) for n in range(OPERATORS_MAX + 1))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "\n"}, "name"),
        ({"created_ns": -1}, "time"),
        ({"created_ns": 2**62}, "time"),
        ({"policy": Policy(engine="")}, "engine"),
        ({"founders": (replace(ADA, weight=0),)}, "weight"),
        ({"operators": (Operator(OLGA, "olga", ("fly",)),)}, "may"),
        ({"founders": ()}, "founders"),
        ({"founders": (replace(ADA, roles=("trainer",)),)}, "founders"),
        ({"founders": (*CROWD, BOB)}, "founders"),
        ({"founders": VOTERS}, "founders"),
        ({"operators": DESKS}, "operators"),
        ({"founders": (ADA, replace(BOB, id=ADA.id))}, "twice"),
        ({"founders": (ADA, replace(BOB, name="ada"))}, "twice"),
        ({"founders": (ADA, replace(BOB, transport=ADA.transport))}, "twice"),
        ({"operators": (Operator(OLGA, "olga", ()), Operator(OLGA, "otto", ()))}, "twice"),
        ({"operators": (Operator(OLGA, "o", ()), Operator(key("o"), "o", ()))}, "twice"),
        ({"operators": ()}, ""),
        ({"founders": (BOB, *CROWD[1:])}, ""),
    ],
)
def test_genesis(fields: dict[str, Any], expected: str) -> None:
    assert slug(check_genesis(replace(GENESIS, **fields))) == expected


# -- tasks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, "name"),
        ({"module": "os:system"}, "not-allowed"),
        ({"strategy": "FedAvg!"}, "strategy"),
        ({"initial": b""}, "initial"),
        ({"rounds": 0}, "number"),
        ({"rounds": 10_001}, "number"),
        ({"quorum": -1}, "number"),
        ({"quorum": 0}, ""),
        ({"deadline_ms": 0}, "number"),
        ({"deadline_ms": 86_400_001}, "number"),
        ({"patience_ms": 5_001}, "number"),
        ({"size": 0}, "number"),
        ({"bits": 1}, "number"),
        ({"bits": BITS_MAX + 1}, "number"),
        ({"scale_bits": 31}, "number"),
        ({"seed": -1}, "number"),
        ({"seed": 2**64}, "number"),
        ({"seed": 2**64 - 1}, ""),
        ({"size": POLICY.update_bytes_max}, "too-large"),
        ({"size": POLICY.update_bytes_max // 2 - 8}, ""),
        ({"size": POLICY.update_bytes_max // 2 - 7}, "too-large"),
        ({"parameters": ""}, "parameters"),
    ],
)
def test_tasks(fields: dict[str, Any], expected: str) -> None:
    assert slug(check_task(replace(TASK, **fields), POLICY)) == expected


def test_an_update_fits_a_members_round_as_well() -> None:
    narrow = replace(POLICY, round_bytes_max=35)
    assert slug(check_task(TASK, narrow)) == "too-large"  # 16 + 10 entries of 2 bytes
    assert slug(check_task(TASK, replace(POLICY, round_bytes_max=36))) == ""


@pytest.mark.parametrize(
    ("bits", "expected"), [(2, 26), (8, 26), (9, 36), (16, 36), (17, 56), (32, 56)]
)
def test_an_entry_takes_the_least_type_that_holds_it(bits: int, expected: int) -> None:
    assert update_bytes(10, bits) == expected


@pytest.mark.parametrize(
    ("bits", "samples", "trainers", "expected"),
    [
        (32, 2**20, 2**10, True),  # 62 bits in all
        (32, 2**20 + 1, 2**10, False),
        (32, 2**20, 2**10 + 1, False),
        (62, 1, 1, True),
        (62, 1, 0, True),
        (62, 2, 1, False),
    ],
)
def test_sums_fit_62_bits(bits: int, samples: int, trainers: int, expected: bool) -> None:
    assert fits(bits, samples, trainers) is expected


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "[]",
        "{}x",
        '{"b":1,"a":2}',
        '{"a": 1}',
        '{"a":1.0e5}',
        '{"a":1,"a":1}',
        '{"a":NaN}',
        '{"a":1e999}',
        '{"a":"\\u00e9"}',
        '{"a":"\\ud800"}',
        '{"a":"' + "x" * PARAMETERS_BYTES_MAX + '"}',
        '{"a":' + "[" * 10_000,
        '{"a":' + "[" * 64 + "]" * 64 + "}",
    ],
)
def test_parameters_have_one_form(parameters: str) -> None:
    assert slug(check_parameters(parameters)) == "parameters"


def test_parameters_may_be_words_of_any_language() -> None:
    assert check_parameters('{"name":"Zoë","rate":0.5,"sizes":[1,2]}') == ""
    assert check_parameters("{}") == ""


scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)
text = st.text(st.characters(codec="utf-8"), max_size=5)
trees = st.recursive(
    scalars.filter(lambda value: value not in (float("inf"), float("-inf"))) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(text, trees, max_size=4))
def test_what_is_written_canonically_is_accepted(parameters: dict[str, Any]) -> None:
    assert check_parameters(canonical_json(parameters)) == ""


@given(st.text(max_size=40))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    check_parameters("{" + text)
    check_task(replace(TASK, name=text, module=text, strategy=text, parameters=text), POLICY)
    check_member(replace(ADA, name=text, events=text, join=text, roles=(text,)))


def test_an_engine_without_weights_has_none() -> None:
    heavy, *others = GENESIS.founders
    founders = tuple(replace(one, weight=1) for one in others)
    light = replace(GENESIS, founders=(heavy, *founders), policy=Policy(engine="raft"))
    for member, engine, expected in (
        (replace(heavy, weight=1), "raft", ""),
        (replace(heavy, weight=2), "raft", "weight"),
        (replace(heavy, weight=2), "pbft", ""),
        (replace(heavy, weight=2, roles=("trainer",)), "raft", ""),
    ):
        policy = Policy(engine=engine)
        genesis = replace(light, founders=(member, *founders), policy=policy)
        assert slug(check_genesis(genesis)) == expected
    said = check_vote(replace(heavy, weight=2), Policy(engine="raft"))
    assert said == "weight: under raft every validator weighs 1"
