"""Which pages may use a line."""

from __future__ import annotations

import pytest

from plugins.webchat.origins import is_allowed, normal_origin, own_origins

PUBLIC = "https://chat.example.org"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://www.example.com", "https://www.example.com"),
        ("HTTPS://WWW.Example.COM", "https://www.example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://example.com:80", "http://example.com"),
        ("http://example.com:8080", "http://example.com:8080"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://müller.de", "https://xn--mller-kva.de"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_origins_are_kept_as_browsers_send_them(written: str, meant: str) -> None:
    assert normal_origin(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "null",
        "*",
        "",
        "https://",
        "https://*",
        "https://*.com",
        "https://*.1.2.3.4",
        "https://a.*.com",
        "https://www*.example.com",
        "https://*.[::1]",
        "example.com",
        "ftp://example.com",
        "https://example.com/",
        "https://example.com/path",
        "https://user@example.com",
        "https://example.com:0",
        "https://example.com:99999",
        "https://-x.com",
        "https://a..b",
        "https://[zz]",
        "https://" + "a" * 64 + ".com",
    ],
)
def test_what_is_no_origin_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="write it like https://"):
        normal_origin(written)


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://www.example.com", True),
        ("https://shop.wild.com", True),
        ("https://a.b.wild.com", True),
        ("https://chat.example.org", True),
        ("http://www.example.com", False),
        ("https://www.example.com:8443", False),
        ("https://example.com", False),
        ("https://www.example.com.evil.net", False),
        ("https://wild.com", False),
        ("https://evilwild.com", False),
        ("https://.wild.com", False),
        ("https://a..wild.com", False),
        ("http://a.wild.com", False),
        ("https://a.wild.com:444", False),
        ("https://evil.net/.wild.com", False),
        ("https://evil.net#.wild.com", False),
        ("https://evil.net\\.wild.com", False),
        ("https://*.wild.com", False),
        ("https://WWW.EXAMPLE.COM", False),
        ("https://www.example.com ", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("https://é.wild.com", False),
    ],
)
def test_an_origin_matches_exactly_or_on_a_label_boundary(origin: str, allowed: bool) -> None:
    assert is_allowed(origin, ["https://www.example.com", "https://*.wild.com"], PUBLIC) is allowed


def test_the_names_of_this_machine_are_one_origin() -> None:
    assert own_origins("http://127.0.0.1:8000") == {
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "http://[::1]:8000",
    }
    assert not is_allowed("http://localhost:8001", [], "http://127.0.0.1:8000")


def test_another_installation_is_not_this_machine() -> None:
    assert own_origins("https://chat.example.org/base") == {"https://chat.example.org"}
    assert not is_allowed("http://localhost:8000", [], PUBLIC)
