"""Fixtures for any test: what may be skipped, leaked threads, free ports, a browser."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = ["pytester"]
if Path(__file__).with_name("fixtures.py").exists():  # not where the tests of this file run it alone
    pytest_plugins += ["tests.services", "tests.fixtures"]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Require(Protocol):
    """The type of the fixture `require`."""

    def __call__(self, service: str, available: bool, why: str) -> None: ...


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(service, available, why): skip the test without `service`; with CI=true, fail it"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        require_service(*marker.args, **marker.kwargs)


def require_service(service: str, available: bool, why: str) -> None:
    """Go on if `service` is `available`; else skip the test, or fail it when CI=true: there nothing may be missing."""
    if available:
        return
    message = f"needs {service}: {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def require() -> Require:
    """`require("redis", available, "no redis-server on PATH")`: skips the test, or fails it when CI=true."""
    return require_service


@pytest.fixture(autouse=True)
def no_leaked_threads() -> Iterator[None]:
    """Fail a test that leaves a thread behind which would keep a process from ending."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 1.0
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    for thread in left:
        thread.join(max(deadline - time.monotonic(), 0.0))
    if names := [thread.name for thread in left if thread.is_alive()]:
        pytest.fail(f"threads left running: {', '.join(names)}", pytrace=False)


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """`free_port()`: a port of 127.0.0.1 on which nothing listened a moment ago."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find


@pytest.fixture(scope="session")
def browser(require: Require) -> Iterator[Browser]:
    """One Chromium for all tests: make a context or page of your own in it, and close that."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    require("chromium", program is not None, "no chromium or google-chrome on PATH (sudo apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        try:
            yield chromium
        finally:
            chromium.close()
