"""Decontamination: what shares a 13-gram with an evaluation item goes, its neighbours stay."""

import gzip
import json
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from training.cleaning import Decontamination
from training.cleaning.decontamination import LENGTH
from training.cleaning.units import units, windows

PASSAGE = (
    "The Panthers defense gave up just 308 points, ranking sixth in the league, while also leading."
)
QUESTION = "在三棱锥中，已知底面是边长为二的正三角形，求它的体积是多少？"
BEFORE, AFTER = "A paragraph before that stays.", "后面的一段话与考试无关，应当保留下来。"


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Decontamination:
    folder = tmp_path_factory.mktemp("eval")
    squad = {"data": [{"paragraphs": [{"context": PASSAGE, "qas": [{"question": "Who?"}]}]}]}
    (folder / "squad.json.xz").write_bytes(lzma.compress(json.dumps(squad).encode()))
    exam = json.dumps({"question": QUESTION, "A": "一", "answer": "A"}, ensure_ascii=False)
    (folder / "exam.jsonl.gz").write_bytes(gzip.compress(f"{exam}\n".encode()))
    row = "one two three four five six seven\teight nine ten eleven twelve thirteen\n"
    (folder / "rows.tsv").write_text(row)
    return Decontamination(files=sorted(folder.iterdir()))


@pytest.mark.parametrize(
    "planted",
    [
        PASSAGE,
        PASSAGE.upper().replace(",", " --"),
        f"They wrote: {PASSAGE[4:-14]} and so on.",
        QUESTION,
        f"题目：{QUESTION[3:24]}！",
    ],
)
def test_planted_items_go_and_neighbours_stay(evaluation: Decontamination, planted: str) -> None:
    record = {"text": f"{BEFORE}\n\n{planted}\n\n{AFTER}", "lang": "en"}
    assert evaluation(record) == {"text": f"{BEFORE}\n\n{AFTER}", "lang": "en"}


def test_an_item_broken_into_lines_goes_whole(evaluation: Decontamination) -> None:
    wrapped = PASSAGE.replace("points, ", "points,\n").replace("league, ", "league,\n")
    assert evaluation({"text": f"{BEFORE}\n{wrapped}\n{AFTER}"}) == {"text": f"{BEFORE}\n{AFTER}"}


@pytest.mark.parametrize(
    "text",
    [
        " ".join(PASSAGE.split()[:12]),
        QUESTION[:13],  # twelve characters and a comma
        "one two three four five six seven eight nine ten eleven twelve thirteen",
        PASSAGE.replace("points", "goals").replace("league", "cup"),
    ],
)
def test_what_shares_less_stays(evaluation: Decontamination, text: str) -> None:
    record = {"text": f"{BEFORE}\n{text}"}
    assert evaluation(record) is record


def test_conversations_and_pairs_go_as_a_whole(evaluation: Decontamination) -> None:
    def said(content: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": content}, {"role": "assistant", "content": "Yes."}]

    clean = {"messages": said("Who leads the league?")}
    assert evaluation(clean) is clean
    assert evaluation({"messages": said(f"Read this: {PASSAGE}")}) is None
    assert evaluation({"prompt": said("Hm"), "chosen": QUESTION, "rejected": "No"}) is None
    # Thirteen units that only two messages together have are not one text.
    halves = [*said(PASSAGE[:40]), *said(PASSAGE[40:])]
    assert evaluation({"messages": halves[::2]}) is not None


def test_a_document_of_nothing_else_is_left_out(evaluation: Decontamination) -> None:
    assert evaluation({"text": PASSAGE}) is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.json.xz").write_bytes(b"not packed")
    with pytest.raises(DataError, match=r"broken\.json\.xz"):
        Decontamination(files=[tmp_path / "broken.json.xz"])


@given(st.lists(st.sampled_from(["word", "Ünïcode", "中", "GPU2", "９"]), min_size=1, max_size=40))
def test_units_are_words_and_characters_whatever_stands_between(parts: list[str]) -> None:
    hashes, starts = units(" ".join(parts))
    spread, _ = units("，\n".join(part.upper() for part in parts) + "!")
    assert len(hashes) == len(parts)
    assert (hashes == spread).all()
    assert [" ".join(parts)[i] for i in starts] == [part[0] for part in parts]


@given(st.lists(st.sampled_from("甲乙丙丁"), min_size=LENGTH, max_size=60))
def test_equal_runs_have_equal_hashes(characters: list[str]) -> None:
    text = "".join(characters)
    hashes = windows(units(text)[0], LENGTH)
    runs = [text[i : i + LENGTH] for i in range(len(text) - LENGTH + 1)]
    assert len({*hashes.tolist()}) == len({*runs})
    assert {(run, value) for run, value in zip(runs, hashes.tolist(), strict=True)} == dict(
        zip(runs, hashes.tolist(), strict=True)
    ).items()


def test_a_huge_line_is_cut_without_losing_a_unit() -> None:
    text = "水" * 1_500_000
    assert len(units(text)[0]) == len(text)
    assert len({*windows(units(text)[0], LENGTH).tolist()}) == 1
