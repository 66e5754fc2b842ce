"""Every way in which the model server can fail, and what core is told to do about it."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable

import pytest

from plugins.openai_model import OpenAIModel
from receptionist import InputTooLong, ModelError, ModelEvent
from tests.models.support import BOOK, KEY, make_model, make_request
from tests.servers.model_script import Item
from tests.servers.model_server import Answer, Call, Error, ModelServer, Raw

Ask = Callable[..., list[ModelEvent]]

AGAIN = (True, False)
ADMIN = (False, True)
NEITHER = (False, False)

CASES: dict[str, tuple[Item, tuple[bool, bool], str]] = {
    "rate limit": (Error(429, code="rate_limit_exceeded"), AGAIN, "429: rate_limit_exceeded"),
    "slow down": (Error(429, code="slow_down"), AGAIN, "slow_down"),
    "quota": (Error(429, type="insufficient_quota", code="credit_balance_exhausted"), ADMIN, "credit_balance"),
    "old quota": (Error(429, type="insufficient_quota", code="insufficient_quota"), ADMIN, "insufficient_quota"),
    "spend limit": (Error(429, code="project_spend_limit_exceeded"), ADMIN, "spend_limit"),
    "payment": (Error(402, "Top up."), ADMIN, "402: invalid_request_error: Top up."),
    "key": (Error(401, code="invalid_api_key"), ADMIN, "401"),
    "forbidden": (Error(403, "Country not supported."), ADMIN, "Country"),
    "moved": (Raw(307, b"", headers={"Location": "http://127.0.0.1:1/"}), ADMIN, "307"),
    "model gone": (Error(404, code="model_not_found"), ADMIN, "model_not_found"),
    "bad temperature": (Error(400, "Unsupported parameter: 'temperature'.", param="temperature"), ADMIN, "temperature"),
    "bad effort": (Error(400, "Unsupported value.", param="reasoning.effort"), ADMIN, "Unsupported value"),
    "bad tool": (Error(400, param="tools[0].parameters", code="invalid_function_parameters"), ADMIN, "function_par"),
    "unknown parameter": (Error(400, param="bogus", code="unknown_parameter"), ADMIN, "unknown_parameter"),
    "too long": (Error(400, param="input", code="context_length_exceeded"), NEITHER, "context_length"),
    "too long in words": (Error(400, "This model's maximum context length is 8 tokens."), NEITHER, "context length"),
    "policy": (Error(400, "Flagged.", code="content_policy_violation"), NEITHER, "content_policy"),
    "azure filter": (Error(400, "Filtered.", code="content_filter", param="prompt"), NEITHER, "content_filter"),
    "misalignment": (Error(403, "Stopped.", code="misalignment_policy_violation"), NEITHER, "misalignment_policy"),
    "blocked customer": (Error(400, "Identifier blocked.", param="safety_identifier"), NEITHER, "Identifier blocked"),
    "orphan call": (Error(400, "No tool output found for function call call_1.", param="input"), NEITHER, "No tool"),
    "conflict": (Error(409), AGAIN, "409"),
    "server error": (Error(500), AGAIN, "500: server_error"),
    "overloaded": (Error(503, code="server_is_overloaded"), AGAIN, "server_is_overloaded"),
    "server says no": (Error(500, headers={"x-should-retry": "false"}), NEITHER, "500"),
    "html 500": (Raw(502, b"<html>Bad gateway</html>", "text/html"), AGAIN, "502: <html>Bad gateway"),
    "other error shape": (Raw(422, b'{"detail": "no such field"}'), NEITHER, "no such field"),
    "garbage": (Raw(200, b"{garbage"), AGAIN, "unreadable"),
    "not utf-8": (Raw(200, b'{"a": "\xff"}'), AGAIN, "unreadable"),
    "list": (Raw(200, b"[1, 2]"), AGAIN, "unreadable"),
    "nested to death": (Raw(200, b"[" * 200_000), AGAIN, "unreadable"),
    "error in 200": (Raw(200, b'{"error": {"message": "Busy", "code": "server_error"}}'), AGAIN, "Busy"),
    "html 200": (Raw(200, b"<html>Log in</html>", "text/html"), AGAIN, "without its last event"),
    "no body": (Raw(200, b"", "text/event-stream"), AGAIN, "without its last event"),
    "garbage event": (Raw(200, b"data: {garbage\n\n", "text/event-stream"), AGAIN, "unreadable"),
    "wrong event": (Raw(200, b'data: {"type":"response.completed"}\n\n', "text/event-stream"), AGAIN, "unreadable"),
    "no last event": (Answer("Hal", end="nothing"), AGAIN, "without its last event"),
    "broken off": (Answer("Hal", end="cut"), AGAIN, "connection to 127.0.0.1 failed"),
    "failed": (Answer("Hal", end="failed", reason="server_error"), AGAIN, "failed: server_error"),
    "failed, rate": (Answer(end="failed", reason="rate_limit_exceeded"), AGAIN, "rate_limit"),
    "failed, prompt": (Answer(end="failed", reason="invalid_prompt"), NEITHER, "invalid_prompt"),
    "failed, quota": (Answer(end="failed", reason="insufficient_quota"), ADMIN, "insufficient_quota"),
    "error event": (Answer("Hal", end="error", reason="server_error"), AGAIN, "broke off: server_error"),
    "nested error event": (Answer("Hal", end="nested_error", reason="server_error"), AGAIN, "broke off: server_error"),
    "limit": (Answer("Hal", end="incomplete", reason="max_output_tokens"), NEITHER, "did not fit"),
    "filter": (Answer("Hal", end="incomplete", reason="content_filter"), NEITHER, "content filter"),
    "steered": (Answer("Hal", end="incomplete", reason="steered"), AGAIN, "incomplete: steered"),
    "cancelled": (Raw(200, b'{"status": "cancelled", "output": []}'), AGAIN, "'cancelled'"),
    "empty": (Answer(""), AGAIN, "empty"),
    "blank": (Answer(" "), AGAIN, "empty"),
    "nameless call": (Answer(calls=[Call("")]), AGAIN, "malformed"),
    "invented call": (Answer(calls=[Call("multi_tool_use.parallel")]), AGAIN, "malformed"),
}


@pytest.mark.parametrize("case", CASES)
def test_failure_is_classified(server: ModelServer, ask: Ask, case: str) -> None:
    item, (retryable, admin), words = CASES[case]
    server.script([item])
    with pytest.raises(ModelError) as caught:
        ask(tools=[BOOK])
    assert words in str(caught.value)
    assert (caught.value.retryable, caught.value.admin) == (retryable, admin)
    assert len(server.requests) == 1, "retrying is core's business"


@pytest.mark.parametrize(
    "item",
    [
        CASES["too long"][0],
        CASES["too long in words"][0],
        Answer("Hal", end="failed", reason="context_length_exceeded"),
        Answer("Hal", end="error", reason="context_length_exceeded"),
    ],
    ids=["refused", "in words", "failed", "error event"],
)
def test_what_is_too_long_is_told_apart(server: ModelServer, ask: Ask, item: Item) -> None:
    server.script([item])
    with pytest.raises(InputTooLong):
        ask(tools=[BOOK])


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(server: ModelServer, ask: Ask, headers: dict[str, str], seconds: float | None) -> None:
    server.script([Error(429, headers=headers)])
    with pytest.raises(ModelError) as caught:
        ask()
    assert caught.value.retry_after == seconds


def test_retry_after_as_a_date(server: ModelServer, ask: Ask) -> None:
    server.script([Error(503, headers={"Retry-After": email.utils.formatdate(time.time() + 30, usegmt=True)})])
    with pytest.raises(ModelError) as caught:
        ask()
    assert caught.value.retry_after is not None
    assert 25 < caught.value.retry_after <= 30


def test_retry_after_in_the_words_of_a_failed_answer(server: ModelServer, ask: Ask) -> None:
    words = "Rate limit reached. Please try again in 1.5s."
    server.script([Answer(end="failed", reason="rate_limit_exceeded", message=words)])
    with pytest.raises(ModelError) as caught:
        ask()
    assert caught.value.retry_after == 1.5


def test_own_limit_of_tokens_is_named_and_what_it_cost(server: ModelServer, ask: Ask) -> None:
    """It is no trouble of the model's: any customer can ask for more than fits."""
    server.script([Answer("Hal", end="incomplete", reason="max_output_tokens")])
    with pytest.raises(ModelError, match="Raise the strategy's limit") as caught:
        ask(max_output_tokens=100)
    assert not caught.value.admin
    assert caught.value.spent is not None
    assert (caught.value.spent[0], caught.value.spent[1].output) == ("gpt-6-luna-2026-09-01", 1)


def test_what_the_real_api_refuses_reaches_the_admin(server: ModelServer, ask: Ask) -> None:
    with pytest.raises(ModelError, match="'temperature' is not supported with this model") as caught:
        ask(temperature=0.5)
    assert caught.value.admin
    with pytest.raises(ModelError, match="model_not_found") as caught:
        ask(model="gpt-2")
    assert caught.value.admin


def test_server_that_is_not_there(model: OpenAIModel, server: ModelServer) -> None:
    gone = make_model("http://127.0.0.1:1/v1")
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 failed") as caught:
        list(gone.stream(make_request()))
    assert (caught.value.retryable, caught.value.admin) == AGAIN
    gone.close()


@pytest.mark.parametrize("status", [400, 401, 500])
def test_error_texts_never_hold_the_key(server: ModelServer, ask: Ask, status: int) -> None:
    server.script([Error(status, f"You sent Authorization: Bearer {KEY}.")])
    with pytest.raises(ModelError, match=r"Bearer \[key\]") as caught:
        ask()
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__, "a logged traceback ends here"


def test_wrong_key_is_refused_with_a_hint_only(server: ModelServer) -> None:
    model = make_model(server.url, openai_api_key="sk-wrong-0123456789abcdef")
    with pytest.raises(ModelError, match="401: invalid_api_key") as caught:
        list(model.stream(make_request()))
    assert caught.value.admin
    assert "0123456789" not in str(caught.value)
    model.close()


def test_a_failure_leaves_the_next_answer_alone(server: ModelServer, ask: Ask) -> None:
    server.script([Answer("Hal", end="cut"), Error(500), Raw(200, b"{garbage")])
    for _ in range(3):
        with pytest.raises(ModelError):
            ask()
    assert ask()[-1].text == "Echo: Hello"  # type: ignore[union-attr]
