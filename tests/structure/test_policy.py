"""What tests/conftest.py promises: nothing is skipped in CI, no thread is left behind, the browser works."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.structure.sources import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MISSING = """
    import pytest

    def test_fixture(require):
        require("redis", False, "no redis-server on PATH")
        raise AssertionError("not reached")

    @pytest.mark.needs("redis", False, "no redis-server on PATH")
    def test_marker():
        raise AssertionError("not reached")

    @pytest.mark.needs("redis", True, "")
    def test_available(require):
        require("redis", True, "")
"""
LEAK = """
    import threading

    event = threading.Event()

    def test_leaks():
        threading.Thread(target=event.wait, name="left-behind").start()

    def test_ends_in_time():
        event.set()
        threading.Thread(target=event.wait).start()
        threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> Callable[[str], pytest.RunResult]:
    """Runs a test file under our conftest.py, in a process of its own."""

    def run(source: str) -> pytest.RunResult:
        pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess("-p", "no:randomly", "--strict-markers", "-rs")

    return run


@pytest.mark.parametrize("ci", ["", "false"])
def test_a_missing_service_skips(
    inner: Callable[[str], pytest.RunResult], monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    result = inner(MISSING)
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*needs redis: no redis-server on PATH"])


def test_a_missing_service_fails_in_ci(
    inner: Callable[[str], pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    outcomes = inner(MISSING).parseoutcomes()
    assert outcomes.get("passed") == 1
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 2
    assert "skipped" not in outcomes


def test_a_thread_left_behind_is_named(inner: Callable[[str], pytest.RunResult]) -> None:
    result = inner(LEAK)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*threads left running: left-behind"])


def test_a_free_port_can_be_listened_on(free_port: Callable[[], int]) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] > 1023


def test_the_browser_runs_scripts(browser: Browser) -> None:
    page = browser.new_page()
    try:
        page.set_content("<p id=a></p><script>document.getElementById('a').textContent = 6 * 7</script>")
        assert page.inner_text("#a") == "42"
    finally:
        page.close()
