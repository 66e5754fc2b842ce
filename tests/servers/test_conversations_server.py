"""The stand-in for OpenAI's conversations, asked by the client library itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.servers.model_server import Hang, ModelServer


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """The server."""
    with ModelServer() as running:
        yield running


@pytest.fixture
def client(server: ModelServer) -> Iterator[openai.OpenAI]:
    """The client library, pointed at it."""
    with openai.OpenAI(api_key="sk-test-1", base_url=server.url, max_retries=0, timeout=5) as made:
        yield made


def ask(client: openai.OpenAI, conversation: str, said: Any) -> Any:
    """A response within the conversation."""
    return client.responses.create(model="gpt-6-luna", input=said, conversation=conversation)


def test_a_turn_appears_when_it_is_complete(client: openai.OpenAI) -> None:
    name = client.conversations.create().id
    response = ask(client, name, "Hello")
    assert response.conversation.id == name
    newest, oldest = client.conversations.items.list(name).data
    assert newest.id == response.output[-1].id, "the newest first"
    assert (newest.type, oldest.type) == ("message", "message")


def test_lists_have_limits(client: openai.OpenAI) -> None:
    name = client.conversations.create(items=[{"role": "user", "content": str(number)} for number in range(20)]).id
    for number in range(3):
        ask(client, name, str(number))
    page = client.conversations.items.list(name)
    assert (len(page.data), page.has_more) == (20, True)
    assert len(client.conversations.items.list(name, after=page.data[-1].id, limit=100).data) == 6
    with pytest.raises(openai.BadRequestError):
        client.conversations.items.list(name, limit=101)
    with pytest.raises(openai.BadRequestError):
        client.conversations.create(items=[{"role": "user", "content": "x"}] * 21)


def test_what_is_not_there(client: openai.OpenAI) -> None:
    name = client.conversations.create().id
    with pytest.raises(openai.NotFoundError, match="Conversation with id 'conv_x' not found"):
        ask(client, "conv_x", "Hello")
    with pytest.raises(openai.NotFoundError, match="Item with id 'msg_x' not found"):
        client.conversations.items.delete("msg_x", conversation_id=name)
    client.conversations.delete(name)
    with pytest.raises(openai.NotFoundError, match="Conversation with id"):
        client.conversations.delete(name)


def test_deleting_leaves_the_items(client: openai.OpenAI, server: ModelServer) -> None:
    name = client.conversations.create(items=[{"role": "user", "content": "secret"}]).id
    client.conversations.delete(name)
    assert len(server.memory.conversations.left) == 1


def test_one_request_at_a_time(client: openai.OpenAI, server: ModelServer) -> None:
    name = client.conversations.create().id
    server.script([Hang()])
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.1).responses.create(model="gpt-6-luna", input="Hello", conversation=name)
    with pytest.raises(openai.BadRequestError) as locked:
        ask(client, name, "Hello?")
    assert (locked.value.code, locked.value.param) == ("conversation_locked", "conversation")


def test_an_orphan_breaks_it_for_good(client: openai.OpenAI, server: ModelServer) -> None:
    call: Any = {"type": "function_call", "call_id": "call_1", "name": "book", "arguments": "{}"}
    name = client.conversations.create(items=[call]).id
    for _ in range(2):
        with pytest.raises(openai.BadRequestError, match="No tool output found for function call call_1"):
            ask(client, name, "Hello")
    output: Any = {"type": "function_call_output", "call_id": "call_1", "output": "booked"}
    assert ask(client, name, [output]).status == "completed"
    with pytest.raises(openai.BadRequestError, match="No tool call found for function call output"):
        ask(client, name, [{**output, "call_id": "call_2"}])
