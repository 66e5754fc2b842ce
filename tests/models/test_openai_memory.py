"""The plugin's side of vendor memory and vendor prompts: what goes over the wire, and what errors come to mean."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from plugins.openai_model import OpenAIModel, prompts
from plugins.openai_model.settings import OpenAISettings
from receptionist import (
    Completed,
    Interrupted,
    Memory,
    MemoryFault,
    ModelError,
    ModelEvent,
    Said,
    StoredPrompt,
    ToolOutput,
)
from tests.models.support import BOOK, KEY, calls, end, make_model, make_request, still_wanted
from tests.servers.conversations_server import Conversations
from tests.servers.model_server import Answer, Call, Error, Hang, ModelServer

Ask = Callable[..., list[ModelEvent]]


def soon() -> float:
    """A deadline."""
    return time.monotonic() + 5


@pytest.fixture
def copy(server: ModelServer) -> Conversations:
    """The conversations at the server."""
    return server.memory.conversations


@pytest.fixture
def memory(model: OpenAIModel) -> Memory:
    """An empty conversation."""
    return Memory("openai", model.begin_memory(None, soon(), still_wanted))


@pytest.fixture
def told(ask: Ask, memory: Memory) -> Memory:
    """A conversation in which something was said."""
    return Memory("openai", memory.ref, mark=end(ask(memory=memory)).mark)


def test_a_round_of_a_conversation(ask: Ask, memory: Memory, server: ModelServer, copy: Conversations) -> None:
    assert end(ask(memory=memory)).text == "Echo: Hello"
    body = server.requests[-1].body
    assert (body["conversation"], body["store"]) == (memory.ref, True)
    assert body["instructions"] == "Be brief.", "they are not kept in the conversation"
    assert copy.said(memory.ref) == ["user: Hello", "assistant: Echo: Hello"]


def test_without_memory_nothing_is_kept(ask: Ask, server: ModelServer) -> None:
    ask()
    assert "conversation" not in server.requests[-1].body
    assert server.requests[-1].body["store"] is False


def test_outputs_follow_their_calls(ask: Ask, memory: Memory, server: ModelServer, copy: Conversations) -> None:
    server.script([Answer(calls=[Call("book", '{"day": "Monday"}'), Call("book", '{"day": "Tuesday"}')]), "Booked."])
    requests = calls(ask(memory=memory, tools=[BOOK]))
    outputs = [ToolOutput(request.call_id, request.name, "done") for request in requests]
    assert end(ask(outputs, memory=memory, tools=[BOOK])).text == "Booked."
    assert copy.said(memory.ref)[-5:] == ["call book", "call book", "output done", "output done", "assistant: Booked."]


def test_mending_deletes_what_is_newer_than_the_mark(
    ask: Ask, told: Memory, model: OpenAIModel, server: ModelServer, copy: Conversations
) -> None:
    server.script([Answer(calls=[Call("book", '{"day": "Monday"}')])])
    ask([Said("user", "Monday")], memory=told, tools=[BOOK])
    assert copy.said(told.ref)[-1] == "call book"
    model.mend_memory(told, soon(), still_wanted)
    assert copy.said(told.ref) == ["user: Hello", "assistant: Echo: Hello"]
    model.mend_memory(told, soon(), still_wanted)
    assert copy.calls.count("delete item") == 3, "user, reasoning and call; nothing the second time"


def test_mending_without_a_mark_empties(ask: Ask, memory: Memory, model: OpenAIModel, copy: Conversations) -> None:
    ask(memory=memory)
    held = copy.held[memory.ref]
    held += [{**held[0], "id": f"msg_{number}"} for number in range(120)]  # more than one page
    model.mend_memory(memory, soon(), still_wanted)
    assert copy.said(memory.ref) == []


def test_a_mark_that_is_not_there(told: Memory, model: OpenAIModel, copy: Conversations) -> None:
    """Nothing is deleted by a mark that makes no sense."""
    with pytest.raises(MemoryFault) as fault:
        model.mend_memory(Memory("openai", told.ref, mark="msg_other"), soon(), still_wanted)
    assert fault.value.kind == "lost"
    assert len(copy.said(told.ref)) == 2


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Error(400, "Another process is …", param="conversation", code="conversation_locked"), "busy"),
        (Error(400, "No tool output found for function call call_1.", param="input"), "broken"),
        (Error(400, "No tool call found for function call output with call_id call_1.", param="input"), "broken"),
        (Error(404, "Conversation with id 'conv_1' not found."), "lost"),
        (Error(400, "Your input exceeds …", param="input", code="context_length_exceeded"), "lost"),
    ],
    ids=["locked", "orphan call", "orphan output", "gone", "too long"],
)
def test_faults(ask: Ask, memory: Memory, server: ModelServer, error: Error, kind: str) -> None:
    before = len(server.requests)
    server.script([error])
    with pytest.raises(MemoryFault) as fault:
        ask(memory=memory)
    assert fault.value.kind == kind
    assert len(server.requests) == before + 1, "it is core that tries again"


def test_other_errors_stay_what_they_are(ask: Ask, memory: Memory, server: ModelServer) -> None:
    server.script([Error(400, "Invalid schema", param="tools[0].parameters", code="invalid_function_parameters")])
    with pytest.raises(ModelError) as error:
        ask(memory=memory)
    assert error.value.admin and not isinstance(error.value, MemoryFault)


def test_a_conversation_that_was_deleted(ask: Ask, model: OpenAIModel) -> None:
    gone = Memory("openai", "conv_gone", mark="msg_1")
    with pytest.raises(MemoryFault, match="not found"):
        ask(memory=gone)
    with pytest.raises(MemoryFault, match="not found"):
        model.mend_memory(gone, soon(), still_wanted)


def test_a_server_that_ignores_the_conversation(
    ask: Ask, memory: Memory, model: OpenAIModel, server: ModelServer
) -> None:
    """It would answer as if nothing had been said before, and no error would tell."""
    server.script([Answer("Hi", conversation=False)])
    with pytest.raises(MemoryFault, match="no heed"):
        ask(memory=memory)
    assert not model.remembers()


def test_a_gateway_that_knows_no_conversations(
    ask: Ask, memory: Memory, model: OpenAIModel, server: ModelServer
) -> None:
    message = "Unknown parameter: 'conversation'."
    server.script([Error(400, message, param="conversation", code="unknown_parameter")])
    with pytest.raises(MemoryFault):
        ask(memory=memory)
    assert not model.remembers()


def test_others_are_never_sent_one(server: ModelServer) -> None:
    model = make_model(server.url, openai_flavor="auto")
    assert not model.remembers()
    with pytest.raises(MemoryFault):  # never an answer from a part of what was said
        list(model.stream(make_request(memory=Memory("openai", "conv_1"))))
    assert "conversation" not in server.requests[-1].body
    model.close()


def test_the_deadline_holds_for_the_conversation_too(server: ModelServer, model: OpenAIModel) -> None:
    server.models_answer = Hang()
    server.memory.conversations.answer = lambda request: time.sleep(0.6) or {}  # type: ignore[assignment,method-assign]
    begun = time.monotonic()
    with pytest.raises(ModelError):
        model.begin_memory(None, time.monotonic() + 0.3, still_wanted)
    assert time.monotonic() - begun < 0.55


def test_an_answer_nobody_wants_begins_no_conversation(model: OpenAIModel, copy: Conversations) -> None:
    def check() -> None:
        raise Interrupted("a newer message came")

    with pytest.raises(Interrupted):
        model.begin_memory(None, soon(), check)
    assert copy.held == {}


def test_forgetting(ask: Ask, told: Memory, model: OpenAIModel, copy: Conversations) -> None:
    copy.held[told.ref] += [{**copy.held[told.ref][0], "id": f"msg_{number}"} for number in range(120)]
    ref = model.begin_memory(told.ref, soon(), still_wanted)
    ask(memory=Memory("openai", ref))
    assert len(copy.held) == 2
    model.forget(ref)
    assert (copy.held, copy.left) == ({}, []), "the one it took the place of, too, and their items first"
    model.forget(ref)


def test_forgetting_without_a_server(model: OpenAIModel, server: ModelServer, told: Memory) -> None:
    elsewhere = make_model("http://127.0.0.1:9/v1")
    with pytest.raises(ModelError) as error:
        elsewhere.forget(told.ref)
    assert error.value.retryable
    assert KEY not in str(error.value)
    elsewhere.close()


PROMPT = StoredPrompt("pmpt_1", "2", {"name": "Ada"})


def test_a_prompt_at_the_vendor(ask: Ask, server: ModelServer) -> None:
    server.memory.prompts["pmpt_1"] = {"name"}
    assert end(ask(prompt=PROMPT)).text == "Echo: Hello"
    body = server.requests[-1].body
    assert body["prompt"] == {"id": "pmpt_1", "version": "2", "variables": {"name": "Ada"}}
    ask(prompt=StoredPrompt("pmpt_1", variables={"name": "Ada"}))
    assert server.requests[-1].body["prompt"] == {"id": "pmpt_1", "variables": {"name": "Ada"}}


@pytest.mark.parametrize(
    "error",
    [
        None,
        Error(400, "Unknown parameter: 'prompt'.", param="prompt", code="unknown_parameter"),
        Error(410, "Reusable prompts have been shut down."),
        Error(400, "prompt template is not supported"),
    ],
    ids=["unknown id", "unknown parameter", "shut down", "vLLM"],
)
def test_a_prompt_that_is_gone(ask: Ask, server: ModelServer, error: Error | None) -> None:
    server.script([error] if error else [])
    with pytest.raises(ModelError, match=r"has no prompt pmpt_1.*system_prompt_template") as raised:
        ask(prompt=PROMPT)
    assert raised.value.admin and not raised.value.retryable


def test_a_variable_that_lacks_is_another_trouble(ask: Ask, server: ModelServer) -> None:
    server.memory.prompts["pmpt_1"] = {"name", "day"}
    with pytest.raises(ModelError, match="Missing prompt variables: day") as raised:
        ask(prompt=PROMPT)
    assert raised.value.admin
    assert "system_prompt_template" not in str(raised.value)


@pytest.mark.parametrize("responses", [True, False])
def test_servers_without_prompts_are_not_even_asked(responses: bool) -> None:
    with ModelServer(responses=responses) as server:
        model = make_model(server.url, openai_flavor="auto")
        with pytest.raises(ModelError, match=r"has no reusable prompts.*system_prompt_template") as raised:
            list(model.stream(make_request(prompt=PROMPT)))
        assert raised.value.admin
        assert not server.requests
        model.close()


def settings(**values: Any) -> OpenAISettings:
    """The plugin's settings."""
    return OpenAISettings.model_validate({"openai_api_key": KEY, **values})


def test_prompts_when_a_strategy_is_saved() -> None:
    last, after = date(2026, 11, 30), date(2026, 12, 1)
    gateway = settings(openai_base_url="https://gateway.example.com/v1", openai_flavor="openai")
    local = settings(openai_base_url="http://localhost:11434/v1")
    assert prompts.problem(settings(), last) is None
    assert "shut its reusable prompts down on 2026-11-30" in str(prompts.problem(settings(), after))
    assert prompts.problem(gateway, after) is None
    assert "system_prompt_template" in str(prompts.problem(local, last))


def test_the_mark_is_only_told_with_a_memory(ask: Ask) -> None:
    completed = end(ask())
    assert isinstance(completed, Completed) and completed.mark is None
