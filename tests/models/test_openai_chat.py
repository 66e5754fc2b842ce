"""Servers without the Responses API: Chat Completions instead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plugins.openai_model import OpenAIModel
from receptionist import ModelError, ModelEvent, Said, ToolOutput, Usage
from tests.models.support import BOOK, HELLO, calls, end, make_model, make_request, texts
from tests.servers.model_script import Item
from tests.servers.model_server import Answer, Call, Error, Hang, ModelServer, Raw


@pytest.fixture
def chat_server() -> Iterator[ModelServer]:
    """One of the many servers that have no /v1/responses and need no key."""
    with ModelServer(responses=False, keyless=True) as running:
        yield running


@pytest.fixture
def chat_model(chat_server: ModelServer) -> Iterator[OpenAIModel]:
    """The plugin on such a server."""
    made = make_model(chat_server.url, openai_api_key="", openai_model="local-7b", openai_flavor="auto")
    yield made
    made.close()


def paths(server: ModelServer) -> list[str]:
    return [request.path.removeprefix("/v1/") for request in server.requests]


def ask(model: OpenAIModel, items: object = HELLO, **more: object) -> list[ModelEvent]:
    return list(model.stream(make_request(items, **more)))  # type: ignore[arg-type]


def test_missing_api_is_found_out_once(chat_server: ModelServer, chat_model: OpenAIModel) -> None:
    assert end(ask(chat_model)).text == "Echo: Hello"
    assert end(ask(chat_model)).text == "Echo: Hello"
    assert paths(chat_server) == ["responses", "chat/completions", "chat/completions"]


def test_request_is_plain(chat_server: ModelServer, chat_model: OpenAIModel) -> None:
    items = [Said("user", "Hi"), Said("assistant", "Hello!"), Said("system", "Note."), Said("user", "Open?")]
    ask(chat_model, items, tools=[BOOK], max_output_tokens=50, temperature=0.5, end_user="abc")
    assert chat_server.requests[-1].body == {
        "model": "local-7b",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "system", "content": "Note."},
            {"role": "user", "content": "Open?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "book", "description": "Book an appointment.", "parameters": BOOK.parameters},
            }
        ],
        "max_tokens": 50,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_text_and_usage(chat_server: ModelServer, chat_model: OpenAIModel) -> None:
    chat_server.script([Answer("We open at nine.", cached=3, reasoning_tokens=8)])
    events = ask(chat_model)
    assert len(texts(events)) > 1
    assert "".join(texts(events)) == end(events).text == "We open at nine."
    usage = end(events).usage
    assert usage.input > 0
    assert usage == Usage(usage.input, 13, cached=3, reasoning=8)


def test_tool_round_trip(chat_server: ModelServer, chat_model: OpenAIModel) -> None:
    chat_server.script(
        [Answer("A moment.", calls=[Call("book", '{"day": "monday"}'), Call("book", '{"day": "friday"}')]), "Done."]
    )
    first = ask(chat_model, tools=[BOOK])
    assert end(first).text == "A moment."
    assert [request.arguments for request in calls(first)] == ['{"day": "monday"}', '{"day": "friday"}']
    outputs = [ToolOutput(request.call_id, "book", "done") for request in calls(first)]
    assert end(ask(chat_model, [*HELLO, end(first).produced, *outputs], tools=[BOOK])).text == "Done."


@pytest.mark.parametrize("arguments", ['{"day": "mon', "[1]", "nonsense", "[" * 100_000])
def test_broken_arguments_are_not_handed_back(
    chat_server: ModelServer, chat_model: OpenAIModel, arguments: str
) -> None:
    """A toolbox tells the model of them; servers that read a conversation's calls anew would refuse all of it."""
    chat_server.script([Answer(calls=[Call("book", arguments)])])
    answer = ask(chat_model, tools=[BOOK])
    assert [request.arguments for request in calls(answer)] == [arguments]
    assert end(answer).produced.items[0]["tool_calls"][0]["function"]["arguments"] == "{}"


CASES: dict[str, tuple[Item, tuple[bool, bool], str]] = {
    "length": (Answer("Hal", end="incomplete", reason="max_output_tokens"), (False, False), "did not fit"),
    "filter": (Answer("Hal", end="incomplete", reason="content_filter"), (False, False), "content filter"),
    "error": (Answer("Hal", end="error", reason="server_error"), (True, False), "broke off: server_error"),
    "no end": (Answer("Hal", end="nothing"), (True, False), "without its last event"),
    "cut": (Answer("Hal", end="cut"), (True, False), "failed"),
    "empty": (Answer(), (True, False), "empty"),
    "nameless": (Answer(calls=[Call("")]), (True, False), "malformed"),
    "garbage": (Raw(200, b"{garbage"), (True, False), "unreadable"),
    "busy": (Error(503), (True, False), "503"),
    "model": (Error(404, code="model_not_found"), (False, True), "model_not_found"),
    "hang": (Hang(headers=True), (True, False), "within the time allowed"),
}


@pytest.mark.parametrize("case", CASES)
def test_failure_is_classified(chat_server: ModelServer, chat_model: OpenAIModel, case: str) -> None:
    item, (retryable, admin), words = CASES[case]
    chat_server.script([item])
    with pytest.raises(ModelError) as caught:
        ask(chat_model, tools=[BOOK], seconds=0.5 if case == "hang" else 5)
    assert words in str(caught.value)
    assert (caught.value.retryable, caught.value.admin) == (retryable, admin)


def test_refusal_is_the_answer(chat_server: ModelServer, chat_model: OpenAIModel) -> None:
    chat_server.script([Answer(refusal="I cannot help with that.")])
    assert end(ask(chat_model)).text == "I cannot help with that."


def test_answer_of_a_server_that_does_not_stream(chat_server: ModelServer, chat_model: OpenAIModel) -> None:
    chat_server.script([Answer("All at once.", calls=[Call("book", '{"day": "monday"}')], whole=True)])
    events = ask(chat_model, tools=[BOOK])
    assert texts(events) == [end(events).text] == ["All at once."]
    assert len(calls(events)) == 1


def test_careless_tool_calls_are_understood(chat_server: ModelServer, chat_model: OpenAIModel) -> None:
    """As some servers write them: no index, no id, arguments as an object; and a field of their own."""
    call = b'{"function": {"name": "book", "arguments": {"day": "monday"}}, "signature": "abc"}'
    message = b'{"choices": [{"message": {"tool_calls": [' + call + b", " + call + b']}, "finish_reason": "stop"}]}'
    chat_server.script([Raw(200, message)])
    events = ask(chat_model, tools=[BOOK])
    assert [request.arguments for request in calls(events)] == ['{"day": "monday"}'] * 2
    assert len({request.call_id for request in calls(events)}) == 2
    kept = end(events).produced.items[0]["tool_calls"]
    assert [item["signature"] for item in kept] == ["abc", "abc"]
    assert [item["id"] for item in kept] == [request.call_id for request in calls(events)]


def test_unknown_model_is_no_missing_api(server: ModelServer) -> None:
    model = make_model(server.url, openai_flavor="compatible")
    server.script([Error(404, "The model `x` does not exist.", param="model")])
    with pytest.raises(ModelError, match="does not exist"):
        ask(model)
    assert end(ask(model)).text == "Echo: Hello"
    assert paths(server) == ["responses", "responses"]
    model.close()


def test_server_with_neither_api_is_asked_anew_each_time(server: ModelServer) -> None:
    model = make_model(server.url, openai_flavor="compatible", openai_model="local-7b")
    server.script([Error(404, "Not found"), Error(404, "Not found")])
    with pytest.raises(ModelError, match="404") as caught:
        ask(model)
    assert caught.value.admin
    assert end(ask(model)).text == "Echo: Hello"
    assert paths(server) == ["responses", "chat/completions", "responses"]
    model.close()


def test_openai_itself_is_never_asked_by_chat(server: ModelServer) -> None:
    model = make_model(server.url)
    server.script([Error(404, "Not found")])
    with pytest.raises(ModelError, match="404"):
        ask(model)
    assert paths(server) == ["responses"]
    model.close()
