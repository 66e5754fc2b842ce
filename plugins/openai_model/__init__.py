"""Model `openai`: OpenAI's Responses API, and any server that speaks it or Chat Completions.

Set `OPENAI_API_KEY`; for another server (Ollama, vLLM, llama.cpp, a gateway) `OPENAI_BASE_URL` and `OPENAI_MODEL`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from receptionist import Host, Memory, MemoryFault, Model, ModelError, ModelEvent, ModelRequest, Settings, hookimpl

from . import chat, conversations, prompts, responses
from .connection import Connection, Reader, read
from .conversations import Conversations
from .health import configuration_problem, reach_problem
from .settings import OpenAISettings

if TYPE_CHECKING:
    import httpx2
    import openai

    from .deadline import Call

__all__ = ["OpenAIModel", "OpenAISettings"]

T = TypeVar("T")

NO_ENDPOINT = (404, 405, 501)
"""How servers say that they have no Responses API."""


class OpenAIModel(Model):
    """Answers by OpenAI or a compatible server. Streams; never retries a failure: core does, by the `ModelError`."""

    name = "openai"
    title = "OpenAI"
    preference = 10
    takes_prompts = True

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.settings = host.settings(OpenAISettings)
        self.connection = Connection(self.settings.server, self.settings.openai_api_key.get_secret_value())
        self._conversations = Conversations(self.connection, self.settings.openai_silence_seconds)
        self._forgetful = False
        self._chat_only = False
        self._plain_models: set[str] = set()

    def ready(self) -> bool:
        """Whether there is a key, or a server of one's own, which may need none."""
        return self.settings.configured

    def warm(self) -> None:
        """Import the client library and read the machine's certificates, which takes most of a second."""
        self.connection.client()

    def stream(self, request: ModelRequest) -> Iterator[ModelEvent]:
        """Answer one round. Raises `ModelError`, never with the key in its text."""
        from .deadline import Call

        call = Call(request.deadline, self.settings.openai_silence_seconds, request.check)
        try:
            call.check()
            response, reader = self._open(request, request.model or self.settings.openai_model, call)
            yield from read(response, reader, call)
        except Exception as error:
            # The boundary to vendor code: whatever it raises is a failed model call, and may hold the key in its
            # text or context. Only the caller's own "no longer wanted" passes.
            if error is call.called_off:
                raise
            raise self._explain(error, request) from None

    def prompts_problem(self) -> str | None:
        """OpenAI's own are gone after 2026-11-30; a gateway may still have them."""
        return prompts.problem(self.settings)

    def remembers(self) -> bool:
        """Only OpenAI's server does: others ignore that they are told to, and would answer without a memory."""
        return self.settings.is_openai and not self._forgetful

    def begin_memory(self, former: str | None, deadline: float, check: Callable[[], None]) -> str:
        """Make a conversation. Raises `ModelError`."""
        return self._manage(lambda call: self._conversations.begin(former, call), deadline, check)

    def mend_memory(self, memory: Memory, deadline: float, check: Callable[[], None]) -> None:
        """Delete what is newer than the mark. Raises `MemoryFault`, or `ModelError`."""
        self._manage(lambda call: self._conversations.mend(memory, call), deadline, check)

    def forget(self, ref: str) -> None:
        """Delete the items, then the conversation; also those that it took the place of. Raises `ModelError`."""
        try:
            self._conversations.forget(ref)
        except Exception as error:  # the boundary to vendor code, as in `stream`
            raise self.connection.explain(error, math.inf) from None

    def close(self) -> None:
        """Close this process's connections; they are opened again when needed."""
        self.connection.close()

    def _manage(self, act: Callable[[Call], T], deadline: float, check: Callable[[], None]) -> T:
        """A call about a conversation, within the turn's limits."""
        from .deadline import Call

        call = Call(deadline, self.settings.openai_silence_seconds, check)
        try:
            call.check()
            return act(call)
        except Exception as error:  # the boundary to vendor code, as in `stream`
            if error is call.called_off or isinstance(error, MemoryFault):
                raise
            raise self.connection.explain(error, deadline) from None

    def _explain(self, error: Exception, request: ModelRequest) -> ModelError:
        """What a failed round means."""
        if request.memory is not None:
            self._forgetful |= isinstance(error, conversations.Unheeded) or conversations.refuses(error)
            found = error if isinstance(error, MemoryFault) else conversations.fault(error)
            if found is not None:
                said = MemoryFault(self.connection.clean(str(found)), found.kind)
                said.spent = found.spent
                return said
        if request.prompt is not None and (missing := prompts.gone(error, request.prompt)):
            error = missing
        return self.connection.explain(error, request.deadline)

    def _open(self, request: ModelRequest, model: str, call: Call) -> tuple[httpx2.Response, Reader]:
        """Send the request by the best API the server has. That it has only Chat Completions is remembered once
        that worked."""
        import openai

        if request.prompt is not None and not self.settings.is_openai:
            raise prompts.refuse(f"The model server {self.settings.server}")
        if not self._chat_only:
            try:
                reader = responses.ResponsesReader(model, request.memory.ref if request.memory else None, request.shown)
                return self._post_responses(request, model, call), reader
            except openai.APIStatusError as error:
                if not self._lacks_responses(error):
                    raise
        if request.prompt is not None:
            raise prompts.refuse("A server with Chat Completions only")
        if request.memory is not None:
            raise MemoryFault("A server with Chat Completions only keeps no conversations.", "lost")
        response = self.connection.post("/chat/completions", chat.request_body(request, model), call)
        self._chat_only = True
        return response, chat.ChatReader(model, limited=request.max_output_tokens is not None)

    def _post_responses(self, request: ModelRequest, model: str, call: Call) -> httpx2.Response:
        """Send by the Responses API. Models that do not reason refuse to be asked for their reasoning: those are
        remembered and asked again without."""
        import openai

        own, reasons = self.settings.is_openai, model not in self._plain_models
        try:
            return self.connection.post(
                "/responses", responses.request_body(request, model, openai=own, reasons=reasons), call
            )
        except openai.BadRequestError as error:
            if not reasons or error.param != "include":
                raise
        self._plain_models.add(model)
        return self.connection.post(
            "/responses", responses.request_body(request, model, openai=own, reasons=False), call
        )

    def _lacks_responses(self, error: openai.APIStatusError) -> bool:
        """Whether a refusal is about the API, not the model. OpenAI has it, so there it is never about the API."""
        about_model = error.code == "model_not_found" or error.param == "model"
        return error.status_code in NO_ENDPOINT and not about_model and not self.settings.is_openai


@hookimpl
def register_settings() -> Iterable[type[Settings]]:
    """The key, the server and the model."""
    return [OpenAISettings]


@hookimpl
def register_models(host: Host) -> Iterable[Model]:
    """The model `openai`."""
    return [OpenAIModel(host)]


@hookimpl
def register_health_checks(host: Host) -> Mapping[str, Callable[[], str | None]]:
    """`settings`: without network. `server`: asks it for its models, which costs up to 5 seconds."""
    settings = host.settings(OpenAISettings)
    checks: dict[str, Callable[[], str | None]] = {"settings": partial(configuration_problem, settings)}
    if settings.configured:
        checks["server"] = partial(reach_problem, settings)
    return checks
