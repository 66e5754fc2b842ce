"""What `doctor` is told about the model server."""

from __future__ import annotations

import time
from datetime import date, timedelta
from typing import Any

from receptionist import ModelError

from .connection import Connection
from .settings import OpenAISettings

REACH_SECONDS = 5.0
RETIREMENT_NOTICE = timedelta(days=30)


def configuration_problem(settings: OpenAISettings) -> str | None:
    """What is wrong with the settings alone, or None. No network. Not being used at all is not wrong."""
    if settings.configured or settings.model_fields_set <= {"openai_silence_seconds"}:
        return None
    return "OPENAI settings are there but OPENAI_API_KEY is missing: set it, or OPENAI_BASE_URL for a local server."


def reach_problem(settings: OpenAISettings) -> str | None:
    """What is wrong when the server is asked for its models, or None. Takes 5 seconds at most."""
    from .deadline import Call

    if not settings.configured:
        return None
    connection = Connection(settings.server, settings.openai_api_key.get_secret_value())
    deadline = time.monotonic() + REACH_SECONDS
    try:
        return model_problem(settings.openai_model, _models(connection, Call(deadline, REACH_SECONDS, _wanted)))
    except Exception as error:
        # The boundary to vendor code; a check that cannot run is a finding, not a crash of `doctor`.
        return str(connection.explain(error, deadline))
    finally:
        connection.close()


def _wanted() -> None:
    """Nobody calls a health check off."""


def _models(connection: Connection, call: Any) -> list[dict[str, Any]]:
    models = connection.get("/models", call)["data"]
    if not all(isinstance(model, dict) for model in models):
        raise ModelError("The server's list of models is malformed.")
    return list(models)


def model_problem(name: str, models: list[dict[str, Any]]) -> str | None:
    """Whether the model is missing from the server's list, or about to be retired."""
    found = next((model for model in models if model.get("id") == name), None)
    if found is None:
        some = ", ".join(sorted(str(model.get("id")) for model in models)[:8]) or "none"
        return f"OPENAI_MODEL {name!r} is not among the server's models ({some})."
    end = found.get("shutdown_date")
    if isinstance(end, str) and date.fromisoformat(end[:10]) - date.today() < RETIREMENT_NOTICE:
        return f"OPENAI_MODEL {name!r} is retired on {end[:10]}: choose another."
    return None
