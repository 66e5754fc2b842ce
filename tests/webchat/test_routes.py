"""What the widget talks to, without a browser."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient
from jwt.api_jws import PyJWS
from werkzeug.test import TestResponse

from plugins.webchat.routes import SESSIONS_PER_MINUTE
from receptionist import Sender

from .fake_app import make_app
from .fake_host import IDENTITY_SECRET, FakeHost

ORIGIN = {"Origin": "https://shop.example"}


class Chat:
    """A client program of the line `main`."""

    def __init__(self) -> None:
        self.host = FakeHost("https://chat.example", answers=False)
        self.line = self.host.add_line(
            "main", allowed_origins=["https://shop.example"], identity_secret=IDENTITY_SECRET, max_text=100
        )
        self.other = self.host.add_line("other", allowed_origins=["https://shop.example"], messages_per_minute=3)
        self.http: FlaskClient = make_app(self.host).test_client()

    def session(self, body: Any = None, key: str = "main", **more: Any) -> TestResponse:
        return self.http.post(f"/webchat/{key}/session", json=body or {}, headers=ORIGIN, **more)

    def token(self, key: str = "main", **body: Any) -> str:
        return str(self.session(body, key).get_json()["token"])

    def send(self, body: Any, token: str, key: str = "main", **headers: str) -> TestResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**ORIGIN, "Authorization": f"Bearer {token}", **headers}
        return self.http.post(f"/webchat/{key}/messages", data=data, headers=headers)

    def read(self, token: str, after: object = 0, key: str = "main", **headers: str) -> TestResponse:
        headers = {**ORIGIN, "Authorization": f"Bearer {token}", **headers}
        return self.http.get(f"/webchat/{key}/messages?after={after}", headers=headers)


@pytest.fixture
def chat() -> Chat:
    return Chat()


def message(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "text": text, **more}


def identity(secret: str = IDENTITY_SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    payload = {"sub": "42", "exp": int(time.time()) + 600, **claims}
    return jwt.encode({k: v for k, v in payload.items() if v is not None}, secret, algorithm=algorithm)


def error(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


# --- the script ----------------------------------------------------------------------------------


def test_the_widget_is_a_cacheable_script(chat: Chat) -> None:
    first = chat.http.get("/webchat/widget.js")
    assert first.status_code == 200
    assert first.mimetype == "text/javascript"
    assert first.headers["Cache-Control"] == "public, max-age=300"
    etag, weak = first.get_etag()
    assert etag
    assert not weak
    again = chat.http.get("/webchat/widget.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


# --- sessions ------------------------------------------------------------------------------------


def test_a_session_says_who_and_how_it_looks_and_stores_nothing(chat: Chat) -> None:
    answer = chat.session().get_json()
    assert answer["visitor"].startswith("visitor:")
    assert answer["expires_in"] == 30 * 24 * 3600
    assert answer["limits"] == {"text": 100, "messages_per_minute": 20}
    assert answer["line"] == {
        "title": "Salón Aurora",
        "greeting": "",
        "colour": "#2f5bea",
        "position": "right",
        "language": "auto",
        "notice": "",
    }
    assert chat.host.talks == []


def test_a_good_token_is_renewed_for_the_same_visitor(chat: Chat) -> None:
    first = chat.session().get_json()
    assert chat.session({"token": first["token"]}).get_json()["visitor"] == first["visitor"]


def test_a_bad_token_makes_a_new_visitor(chat: Chat) -> None:
    first = chat.session().get_json()
    claims = {"line": chat.line.id, "address": first["visitor"]}
    bad = [
        first["token"][:-3] + "abc",
        chat.host.sign("webchat", claims, -60),
        chat.host.sign("password", claims, 60),
        chat.host.sign("webchat", {**claims, "line": chat.other.id}, 60),
        jwt.encode({**claims, "exp": time.time() + 60}, None, algorithm="none"),
        "\ud800",
        "",
        "x" * 5000,
    ]
    for token in bad:
        answer = chat.session({"token": token})
        assert answer.status_code == 200
        assert answer.get_json()["visitor"] != first["visitor"]


def test_the_site_can_vouch_for_a_customer(chat: Chat) -> None:
    proof = identity(name="Ana Pérez", email="ana@example.com", phone="+34600111222")
    answer = chat.session({"identity": proof}).get_json()
    assert answer["visitor"] == "user:42"
    assert answer["expires_in"] == 24 * 3600
    chat.send(message(), answer["token"])
    [claims] = [jwt.decode(answer["token"], options={"verify_signature": False})]
    assert (claims["name"], claims["email"], claims["phone"]) == ("Ana Pérez", "ana@example.com", "+34600111222")


def test_a_customer_who_signed_out_is_a_stranger(chat: Chat) -> None:
    token = chat.token(identity=identity())
    assert chat.session({"token": token}).get_json()["visitor"].startswith("visitor:")


@pytest.mark.parametrize(
    "proof",
    [
        identity(secret="another secret, long enough for HS256 too"),
        identity(algorithm="HS512", secret=IDENTITY_SECRET * 2),
        jwt.encode({"sub": "42", "exp": 4102444800}, None, algorithm="none"),
        identity(exp=None),
        identity(exp=int(time.time()) - 60),
        identity(exp=int(time.time()) + 25 * 3600),
        identity(exp=1e300),
        identity(exp="soon"),
        identity(sub=None),
        identity(sub=""),
        identity(sub="  "),
        identity(sub="x" * 201),
        identity(sub="a\0b"),
        identity(email="nobody"),
        identity(email=["a@b.c"]),
        identity(phone="0600"),
        identity(name=7),
        "nonsense",
        "a.b.c",
        "\ud800",
        "",
    ],
)
def test_a_wrong_identity_is_refused_and_falls_back_to_nobody(chat: Chat, proof: str) -> None:
    body = {"identity": proof, "token": chat.token()}
    assert error(chat.session(body)) == (401, "identity_refused")


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        (identity(exp=None), "the claim exp is missing"),
        (identity(sub=None), "the claim sub is missing"),
        (identity(exp="soon"), "the claim exp must be a number"),
        (identity(exp=[1]), "the claim exp must be a number"),
        (identity(exp=float("inf")), "the claim exp must be a number"),
        (identity(exp=int(time.time()) - 60), "it has expired (exp)"),
        (identity(exp=int(time.time()) + 25 * 3600), "exp is more than 24 hours ahead"),
        (identity(nbf="soon"), "the claim nbf must be a number"),
        (identity(nbf=int(time.time()) + 600), "it is not valid yet (iat, nbf)"),
        (identity(iat="now"), "the claim iat must be a number"),
        (identity(aud="chat"), "the claim aud must be left out"),
        (identity(sub=" "), "sub must be text of 1 to 200 characters"),
        (identity(phone="0600"), "phone is malformed"),
        (identity(secret="another secret, long enough for HS256 too"), "it is not signed as agreed"),
    ],
)
def test_a_refused_identity_names_the_claim_that_is_wrong(chat: Chat, proof: str, reason: str) -> None:
    answer = chat.session({"identity": proof}).get_json()
    assert answer["error"]["message"] == f"The identity was refused: {reason}."


def test_a_subject_that_is_no_text_is_named(chat: Chat) -> None:
    signer = PyJWS()
    claims = json.dumps({"sub": 42, "exp": int(time.time()) + 600}).encode()
    answer = chat.session({"identity": signer.encode(claims, IDENTITY_SECRET, algorithm="HS256")}).get_json()
    assert answer["error"]["message"] == "The identity was refused: the claim sub must be text."


def test_the_widget_is_small(chat: Chat) -> None:
    assert len(gzip.compress(chat.http.get("/webchat/widget.js").data)) < 18_000


def test_an_identity_may_be_a_little_late(chat: Chat) -> None:
    assert chat.session({"identity": identity(exp=int(time.time()) - 20)}).get_json()["visitor"] == "user:42"


def test_a_line_without_a_secret_takes_no_identity(chat: Chat) -> None:
    assert error(chat.session({"identity": identity()}, key="other")) == (401, "identity_refused")


@pytest.mark.parametrize("body", [{"token": 1}, {"identity": []}, {"visitor": "user:1"}, {"token": "x", "line": 2}])
def test_a_session_takes_nothing_else(chat: Chat, body: dict[str, Any]) -> None:
    assert error(chat.session(body)) == (400, "bad_request")


def test_sessions_are_limited_by_network(chat: Chat) -> None:
    for number in range(SESSIONS_PER_MINUTE):
        chat.session(environ_base={"REMOTE_ADDR": f"2001:db8::{number:x}"})
    response = chat.session(environ_base={"REMOTE_ADDR": "2001:db8::ffff"})
    assert error(response) == (429, "too_many")
    assert 0 < int(response.headers["Retry-After"]) <= 60
    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert chat.session(environ_base={"REMOTE_ADDR": "2001:db8:0:1::1"}).status_code == 200


# --- messages ------------------------------------------------------------------------------------


def test_a_message_is_taken_once(chat: Chat) -> None:
    token, sent = chat.token(), message("Grüße 😀\nzwei")
    first, second = chat.send(sent, token), chat.send(sent, token)
    assert (first.status_code, second.status_code) == (202, 202)
    assert (first.get_json()["duplicate"], second.get_json()["duplicate"]) == (False, True)
    assert first.get_json()["id"] == second.get_json()["id"]
    [read] = chat.read(token).get_json()["messages"]
    assert (read["text"], read["direction"], read["client_id"]) == ("Grüße 😀\nzwei", "in", sent["id"])


def test_one_visitor_cannot_take_the_id_of_another(chat: Chat) -> None:
    ana, ben, same = chat.token(), chat.token(), message("mine")
    chat.send(same, ana)
    assert chat.send({**same, "text": "Ben's"}, ben).get_json()["duplicate"] is False
    assert [found["text"] for found in chat.read(ben).get_json()["messages"]] == ["Ben's"]
    assert [found["text"] for found in chat.read(ana).get_json()["messages"]] == ["mine"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b"[" * 100_000,
        b'{"id": NaN}',
        b'{"id": ' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        message(text=None),  # type: ignore[arg-type]
        message(text=["x"]),  # type: ignore[arg-type]
        message(text=""),
        message(text=" \n\t"),
        message(text="\u200b\u2060"),
        message(text="x" * 101),
        message(text="a\0b"),
        message(text="\ud800"),
        message(conversation_id=7),
        message(sender="user:1"),
        {"text": "no id"},
        {"id": "1", "text": "x"},
        {"id": 5, "text": "x"},
        {"id": "../../etc/passwd", "text": "x"},
        {"id": "\ud800", "text": "x"},
    ],
)
def test_hostile_messages_are_refused_and_not_stored(chat: Chat, body: Any) -> None:
    token = chat.token()
    assert error(chat.send(body, token)) == (400, "bad_request")
    assert chat.read(token).get_json()["messages"] == []


def test_a_huge_body_is_not_read(chat: Chat) -> None:
    assert chat.send(b"x" * 200_000, chat.token()).status_code == 413


def test_reading_and_writing_need_a_token_of_this_line(chat: Chat) -> None:
    for token in ("", "x.y.z", "é", chat.token("other")):
        assert error(chat.send(message(), token)) == (401, "refused")
        assert error(chat.read(token)) == (401, "refused")
    assert error(chat.http.post("/webchat/main/messages", json=message(), headers=ORIGIN)) == (401, "refused")


def test_a_visitor_is_limited_but_not_the_next_one(chat: Chat) -> None:
    token = chat.token("other")
    answers = [chat.send(message(), token, "other").status_code for _ in range(4)]
    assert answers == [202, 202, 202, 429]
    assert chat.send(message(), chat.token("other"), "other").status_code == 202


def test_a_line_is_limited_as_a_whole(chat: Chat) -> None:
    chat.host.add_line("small", allowed_origins=["https://shop.example"], line_messages_per_minute=2)
    answers = [chat.send(message(), chat.token("small"), "small") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[2].headers["Access-Control-Expose-Headers"] == "Retry-After"


def test_polling_goes_on_from_the_cursor(chat: Chat) -> None:
    token = chat.token()
    for text in ("one", "two", "three"):
        chat.send(message(text), token)
    ids = [found["id"] for found in chat.read(token).get_json()["messages"]]
    rest = chat.read(token, after=ids[0]).get_json()
    assert [found["text"] for found in rest["messages"]] == ["two", "three"]
    assert (rest["typing"], rest["partial"]) == (False, None)


def test_polling_tells_of_the_answer_being_written(chat: Chat) -> None:
    session = chat.session().get_json()
    talk = chat.host.talk(chat.line, Sender(session["visitor"]))
    talk.typing = True
    assert chat.read(session["token"]).get_json()["typing"] is True
    talk.turn, talk.partial = 7, "We are "
    assert chat.read(session["token"]).get_json()["partial"] == {"turn": 7, "text": "We are "}
    chat.host.record(talk, "out", "We are open", turn=7)
    assert chat.read(session["token"]).get_json()["partial"] is None


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "9" * 16, "١"])
def test_a_cursor_is_a_number(chat: Chat, after: str) -> None:
    assert error(chat.read(chat.token(), after)) == (400, "bad_request")


# --- pages ---------------------------------------------------------------------------------------

ROUTES = [("POST", "session"), ("POST", "messages"), ("GET", "messages"), ("OPTIONS", "session")]


@pytest.mark.parametrize(("method", "route"), ROUTES)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://shop.example.evil", None])
def test_other_pages_are_turned_away(chat: Chat, method: str, route: str, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    response = chat.http.open(f"/webchat/main/{route}", method=method, headers=headers)
    assert error(response) == (403, "not_allowed")
    session = (method, route) == ("POST", "session")  # here the widget reads that it is refused
    assert response.headers.get("Access-Control-Allow-Origin") == ("*" if session else None)
    assert response.headers["Vary"] == "Origin"
    assert response.headers["Cache-Control"] == "no-store"


def test_an_allowed_page_may_read_answers_and_errors_but_sends_no_cookies(chat: Chat) -> None:
    for response in (chat.session(), chat.send(message(), "bad"), chat.session({"identity": "bad"})):
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert response.headers["Vary"] == "Origin"
        assert response.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in response.headers


def test_a_preflight_names_what_may_be_sent(chat: Chat) -> None:
    response = chat.http.options("/webchat/main/messages", headers=ORIGIN)
    assert response.status_code == 204
    assert response.headers["Access-Control-Max-Age"] == "600"
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST"


def test_our_own_pages_may_always_and_need_no_origin_to_read(chat: Chat) -> None:
    own = {"Origin": "https://chat.example"}
    assert chat.http.post("/webchat/main/session", json={}, headers=own).status_code == 200
    headers = {"Authorization": f"Bearer {chat.token()}", "Sec-Fetch-Site": "same-origin"}
    response = chat.http.get("/webchat/main/messages", headers=headers)
    assert response.status_code == 200
    assert "Access-Control-Allow-Origin" not in response.headers
    headers["Sec-Fetch-Site"] = "cross-site"
    assert chat.http.get("/webchat/main/messages", headers=headers).status_code == 403


def test_an_unknown_line_is_not_found(chat: Chat) -> None:
    response = chat.session(key="nothing")
    assert error(response) == (404, "not_found")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
