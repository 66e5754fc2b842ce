"""One client for a process: many threads, forks, keys, connections."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from plugins.openai_model import OpenAIModel
from receptionist import ModelError, Said
from tests.models.support import BOOK, KEY, end, make_model, make_request
from tests.servers.model_server import ModelServer


def test_threads_share_the_client_and_get_their_own_answers(server: ModelServer, model: OpenAIModel) -> None:
    server.seconds = 0.01
    start = threading.Barrier(64)

    def talk(number: int) -> list[str]:
        start.wait()
        asked = [f"customer {number} message {count}" for count in range(5)]
        answers = [end(list(model.stream(make_request([Said("user", text)], seconds=60)))).text for text in asked]
        return [answer for answer, text in zip(answers, asked, strict=True) if answer != f"Echo: {text}"]

    with ThreadPoolExecutor(64) as pool:
        wrong = list(pool.map(talk, range(64)))
    assert wrong == [[]] * 64
    assert len(server.requests) == 64 * 5


def test_nothing_is_made_before_the_first_call(server: ModelServer) -> None:
    model = make_model(server.url)
    assert model.ready()
    assert model.connection._made is None


def test_connection_is_used_again(server: ModelServer, model: OpenAIModel) -> None:
    for _ in range(3):
        list(model.stream(make_request(tools=[BOOK])))
    assert server.connections == 1


def test_another_process_gets_another_client(model: OpenAIModel, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = model.connection.client()
    assert model.connection.client() is parent
    real = os.getpid()
    model.connection._locks[real].acquire()  # a fork may happen while another thread holds the lock
    monkeypatch.setattr(os, "getpid", lambda: real + 1)
    child = model.connection.client()
    assert child is not parent
    assert model.connection.client() is child
    model.close()
    parent.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_child_gets_its_own_answers(server: ModelServer, model: OpenAIModel) -> None:
    list(model.stream(make_request()))
    child = os.fork()
    if child == 0:
        os._exit(_child(model))
    text = end(list(model.stream(make_request([Said("user", "parent")])))).text
    assert text == "Echo: parent"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert server.connections == 2


def _child(model: OpenAIModel) -> int:
    """The exit code of a forked child: 0 if every answer was its own."""
    try:
        answers = [end(list(model.stream(make_request([Said("user", f"child {n}")])))).text for n in range(5)]
    except Exception:  # nothing may leave the child but its exit code
        return 2
    return 0 if answers == [f"Echo: child {n}" for n in range(5)] else 1


def test_keys_stay_apart(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    models = [make_model(server.url, openai_api_key=f"sk-test-{number}") for number in range(2)]
    for model in (*models, *models):
        list(model.stream(make_request()))
    assert [request.key for request in server.requests] == ["sk-test-0", "sk-test-1"] * 2
    for model in models:
        model.close()


def test_key_goes_in_one_header_only(server: ModelServer, model: OpenAIModel) -> None:
    list(model.stream(make_request()))
    request = server.requests[0]
    assert [name for name, value in request.headers.items() if KEY in value] == ["authorization"]
    assert KEY not in str(request.body)


def test_nothing_about_this_machine_is_told(server: ModelServer, model: OpenAIModel) -> None:
    list(model.stream(make_request()))
    headers = server.requests[0].headers
    assert headers["content-type"] == "application/json"
    assert not [name for name in headers if name.startswith("x-stainless")]


def test_proxy_of_the_system_is_used(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.openai_model.deadline import _proxy

    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert _proxy("https://api.openai.com/v1") is None
    monkeypatch.setenv("https_proxy", "http://me:s%20cret@proxy.example:3128")
    assert _proxy("https://api.openai.com/v1") == ("http://proxy.example:3128", ("me", "s cret"))
    monkeypatch.setenv("no_proxy", "localhost,.openai.com")
    assert _proxy("https://api.openai.com/v1") is None
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")
    model = make_model("http://model.example/v1")
    with pytest.raises(ModelError, match="404"):
        list(model.stream(make_request()))
    assert server.requests[0].path == "http://model.example/v1/responses"
    model.close()
