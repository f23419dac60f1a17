"""What goes to stdout and to stderr, in which form, and with which exit code."""

import io
import json
import signal
from collections.abc import Generator
from contextlib import contextmanager

import click
import pytest
from meshkit_cli import output
from meshkit_cli.output import (
    DIVERGENCE,
    FAILURE,
    NOT_FOUND,
    REFUSED,
    TIMEOUT,
    USAGE,
    complaints,
    emit,
    fail,
    listing,
    orderly,
    plain,
    watching,
)
from meshkit_services.devmesh import MeshError
from rich.console import Console
from rich.table import Table

from meshkit.audit.errors import AuditError, NotHere, OtherRules, Unsound
from meshkit.client import Refusal, Undecided
from meshkit.journal import JournalAltered, JournalError, JournalForeign
from meshkit.learning import Refused
from meshkit.runtime.home import ForeignHome, HomeError
from meshkit.runtime.join import JoinRefused
from meshkit.wire.keys import KeyRefused
from meshkit.wire.port import WireError

DOCUMENT = {"schema": "meshkit.test/v1", "rows": [{"name": "a", "n": 1}, {"name": "b"}], "up": True}
Capture = pytest.CaptureFixture[str]


def text_of(table: Table) -> str:
    console = Console(file=io.StringIO(), width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


# -- documents -------------------------------------------------------------------------------------


def test_json_is_the_document_and_nothing_else(capsys: Capture) -> None:
    emit("json", DOCUMENT, "rows")
    printed = capsys.readouterr()
    assert (json.loads(printed.out), printed.err) == (DOCUMENT, "")


def test_jsonl_is_a_line_a_row_or_one_of_what_has_no_rows(capsys: Capture) -> None:
    emit("jsonl", DOCUMENT, "rows")
    emit("jsonl", DOCUMENT)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"name": "a", "n": 1}, {"name": "b"}, DOCUMENT]


def test_people_see_a_table_and_no_schema(capsys: Capture) -> None:
    emit("table", DOCUMENT, "rows")
    shown = capsys.readouterr().out
    assert "rows" in shown
    assert "schema" not in shown
    emit("table", DOCUMENT, "rows", listing([{"name": "[red]x"}], {"name": "who", "n": "number"}))
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["who", "number"]
    assert row.split() == ["[red]x", "-"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (False, "no"),
        (0.123456, "0.1235"),
        (12, "12"),
        ("x", "x"),
        ([], "-"),
        ([1, None, ["a"]], "1, -, a"),
        ({}, "-"),
        ({"a": 1, "b": False}, "a 1, b no"),
    ],
)
def test_values_read_as_people_say_them(value: object, text: str) -> None:
    assert plain(value) == text
    assert text in text_of(output.facts({"some_name": value}))


# -- progress --------------------------------------------------------------------------------------


def test_no_bar_is_drawn_where_nobody_looks(capsys: Capture) -> None:
    with watching() as watch:
        watch("work", 1, 2)
    assert capsys.readouterr() == ("", "")


def test_a_bar_for_each_step_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(output, "err", Console(file=screen, force_terminal=True, width=100))
    with watching() as watch:
        watch("reading", 1, 2)
        watch("reading", 2, 2)
        watch("judging", 1, 0)
    assert "reading" in screen.getvalue()
    assert "judging" in screen.getvalue()


# -- refusals --------------------------------------------------------------------------------------


def test_a_failure_is_one_line_whatever_its_words(capsys: Capture) -> None:
    with pytest.raises(click.exceptions.Exit) as ended:
        fail("not\nso  fast", REFUSED)
    assert ended.value.exit_code == REFUSED
    assert capsys.readouterr() == ("", "meshkit: not so fast\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AuditError("x"), FAILURE),
        (HomeError("x"), FAILURE),
        (KeyRefused("x"), FAILURE),
        (JournalError("x"), FAILURE),
        (MeshError("x"), FAILURE),
        (Refused("shape", "x"), FAILURE),
        (JournalAltered("x"), DIVERGENCE),
        (Unsound("x"), DIVERGENCE),
        (NotHere("x"), NOT_FOUND),
        (Refusal("unknown-task: x"), NOT_FOUND),
        (Refusal("unknown-member: x"), NOT_FOUND),
        (Refusal("ambiguous: x"), USAGE),
        (Refusal("anything-else: x"), REFUSED),
        (WireError("x"), TIMEOUT),
        (Undecided("x"), TIMEOUT),
        (ForeignHome("x"), REFUSED),
        (JoinRefused("x"), REFUSED),
        (JournalForeign("x"), REFUSED),
        (OtherRules("x"), REFUSED),
    ],
)
def test_each_kind_of_error_has_its_code(error: Exception, code: int, capsys: Capture) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, complaints():
        raise error
    assert ended.value.exit_code == code
    assert capsys.readouterr() == ("", "meshkit: x\n")


def test_ctrl_c_ends_without_a_traceback(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended, complaints():
        raise KeyboardInterrupt
    assert ended.value.code == FAILURE
    assert capsys.readouterr().err == "meshkit: interrupted\n"


@pytest.mark.parametrize("number", output.ENDINGS)
def test_who_is_told_to_end_puts_things_in_order_first(
    number: signal.Signals, capsys: Capture
) -> None:
    before = [signal.getsignal(one) for one in output.ENDINGS]
    done: list[str] = []

    @contextmanager
    def in_order() -> Generator[None]:
        try:
            yield
        finally:
            for one in output.ENDINGS:  # told once more, by whoever is in a hurry
                signal.raise_signal(one)
            done.append("in order")

    with pytest.raises(SystemExit) as ended, complaints(), orderly(), in_order():
        signal.raise_signal(number)
    assert done == ["in order"]
    assert ended.value.code == 128 + number
    assert capsys.readouterr().err == f"meshkit: ended by {number.name}\n"
    assert [signal.getsignal(one) for one in output.ENDINGS] == before


@pytest.mark.parametrize("number", output.ENDINGS)
def test_what_must_not_be_broken_off_is_done_first(number: int) -> None:
    done: list[str] = []

    def work() -> None:
        with output.orderly():
            with output.unbroken():
                signal.raise_signal(number)
                done.append("all")
            done.append("never")

    with pytest.raises(output.Ended) as ended:
        work()
    assert done == ["all"]
    assert ended.value.signal == number


def test_who_is_not_to_heed_a_closed_terminal_does_not() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with orderly():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_the_system_refuses_names_the_file(capsys: Capture) -> None:
    with pytest.raises(click.exceptions.Exit) as ended, complaints():
        raise PermissionError(13, "Permission denied", "a/file")
    assert ended.value.exit_code == FAILURE
    assert capsys.readouterr() == ("", "meshkit: a/file: Permission denied\n")


@pytest.mark.parametrize("bug", [ZeroDivisionError(), OSError(9, "Bad file descriptor")])
def test_our_own_bugs_keep_their_traceback(bug: Exception) -> None:
    with pytest.raises(type(bug)), complaints():
        raise bug
