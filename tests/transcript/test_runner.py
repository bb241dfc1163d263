"""The runner catches what goes otherwise than written, and shows it."""

from __future__ import annotations

import json

import pytest

from meerkat_rpc.transcript.format import FormatError, parse
from meerkat_rpc.transcript.peers import Options
from meerkat_rpc.transcript.report import describe
from meerkat_rpc.transcript.runner import run
from tests.transcript.servers import ANSWERS, SPEAKS, failed, hold, log_of

SEND = '{"send": {"id": 1, "method": "m", "params": {"a": [1, {"b": "x"}]}}}\n'


def test_a_conversation_that_goes_as_written_passes() -> None:
    assert hold(SEND + '{"expect": {"id": 1, "result": {"a": [1, {"b": "$b:str"}]}}}\n') is None


def test_a_wrong_expectation_is_shown_with_its_line_path_and_messages() -> None:
    failure = failed(hold(SEND + '{"expect": {"id": 1, "result": {"a": [1, {"b": "y"}]}}}\n'))
    text = describe(failure)
    assert "line 3, expect, at result.a[1].b" in text
    assert 'expected  "y"' in text
    assert 'got       "x"' in text
    assert log_of(failure) == ["→", "←"]
    assert '→ {"jsonrpc": "2.0", "id": 1, "method": "m"' in text


def test_names_bound_by_an_answer_are_sent_again() -> None:
    steps = (
        '{"send": {"id": 1, "method": "m", "params": {"v": 5}}}\n{"expect": {"id": 1, "result": {"v": "$v:int"}}}\n'
        '{"send": {"id": 2, "method": "m", "params": {"w": "$v", "x": "v=${v}"}}}\n'
        '{"expect": {"id": 2, "result": {"w": 5, "x": "v=5"}}}\n'
    )
    assert hold(steps) is None


def test_messages_may_be_expected_in_any_order_but_all_of_them() -> None:
    sends = "".join(json.dumps({"send": {"id": number, "method": "m", "params": number}}) + "\n" for number in (1, 2))
    both = '{"expect_any_order": [{"id": 2, "result": 2}, {"id": 1, "result": 1}]}\n'
    assert hold(sends + both) is None
    other = '{"expect_any_order": [{"id": 2, "result": 2}, {"id": 1, "result": 3}]}\n'
    assert failed(hold(sends + other)).mismatch.path == "result"


def test_a_message_too_many_at_the_end_is_a_failure() -> None:
    failure = failed(hold(SEND))
    assert failure.step is None
    assert "after the last step" in describe(failure)


def test_a_message_that_does_not_come_is_a_failure_that_names_the_wait() -> None:
    failure = failed(hold('{"expect": {"id": 1, "result": null}}\n', timeout=0.3))
    assert "something within 0.3 s" in describe(failure)


def test_a_server_that_ends_is_shown_with_its_exit_code_and_stderr() -> None:
    failure = failed(hold('{"expect": {"id": 1}}\n', "import sys; sys.exit('out of ink')"))
    text = describe(failure)
    assert "exit code 1" in text
    assert "out of ink" in text


def test_another_exit_code_than_expected_is_a_failure() -> None:
    failure = failed(hold('{"eof": true}\n{"exit": 0}\n', "import sys; sys.stdin.read(); sys.exit(4)"))
    assert (failure.mismatch.path, failure.mismatch.expected, failure.mismatch.got) == ("exit code", "0", 4)
    assert hold('{"eof": true}\n{"exit": 4}\n', "import sys; sys.stdin.read(); sys.exit(4)") is None


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("loading model ...", "loading model"),
        ('{"id": 1, "result": 1}', "jsonrpc"),
        ('{"jsonrpc": "2.0", "id": 1, "result": 1, "extra": 1}', "top-level key"),
        ("[1]", "[1]"),
    ],
)
def test_what_is_no_json_rpc_message_is_a_failure(line: str, shown: str) -> None:
    assert shown in describe(failed(hold('{"expect": {"id": 1, "result": "$any", "...": true}}\n', SPEAKS, line)))


def event(seq: int, kind: str) -> str:
    params = {"session_id": "s", "turn_id": "t", "seq": seq, "timestamp_ms": 1, "event": {"type": kind, "delta": "d"}}
    return json.dumps({"jsonrpc": "2.0", "method": "session/event", "params": params})


def test_a_gap_in_the_sequence_is_a_failure_whatever_is_expected() -> None:
    steps = '{"events_until": {"id": 1, "result": 1}}\n'
    failure = failed(hold(steps, SPEAKS, event(4, "text_delta"), event(6, "text_delta")))
    assert (failure.mismatch.path, failure.mismatch.got) == ("params.seq", 6)


@pytest.mark.parametrize(("from_seq", "fits"), [(5, True), (2, True), (6, False)])
def test_a_gap_is_none_where_a_folded_event_stands_for_it(from_seq: int, fits: bool) -> None:
    steps = '{"events_until": {"method": "session/event", "params": {"seq": 9, "...": true}}}\n'
    said = {"type": "deltas_folded", "kind": "text", "from_seq": from_seq, "content": None}
    params = {"session_id": "s", "turn_id": "t", "seq": 9, "timestamp_ms": 1, "event": said}
    folded = json.dumps({"jsonrpc": "2.0", "method": "session/event", "params": params})
    assert (hold(steps, SPEAKS, event(4, "text_delta"), folded) is None) == fits


def test_an_event_after_the_turns_last_one_is_a_failure() -> None:
    steps = '{"events_until": {"id": 1, "result": 1}}\n'
    failure = failed(hold(steps, SPEAKS, event(4, "run_completed"), event(5, "text_delta")))
    assert failure.mismatch.path == "params.event.type"


def test_events_passed_over_are_checked_for_their_text_and_types() -> None:
    events = [event(1, "run_started"), event(2, "text_delta"), event(3, "text_delta"), event(4, "run_completed")]
    until = {"events_until": {"method": "session/event", "params": {"seq": 4, "...": True}}}
    good = {**until, "text": "dd", "types": ["run_started", "text_delta"]}
    assert hold(json.dumps(good), SPEAKS, *events) is None
    bad = {**until, "text": "d"}
    assert "text of the events passed" in describe(failed(hold(json.dumps(bad), SPEAKS, *events)))


def test_an_answer_is_never_passed_over() -> None:
    answer = '{"jsonrpc": "2.0", "id": 1, "result": 1}'
    failure = failed(hold('{"events_until": {"id": 2, "result": 1}}\n', SPEAKS, answer))
    assert failure.mismatch.path == "id"


def test_several_servers_share_one_transcript() -> None:
    steps = (
        '{"send": {"id": 1, "method": "m", "params": 1}}\n{"send": {"id": 1, "method": "m", "params": 2}, "on": "b"}\n'
        '{"expect": {"id": 1, "result": 2}, "on": "b"}\n{"expect": {"id": 1, "result": 1}}\n'
    )
    assert hold(steps, ANSWERS) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1"),
        ("{}", "transcript"),
        ('{"transcript": 1, "titel": "x"}', "titel"),
        ('{"transcript": 1, "framing": "xml"}', "framing"),
        ('{"transcript": 1}\nnonsense', "line 2"),
        ('{"transcript": 1}\n\n[1]', "line 3"),
        ('{"transcript": 1}\n{"sned": {}}', "line 2"),
        ('{"transcript": 1}\n{"send": {}, "expect": {}}', "exactly one"),
        ('{"transcript": 1}\n{"send": {}, "no": "b"}', "'no'"),
    ],
)
def test_a_file_that_is_no_transcript_is_refused_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        parse(text)


def test_an_unbound_name_is_a_failure_of_its_step() -> None:
    assert "nothing is bound to $nobody" in describe(failed(hold('{"send": {"id": "$nobody"}}\n')))


def test_a_program_that_is_not_there_is_a_failure() -> None:
    transcript = parse('{"transcript": 1}\n' + SEND)
    assert "no-such-program" in describe(failed(run(transcript, "jsonl", Options(["/no-such-program"], own=False))))
