"""Who may import whom, and who may touch environment, database and Redis (each rule is tried on made-up code too)."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import packages_distributions

import pytest

import receptionist
from tests.structure.sources import ROOT, Import, Module, imports, modules, parse, within

Offence = tuple[int, str]
Rule = Callable[[Module], Iterator[Offence]]

VENDORS = (
    "anthropic",
    "azure",
    "boto3",
    "botocore",
    "google",
    "googleapiclient",
    "heyoo",
    "hubspot",
    "meilisearch",
    "mistralai",
    "openai",
    "postmarker",
    "pywa",
    "salesforce",
    "sendgrid",
    "slack_sdk",
    "stripe",
    "telegram",
    "twilio",
    "vonage",
)
NO_FLASK = tuple(f"receptionist.{room}" for room in ("models", "services", "pipeline", "agents"))
REDIS = ("receptionist.pipeline.broker", "receptionist.live", "receptionist.security.limits", "receptionist.cache")
COME_WITH_FLASK = {"blinker", "click", "itsdangerous", "markupsafe", "werkzeug"}


def is_plugin(module: Module) -> bool:
    return within(module.name, "receptionist.plugins")


def plugins_import_only_the_top_name(module: Module) -> Iterator[Offence]:
    if not is_plugin(module):
        return
    own = ".".join(module.name.split(".")[:3])
    for each in imports(module):
        if within(each.target, own) or within(each.full, own):
            continue
        if within(each.target, "receptionist", "plugins") and not _is_public(each):
            yield each.line, f"imports {each.full}; a plugin may use `from receptionist import` with a public name"


def _is_public(each: Import) -> bool:
    return each.target == "receptionist" and (not each.name or each.name in receptionist.__all__)


def core_knows_no_plugin_and_no_vendor(module: Module) -> Iterator[Offence]:
    if is_plugin(module):
        return
    for each in imports(module):
        if within(each.target, *VENDORS):
            yield each.line, f"imports the vendor SDK {each.target}"
        # The loader finds plugins by walking the package itself, which it may therefore import: no plugin in it.
        package_itself = each.full == "receptionist.plugins" and module.name == "receptionist.loader"
        if within(each.full, "receptionist.plugins", "plugins") and not package_itself:
            yield each.line, f"imports the plugin {each.full}"


def contracts_stand_alone(module: Module) -> Iterator[Offence]:
    base = ("receptionist.contracts", "receptionist.errors", "receptionist._version")
    if not within(module.name, *base, "receptionist.hookspecs"):
        return
    for each in imports(module):
        if not each.typing and within(each.target, "receptionist") and not within(each.full, *base):
            yield each.line, f"imports {each.full} at run time"


def the_inside_knows_no_flask(module: Module) -> Iterator[Offence]:
    if within(module.name, *NO_FLASK):
        for each in imports(module):
            if within(each.target, "flask", "flask_sock", "werkzeug"):
                yield each.line, f"imports {each.target}"


def only_app_imports_web(module: Module) -> Iterator[Offence]:
    if within(module.name, "receptionist.app", "receptionist.web"):
        return
    for each in imports(module):
        if within(each.full, "receptionist.web"):
            yield each.line, f"imports {each.full}"


def only_config_reads_the_environment(module: Module) -> Iterator[Offence]:
    if module.name == "receptionist.config":
        return
    words = {"environ", "environb", "getenv", "putenv"}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            if node.attr in words:
                yield node.lineno, f"uses os.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from ((node.lineno, f"uses os.{alias.name}") for alias in node.names if alias.name in words)


def only_db_makes_engines(module: Module) -> Iterator[Offence]:
    makers = {"create_engine", "engine_from_config", "create_async_engine", "create_mock_engine"}
    if module.name == "receptionist.db":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.alias):
            name = {ast.Name: "id", ast.Attribute: "attr", ast.alias: "name"}[type(node)]
            if getattr(node, name) in makers:
                yield node.lineno, f"uses {getattr(node, name)}"


def redis_in_four_places(module: Module) -> Iterator[Offence]:
    if within(module.name, *REDIS):
        return
    for each in imports(module):
        if within(each.full, "redis", "dramatiq.brokers.redis"):
            yield each.line, f"imports {each.full}"


def third_party_imports_are_declared(module: Module) -> Iterator[Offence]:
    declared = _declared("install_requires")
    if within(module.name, "receptionist.testing"):
        declared = declared | _declared("test")
    for each in imports(module):
        top = each.target.split(".")[0]
        if top not in sys.stdlib_module_names and top not in declared and top not in ("receptionist", "plugins"):
            yield each.line, f"imports {top}, which setup.cfg does not name"


@cache
def _declared(option: str) -> set[str]:
    """The top-level modules of the distributions named in setup.cfg."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    section = "options" if config.has_option("options", option) else "options.extras_require"
    named = {_normal(re.split(r"[<>=!~\[; ]", line)[0]) for line in config[section][option].split("\n") if line}
    tops = {top for top, owners in packages_distributions().items() if named & {_normal(owner) for owner in owners}}
    return tops | (COME_WITH_FLASK if "flask" in named else set())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


CASES: list[tuple[Rule, str, str]] = [
    (plugins_import_only_the_top_name, "receptionist.plugins.sms", "from receptionist.db import engine"),
    (plugins_import_only_the_top_name, "receptionist.plugins.sms", "import receptionist.db"),
    (plugins_import_only_the_top_name, "receptionist.plugins.sms", "from receptionist import db"),
    (plugins_import_only_the_top_name, "receptionist.plugins.sms", "from receptionist import *"),
    (plugins_import_only_the_top_name, "receptionist.plugins.sms", "from receptionist.plugins.voice import x"),
    (plugins_import_only_the_top_name, "receptionist.plugins.sms", "from receptionist.plugins import voice"),
    (plugins_import_only_the_top_name, "receptionist.plugins.sms", "from plugins.voice import x"),
    (plugins_import_only_the_top_name, "receptionist.plugins.chat.routes", "from ..voice import x"),
    (plugins_import_only_the_top_name, "receptionist.plugins.chat.routes", "def f():\n    from ...db import x"),
    (core_knows_no_plugin_and_no_vendor, "receptionist.agents.agent", "def f():\n    import openai"),
    (core_knows_no_plugin_and_no_vendor, "receptionist.agents.agent", "from twilio.rest import Client"),
    (core_knows_no_plugin_and_no_vendor, "receptionist.app", "from receptionist.plugins import webchat"),
    (core_knows_no_plugin_and_no_vendor, "receptionist.app", "from receptionist import plugins"),
    (core_knows_no_plugin_and_no_vendor, "receptionist.loader", "from receptionist.plugins import webchat"),
    (contracts_stand_alone, "receptionist.contracts.tool", "from receptionist.db import engine"),
    (contracts_stand_alone, "receptionist.hookspecs", "def f():\n    from receptionist import config"),
    (contracts_stand_alone, "receptionist.errors", "import receptionist"),
    (the_inside_knows_no_flask, "receptionist.services.leads.leads", "from flask import g"),
    (the_inside_knows_no_flask, "receptionist.agents.agent", "import werkzeug.exceptions"),
    (only_app_imports_web, "receptionist.cli", "from receptionist import web"),
    (only_app_imports_web, "receptionist.services.leads.leads", "from ...web.auth import user"),
    (only_config_reads_the_environment, "receptionist.db", "import os\nurl = os.environ['X']"),
    (only_config_reads_the_environment, "receptionist.plugins.sms", "from os import getenv"),
    (only_db_makes_engines, "receptionist.migrations.env", "from sqlalchemy import create_engine"),
    (only_db_makes_engines, "receptionist.app", "import sqlalchemy\nsqlalchemy.engine_from_config({})"),
    (redis_in_four_places, "receptionist.pipeline.bell", "import redis"),
    (redis_in_four_places, "receptionist.app", "from dramatiq.brokers.redis import RedisBroker"),
    (third_party_imports_are_declared, "receptionist.app", "import somebody_elses_package"),
    (third_party_imports_are_declared, "receptionist.plugins.sms", "def f():\n    import pytest"),
]
FINE: list[tuple[Rule, str, str]] = [
    (
        plugins_import_only_the_top_name,
        "receptionist.plugins.sms",
        "import json, flask\nfrom receptionist import Channel",
    ),
    (plugins_import_only_the_top_name, "receptionist.plugins.chat.routes", "from .channel import x\nfrom . import y"),
    (plugins_import_only_the_top_name, "receptionist.plugins.chat.a", "from receptionist.plugins.chat.b import x"),
    (core_knows_no_plugin_and_no_vendor, "receptionist.plugins.sms", "import twilio"),
    (core_knows_no_plugin_and_no_vendor, "receptionist.loader", "import receptionist.plugins"),
    (contracts_stand_alone, "receptionist.contracts.tool", "from receptionist.errors import Invalid"),
    (
        contracts_stand_alone,
        "receptionist.hookspecs",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from receptionist.app import x",
    ),
    (only_app_imports_web, "receptionist.app", "from receptionist.web import api"),
    (redis_in_four_places, "receptionist.live.bus", "import redis"),
    (third_party_imports_are_declared, "receptionist.testing.plugin", "import pytest, click, jwt"),
]
RULES = sorted({rule for rule, _, _ in CASES}, key=lambda rule: rule.__name__)


def name_of(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_rule(rule: Rule) -> None:
    offences = [f"{module.where}:{line} {what}" for module in modules() for line, what in rule(module)]
    assert not offences, "\n".join(["", *offences])


@pytest.mark.parametrize(("rule", "module", "source"), CASES, ids=name_of)
def test_the_rule_sees(rule: Rule, module: str, source: str) -> None:
    assert list(rule(parse(module, source)))


@pytest.mark.parametrize(("rule", "module", "source"), FINE, ids=name_of)
def test_the_rule_lets_pass(rule: Rule, module: str, source: str) -> None:
    assert list(rule(parse(module, source))) == []
