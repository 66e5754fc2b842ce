"""Step 6: makes the agent of one turn, sharing what is dear: clients, compiled prompts, tool schemas."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from receptionist.agents.agent import Agent
from receptionist.agents.brief import Brief
from receptionist.agents.context import Context
from receptionist.agents.sandbox import CompiledTemplate, PromptSandbox
from receptionist.agents.toolbox import CallLedger, Toolbox
from receptionist.agents.tools import prepared_tool
from receptionist.agents.variables import strategy_variables
from receptionist.contracts.edits import PromptContext
from receptionist.contracts.model import Model
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import LineError, ModelError
from receptionist.parts import Parts
from receptionist.services.directory import PublishedStrategy
from receptionist.templates_path import TEMPLATES

log = structlog.get_logger()

REMEMBERED_PROMPTS = 500


class AgentFactory:
    """One per process, made after fork."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tools = {name: prepared_tool(tool) for name, tool in parts.tools.items()}
        self._sandbox = PromptSandbox(self._prepare)
        self._bundled = (TEMPLATES / "prompts" / "general.jinja").read_text("utf-8")
        self._compiled: OrderedDict[tuple[int, frozenset[str]], CompiledTemplate] = OrderedDict()
        self._lock = threading.Lock()

    def create_agent(self, brief: Brief, ledger: CallLedger) -> Agent:
        """An agent for one turn; call its `dispose` afterwards. Raises `ModelError` if no model is ready."""
        fields = brief.strategy.fields
        model, name = self.model_of(fields)
        now = datetime.now(ZoneInfo(brief.office.timezone))
        variables = self._variables(brief.context, fields, now)
        instructions = self._template(brief.strategy, variables).render(variables)
        tools = {tool: self._tools[tool] for tool in fields.tools if tool in self._tools}
        toolbox = Toolbox(tools, ledger, _context_maker(brief, now), self._veto, brief.check)
        end_user = hashlib.sha256(f"{brief.office.id}:{brief.lead['id']}".encode()).hexdigest()
        return Agent(brief, model, name, instructions, toolbox, variables, end_user)

    def model_of(self, fields: StrategyFields) -> tuple[Model, str | None]:
        """The model a strategy answers with, and the vendor's name for it if the strategy says one.

        Raises `ModelError` (an admin must act) if the model is unknown or not ready.
        """
        wanted, _, name = (fields.model or "").partition("/")
        if not wanted:
            ready = [model for model in self._parts.models.values() if model.ready()]
            if not ready:
                raise ModelError("no model is ready: set OPENAI_API_KEY, or enable the demo model", admin=True)
            return max(ready, key=lambda model: model.preference), None
        model = self._parts.models.get(wanted)
        if model is None or not model.ready():
            raise ModelError(f"the model {wanted} is not there or lacks its key", admin=True)
        return model, name or None

    def warm(self) -> None:
        """Let the model that answers by default get ready before the first customer writes."""
        try:
            self.model_of(StrategyFields())[0].warm()
        except Exception:  # a model that cannot get ready says so at the first turn, where it counts
            log.warning("model_not_warm", exc_info=True)

    def notice(self, strategy: PublishedStrategy | None) -> str:
        """What customers must be told about the model that answers; empty for a real one."""
        try:
            return self.model_of(strategy.fields if strategy else StrategyFields())[0].notice
        except ModelError:
            return ""

    def check(self, fields: StrategyFields) -> None:
        """Raises an `AdminError` if these fields cannot work: unknown tools or model, a broken template."""
        if unknown := [tool for tool in fields.tools if tool not in self._tools]:
            raise LineError(f"There is no tool {', '.join(unknown)}; there are: {', '.join(sorted(self._tools))}.")
        wanted = (fields.model or "").partition("/")[0]
        if wanted and wanted not in self._parts.models:
            raise LineError(f"There is no model {wanted}; there are: {', '.join(sorted(self._parts.models))}.")
        now = datetime.now(ZoneInfo("UTC"))
        variables = self._variables(_sample(fields), fields, now)
        self._sandbox.compile(fields.template or self._bundled, set(variables)).render(variables)

    def _prepare(self, environment: Any) -> None:
        for _ in self._parts.plugins.each("prepare_prompt_environment", environment=environment):
            pass

    def _variables(self, context: PromptContext, fields: StrategyFields, now: datetime) -> dict[str, Any]:
        variables: dict[str, Any] = {
            "account": context.account,
            "line": context.line,
            "lead": context.lead,
            "conversation": context.conversation,
        }
        for _, more in self._parts.plugins.each("prompt_variables", context=context):
            variables |= more or {}
        return variables | strategy_variables(fields, now)

    def _template(self, strategy: PublishedStrategy, variables: Mapping[str, Any]) -> CompiledTemplate:
        """Compiled once per version (and set of variable names, for plugins may add some)."""
        key = (strategy.version_id, frozenset(variables))
        with self._lock:
            known = self._compiled.get(key)
            if known is not None:
                self._compiled.move_to_end(key)
                return known
        compiled = self._sandbox.compile(strategy.fields.template or self._bundled, set(variables))
        with self._lock:
            self._compiled[key] = compiled
            while len(self._compiled) > REMEMBERED_PROMPTS:
                self._compiled.popitem(last=False)
        return compiled

    def _veto(self, tool: str, arguments: Mapping[str, Any], context: Any) -> str | None:
        return self._parts.plugins.veto("veto_tool_call", tool=tool, arguments=arguments, context=context)


def _context_maker(brief: Brief, now: datetime) -> Any:
    account = brief.context.account

    def make(key: str) -> Context:
        return Context(account, brief.lead, brief.conversation_id, brief.strategy.plain, now, key)

    return make


def _sample(fields: StrategyFields) -> PromptContext:
    """A turn that could be, to try a template with."""
    lead = {"id": 0, "name": None, "email": None, "phone": None, "company": None, "notes": ""}
    return PromptContext(
        account={"id": 0, "name": "Sample", "timezone": "UTC", "country": None},
        line={"title": "Sample", "channel": "webchat"},
        lead=lead,
        conversation={"id": 0, "first_reply": True},
        strategy=fields.model_dump(mode="json"),
        message="Hello",
    )
