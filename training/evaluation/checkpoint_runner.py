"""A checkpoint that answers: training's own model in float32, with a key-value cache around it."""

from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.chat_template import GEB_CHAT_TEMPLATE, ChatTemplate
from engine.kv_cache import common_prefix_length
from engine.tokenizer import BaseTokenizer, Tokenizer
from training import checkpoint
from training.model import Attention, rotary_tables, rotate


class CheckpointRunner:
    """A checkpoint in training's layout, on the graphics card if there is one.

    Raises DataError if it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model, folder = checkpoint.load_model(path)
        self._model.float().eval().to(self._device)
        self.tokenizer: BaseTokenizer = Tokenizer(folder / "tokenizer.model")
        self.chat_template = ChatTemplate(GEB_CHAT_TEMPLATE, self.tokenizer)
        config = self._model.config
        self.context_length = config.max_position_embeddings
        self._stop_ids = (config.eos_token_id, self.tokenizer.control_tokens["<|user|>"])
        tables = [t.to(self._device) for t in rotary_tables(config, self.context_length)]
        self._cached: list[_CachedAttention] = []
        for layer in self._model.model.layers:
            attention = cast(Attention, layer.self_attn)
            self._cached.append(_CachedAttention(attention, *tables))
            layer.self_attn = self._cached[-1]
        self._tokens: list[int] = []

    @torch.inference_mode()
    def complete(self, prompt: list[int], max_new_tokens: int) -> str:
        """See runner.Runner."""
        self._keep(common_prefix_length(self._tokens, prompt[:-1]))
        logits = self._forward(prompt[len(self._tokens) :], 1)
        answer: list[int] = []
        while len(answer) < max_new_tokens:
            token = int(logits.argmax())
            if token in self._stop_ids:
                break
            answer.append(token)
            if len(self._tokens) == self.context_length:
                break
            logits = self._forward([token], 1)
        return self.tokenizer.decode(answer).removeprefix(" ")

    @torch.inference_mode()
    def log_probabilities(self, token_ids: list[int], count: int) -> NDArray[np.float32]:
        """See runner.Runner."""
        self._keep(common_prefix_length(self._tokens, token_ids[:-count]))
        logits = self._forward(token_ids[len(self._tokens) :], count)
        rows: NDArray[np.float32] = torch.log_softmax(logits, -1).cpu().numpy()
        return rows

    def _forward(self, token_ids: list[int], count: int) -> Tensor:
        """Append tokens and return the logits [count, vocab_size] after the last `count`."""
        self._tokens += token_ids
        hidden = self._model.model(torch.tensor([token_ids], device=self._device))
        logits: Tensor = self._model.lm_head(hidden[0, -count:])
        return logits

    def _keep(self, length: int) -> None:
        del self._tokens[length:]
        for attention in self._cached:
            attention.truncate(length)


class _CachedAttention(nn.Module):
    """The same attention over a sequence that arrives in pieces."""

    def __init__(self, attention: Attention, cos: Tensor, sin: Tensor) -> None:
        super().__init__()
        self.attention, self.cos, self.sin = attention, cos, sin
        self.key = self.value = cos.new_empty(1, attention.groups, 0, attention.head_dim)

    def truncate(self, length: int) -> None:
        self.key, self.value = self.key[:, :, :length], self.value[:, :, :length]

    def forward(self, x: Tensor, _cos: Tensor, _sin: Tensor, _mask: Tensor | None) -> Tensor:
        past, new = self.key.shape[2], x.shape[1]
        cos, sin = self.cos[past : past + new], self.sin[past : past + new]
        inner = self.attention

        def split(projected: Tensor, heads: int) -> Tensor:
            return projected.view(1, new, heads, inner.head_dim).transpose(1, 2)

        query = rotate(split(inner.q_proj(x), inner.heads), cos, sin)
        key = rotate(split(inner.k_proj(x), inner.groups), cos, sin)
        self.key = torch.cat((self.key, key), dim=2)
        self.value = torch.cat((self.value, split(inner.v_proj(x), inner.groups)), dim=2)
        mask = torch.ones(new, past + new, dtype=torch.bool, device=x.device).tril(past)
        attended = F.scaled_dot_product_attention(
            query, self.key, self.value, attn_mask=mask, enable_gqa=True
        )
        output: Tensor = inner.o_proj(attended.transpose(1, 2).reshape(1, new, -1))
        return output
