"""Step 6: makes the agent of one turn, sharing what is dear: clients, compiled prompts, tool schemas."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from receptionist.agents.agent import Agent, Choice
from receptionist.agents.breaker import Breakers
from receptionist.agents.brief import Brief, made_up_lead
from receptionist.agents.checks import check_fields
from receptionist.agents.claims import claims_of
from receptionist.agents.context import Context
from receptionist.agents.listening import is_ready, remembers
from receptionist.agents.prompt import Prompt, Prompts
from receptionist.agents.provider_memory import TurnMemory
from receptionist.agents.provider_prompt import check_provider
from receptionist.agents.sandbox import checked
from receptionist.agents.toolbox import CallLedger, ContextMaker, Toolbox
from receptionist.agents.tools import PreparedTool, held_back, prepared_tool
from receptionist.contracts.edits import PromptContext
from receptionist.contracts.events import ModelTroubled
from receptionist.contracts.model import Model
from receptionist.contracts.strategy import StrategyFields
from receptionist.db import Scope
from receptionist.errors import MISTAKES, LineError, ModelError, TemplateError
from receptionist.localtime import local_now
from receptionist.parts import Parts
from receptionist.services.conversations.sessions import SessionState
from receptionist.services.directory import PublishedStrategy
from receptionist.services.leads import lead_fields

log = structlog.get_logger()


class AgentFactory:
    """One per process, made after fork."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._tools = {name: prepared_tool(tool) for name, tool in parts.tools.items()}
        self._prompts = Prompts(self._prepare)
        self.breakers = Breakers(self._troubled)
        """Around each round with a model, whoever asks it."""

    def create_agent(self, brief: Brief, ledger: CallLedger, *, rehearsing: bool = False) -> Agent:
        """An agent for one turn; call its `dispose` afterwards. Raises `ModelError` if no model is ready.

        `rehearsing`: tools that act are offered, but a call of one does nothing (`agents.tools.HELD_BACK`)."""
        choices = self.choices(brief.strategy.fields)
        now = local_now(brief.strategy.fields.timezone or brief.office.timezone)
        tools, settings = self._tools_of(brief, rehearsing)
        make_context = _context_maker(brief, now, settings)
        prompt = self.prompt(brief.strategy, brief.context, now)
        toolbox = Toolbox(
            tools,
            ledger,
            make_context,
            self._veto,
            brief.check,
            brief.called,
            brief.session,
            brief.messages,
            prompt.leaks,
        )
        end_user = hashlib.sha256(f"{brief.office.id}:{brief.lead['id']}".encode()).hexdigest()
        memory = self._memory(brief, choices[0].model, toolbox)
        agent = Agent(brief, choices, prompt, toolbox, end_user, self.breakers, memory, self._parts.agents.disposed)
        self._parts.agents.created()
        return agent

    def _troubled(self, account_id: int, model: str, reason: str) -> None:
        log.error("model_troubled", account=account_id, model=model, reason=reason)
        self._parts.emit(ModelTroubled(account_id, model, reason))

    def _memory(self, brief: Brief, model: Model, toolbox: Toolbox) -> TurnMemory | None:
        if brief.memory is None or not remembers(model):
            return None
        return TurnMemory(self._parts.models, model, brief.memory, toolbox.retold)

    def prompt(self, strategy: PublishedStrategy, context: PromptContext, now: datetime) -> Prompt:
        """What a strategy tells its model of a turn at `now`, an aware time in its zone. Raises `TemplateError`."""
        variables = self._variables(context)
        return self._prompts.of(strategy, variables).write(variables, now)

    def choices(self, fields: StrategyFields) -> list[Choice]:
        """The models a strategy answers with: the first one that can, then the one to fall back to.

        Raises `ModelError` (an admin must act) if none is known and ready."""
        wanted = [fields.model, fields.fallback_model] if fields.fallback_model else [fields.model]
        found: list[Choice] = []
        troubles: list[ModelError] = []
        for name in wanted:
            try:
                found.append(self._choice(name))
            except ModelError as error:
                troubles.append(error)
        if not found:
            raise troubles[0]
        if troubles:
            log.warning("model_left_out", reason=str(troubles[0]))
        return found

    def _choice(self, wanted: str | None) -> Choice:
        plugin, _, name = (wanted or "").partition("/")
        if not plugin:
            ready = [model for model in self._parts.models.values() if is_ready(model)]
            if not ready:
                raise ModelError("no model is ready: set OPENAI_API_KEY, or enable the demo model", admin=True)
            return Choice(max(ready, key=lambda model: model.preference), None)
        model = self._parts.models.get(plugin)
        if model is None or not is_ready(model):
            raise ModelError(f"the model {plugin} is not there or lacks its key", admin=True)
        return Choice(model, name or None)

    def warm(self) -> None:
        """Let the model that answers by default, and the claim check, get ready before the first customer writes."""
        claims_of("")
        try:
            self.choices(StrategyFields())[0].model.warm()
        except MISTAKES:  # a model that cannot get ready says so at the first turn, where it counts
            log.warning("model_not_warm", exc_info=True)

    def notice(self, strategy: PublishedStrategy | None) -> str:
        """What customers must be told about the models that may answer; empty for real ones."""
        try:
            choices = self.choices(strategy.fields if strategy else StrategyFields())
        except ModelError:
            return ""
        return next((choice.model.notice for choice in choices if choice.model.notice), "")

    def check(self, fields: StrategyFields) -> None:
        """Raises an `AdminError` if these fields cannot work: unknown tools or models, a broken template, and what
        else `agents.checks` finds."""
        check_fields(fields, self._tools, self._parts.models)
        check_provider(fields, self._parts.models)
        variables = self._variables(_sample(fields))
        self._prompts.check(fields, variables)

    def check_for(self, scope: Scope) -> Callable[[StrategyFields], None]:
        """`check` for this account: nor can a template that names a field which its leads
        do not have, or the settings of a tool that is not there."""
        custom = [field.name for field in lead_fields.listed(scope)]

        def check(fields: StrategyFields) -> None:
            self.check(fields)
            self._prompts.check_names(fields, self._variables(_sample(fields)), self._tools, custom)

        return check

    def _tools_of(self, brief: Brief, rehearsing: bool) -> tuple[dict[str, PreparedTool], dict[str, Any]]:
        """The strategy's tools that are there, and their settings. One whose settings do not fit it any more, for its
        plugin was changed, is left out: better none than one that acts as nobody wanted."""
        fields = brief.strategy.fields
        tools: dict[str, PreparedTool] = {}
        settings: dict[str, Any] = {}
        for name in fields.tools:
            if (tool := self._tools.get(name)) is None:
                continue
            try:
                settings[name] = tool.settings(fields.tool_settings.get(name, {}))
            except LineError as error:
                log.error("tool_left_out", account=brief.office.id, strategy=brief.strategy.name, reason=str(error))
                continue
            if tool.tool.effect not in fields.permissions:  # the plugin was changed since it was published
                log.error("tool_not_permitted", account=brief.office.id, strategy=brief.strategy.name, tool=name)
                continue
            tools[name] = held_back(tool) if rehearsing and tool.tool.acts else tool
        return tools, settings

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
            "goals": list(context.goals),
        }
        own = dict(variables)
        for plugin, more in self._parts.plugins.each("prompt_variables", context=context):
            try:
                variables |= _usable(more, own)
            except TemplateError as error:
                self._parts.plugins.blame(plugin, "prompt_variables", str(error))
        return variables

    def _veto(self, tool: str, arguments: Mapping[str, Any], context: Any) -> str | None:
        return self._parts.plugins.veto("veto_tool_call", tool=tool, arguments=arguments, context=context)


def _usable(more: object, own: Mapping[str, Any]) -> dict[str, Any]:
    """What a plugin gives to templates. Raises `TemplateError` where that would fail the turn: values that are not
    plain, or one in the place of one of our `own` that has less in it."""
    if more is None:
        return {}
    if not isinstance(more, Mapping):
        raise TemplateError(f"it must return a mapping of names to plain values, not {type(more).__name__}")
    values = checked(more).values
    for name in own.keys() & values.keys():
        given, needed = values[name], own[name]
        if isinstance(needed, Mapping) and not (isinstance(given, dict) and needed.keys() <= given.keys()):
            raise TemplateError(f"{name} is a variable of ours; what takes its place must have all that is in it")
    return dict(values)


def _context_maker(brief: Brief, now: datetime, settings: Mapping[str, Any]) -> ContextMaker:
    account = brief.context.account

    def make(tool: str, key: str, session: SessionState) -> Context:
        return Context(
            account,
            brief.lead,
            brief.conversation_id,
            brief.strategy.plain,
            now,
            key,
            settings=settings.get(tool),
            session=session,
            post=brief.post,
        )

    return make


def _sample(fields: StrategyFields) -> PromptContext:
    """A turn that could be, to try a template with."""
    return PromptContext(
        account={"id": 0, "name": "Sample", "timezone": "UTC", "country": None},
        line={"title": "Sample", "channel": "webchat"},
        lead=made_up_lead(),
        conversation={"id": 0, "first_reply": True, "interaction_count": 1},
        strategy=fields.model_dump(mode="json"),
        message="Hello",
    )
