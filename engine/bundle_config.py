"""What a model folder's configuration says: the model's shape and how it likes to be sampled.

Read from config.json and generation_config.json, as Hugging Face tools write them, or from
genai_config.json where onnxruntime-genai's model builder made the folder.
"""

from pathlib import Path
from typing import Any

from engine.config import ModelConfig
from engine.errors import BundleError, GebError
from engine.json_file import read_json
from engine.sampling_params import GenerationDefaults

CONFIG_NAME = "config.json"
GENERATION_NAME = "generation_config.json"
GENAI_NAME = "genai_config.json"

# Hugging Face's own values where generation_config.json is silent.
_GENERATION_DEFAULTS = {
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "max_new_tokens": 512,
}


def config_file(path: Path) -> Path:
    """Return the file in the folder `path` that describes the model's shape, there or not."""
    genai = path / GENAI_NAME
    return genai if genai.is_file() and not (path / CONFIG_NAME).is_file() else path / CONFIG_NAME


def read_model_config(path: Path) -> ModelConfig:
    """Return the shape of the model in the folder `path`. Raises BundleError or ConfigError."""
    file = config_file(path)
    values = read_json(file)
    if file.name == GENAI_NAME:
        values = _from_genai(values)
    return ModelConfig.from_hugging_face(values)


def read_generation_defaults(path: Path, config: ModelConfig) -> GenerationDefaults:
    """Return how the model in the folder `path` is sampled. Raises BundleError."""
    file = path / GENERATION_NAME
    if file.is_file():
        values = read_json(file)
    else:
        file = config_file(path)
        values = read_json(file)
        if file.name == GENAI_NAME:
            stop = {"eos_token_id": _table(values, "model").get("eos_token_id")}
            values = _table(values, "search") | stop
    return _generation_defaults(file, values, config)


def _from_genai(values: dict[str, Any]) -> dict[str, Any]:
    """Return a genai_config.json in the words of a config.json."""
    model = _table(values, "model")
    decoder = _table(model, "decoder")
    stop = model.get("eos_token_id")
    hidden_size = decoder.get("hidden_size")
    return {
        **model,
        **decoder,
        "head_dim": decoder.get("head_size"),
        "max_position_embeddings": model.get("context_length"),
        "eos_token_id": stop[0] if isinstance(stop, list) and stop else stop,
        # The file does not say; only the plausibility of the weights' size depends on these.
        "intermediate_size": 2 * hidden_size if isinstance(hidden_size, int) else None,
        "tie_word_embeddings": True,
    }


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _generation_defaults(
    path: Path, values: dict[str, Any], config: ModelConfig
) -> GenerationDefaults:
    chosen: dict[str, Any] = {
        name: default if values.get(name) is None else values[name]
        for name, default in _GENERATION_DEFAULTS.items()
    }
    if values.get("do_sample") is False:
        chosen["temperature"] = 0.0
    stop = values.get("eos_token_id", config.eos_token_id)
    stops = stop if isinstance(stop, list) else [stop]
    if not stops or not all(type(id_) is int and 0 <= id_ < config.vocab_size for id_ in stops):
        raise BundleError(
            "{path} is wrong: {detail}", path=path, detail=f"eos_token_id = {str(stop)[:80]}"
        )
    defaults = GenerationDefaults(**chosen, eos_token_ids=tuple(stops))
    try:
        defaults.params()
    except GebError as error:
        raise BundleError("{path} is wrong: {detail}", path=path, detail=error) from error
    return defaults
