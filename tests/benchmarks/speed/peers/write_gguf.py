"""A program: a Llama of random weights as GGUF.

python -m speed.peers.write_gguf CONFIG.json Q8_0|Q4_0 OUT.gguf
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize


def main() -> None:
    """Write the file; embedding and head are Q8_0 in both types."""
    config: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    wanted, out = GGMLQuantizationType[sys.argv[2]], Path(sys.argv[3])
    writer = GGUFWriter(out, "llama", use_temp_file=True)
    describe(writer, config)
    random = np.random.default_rng(0)
    for name, shape in shapes(config):
        if len(shape) == 1:
            writer.add_tensor(name, np.ones(shape, np.float32))
            continue
        kind = wanted if name.startswith("blk.") else GGMLQuantizationType.Q8_0
        weight = random.standard_normal(shape, np.float32) * np.float32(0.02)
        writer.add_tensor(name, quantize(weight, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def describe(writer: GGUFWriter, config: dict[str, Any]) -> None:
    """Add the shape; there is no tokenizer, since the benchmark feeds token ids."""
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")


def shapes(config: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names and shapes of all tensors; matrices are [out, in]."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    query = config["num_attention_heads"] * config["head_dim"]
    key_value = config["num_key_value_heads"] * config["head_dim"]
    yield "token_embd.weight", (config["vocab_size"], hidden)
    for layer in range(config["num_hidden_layers"]):
        prefix = f"blk.{layer}"
        yield f"{prefix}.attn_norm.weight", (hidden,)
        yield f"{prefix}.attn_q.weight", (query, hidden)
        yield f"{prefix}.attn_k.weight", (key_value, hidden)
        yield f"{prefix}.attn_v.weight", (key_value, hidden)
        yield f"{prefix}.attn_output.weight", (hidden, query)
        yield f"{prefix}.ffn_norm.weight", (hidden,)
        yield f"{prefix}.ffn_gate.weight", (inner, hidden)
        yield f"{prefix}.ffn_up.weight", (inner, hidden)
        yield f"{prefix}.ffn_down.weight", (hidden, inner)
    yield "output_norm.weight", (hidden,)
    yield "output.weight", (config["vocab_size"], hidden)


if __name__ == "__main__":
    main()
