"""Step 6: makes the agent of one turn, sharing what is dear: clients, compiled prompts, tool schemas."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from receptionist.agents.agent import Agent
from receptionist.agents.brief import Brief
from receptionist.agents.context import Context
from receptionist.agents.prompt import Prompts
from receptionist.agents.toolbox import CallLedger, Toolbox
from receptionist.agents.tools import prepared_tool
from receptionist.contracts.edits import PromptContext
from receptionist.contracts.model import Model
from receptionist.contracts.strategy import StrategyFields
from receptionist.errors import LineError, ModelError
from receptionist.parts import Parts
from receptionist.services.directory import PublishedStrategy

log = structlog.get_logger()


class AgentFactory:
    """One per process, made after fork."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tools = {name: prepared_tool(tool) for name, tool in parts.tools.items()}
        self._prompts = Prompts(self._prepare)

    def create_agent(self, brief: Brief, ledger: CallLedger) -> Agent:
        """An agent for one turn; call its `dispose` afterwards. Raises `ModelError` if no model is ready."""
        fields = brief.strategy.fields
        model, name = self.model_of(fields)
        now = datetime.now(ZoneInfo(fields.timezone or brief.office.timezone))
        variables = self._variables(brief.context)
        prompt = self._prompts.of(brief.strategy, variables).write(variables, now)
        tools = {tool: self._tools[tool] for tool in fields.tools if tool in self._tools}
        toolbox = Toolbox(tools, ledger, _context_maker(brief, now), self._veto, brief.check)
        end_user = hashlib.sha256(f"{brief.office.id}:{brief.lead['id']}".encode()).hexdigest()
        return Agent(brief, model, name, prompt, toolbox, end_user)

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
        variables = self._variables(_sample(fields))
        self._prompts.make(fields, variables).write(variables, datetime.now(ZoneInfo("UTC")))

    def _prepare(self, environment: Any) -> None:
        for _ in self._parts.plugins.each("prepare_prompt_environment", environment=environment):
            pass

    def _variables(self, context: PromptContext) -> dict[str, Any]:
        """The variables of this turn alone."""
        variables: dict[str, Any] = {
            "account": context.account,
            "line": context.line,
            "lead": context.lead,
            "conversation": context.conversation,
        }
        for _, more in self._parts.plugins.each("prompt_variables", context=context):
            variables |= more or {}
        return variables

    def _veto(self, tool: str, arguments: Mapping[str, Any], context: Any) -> str | None:
        return self._parts.plugins.veto("veto_tool_call", tool=tool, arguments=arguments, context=context)


def _context_maker(brief: Brief, now: datetime) -> Any:
    account = brief.context.account

    def make(key: str) -> Context:
        return Context(account, brief.lead, brief.conversation_id, brief.strategy.plain, now, key)

    return make


def _sample(fields: StrategyFields) -> PromptContext:
    """A turn that could be, to try a template with."""
    lead: dict[str, Any] = {
        "id": 0,
        **dict.fromkeys(("name", "email", "phone", "company", "language", "timezone")),
        "notes": "",
        "status": "new",
        "tags": [],
        "custom": {},
    }
    return PromptContext(
        account={"id": 0, "name": "Sample", "timezone": "UTC", "country": None},
        line={"title": "Sample", "channel": "webchat"},
        lead=lead,
        conversation={"id": 0, "first_reply": True, "interaction_count": 1},
        strategy=fields.model_dump(mode="json"),
        message="Hello",
    )
