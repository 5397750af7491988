"""Answers from passages with the bundle that ships: cut, written, refused, cancelled."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from answering_helpers import make_retrieval

from engine.answer_steps import ModelInUse
from engine.bundle import Bundle, default_bundle_path, open_bundle
from engine.documents.answering.answer import answer_question
from engine.documents.answering.asking import answer_from_documents
from engine.documents.answering.extraction import MOST_CANDIDATES, search_spans
from engine.documents.answering.likelihood import answer_likelihoods
from engine.documents.answering.prompting import assemble
from engine.documents.passages import Retrieval
from engine.errors import ContextError
from engine.events import Cancelled, CitationsMarked, Done, SourcesFound, Started, Token
from engine.model import Interrupted, Model
from engine.sampling import SamplingParams

TOWER = (
    "青石塔位于江城市东郊，高四十二米。这座塔由工匠林大山于1612年主持建造，历时九年。"
    "塔内现存壁画二十七幅。"
)
BRIDGE = (
    "The Keller Bridge crosses the river Aar near Thun. It was designed by Anna Keller and "
    "opened in 1887. The bridge is 96 metres long and carries two railway tracks."
)
NOTES = (
    "The tomatoes were planted on 12 May beside the south wall. The gate code is 4817.\n\n"
    "图书馆星期一闭馆，其余日子上午九点开门。借书证号码是20394。"
)
WARRANTY = "保修期为两年，自购买之日起计算。电池不在保修范围内。退货须在七日内提出。"
OTHER = "The market sells apples and pears every Saturday morning in front of the town hall."


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return open_bundle(default_bundle_path())


@pytest.fixture(scope="module")
def model(bundle: Bundle) -> Iterator[Model]:
    model = Model(bundle)
    yield model
    model.close()


@pytest.mark.parametrize(
    ("question", "texts", "answer"),
    [
        ("青石塔是哪一年建造的？", [TOWER], "1612年"),
        ("When did the Keller Bridge open?", [OTHER, BRIDGE], "1887"),
        ("When were the tomatoes planted?", [NOTES], "12 May"),
        ("图书馆什么时候闭馆？", [NOTES], "星期一"),
        ("电池在保修范围内吗？", [WARRANTY], "电池不在保修范围内"),
    ],
)
def test_an_answer_is_cut_from_the_document_with_its_place(
    model: Model, bundle: Bundle, question: str, texts: list[str], answer: str
) -> None:
    retrieval = make_retrieval(question, texts)
    found = answer_question(retrieval, model, bundle, mode="extractive")
    assert answer in found.text
    values = found.to_json()
    assert values["answerable"] is True
    [cited] = values["citations"]
    passage = found.sources.passages[cited["page"] - 1]
    page = "?" * passage.start + passage.text
    assert page[cited["start"] : cited["end"]] == cited["text"]
    assert found.text in cited["text"]


@pytest.mark.parametrize(
    ("earlier", "question", "text", "answer"),
    [
        ("When did the Keller Bridge open?", "Who designed it?", BRIDGE, "Anna Keller"),
        ("Who designed the Keller Bridge?", "And when did it open?", BRIDGE, "1887"),
        ("青石塔是哪一年建造的？", "它由谁主持建造？", TOWER, "林大山"),
    ],
)
def test_a_follow_up_is_asked_for_what_it_asks_itself(
    model: Model, bundle: Bundle, earlier: str, question: str, text: str, answer: str
) -> None:
    retrieval = replace(make_retrieval(question, [text]), query=f"{earlier} {question}")
    found = answer_question(retrieval, model, bundle, mode="extractive")
    assert answer in found.text


@pytest.mark.parametrize("mode", ["extractive", "free"])
def test_what_is_not_in_the_documents_is_said_to_be_missing(
    model: Model, bundle: Bundle, mode: str
) -> None:
    for retrieval in (
        make_retrieval("Who invented the telephone?", [OTHER]),
        make_retrieval("Who designed the Keller Bridge?", [BRIDGE], answerable=False),
        make_retrieval("Who designed it?", []),
    ):
        found = answer_question(retrieval, model, bundle, mode=mode)
        assert not found.sources.answerable
        assert found.text == "There is no answer to this in the documents."
        assert not found.sources.citations
    chinese = answer_question(make_retrieval("电话是谁发明的？", []), model, bundle, mode=mode)
    assert chinese.text == "在文档里找不到答案。"


def test_a_written_answer_streams_and_is_marked_at_its_end(model: Model, bundle: Bundle) -> None:
    retrieval = make_retrieval("Who designed the Keller Bridge?", [BRIDGE, OTHER])
    params = SamplingParams(temperature=0, max_new_tokens=24)
    in_use = ModelInUse(model, bundle, params, 7, lambda: False)
    events = list(answer_from_documents(lambda _: retrieval, "free", "", in_use))
    kinds = [type(event) for event in events]
    assert (kinds[0], kinds[1], *kinds[-2:]) == (SourcesFound, Started, CitationsMarked, Done)
    written = "".join(event.text for event in events if isinstance(event, Token))
    marked = next(event for event in events if isinstance(event, CitationsMarked))
    assert {event.request_id for event in events} == {7}
    for claim in marked.sources.claims:
        assert marked.text[claim.start : claim.end] in written


@pytest.mark.parametrize("mode", ["extractive", "free"])
def test_cancelling_ends_an_answer_whenever_it_comes(
    model: Model, bundle: Bundle, mode: str
) -> None:
    retrieval = make_retrieval("Who designed the Keller Bridge?", [BRIDGE, OTHER])
    params = SamplingParams(temperature=0, max_new_tokens=8)
    for wanted in range(6):
        asked = 0

        def is_cancelled() -> bool:
            nonlocal asked
            asked += 1
            return asked > wanted  # noqa: B023 - used within this turn

        in_use = ModelInUse(model, bundle, params, 1, is_cancelled)
        events = list(answer_from_documents(lambda _: retrieval, mode, "", in_use))
        assert isinstance(events[-1], Cancelled | Done)
        assert sum(isinstance(event, Cancelled | Done) for event in events) == 1


def test_a_search_that_is_cancelled_ends_the_answer(model: Model, bundle: Bundle) -> None:
    def find(_: object) -> Retrieval:
        raise Interrupted

    in_use = ModelInUse(model, bundle, SamplingParams(), 1, lambda: True)
    [event] = answer_from_documents(find, None, "", in_use)
    assert isinstance(event, Cancelled)


def test_likelihoods_are_those_of_each_text_alone(model: Model, bundle: Bundle) -> None:
    prompt = bundle.chat_template.encode([{"role": "user", "content": BRIDGE + " Who?"}])
    texts = ["Anna Keller", "Anna", "1887", "the river Aar", "Anna Keller and opened in 1887", ""]
    together = answer_likelihoods(model, bundle, prompt, texts)
    for text, log in zip(texts, together, strict=True):
        model.truncate(0)
        assert answer_likelihoods(model, bundle, prompt, [text])[0] == pytest.approx(log, abs=1e-9)
    assert (together < 0).all()
    assert np.isfinite(together).all()
    with pytest.raises(Interrupted):
        answer_likelihoods(model, bundle, prompt, texts, lambda: True)


def test_candidates_are_few_and_each_stands_in_its_passage() -> None:
    texts = [TOWER, TOWER.replace("1612", "1712")]
    search = search_spans("青石塔是谁建造的？", texts)
    assert 0 < len(search.found) <= MOST_CANDIDATES
    assert 0 <= search.confidence <= 1
    for one in search.found:
        assert texts[one.passage][one.start : one.end] == one.text
        assert one.sentence[0] <= one.start < one.end <= one.sentence[1]
    assert search_spans("谁？", []).found == ()
    assert search_spans("谁？", ["。。。", ""]).found == ()


def test_passages_are_left_out_whole_and_the_last_first(bundle: Bundle) -> None:
    passages = make_retrieval("?", [BRIDGE, TOWER, OTHER]).passages
    template = bundle.chat_template
    whole = assemble(template, "Who?", passages, "en", 2000, "Be brief.")
    assert whole.passages == passages
    sizes = []
    for budget in range(len(whole.token_ids), 0, -1):
        try:
            prompt = assemble(template, "Who?", passages, "en", budget, "Be brief.")
        except ContextError:
            break
        assert len(prompt.token_ids) <= budget
        assert prompt.passages == passages[: len(prompt.passages)]
        text = bundle.tokenizer.decode(prompt.token_ids)
        assert all(passage.text in text for passage in prompt.passages)
        sizes.append(len(prompt.passages))
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) == {1, 2, 3}


HOSTILE = Path(__file__).with_name("injected.txt").read_text(encoding="utf-8").split("\n====\n")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("mode", ["extractive", "free"])
def test_a_document_commands_nothing(model: Model, bundle: Bundle, text: str, mode: str) -> None:
    """Role tokens of a document stay text; quotes stand where they say, marks resolve."""
    question = "塔高多少米？" if any("\u4e00" <= c <= "\u9fff" for c in text) else "How tall is it?"
    retrieval = make_retrieval(question, [text, TOWER])
    prompt = assemble(bundle.chat_template, question, retrieval.passages, "en", 2000)
    empty = assemble(bundle.chat_template, "x", make_retrieval("x", ["x"]).passages, "en", 2000)
    control = set(bundle.tokenizer.control_tokens.values())
    assert [i for i in prompt.token_ids if i in control] == [
        i for i in empty.token_ids if i in control
    ]
    assert text in bundle.tokenizer.decode(prompt.token_ids)
    found = answer_question(retrieval, model, bundle, mode=mode)
    for citation in found.sources.citations:
        passage = retrieval.passages[citation.number - 1]
        assert citation.passage is passage
        assert citation.text in passage.text
    for claim in found.sources.claims:
        assert set(claim.passages) <= {1, 2}
