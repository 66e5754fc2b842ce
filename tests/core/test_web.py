"""Every answer has its headers, every error its words, no input makes a 500."""

from __future__ import annotations

import json

import pytest
from flask import request
from flask.testing import FlaskClient

from receptionist.app import create_app
from receptionist.parts import Parts

HOSTILE = [
    b"",
    b"null",
    b"[" * 100_000,
    b'{"id": NaN}',
    b'{"id": "\\ud83d", "text": "x"}',
    b'{"id": "a\\u0000", "text": "a\\u0000"}',
    b'{"id": ' + b"9" * 5000 + b"}",
    b"\xff\xfe",
    b'{"text": {"$ne": 1}}',
]


def test_every_route_without_credentials_answers_safely(client: FlaskClient) -> None:
    for rule in client.application.url_map.iter_rules():
        path = rule.rule.replace("<channel>", "webchat").replace("<key>", "none")
        for method in sorted((rule.methods or set()) - {"HEAD"}):
            if path.endswith("/live"):
                continue  # a WebSocket: tested with a real server
            response = client.open(path, method=method)
            assert response.status_code < 500, (method, path)
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "'unsafe-inline'" not in policy
            assert "Cache-Control" in response.headers


@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_bodies_are_refused_and_never_crash(client: FlaskClient, demo: Parts, body: bytes) -> None:
    key = next(iter(demo.directory.office(1).lines.values())).key
    for path in (f"/webhooks/webchat/{key}", f"/webchat/{key}/session", f"/webchat/{key}/messages"):
        response = client.post(
            path, data=body, headers={"Origin": demo.host.public_url, "Content-Type": "application/json"}
        )
        assert 400 <= response.status_code < 500 or (response.status_code == 200 and path.endswith("session"))


@pytest.mark.parametrize("query", ["\xff", "a=%ff", "a=\xc3&a", "%", "&&=?"])
def test_hostile_queries_are_refused_and_never_crash(client: FlaskClient, demo: Parts, query: str) -> None:
    key = next(iter(demo.directory.office(1).lines.values())).key
    for path in (f"/webhooks/webchat/{key}", f"/webchat/{key}/session", f"/webchat/{key}/messages"):
        response = client.post(path, environ_overrides={"QUERY_STRING": query}, json={})
        assert 400 <= response.status_code < 500, path


def test_a_program_gets_json_and_a_person_a_page(client: FlaskClient) -> None:
    as_program = client.get("/nowhere")
    assert as_program.status_code == 404
    assert as_program.get_json()["error"]["code"] == "not_found"
    as_person = client.get("/nowhere", headers={"Accept": "text/html"})
    assert as_person.status_code == 404
    assert "<h1>404</h1>" in as_person.text


def test_the_start_page_carries_the_chat_and_the_next_steps(client: FlaskClient, demo: Parts) -> None:
    page = client.get("/").text
    key = next(iter(demo.directory.office(1).lines.values())).key
    assert f'data-line="{key}"' in page
    assert "Demo answers" in page
    assert "OPENAI_API_KEY" in page


def test_the_start_page_says_when_it_is_opened_at_an_address_the_chat_refuses(client: FlaskClient) -> None:
    assert "PUBLIC_URL=http://192.168.1.5:8000" in client.get("/", base_url="http://192.168.1.5:8000").text
    assert "does not know this address" not in client.get("/", base_url="http://localhost:8000").text


def test_a_large_body_is_refused_early(client: FlaskClient) -> None:
    response = client.post("/webhooks/webchat/none", data=b"x" * (2 * 1024 * 1024))
    assert response.status_code in (404, 413)


def test_health_is_red_without_a_database(client: FlaskClient, demo: Parts) -> None:
    assert client.get("/health").status_code == 200
    database = demo.instance_path / "receptionist.db"
    demo.database.dispose()
    database.rename(database.with_suffix(".away"))
    response = client.get("/health")
    assert response.status_code == 503
    assert json.loads(response.data) == {"status": "unavailable"}


def test_a_visitor_s_address_is_believed_only_from_the_proxies_there_are(
    demo: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    spoofed = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https"}
    for proxies in (0, 1):
        monkeypatch.setattr(demo.settings, "trusted_proxies", proxies)
        app = create_app(demo)
        app.add_url_rule("/who", view_func=lambda: seen.append(request.remote_addr) or "")
        app.test_client().get("/who", headers=spoofed)
    assert seen == ["127.0.0.1", "203.0.113.9"]
