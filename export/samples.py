"""Sample conversations for a model card: what the bundle answers, word for word."""

import json
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from engine.bundle import Bundle, open_bundle
from engine.chat_template import Message
from engine.context import fit
from engine.events import Token
from engine.generation import generate
from engine.model import Model

PROMPTS = Path(__file__).parent / "text/sample_prompts.jsonl"
"""Twenty conversations, of which only the user's turns are written."""
SEED = 0


@dataclass(frozen=True)
class Sample:
    """A whole conversation and its language."""

    language: str
    messages: tuple[Message, ...]


def converse(folder: Path) -> list[Sample]:
    """Return the conversations, answered with the bundle's own settings and a fixed seed.

    Raises BundleError if the bundle cannot be opened.
    """
    bundle = open_bundle(folder)
    prompts = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    with closing(Model(bundle)) as model:
        return [Sample(p["language"], _answered(bundle, model, p["turns"])) for p in prompts]


def _answered(bundle: Bundle, model: Model, turns: list[str]) -> tuple[Message, ...]:
    messages: list[Message] = []
    params = bundle.generation.params(seed=SEED)
    longest = min(params.max_new_tokens, model.context_length // 4)
    for turn in turns:
        messages.append({"role": "user", "content": turn})
        prompt = fit(bundle.chat_template, messages, model.context_length - longest).token_ids
        events = generate(model, bundle, prompt, replace(params, max_new_tokens=longest))
        text = "".join(event.text for event in events if isinstance(event, Token))
        messages.append({"role": "assistant", "content": text.strip()})
    return tuple(messages)
