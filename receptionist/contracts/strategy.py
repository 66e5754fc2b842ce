"""What an admin decides about the agent: the fields of a strategy version."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from receptionist.contracts.opening_hours import DayException, Holidays, Hours, Weekday
from receptionist.contracts.tool import Effect

Line = Annotated[str, StringConstraints(max_length=200)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Trait(_Fields):
    """A trait of the agent's personality."""

    name: str = Field(min_length=1, max_length=80)
    description: str = Field(default="", max_length=500)


class Service(_Fields):
    """Something the business sells. Prices are in cents of `StrategyFields.currency`."""

    name: str = Field(max_length=120)
    price_cents: int | None = Field(default=None, ge=0)
    minutes: int | None = Field(default=None, gt=0)
    description: str = Field(default="", max_length=1000)


class Fact(_Fields):
    """Something customers ask about, and the answer."""

    topic: str = Field(max_length=120)
    text: str = Field(max_length=2000)


class ProviderPrompt(_Fields):
    """A prompt that is kept at the model's vendor, in place of a template here."""

    id: str = Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")
    version: str | None = Field(default=None, max_length=40)
    variables: dict[str, str] = Field(
        default={}, max_length=50, description="Variables of the vendor's prompt; values may be templates."
    )


class StrategyFields(_Fields):
    """Who the agent is and how it behaves. Every field has a default, so that `{}` is a usable strategy."""

    agent_name: str = Field(default="Reception", max_length=80)
    role: str = Field(default="receptionist", max_length=200)
    title: str = Field(default="", max_length=120, description="As on a business card, such as Front desk manager.")
    backstory: str = Field(default="", max_length=4000)
    personality_traits: list[Trait] = Field(default=[], max_length=12)
    communication_style: str = Field(default="", max_length=500)
    tone_of_voice: str = Field(default="friendly, clear and brief", max_length=200)
    formality: int | None = Field(default=None, ge=1, le=10, description="From 1, casual, to 10, ceremonious.")
    knowledge_domain: str = Field(default="", max_length=500)
    areas_of_expertise: list[Line] = Field(default=[], max_length=30)
    primary_goal: str = Field(default="", max_length=500)
    secondary_goals: list[Line] = Field(default=[], max_length=12)
    languages: list[Line] = Field(default=["English"], min_length=1, max_length=20)
    custom_instructions: str = Field(default="", max_length=8000)
    prompt_template: str = Field(default="general", max_length=60, description="The bundled template to begin with.")
    system_prompt_template: str = Field(
        default="",
        max_length=20000,
        description="The whole prompt as a template of one's own, in place of a bundled one.",
    )
    prompt: ProviderPrompt | None = Field(default=None, description="A prompt kept at the vendor, in place of ours.")

    greeting: str = Field(default="Hello! How can I help you?", max_length=500)
    fallback_text: str = Field(
        default="Thank you for your message. Somebody will get back to you.",
        min_length=1,
        max_length=500,
        description="Said where the agent may not answer: no credits, a limit, two machines that seem to talk.",
    )
    apology_text: str = Field(
        default="Sorry, I cannot answer just now. We have your message and will get back to you.",
        min_length=1,
        max_length=500,
        description="Said where an answer failed.",
    )
    take_messages: bool = Field(
        default=True, description="Where no model answers, ask after the apology for need, name and number."
    )
    no_person_text: str = Field(
        default="Nobody is free just now. Please tell me what it is about and how you can be reached; I pass it on.",
        min_length=1,
        max_length=500,
        description="Said where a person was promised and did not come in the account's time.",
    )
    disclosure: bool = Field(default=True, description="Say in the first reply that an automated assistant answers.")

    address: str = Field(default="", max_length=300)
    phone: str = Field(default="", max_length=40)
    email: str = Field(default="", max_length=200)
    website: str = Field(default="", max_length=200)
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", description="ISO 4217")
    services: list[Service] = Field(default=[], max_length=100)
    facts: list[Fact] = Field(default=[], max_length=200)

    timezone: str | None = Field(
        default=None, max_length=64, description="IANA name of the opening hours' zone; empty means the account's."
    )
    opening_hours: dict[Weekday, Annotated[list[Hours], Field(max_length=6)]] = Field(default={})
    exceptions: list[DayException] = Field(default=[], max_length=400)
    holidays: Holidays | None = Field(default=None, description="Public holidays on which the business is closed.")
    outside_hours: Literal["answer", "text"] = Field(
        default="answer", description="Outside opening hours: the agent answers, or outside_hours_text does."
    )
    outside_hours_text: str = Field(
        default="We are closed now. We have your message and will get back to you when we are open.",
        min_length=1,
        max_length=500,
    )

    tools: list[str] = Field(default=[], max_length=64)
    tool_settings: dict[str, dict[str, Any]] = Field(
        default={}, max_length=64, description="Settings of tools, by the tool's name."
    )
    permissions: list[Effect] = Field(
        default=["reads", "writes"],
        max_length=4,
        description="What the agent's tools may do: reads, writes, spends (costs money), speaks (writes to somebody).",
    )
    model: str | None = Field(
        default=None, max_length=120, description='"openai" or "openai/<name>"; empty means the best that is ready.'
    )
    fallback_model: str | None = Field(
        default=None, max_length=120, description="Asked, within the same turn, where the first one fails."
    )
    temperature: float | None = Field(default=None, ge=0, le=2)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    max_output_tokens: int | None = Field(default=None, ge=16, le=32000)
    memory: Literal["ours", "provider"] = Field(
        default="ours", description="What the model is shown of earlier messages: ours, or a conversation it keeps."
    )
    burst_seconds: float | None = Field(default=None, ge=0, le=30)
    hand_back_minutes: int = Field(
        default=60, ge=1, le=10080, description="Minutes after a person's last message until the agent answers again."
    )
