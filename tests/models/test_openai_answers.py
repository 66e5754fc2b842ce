"""What the model `openai` sends, and what it makes of good answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plugins.openai_model import OpenAIModel
from receptionist import ModelError, ModelEvent, Said, TextDelta, ToolOutput, Usage
from tests.models.support import BOOK, HELLO, KEY, calls, end, make_model, make_request, texts
from tests.servers.model_server import Answer, Call, ModelServer, Raw

Ask = Callable[..., list[ModelEvent]]


def test_text_arrives_in_pieces_and_whole(server: ModelServer, ask: Ask) -> None:
    server.script(["We open at nine tomorrow."])
    events = ask()
    assert len(texts(events)) > 3
    assert "".join(texts(events)) == end(events).text == "We open at nine tomorrow."
    assert end(events).model == "gpt-6-luna-2026-09-01"


def test_pieces_are_handed_on_while_the_rest_is_still_to_come(server: ModelServer, model: OpenAIModel) -> None:
    server.token_seconds = 0.05
    server.script(["one two three four five six seven eight"])
    stream = model.stream(make_request())
    assert next(stream) == TextDelta("one")
    assert next(stream) == TextDelta(" two")
    assert end(list(stream)).text == "one two three four five six seven eight"


def test_an_answer_that_nobody_sees_coming_is_the_same_in_two_pieces(server: ModelServer, ask: Ask) -> None:
    server.script(["We open at nine tomorrow."])
    server.script(["We open at nine tomorrow."])
    seen, unseen = ask(), ask(shown=False)
    assert len(texts(unseen)) == 2, "the first tells when the answer began"
    assert "".join(texts(unseen)) == "".join(texts(seen))
    assert (end(unseen).text, end(unseen).usage) == (end(seen).text, end(seen).usage)


def test_request_is_plain_and_leaves_nothing_at_the_vendor(server: ModelServer, ask: Ask) -> None:
    ask([Said("user", "Hi"), Said("assistant", "Hello!"), Said("system", "It is Monday."), Said("user", "Open?")])
    request = server.requests[0]
    assert (request.method, request.path, request.key) == ("POST", "/v1/responses", KEY)
    assert request.body == {
        "model": "gpt-6-luna",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "developer", "content": "It is Monday."},
            {"role": "user", "content": "Open?"},
        ],
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


def test_request_carries_what_the_strategy_set(server: ModelServer, ask: Ask) -> None:
    ask(tools=[BOOK], max_output_tokens=5, reasoning_effort="low", end_user="h" * 80, model="gpt-6-sol")
    body = server.requests[0].body
    assert body["model"] == "gpt-6-sol"
    assert body["max_output_tokens"] == 16, "the API's minimum"
    assert body["reasoning"] == {"effort": "low"}
    assert body["safety_identifier"] == "h" * 64, "the API's maximum"
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["tools"] == [
        {
            "type": "function",
            "name": "book",
            "description": "Book an appointment.",
            "parameters": BOOK.parameters,
            "strict": True,
        }
    ]
    ask(temperature=0.3, model="gpt-4.1")
    assert server.requests[-1].body["temperature"] == 0.3


def test_another_server_gets_widely_supported_parameters_only(server: ModelServer) -> None:
    model = make_model(server.url, openai_flavor="auto")
    list(model.stream(make_request([Said("system", "Note."), *HELLO], tools=[BOOK], end_user="abc")))
    body = server.requests[0].body
    assert set(body) == {"model", "instructions", "input", "tools", "stream", "store"}
    assert body["input"][0] == {"role": "system", "content": "Note."}
    model.close()


def test_usage_is_counted_with_cached_and_reasoning_tokens(server: ModelServer, ask: Ask) -> None:
    server.script([Answer("Yes.", cached=12, reasoning_tokens=30)])
    usage = end(ask()).usage
    assert usage.input > 0
    assert usage == Usage(usage.input, 32, cached=12, reasoning=30)


def test_tool_round_trip_hands_reasoning_back_unchanged(server: ModelServer, ask: Ask) -> None:
    server.script(
        [Answer(calls=[Call("book", '{"day": "monday"}'), Call("book", '{"day": "friday"}')]), "Both booked."]
    )
    first = ask(tools=[BOOK])
    requests = calls(first)
    assert [request.arguments for request in requests] == ['{"day": "monday"}', '{"day": "friday"}']
    assert len({request.call_id for request in requests}) == 2
    assert end(first).text == ""
    outputs = [ToolOutput(request.call_id, request.name, "done") for request in requests]
    second = ask([*HELLO, end(first).produced, *outputs], tools=[BOOK])
    assert end(second).text == "Both booked."
    sent = server.requests[1].body["input"]
    assert [item.get("type") for item in sent[1:]] == [
        "reasoning",
        *["function_call"] * 2,
        *["function_call_output"] * 2,
    ]
    assert sent[1]["encrypted_content"].startswith("gAAAA")
    assert sent[1:4] == list(end(first).produced.items)


def test_text_and_tool_calls_in_one_answer(server: ModelServer, ask: Ask) -> None:
    server.script([Answer("One moment.", calls=[Call("book", '{"day": "monday"}')])])
    events = ask(tools=[BOOK])
    assert end(events).text == "One moment."
    assert [request.name for request in calls(events)] == ["book"]
    assert {item["type"] for item in end(events).produced.items} == {"reasoning", "message", "function_call"}


def test_commentary_is_not_the_answer_but_goes_back(server: ModelServer, ask: Ask) -> None:
    server.script([Answer("It is free.", commentary="Let me look at the calendar.")])
    events = ask()
    assert "".join(texts(events)) == end(events).text == "It is free."
    assert [item["phase"] for item in end(events).produced.items] == ["commentary", "final_answer"]


def test_two_messages_of_one_answer_are_kept_apart(server: ModelServer, ask: Ask) -> None:
    server.script([Answer("Here is what I can say.", refusal="I cannot say more.")])
    events = ask()
    assert end(events).text == "Here is what I can say.\n\nI cannot say more."
    assert "".join(texts(events)) == end(events).text


def test_refusal_is_the_answer(server: ModelServer, ask: Ask) -> None:
    server.script([Answer(refusal="I cannot help with that.")])
    events = ask()
    assert "".join(texts(events)) == end(events).text == "I cannot help with that."


def test_answer_of_a_server_that_does_not_stream(server: ModelServer, ask: Ask) -> None:
    server.script([Answer("All at once.", calls=[Call("book", '{"day": "monday"}')], whole=True)])
    events = ask(tools=[BOOK])
    assert texts(events) == ["All at once."]
    assert [request.name for request in calls(events)] == ["book"]


def test_model_that_does_not_reason_is_asked_once_for_its_reasoning(server: ModelServer, ask: Ask) -> None:
    assert end(ask(tools=[BOOK], model="gpt-4.1")).text == "Echo: Hello"
    assert end(ask(tools=[BOOK], model="gpt-4.1")).text == "Echo: Hello"
    assert ["include" in request.body for request in server.requests] == [True, False, False]
    ask(tools=[BOOK])
    assert "include" in server.requests[-1].body, "remembered for that model only"


EVENTS = [
    b'data: {"type":"response.output_item.done","item":'
    b'{"type":"message","content":[{"type":"output_text","text":"Hi"}]}}',
    b'data: {"type":"response.output_text.delta","output_index":0,"delta":"Hi"}',
    b'data: {"type":"response.completed","response":{"status":"completed","output":[]}}',
]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_stream_without_event_names_or_final_output_is_understood(
    server: ModelServer, ask: Ask, line_end: bytes
) -> None:
    server.script([Raw(200, b": comment" + line_end * 2 + (line_end * 2).join(EVENTS) + line_end, "text/event-stream")])
    events = ask()
    assert texts(events) == ["Hi"]
    assert end(events).text == "Hi"
    assert end(events).usage == Usage()


def test_nulls_of_a_careless_server_are_not_handed_back(server: ModelServer, ask: Ask) -> None:
    item = b'{"type":"function_call","id":"fc_1","call_id":"c1","name":"book","arguments":"{}","status":null}'
    server.script([Raw(200, b'{"status":"completed","output":[' + item + b"]}")])
    first = ask(tools=[BOOK])
    second = ask([*HELLO, end(first).produced, ToolOutput("c1", "book", "done")], tools=[BOOK])
    assert end(second).text == "Echo: Hello -> done"


def test_only_finished_tool_calls_are_handed_out(server: ModelServer, ask: Ask) -> None:
    server.script([Answer(calls=[Call("book", '{"day": "mon')], end="incomplete", reason="max_output_tokens")])
    with pytest.raises(ModelError, match="did not fit"):
        ask(tools=[BOOK])
