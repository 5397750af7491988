"""lm-eval: our adapter gives the numbers of its own backend, our task files its own prompts."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.utils import apply_template
from tokenizers import processors  # type: ignore[import-untyped]

from engine.config import ModelConfig
from engine.tokenizer import Tokenizer
from export.tokenizer_json import hugging_face_tokenizer, load_processor
from training import checkpoint
from training.evaluate import open_runner
from training.evaluation.exam_file import LETTERS, Subject
from training.evaluation.harness import HarnessModel, answer, build_task, read_task
from training.model import GEB

_QUESTIONS = {
    "mmlu": ("What is 2 + {}?", "Hello", "park"),
    "ceval": ("2 + {} 是多少？", "你好", "公园"),
    "cmmlu": ("2 + {} 是多少？", "你好", "公园"),
}


@pytest.fixture(scope="module")
def folder(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of 12,000 random weights that writes whole characters."""
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=448,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=384,
        tie_word_embeddings=True,
    )
    model = GEB(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(20)
        for token in range(448):
            if tokenizer.decode([token]) in ("", "\ufffd"):  # of logit 0, so never chosen
                model.model.embed_tokens.weight[token] = 0
    out = tmp_path_factory.mktemp("toy")
    checkpoint.save(out, model, tokenizer, {}, checkpoint.Progress(1, 0, {}), [])
    return checkpoint.resolve(out)


@pytest.fixture(scope="module")
def ours(folder: Path) -> HarnessModel:
    return HarnessModel(open_runner(folder), lambda: None)


@pytest.fixture(scope="module")
def theirs(folder: Path) -> LM:
    """The same files, opened as a Llama model by transformers and run by lm-eval."""
    fast = hugging_face_tokenizer(load_processor(folder / "tokenizer.model"))
    fast.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", fast.token_to_id("<s>"))]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=fast, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    # Greedy and nothing else: no penalty, and no length of the checkpoint's own.
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=model.generation_config.eos_token_id
    )
    return HFLM(pretrained=model, tokenizer=tokenizer, batch_size=1)


def _subject(exam: str) -> Subject:
    """Return five examples and twelve questions; the prompts of some are too long."""
    text, short, long = _QUESTIONS[exam]

    def question(number: int) -> dict[str, str]:
        choices = itertools.islice(itertools.cycle((short, long, "42", "1")), number, number + 4)
        return {
            "question": text.format(number) * (20 if number > 12 else 1),
            **dict(zip(LETTERS, choices, strict=True)),
            "answer": LETTERS[number % 4],
        }

    return Subject([question(i) for i in range(5)], [question(i) for i in range(5, 17)])


@pytest.mark.parametrize("exam", ["mmlu", "ceval", "cmmlu"])
def test_letters_are_as_likely_as_in_lm_evals_own_backend(
    exam: str, ours: HarnessModel, theirs: LM
) -> None:
    task = read_task(exam)
    ours.truncated_prompts.clear()
    found, expected = (
        answer(model, build_task(task, "high_school_physics", _subject(exam)))
        for model in (ours, theirs)
    )
    assert [one["arguments"] for one in found] == [one["arguments"] for one in expected]
    assert 0 < len(ours.truncated_prompts) < len(found) == 12
    for one, other in zip(found, expected, strict=True):
        for (likelihood, greedy), (theirs_, theirs_greedy) in zip(
            one["filtered_resps"], other["filtered_resps"], strict=True
        ):
            assert likelihood == pytest.approx(theirs_, abs=1e-4)
            assert greedy == theirs_greedy
    correct = [one["acc"] for one in found]
    assert correct == [one["acc"] for one in expected]
    assert 0 < sum(correct) < 12


def test_reasoning_is_written_as_by_lm_evals_own_backend(ours: HarnessModel, theirs: LM) -> None:
    task = read_task("ceval-cot")
    task = {**task, "generation_kwargs": {**task["generation_kwargs"], "max_gen_toks": 16}}
    subject = Subject([], _subject("ceval").questions[6:10])
    ours.truncated_prompts.clear()
    found, expected = (answer(model, build_task(task, "law", subject)) for model in (ours, theirs))
    assert 0 < len(ours.truncated_prompts) < len(found)
    written = [one["resps"][0][0] for one in found]
    assert written == [one["resps"][0][0] for one in expected]
    assert len(set(written)) > 1
    assert all(written)


def _request(kind: Any, *arguments: Any) -> Instance:
    return Instance(request_type=kind, doc={}, arguments=arguments, idx=0)


def test_any_request_is_answered_as_by_lm_evals_own_backend(ours: HarnessModel, theirs: LM) -> None:
    continuations = [
        ("", "The weather is fine."),
        ("Hello, ", "I am a small model."),
        ("中国的首都是", " 北京。"),
        ("中国的首都是", " 北"),
        ("the park " * 99, "is fine and the weather"),
    ]
    requests = [_request("loglikelihood", *pair) for pair in continuations]
    for one, other in zip(
        ours.loglikelihood(requests), theirs.loglikelihood(requests), strict=True
    ):
        assert one == (pytest.approx(other[0], abs=1e-4), other[1])
    texts = [_request("loglikelihood_rolling", text) for text in ("Hello", "the park 公园 " * 99)]
    assert ours.loglikelihood_rolling(texts) == pytest.approx(
        theirs.loglikelihood_rolling(texts), abs=1e-3
    )
    free = {"until": [], "max_gen_toks": 16, "do_sample": False}
    (text,) = ours.generate_until([_request("generate_until", "Hello, I am", free)])
    cut = {**free, "until": [text[9:11], text[4:6]]}
    written = [_request("generate_until", "Hello, I am", options) for options in (free, cut)]
    answers = ours.generate_until(written)
    assert answers == theirs.generate_until(written)
    assert answers[1] == min((text.split(stop)[0] for stop in cut["until"]), key=len) != text


def _harness_tasks(exam: str) -> dict[str, dict[str, Any]]:
    """Return lm-eval's own task of each subject."""
    folder = Path(__import__("lm_eval").__file__).parent / "tasks"
    index = TaskManager(
        include_path=folder / {"mmlu": "mmlu/default"}.get(exam, exam), include_defaults=False
    ).task_index
    tasks = [entry.cfg for entry in index.values() if entry.cfg and "dataset_name" in entry.cfg]
    return {task["dataset_name"]: task for task in tasks}


@pytest.mark.parametrize(("exam", "subjects"), [("mmlu", 57), ("ceval", 52), ("cmmlu", 67)])
def test_prompts_are_lm_evals_own(exam: str, subjects: int) -> None:
    theirs = _harness_tasks(exam)
    assert len(theirs) == subjects
    task = read_task(exam)
    examples = [
        {"question": f" {n}? ", "A": "a", "B": " b", "C": "c ", "D": "d", "answer": "C"}
        for n in range(6)
    ]

    def show(own: dict[str, Any], doc: dict[str, str]) -> str:
        """Lay a question out as lm-eval's task does, from its own fields."""
        choices = [doc[letter] for letter in LETTERS]
        fields = {**doc, "choices": choices, "Question": doc["question"]}
        return str(apply_template(own["doc_to_text"], fields))

    for name, own in theirs.items():
        built = build_task(task, name, Subject(examples[:5], examples[5:]))
        prompt = built.fewshot_context(built.task_docs[0], num_fewshot=5)
        solved = [f"{show(own, doc)} C\n\n" for doc in examples[:5]]
        assert prompt == own["description"] + "".join(solved) + show(own, examples[5])
        assert own["doc_to_choice"] == task["doc_to_choice"]
        assert own["fewshot_config"] == task["fewshot_config"]
