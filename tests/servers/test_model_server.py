"""The strict model server refuses what the real one refuses, in its words, and keeps up with many clients."""

from __future__ import annotations

import http.client
import importlib
import json
import subprocess
import sys
import threading
import time
import typing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.servers import chat_rules, model_rules
from tests.servers.model_server import Answer, Call, ModelServer

USER = {"role": "user", "content": "Hello"}
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
TOOL = {"type": "function", "name": "book", "parameters": SCHEMA, "strict": True}
CALL = {"type": "function_call", "call_id": "c1", "name": "book", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "done"}


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def post(server: ModelServer, path: str, body: Any, key: str = "sk-test-1") -> tuple[int, Any]:
    """Status and document of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    connection.request("POST", f"/v1/{path}", body if isinstance(body, bytes) else json.dumps(body), headers)
    response = connection.getresponse()
    status, raw = response.status, response.read()
    connection.close()
    return status, json.loads(raw)


def respond(server: ModelServer, **body: Any) -> tuple[int, Any]:
    return post(server, "responses", {"model": "gpt-6-luna", "input": "Hello", **body})


def chat(server: ModelServer, **body: Any) -> tuple[int, Any]:
    return post(server, "chat/completions", {"model": "local-7b", "messages": [USER], **body})


def with_schema(**more: Any) -> dict[str, Any]:
    return {"tools": [{**TOOL, "parameters": {**SCHEMA, **more}}]}


# fmt: off
REFUSED: dict[str, tuple[dict[str, Any], int, str | None, str | None]] = {
    "unknown key": ({"bogus": 1}, 400, "bogus", "unknown_parameter"),
    "unknown nested key": ({"reasoning": {"bogus": 1}}, 400, "reasoning.bogus", "unknown_parameter"),
    "unknown item key": ({"input": [{**USER, "bogus": 1}]}, 400, "input[0].bogus", "unknown_parameter"),
    "phase of a user": ({"input": [{**USER, "phase": "commentary"}]}, 400, "input[0].phase", "unknown_parameter"),
    "include_usage": (
        {"stream": True, "stream_options": {"include_usage": True}}, 400, "stream_options.include_usage",
        "unknown_parameter",
    ),
    "stream options alone": ({"stream_options": {}}, 400, "stream_options", None),
    "null tools": ({"tools": None}, 400, "tools", "invalid_type"),
    "null content": ({"input": [{"role": "user", "content": None}]}, 400, "input[0].content", "invalid_type"),
    "null status": ({"input": [{**CALL, "status": None}, OUTPUT]}, 400, "input[0].status", "invalid_type"),
    "empty text": ({"input": ""}, 400, None, "missing_required_parameter"),
    "empty list": ({"input": []}, 400, None, "missing_required_parameter"),
    "wrong block for the user": (
        {"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]}, 400,
        "input[0].content[0]", "invalid_value",
    ),
    "wrong block for the assistant": (
        {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}, 400,
        "input[0].content[0]", "invalid_value",
    ),
    "wrong role": ({"input": [{"role": "tool", "content": "x"}]}, 400, "input[0].role", "invalid_value"),
    "chat-shaped tool": (
        {"tools": [{"type": "function", "function": {"name": "book"}}]}, 400, "tools[0].name",
        "missing_required_parameter",
    ),
    "tool name": ({"tools": [{**TOOL, "name": "book it"}]}, 400, "tools[0].name", "invalid_value"),
    "open schema": (with_schema(additionalProperties=True), 400, "tools[0].parameters", "invalid_function_parameters"),
    "optional key": (
        with_schema(properties={"day": {"type": "string"}}), 400, "tools[0].parameters", "invalid_function_parameters",
    ),
    "default in schema": (
        with_schema(properties={"day": {"type": "string", "default": "x"}}, required=["day"]), 400,
        "tools[0].parameters", "invalid_function_parameters",
    ),
    "nested open schema": (
        with_schema(properties={"day": {"type": "array", "items": {"type": "object"}}}, required=["day"]), 400,
        "tools[0].parameters", "invalid_function_parameters",
    ),
    "temperature": ({"temperature": 0.5}, 400, "temperature", None),
    "encrypted content": (
        {"model": "gpt-4.1", "include": ["reasoning.encrypted_content"]}, 400, "include", None,
    ),
    "few tokens": ({"max_output_tokens": 15}, 400, "max_output_tokens", "integer_below_min_value"),
    "model": ({"model": "gpt-2"}, 400, "model", "model_not_found"),
    "output without call": ({"input": [USER, OUTPUT]}, 400, "input", None),
    "call without output": ({"input": [USER, CALL]}, 400, "input", None),
    "unknown reasoning": (
        {"input": [USER, {"type": "reasoning", "id": "rs_1", "summary": []}, CALL, OUTPUT]}, 404, "input", None,
    ),
    "previous response": (
        {"previous_response_id": "resp_1"}, 400, "previous_response_id", "previous_response_not_found",
    ),
    "both contexts": (
        {"previous_response_id": "resp_1", "conversation": "conv_1"}, 400, None, "mutually_exclusive_parameters",
    ),
    "conversation": ({"conversation": "conv_1"}, 404, None, None),
    "long end user": ({"safety_identifier": "x" * 65}, 400, "safety_identifier", "string_above_max_length"),
}
# fmt: on


@pytest.mark.parametrize("case", REFUSED)
def test_responses_refuses(server: ModelServer, case: str) -> None:
    body, status, param, code = REFUSED[case]
    found, document = respond(server, **body)
    assert found == status
    assert set(document["error"]) == {"message", "type", "param", "code"}
    assert (document["error"]["param"], document["error"]["code"]) == (param, code)
    assert document["error"]["type"] == "invalid_request_error"


CHAT_REFUSED: dict[str, tuple[dict[str, Any], int, str | None]] = {
    "no messages": ({"messages": []}, 400, "messages"),
    "unknown key": ({"input": "x"}, 400, "input"),
    "flat tool": ({"tools": [TOOL]}, 400, "tools[0].function"),
    "model": ({"model": "gpt-2"}, 404, "model"),
    "max_tokens of a reasoning model": ({"model": "gpt-6-luna", "max_tokens": 50}, 400, "max_tokens"),
    "orphan output": (
        {"messages": [USER, {"role": "tool", "tool_call_id": "c1", "content": "x"}]},
        400,
        "messages.[1].role",
    ),
    "orphan call": (
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "book", "arguments": "{}"}}],
                },
                USER,
            ]
        },
        400,
        "messages",
    ),
}


@pytest.mark.parametrize("case", CHAT_REFUSED)
def test_chat_refuses(server: ModelServer, case: str) -> None:
    body, status, param = CHAT_REFUSED[case]
    found, document = chat(server, **body)
    assert (found, document["error"]["param"]) == (status, param)


def test_keys(server: ModelServer) -> None:
    body = {"model": "gpt-6-luna", "input": "Hello"}
    assert post(server, "responses", body, key="")[0] == 401
    status, document = post(server, "responses", body, key="sk-wrong-key")
    assert (status, document["error"]["code"]) == (401, "invalid_api_key")
    assert "wrong" not in document["error"]["message"]


def test_body_that_is_no_json(server: ModelServer) -> None:
    assert post(server, "responses", b"{")[0] == 400


def test_items_need_the_reasoning_they_came_with(server: ModelServer) -> None:
    server.script([Answer(calls=[Call("book", call_id="c1")])])
    extra = {"tools": [TOOL], "store": False, "include": ["reasoning.encrypted_content"]}
    reasoning, call = respond(server, **extra)[1]["output"]
    status, document = respond(server, input=[USER, call, OUTPUT], **extra)
    assert status == 400
    assert f"without its required 'reasoning' item: '{reasoning['id']}'" in document["error"]["message"]
    status, document = respond(server, input=[USER, {**reasoning, "encrypted_content": "x"}, call, OUTPUT], **extra)
    assert (status, document["error"]["code"]) == (400, "invalid_encrypted_content")
    assert respond(server, input=[USER, reasoning, call, OUTPUT], **extra)[0] == 200


def test_stored_answer_can_be_gone_on_from(server: ModelServer) -> None:
    kept, left = respond(server)[1]["id"], respond(server, store=False)[1]["id"]
    assert respond(server, previous_response_id=kept)[0] == 200
    assert respond(server, previous_response_id=left)[0] == 400


def test_echo_tells_requests_apart_and_calls_tools(server: ModelServer) -> None:
    assert respond(server, input="one")[1]["output"][-1]["content"][0]["text"] == "Echo: one"
    output = respond(server, input='call book {"day": 1}', tools=[TOOL])[1]["output"]
    assert output[-1]["arguments"] == '{"day": 1}'
    assert chat(server)[1]["choices"][0]["message"]["content"] == "Echo: Hello"


@pytest.mark.parametrize(
    ("rules", "module", "name"),
    [
        (model_rules, "openai.types.responses.response_create_params", "ResponseCreateParamsBase"),
        (chat_rules, "openai.types.chat.completion_create_params", "CompletionCreateParamsBase"),
    ],
)
def test_known_parameters_are_those_of_the_library(rules: Any, module: str, name: str) -> None:
    hints = typing.get_type_hints(getattr(importlib.import_module(module), name))
    nullable = {key for key, hint in hints.items() if type(None) in typing.get_args(hint)}
    prefix = "CHAT_" if rules is chat_rules else ""
    assert getattr(rules, f"{prefix}NULLABLE") == nullable | {"stream"}
    assert getattr(rules, f"{prefix}NOT_NULL") == set(hints) - nullable


def test_stream_has_the_events_of_the_real_one_in_order(server: ModelServer) -> None:
    from openai import OpenAI

    server.script([Answer("Yes.", calls=[Call("book", "{}", "c1")])])
    with OpenAI(api_key="sk-test-1", base_url=server.url, max_retries=0) as client:
        events: list[Any] = list(
            client.responses.create(model="gpt-6-luna", input="Hello", tools=[TOOL], stream=True)  # type: ignore[list-item]
        )
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert all(event.model_extra == {} for event in events if not event.type.endswith(".delta"))


def test_two_hundred_streams_at_once(server: ModelServer) -> None:
    server.seconds = 0.5
    start = threading.Barrier(200)

    def talk(number: int) -> bool:
        start.wait()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        body = json.dumps({"model": "gpt-6-luna", "input": f"customer {number}", "stream": True})
        connection.request("POST", "/v1/responses", body, {"Authorization": "Bearer sk-test-1"})
        text = connection.getresponse().read().decode()
        connection.close()
        return f"Echo: customer {number}" in text and "response.completed" in text

    begun = time.monotonic()
    try:
        with ThreadPoolExecutor(200) as pool:
            assert all(pool.map(talk, range(200)))
    finally:
        server.seconds = 0.0
    assert time.monotonic() - begun < 10, "they wait together, not one after the other"


def test_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "tests.servers.model_server", "--seconds", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
            connection.request("GET", "/v1/models", headers={"Authorization": "Bearer sk-test-1"})
            models = json.loads(connection.getresponse().read())["data"]
            connection.close()
        finally:
            process.terminate()
    assert "gpt-6-luna" in {model["id"] for model in models}
