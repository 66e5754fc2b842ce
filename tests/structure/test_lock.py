"""requirements.txt: every run-time dependency in one exact version that setup.cfg allows, from no fixed place."""

from __future__ import annotations

import configparser
import re
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.structure.sources import ROOT


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    assert all(len(pair) == 2 and re.fullmatch(r"[\w.!+-]+", pair[1]) for pair in pairs), "only name==version"
    return {canonicalize_name(name): version for name, version in pairs}


def declared() -> list[Requirement]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return [Requirement(line) for line in config["options"]["install_requires"].split("\n") if line]


def applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def needed() -> dict[str, list[Requirement]]:
    """By name, everything declared, and everything that needs in turn, as installed here."""
    found: dict[str, list[Requirement]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = declared()
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        found.setdefault(name, []).append(requirement)
        if (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        more = map(Requirement, requires(name) or [])
        queue.extend(each for each in more if applies(each, requirement.extras))
    return found


def test_the_lock_is_complete() -> None:
    assert sorted(needed().keys() - locked().keys()) == [], "run: make lock"


def test_the_locked_versions_are_allowed() -> None:
    versions = locked()
    wrong = [
        f"{requirement} but {versions[name]} is locked"
        for name, requirements in needed().items()
        for requirement in requirements
        if name in versions and not requirement.specifier.contains(versions[name], prereleases=True)
    ]
    assert wrong == [], "run: make lock"


@pytest.mark.parametrize("name", ["Makefile", "requirements.txt", "setup.cfg", "pyproject.toml", ".ci/run"])
def test_where_packages_come_from_is_left_to_the_machine(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"index[-_]url|find[-_]links|trusted-host|https?://|file:/|/home/|/opt/|/root/", text) == []
