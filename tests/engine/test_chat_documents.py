"""Questions of a conversation that ask documents: events, storage, versions, attached files."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from test_chat import Heard

from engine.bundle import default_bundle_path
from engine.chat import ChatService
from engine.document_refusal import without_notice
from engine.documents.answering.sources import DocumentScope, Sources
from engine.documents.finder import DocumentFinder
from engine.documents.passages import Retrieval
from engine.events import Cancelled, CitationsMarked, Done, Failed, ModelLoaded, SourcesFound, Token
from engine.model import Interrupted
from engine.sampling import SamplingParams

GREEDY = SamplingParams(temperature=0, max_new_tokens=12)
TEXT = "The Keller Bridge was designed by Anna Keller.\n\nIt opened in 1887.\n"


class Remembering(DocumentFinder):
    """The real finder; remembers what it was asked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[tuple[str, list[str], DocumentScope]] = []

    def find(
        self,
        question: str,
        earlier: Sequence[str],
        scope: DocumentScope,
        is_cancelled: Callable[[], bool],
    ) -> Retrieval:
        self.asked.append((question, list(earlier), scope))
        return super().find(question, earlier, scope, is_cancelled)


@pytest.fixture
def finder(tmp_path: Path) -> Remembering:
    return Remembering(tmp_path / "library.sqlite3")


@pytest.fixture
def service(tmp_path: Path, finder: Remembering) -> Iterator[tuple[ChatService, Heard]]:
    heard = Heard()
    with closing(ChatService(tmp_path / "store.sqlite3", heard, finder=finder)) as service:
        service.load_model(default_bundle_path())
        heard.until(ModelLoaded)
        yield service, heard


def test_an_attached_file_is_asked_and_the_answer_keeps_its_sources(
    service: tuple[ChatService, Heard], finder: Remembering, tmp_path: Path
) -> None:
    chat, heard = service
    file = tmp_path / "bridge.txt"
    file.write_text(TEXT, encoding="utf-8")
    scope = DocumentScope(files=(file,))
    conversation = chat.store.create_conversation()
    question, answer = chat.send(conversation.id, "When did it open?", GREEDY, scope)
    events = heard.until(Done, Failed)
    assert isinstance(events[-1], Done)
    assert isinstance(events[0], SourcesFound)
    assert [p.file for p in events[0].retrieval.passages] == [file]
    marked = events[-2]
    assert isinstance(marked, CitationsMarked)
    stored = chat.store.message(answer.id)
    assert stored.content == marked.text
    assert Sources.from_json(stored.sources or {}) == marked.sources
    [citation] = marked.sources.citations
    assert TEXT[citation.start : citation.end] == citation.text
    assert DocumentScope.from_json(chat.store.message(question.id).sources or {}) == scope
    # Another answer, and the question in other words, ask the same documents.
    chat.regenerate(answer.id, GREEDY)
    assert isinstance(heard.until(Done, Failed)[0], SourcesFound)
    chat.edit_question(question.id, "Who designed the bridge?", GREEDY)
    assert isinstance(heard.until(Done, Failed)[0], SourcesFound)
    # One that asks none is answered from the conversation alone.
    chat.send(conversation.id, "Hello", GREEDY)
    assert not any(isinstance(e, SourcesFound) for e in heard.until(Done, Failed))
    chat.send(conversation.id, "And when?", GREEDY, scope)
    heard.until(Done, Failed)
    assert [(q, earlier) for q, earlier, _ in finder.asked] == [
        ("When did it open?", []),
        ("When did it open?", []),
        ("Who designed the bridge?", []),
        ("And when?", ["Who designed the bridge?", "Hello"]),
    ]


def test_a_written_answer_goes_on_with_its_passages(
    service: tuple[ChatService, Heard], finder: Remembering, tmp_path: Path
) -> None:
    chat, heard = service
    file = tmp_path / "bridge.txt"
    file.write_text(TEXT, encoding="utf-8")
    scope = DocumentScope(files=(file,), mode="free")
    conversation = chat.store.create_conversation()
    few = SamplingParams(temperature=0, max_new_tokens=3)
    _, answer = chat.send(conversation.id, "Who designed the Keller Bridge?", few, scope)
    [*_, first] = heard.until(Done, Failed)
    assert isinstance(first, Done)
    begun = without_notice(chat.store.message(answer.id).content)
    assert begun
    longer = chat.continue_answer(answer.id, GREEDY)
    assert longer.content == begun
    events = heard.until(Done, Failed)
    assert isinstance(events[0], SourcesFound)
    marked, done = events[-2:]
    assert isinstance(marked, CitationsMarked)
    assert isinstance(done, Done)
    # The prompt is that of the first answer, with its passages, and what was begun.
    assert done.usage.prompt_tokens > first.usage.prompt_tokens
    written = "".join(event.text for event in events if isinstance(event, Token))
    # Either may cite: the model in what it writes, the marking in what is kept.
    whole, pieces = (
        re.sub(r" ?\[\d\]", "", text) for text in (without_notice(marked.text), begun + written)
    )
    assert whole == pieces.rstrip()
    stored = chat.store.message(longer.id)
    assert stored.content == marked.text
    assert Sources.from_json(stored.sources or {}) == marked.sources
    assert len(finder.asked) == 2


def test_a_file_that_cannot_be_read_fails_the_answer_with_its_reason(
    service: tuple[ChatService, Heard], tmp_path: Path
) -> None:
    chat, heard = service
    conversation = chat.store.create_conversation()
    empty = tmp_path / "empty.txt"
    empty.touch()
    chat.send(conversation.id, "Why?", GREEDY, DocumentScope(files=(empty,)))
    failed = heard.until(Done, Failed)[-1]
    assert isinstance(failed, Failed)
    assert str(failed.error) == "empty.txt: The file is empty."


def test_stopping_ends_a_search_and_the_answer(tmp_path: Path) -> None:
    class Endless(Remembering):
        def find(self, *asked: object) -> Retrieval:
            service.stop()
            is_cancelled = asked[-1]
            assert callable(is_cancelled)
            while not is_cancelled():
                pass
            raise Interrupted

    heard = Heard()
    finder = Endless(tmp_path / "library.sqlite3")
    with closing(ChatService(tmp_path / "store.sqlite3", heard, finder=finder)) as service:
        service.load_model(default_bundle_path())
        heard.until(ModelLoaded)
        conversation = service.store.create_conversation()
        _, answer = service.send(conversation.id, "Why?", GREEDY, DocumentScope(collections=(1,)))
        events = heard.until(Done, Failed, Cancelled)
        assert isinstance(events[-1], Cancelled)
        assert not any(isinstance(event, Token) for event in events)
        assert service.store.message(answer.id).status == "cancelled"
