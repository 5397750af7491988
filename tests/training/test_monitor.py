"""What is asked of a model while it trains, and what training needs to be installed."""

import subprocess
import sys

import pytest

from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate
from engine.tokenizer import Tokenizer
from training.monitor import encode_prompt

_NOT_NEEDED = ("jinja2", "onnx", "onnxruntime", "onnx_ir", "transformers", "datatrove", "pyarrow")


@pytest.mark.parametrize("prompt", ["你是谁？", "Who are you?", "3 + 4 = ?", "3月", "“Who”?", ""])
def test_prompts_are_encoded_as_the_chat_template_does(tokenizer: Tokenizer, prompt: str) -> None:
    template = ChatTemplate(GEB_CHAT_TEMPLATE, tokenizer)
    expected = template.encode([{"role": "user", "content": prompt}])
    assert encode_prompt(prompt, tokenizer, "sft") == expected


def test_the_training_stages_run_where_little_is_installed() -> None:
    program = f"""
import sys
sys.modules |= dict.fromkeys({_NOT_NEEDED!r})  # importing one of these fails
import training.prepretrain, training.lookup, training.pretrain, training.sft, training.dpo
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
