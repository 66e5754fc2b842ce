"""What the real API refuses, refused in its words: the rules of the strict model server.

Sources: the request types of the `openai` library, and error texts as users of the live API reported them.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.servers.conversations_server import Conversations
from tests.servers.model_refusal import Refusal
from tests.servers.strict_schema import check_strict

REASONING_MODELS = {"gpt-6-luna", "gpt-6-sol", "gpt-6-astra", "gpt-5.6-luna", "gpt-5.4-mini"}
PLAIN_MODELS = {"gpt-4.1", "gpt-4.1-mini", "gpt-4o-mini", "local-7b"}
RETIRED = {"gpt-4.1": "2027-01-14", "gpt-4.1-mini": "2027-01-14", "gpt-4o-mini": "2027-01-14"}


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(text.split())


NULLABLE = words(
    "background context_management conversation include instructions max_output_tokens max_tool_calls metadata "
    "moderation parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_retention reasoning "
    "safety_identifier service_tier store stream stream_options temperature top_logprobs top_p truncation"
)
NOT_NULL = words("access_programs image input model prompt_cache_options text tool_choice tools user")
NESTED = {
    "reasoning": {"context", "effort", "generate_summary", "mode", "summary"},
    "stream_options": {"include_obfuscation"},
    "text": {"format", "verbosity"},
}
INCLUDABLE = {
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
}
EFFORTS = {"none", "minimal", "low", "medium", "high", "xhigh", "max"}
ITEM_KEYS = {
    "message": {"content", "id", "phase", "role", "status", "type"},
    "function_call": {"arguments", "async", "call_id", "caller", "id", "name", "namespace", "status", "type"},
    "function_call_output": {"call_id", "caller", "id", "name", "namespace", "output", "status", "type"},
    "reasoning": {"content", "encrypted_content", "id", "status", "summary", "type"},
    "item_reference": {"id", "type"},
}
ITEM_NULLABLE = {"phase", "caller", "encrypted_content"}
BLOCK_KEYS = {
    "input_text": {"prompt_cache_breakpoint", "text", "type"},
    "input_image": {"detail", "file_id", "image_url", "prompt_cache_breakpoint", "type"},
    "input_file": {"detail", "file_data", "file_id", "file_url", "filename", "prompt_cache_breakpoint", "type"},
    "output_text": {"annotations", "logprobs", "text", "type"},
    "refusal": {"refusal", "type"},
}
TOOL_KEYS = {
    "allowed_callers", "async", "defer_loading", "description", "name", "output_schema", "parameters", "strict", "type",
}  # fmt: skip
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class Memory:
    """What the server remembers of its own answers: stored responses, and which items belong together; and the
    conversations and prompts that it keeps. `prompts`: by id, the names of the variables that each needs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.stored: set[str] = set()
        self.partners: dict[str, str] = {}
        self.encrypted: dict[str, str] = {}
        self.conversations = Conversations()
        self.prompts: dict[str, set[str]] = {}

    def note(self, response: Mapping[str, Any], *, stored: bool) -> None:
        """Remember an answer's items."""
        reasoning = next((item for item in response["output"] if item["type"] == "reasoning"), None)
        with self._lock:
            if stored:
                self.stored.add(response["id"])
                self.stored.update(item["id"] for item in response["output"])
            if reasoning is not None:
                self.partners |= {item["id"]: reasoning["id"] for item in response["output"] if item != reasoning}
                self.encrypted[reasoning["id"]] = reasoning.get("encrypted_content", "")


def check_responses(body: Mapping[str, Any], memory: Memory, window: int) -> None:
    """Raises `Refusal` for whatever the Responses API would refuse. `window`: characters of input allowed."""
    top_level(body, NULLABLE, NOT_NULL)
    for name, allowed in NESTED.items():
        if isinstance(body.get(name), Mapping):
            only(body[name], allowed, f"{name}.")
    known_model(body, 400, "The requested model '{}' does not exist.")
    _numbers(body)
    _for_model(body)
    _context(body, memory)
    _tools(body.get("tools") or ())
    _texts(body)
    _input(body, memory, window)


def top_level(body: Mapping[str, Any], nullable: Iterable[str], not_null: Iterable[str]) -> None:
    only(body, {*nullable, *not_null}, "")
    for name in not_null:
        if name in body and body[name] is None:
            raise wrong_type(name, "a value", None)
    if "model" not in body:
        raise missing("model")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise Refusal(
            400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", param="stream_options"
        )


def only(value: Mapping[str, Any], allowed: Iterable[str], path: str) -> None:
    for key in value:
        if key not in set(allowed):
            name = f"{path}{key}"
            raise Refusal(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")


def missing(path: str) -> Refusal:
    return Refusal(400, f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def wrong_type(path: str, expected: str, value: Any) -> Refusal:
    got = {type(None): "null", str: "a string", bool: "a boolean", int: "an integer", list: "an array"}.get(
        type(value), "an object"
    )
    return Refusal(
        400,
        f"Invalid type for '{path}': expected {expected}, but got {got} instead.",
        param=path,
        code="invalid_type",
    )


def invalid(path: str, value: Any, supported: Iterable[str]) -> Refusal:
    names = ", ".join(f"'{name}'" for name in sorted(supported))
    return Refusal(400, f"Invalid value: '{value}'. Supported values are: {names}.", param=path, code="invalid_value")


def string(value: Mapping[str, Any], key: str, path: str) -> str:
    if key not in value:
        raise missing(f"{path}.{key}")
    if not isinstance(value[key], str):
        raise wrong_type(f"{path}.{key}", "a string", value[key])
    return str(value[key])


def known_model(body: Mapping[str, Any], status: int, text: str) -> None:
    if body["model"] not in REASONING_MODELS | PLAIN_MODELS:
        raise Refusal(status, text.format(body["model"]), param="model", code="model_not_found")


def _numbers(body: Mapping[str, Any]) -> None:
    limit = body.get("max_output_tokens")
    if limit is not None and limit < 16:
        message = f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {limit}."
        raise Refusal(400, message, param="max_output_tokens", code="integer_below_min_value")
    temperature = body.get("temperature")
    if temperature is not None and not 0 <= temperature <= 2:
        message = f"Invalid 'temperature': decimal outside of 0 to 2: {temperature}."
        raise Refusal(400, message, param="temperature", code="decimal_above_max_value")
    effort = (body.get("reasoning") or {}).get("effort")
    if effort is not None and effort not in EFFORTS:
        raise invalid("reasoning.effort", effort, EFFORTS)


def _for_model(body: Mapping[str, Any]) -> None:
    include = body.get("include") or []
    for position, name in enumerate(include):
        if name not in INCLUDABLE:
            raise invalid(f"include[{position}]", name, INCLUDABLE)
    if body["model"] in REASONING_MODELS:
        for name in ("temperature", "top_p"):
            if body.get(name) is not None:
                message = f"Unsupported parameter: '{name}' is not supported with this model."
                raise Refusal(400, message, param=name)
        return
    if "reasoning.encrypted_content" in include:
        raise Refusal(400, "Encrypted content is not supported with this model.", param="include")
    if (body.get("reasoning") or {}).get("effort") is not None:
        message = "Unsupported parameter: 'reasoning.effort' is not supported with this model."
        raise Refusal(400, message, param="reasoning.effort", code="unsupported_parameter")


def _context(body: Mapping[str, Any], memory: Memory) -> None:
    previous, conversation = body.get("previous_response_id"), body.get("conversation")
    if previous and conversation:
        message = "Mutually exclusive parameters: 'conversation' and 'previous_response_id'."
        raise Refusal(400, message, code="mutually_exclusive_parameters")
    if previous and previous not in memory.stored:
        message = f"Previous response with id '{previous}' not found."
        raise Refusal(400, message, param="previous_response_id", code="previous_response_not_found")
    if body.get("prompt"):
        _prompt(body["prompt"], memory)


def _prompt(prompt: Mapping[str, Any], memory: Memory) -> None:
    only(prompt, ("id", "version", "variables"), "prompt.")
    needed = memory.prompts.get(string(prompt, "id", "prompt"))
    if needed is None:
        raise Refusal(404, f"Prompt with id '{prompt['id']}' not found.")
    given = prompt.get("variables") or {}
    for name in given:
        string(given, name, "prompt.variables")
    if lacking := sorted(needed - set(given)):
        raise Refusal(400, f"Missing prompt variables: {', '.join(lacking)}", param="prompt.variables")


def _texts(body: Mapping[str, Any]) -> None:
    for name in ("safety_identifier", "prompt_cache_key"):
        if len(body.get(name) or "") > 64:
            message = f"Invalid '{name}': string too long. Expected a string with maximum length 64."
            raise Refusal(400, message, param=name, code="string_above_max_length")
    metadata = body.get("metadata") or {}
    if len(metadata) > 16 or any(len(key) > 64 or len(value) > 512 for key, value in metadata.items()):
        raise Refusal(400, "Invalid 'metadata': too many or too long.", param="metadata")
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        if "schema" not in form:
            raise missing("text.format.schema")
        if form.get("strict"):
            check_strict(
                form["schema"], (), f"response_format '{form.get('name')}'", "text.format.schema", "invalid_json_schema"
            )
    if form.get("type") == "json_object" and "json" not in json.dumps(body.get("input")).lower():
        message = "Response input messages must contain the word 'json' to use 'text.format' of type 'json_object'."
        raise Refusal(400, message, param="input")


def _tools(tools: Sequence[Any]) -> None:
    for position, tool in enumerate(tools):
        path = f"tools[{position}]"
        if tool.get("type") != "function":
            raise invalid(f"{path}.type", tool.get("type"), ["function"])
        name = string(tool, "name", path)
        if not NAME.fullmatch(name):
            message = f"Invalid '{path}.name': string does not match pattern '^[a-zA-Z0-9_-]+$'."
            raise Refusal(400, message, param=f"{path}.name", code="invalid_value")
        only(tool, TOOL_KEYS, f"{path}.")
        if tool.get("strict", True):
            check_strict(
                tool.get("parameters"), (), f"function '{name}'", f"{path}.parameters", "invalid_function_parameters"
            )


def _input(body: Mapping[str, Any], memory: Memory, window: int) -> None:
    value = body.get("input")
    if not value:
        message = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."
        raise Refusal(400, message, code="missing_required_parameter")
    if len(json.dumps(value)) + len(body.get("instructions") or "") > window:
        message = "Your input exceeds the context window of this model. Please adjust your input and try again."
        raise Refusal(400, message, param="input", code="context_length_exceeded")
    before = memory.conversations.context(body)
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    for position, item in enumerate(value):
        _item(item, f"input[{position}]")
    _pairs([*before, *value])
    _reasoning(value, memory)
    if twice := {str(item.get("id")) for item in value} & {str(item["id"]) for item in before}:
        raise Refusal(400, f"Duplicate item found with id {min(twice)}.", param="input")


def _item(item: Any, path: str) -> None:
    if not isinstance(item, Mapping):
        raise wrong_type(path, "an object", item)
    kind = item.get("type") or ("message" if "role" in item else None)
    if kind not in ITEM_KEYS:
        raise invalid(f"{path}.type", kind, ITEM_KEYS)
    allowed = ITEM_KEYS[kind] - (set() if item.get("role") == "assistant" or kind != "message" else {"phase"})
    only(item, allowed, f"{path}.")
    for key, value in item.items():
        if value is None and key not in ITEM_NULLABLE:
            raise wrong_type(f"{path}.{key}", "a value", None)
    if kind == "message":
        _message(item, path)
    elif kind == "function_call":
        for key in ("call_id", "name", "arguments"):
            string(item, key, path)
        if not str(item.get("id", "fc_")).startswith("fc"):
            message = f"Invalid '{path}.id': '{item['id']}'. Expected an ID that begins with 'fc'."
            raise Refusal(400, message, param=f"{path}.id", code="invalid_value")
    elif kind == "function_call_output":
        string(item, "call_id", path)
        if not isinstance(item.get("output"), (str, list)):
            raise missing(f"{path}.output") if "output" not in item else wrong_type(f"{path}.output", "a string", 0)
    elif kind == "reasoning" and not isinstance(item.get("summary"), list):
        raise missing(f"{path}.summary")


def _message(item: Mapping[str, Any], path: str) -> None:
    role = string(item, "role", path)
    if role not in ("user", "assistant", "system", "developer"):
        raise invalid(f"{path}.role", role, ["assistant", "developer", "system", "user"])
    content = item.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong_type(f"{path}.content", "one of an array of objects or string", content)
    right = {"output_text", "refusal"} if role == "assistant" else {"input_file", "input_image", "input_text"}
    for position, block in enumerate(content):
        inner = f"{path}.content[{position}]"
        if block.get("type") not in right:
            raise invalid(inner, block.get("type"), right)
        only(block, BLOCK_KEYS[block["type"]], f"{inner}.")


def _pairs(items: Sequence[Mapping[str, Any]]) -> None:
    open_calls: list[str] = []
    for item in items:
        if item.get("type") == "function_call":
            open_calls.append(item["call_id"])
        elif item.get("type") == "function_call_output":
            if item["call_id"] not in open_calls:
                message = f"No tool call found for function call output with call_id {item['call_id']}."
                raise Refusal(400, message, param="input")
            open_calls.remove(item["call_id"])
    if open_calls:
        raise Refusal(400, f"No tool output found for function call {open_calls[0]}.", param="input")


def _reasoning(items: Sequence[Mapping[str, Any]], memory: Memory) -> None:
    present = {item["id"] for item in items if item.get("type") == "reasoning"}
    for position, item in enumerate(items):
        partner = memory.partners.get(str(item.get("id")))
        if partner is not None and partner not in present:
            kind = item["type"]
            message = (
                f"Item '{item['id']}' of type '{kind}' was provided without its required 'reasoning' item: '{partner}'."
            )
            raise Refusal(400, message, param="input")
        if item.get("type") == "reasoning":
            _encrypted(item, memory)
            following = items[position + 1] if position + 1 < len(items) else {}
            if following.get("type") not in ("function_call", "message", "reasoning"):
                message = f"Item '{item['id']}' of type 'reasoning' was provided without its required following item."
                raise Refusal(400, message, param="input")


def _encrypted(item: Mapping[str, Any], memory: Memory) -> None:
    sealed = item.get("encrypted_content")
    if not sealed:
        if item["id"] not in memory.stored:
            message = (
                f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false. "
                "Try again with `store` set to true, or remove this item from your input."
            )
            raise Refusal(404, message, param="input")
    elif sealed != memory.encrypted.get(item["id"]):
        message = f"The encrypted content for item {item['id']} could not be verified."
        raise Refusal(400, message, code="invalid_encrypted_content")
