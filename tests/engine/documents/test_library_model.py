"""Whatever happens to the files, the library shows what the folder holds, and nothing else."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from library_helpers import TextReader, found, index
from test_library import index_is_sound

from engine.documents.library import contents
from engine.documents.library.library import Library

NAMES = st.sampled_from(["a.txt", "b.txt", "c.md", "d/e.txt", "d/f/g.txt"])
WORDS = ("river", "绿茶", "赵州桥")
TEXTS = st.lists(st.sampled_from([*WORDS, "long", "Straße", "\f", "\ud83c", "\0", " "])).map(
    lambda words: " ".join(words).encode("utf-8", "replace").decode()
) | st.just("BAD")


class LibraryMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.folder = self.home / "documents"
        self.folder.mkdir()
        self.texts: dict[str, str] = {}
        self.reader = TextReader()

    @initialize()
    def open(self) -> None:
        self.library = Library(self.home / "library.sqlite3")
        self.library.add_collection("x", [self.folder])

    def teardown(self) -> None:
        self.library.close()
        shutil.rmtree(self.home)

    @rule(name=NAMES, text=TEXTS)
    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # a new file has a new stamp, however fast it comes
        path.write_text(text, encoding="utf-8", newline="")
        self.texts[name] = text

    @precondition(lambda self: self.texts)
    @rule(pick=st.integers(min_value=0), name=NAMES, copy=st.booleans())
    def move(self, pick: int, name: str, copy: bool) -> None:
        old = sorted(self.texts)[pick % len(self.texts)]
        if old == name:
            return
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        if copy:
            shutil.copy(self.folder / old, self.folder / name)
        else:
            (self.folder / old).replace(self.folder / name)
        self.texts[name] = self.texts[old] if copy else self.texts.pop(old)

    @precondition(lambda self: self.texts)
    @rule(pick=st.integers(min_value=0))
    def delete(self, pick: int) -> None:
        name = sorted(self.texts)[pick % len(self.texts)]
        (self.folder / name).unlink()
        del self.texts[name]

    @rule()
    def erase(self) -> None:
        contents.erase_some(self.library)

    @rule()
    def reopen(self) -> None:
        self.library.close()
        self.library = Library(self.home / "library.sqlite3")

    @invariant()
    def shows_what_is_there(self) -> None:
        index(self.library, self.reader)
        [collection] = self.library.collections()
        shown = {
            str(file.path.relative_to(self.folder)): file.status
            for file in self.library.files(collection.id)
        }
        assert shown == {
            name: "failed" if text.startswith("BAD") else "indexed"
            for name, text in self.texts.items()
        }
        for word in WORDS:
            holding = {text for text in self.texts.values() if word in text}
            names = found(self.library, word, limit=100)
            assert {self.texts[self.name_of(name)] for name in names} <= holding
            assert bool(names) == bool(holding)
        assert index_is_sound(self.library)

    def name_of(self, file_name: str) -> str:
        return next(name for name in self.texts if Path(name).name == file_name)


LibraryMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
test_library_equals_its_folder = LibraryMachine.TestCase
