"""Real files for the fuzzers to start from, those of the other tests."""

import json
import sys
from pathlib import Path
from typing import get_args

sys.path.append(str(Path(__file__).parents[1] / "engine" / "documents"))

from document_files import every_format
from targets import BUNDLE_FILES

from engine.bundle import default_bundle_path
from engine.byte_bpe import _BYTE_LETTERS
from engine.conversation_files.exporting import export_conversations
from engine.documents.document import Kind
from engine.documents.reading.kinds import kind_by_name
from engine.settings.file import Settings
from engine.settings.prompts import add_prompt
from engine.store import Store

STORES = Path(__file__).parents[1] / "data" / "stores"
_TEMPLATES = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}{% endfor %}",
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% else %}{% set loop_messages = messages %}{% endif %}{% for m in loop_messages %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}"
    "{{ '[INST] ' + m['content'] | trim + ' [/INST]' }}{{ eos_token }}{% endfor %}",
    "{%- macro say(x) -%}{{ x | tojson }}{%- endmacro -%}{%- set ns = namespace(a=0) -%}"
    "{%- for m in messages -%}{%- set ns.a = ns.a + 1 -%}{{ say(m) }}{%- endfor -%}"
    "{{ messages | map(attribute='role') | join(',') | upper }}{{ '%s' | format(ns.a) }}",
)
_BYTE_LEVEL = {
    "model": {
        "type": "BPE",
        "vocab": {piece: n for n, piece in enumerate([*_BYTE_LETTERS, "ab", "\u0120a", "l" * 2])},
        "merges": ["a b", "\u0120 a", ["l", "l"]],
    },
    "added_tokens": [
        {"id": 300, "content": "<|user|>", "special": True},
        {"id": 301, "content": "Hello"},
    ],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
    "decoder": {"type": "ByteLevel"},
    "normalizer": {"type": "NFC"},
}
_SPLIT = {
    "type": "Sequence",
    "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "\\p{L}+| +|\\d"}, "behavior": "Isolated"},
        {"type": "ByteLevel", "use_regex": False},
    ],
}
_CHATGPT = {
    "title": "Rivers 河",
    "create_time": 1.5e9,
    "update_time": 1.6e9,
    "current_node": "c",
    "mapping": {
        "a": {"id": "a", "message": None, "parent": None, "children": ["b"]},
        "b": {
            "id": "b",
            "parent": "a",
            "message": {
                "author": {"role": "user"},
                "create_time": 1.5e9,
                "content": {"content_type": "text", "parts": ["长江多长？"]},
            },
        },
        "c": {
            "id": "c",
            "parent": "b",
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "text", "parts": ["6300 km \ue200cite\ue201"]},
                "metadata": {"model_slug": "gpt"},
            },
        },
    },
}
_REQUEST = {
    "model": "geb-nano",
    "messages": [
        {"role": "system", "content": "short"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    ],
    "temperature": 0.5,
    "top_p": 0.9,
    "seed": 7,
    "max_tokens": 10,
    "stream": True,
    "stream_options": {"include_usage": True},
}


def seeds(folder: Path, target: str) -> None:
    """Write what a target begins with into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(_seeds(folder.parent, target)):
        (folder / f"seed-{number}").write_bytes(data)


def _seeds(work: Path, target: str) -> list[bytes]:
    model = default_bundle_path()
    if target in get_args(Kind):
        files = every_format(work / "documents")
        return [file.read_bytes() for file in files if kind_by_name(file.name) == target]
    if target == "bundle":
        found = []
        for number, name in enumerate(BUNDLE_FILES):
            file = model / name
            content = file.read_bytes() if file.exists() else _TEMPLATES[0].encode()
            found.append(bytes([number]) + content)
        return found
    return {
        "tokenizer-model": lambda: [(model / "tokenizer.model").read_bytes()],
        "tokenizer-json": lambda: [
            json.dumps(_BYTE_LEVEL).encode(),
            json.dumps(_BYTE_LEVEL | {"pre_tokenizer": _SPLIT}).encode(),
        ],
        "template": lambda: [text.encode() for text in _TEMPLATES],
        "conversations": lambda: _conversations(work),
        "settings": lambda: _settings(work),
        "request": lambda: [json.dumps(_REQUEST).encode()],
    }[target]()


def _conversations(work: Path) -> list[bytes]:
    """Ours in JSON and Markdown, and ChatGPT's."""
    path = work / "store.sqlite3"
    path.unlink(missing_ok=True)
    with Store(path) as store:
        conversation = store.create_conversation("长江 River", "Be brief.")
        question = store.add_message(conversation.id, "user", "How long?", parent_id=None)
        for text in ("6300 km", "Very **long**"):
            store.add_message(conversation.id, "assistant", text, parent_id=question.id)
        for kind in ("json", "markdown"):
            export_conversations(store, None, work / f"seed.{kind}", kind)  # type: ignore[arg-type]
    return [
        (work / "seed.json").read_bytes(),
        (work / "seed.markdown").read_bytes(),
        json.dumps([_CHATGPT]).encode(),
    ]


def _settings(work: Path) -> list[bytes]:
    path = work / "settings.json"
    path.unlink(missing_ok=True)
    settings = Settings(path)
    settings.change({"font_scale": 150, "temperature": 0.5, "scheme": "dark", "tray": True})
    add_prompt(settings, "Poet", "in verse")
    return [path.read_bytes(), (STORES / "settings-v1.json").read_bytes()]
