"""An answer about documents, for the tests that write and read conversations."""

from dataclasses import replace
from pathlib import Path

from engine.documents.answering.sources import Citation, Claim, DocumentScope, Sources
from engine.documents.document import Section
from engine.documents.passages import RetrievedPassage

SCOPE = DocumentScope(collections=(3,), files=(Path("/d/报告.pdf"),), mode="free")
PASSAGE = RetrievedPassage(
    file=Path("/d/报告 <b>.pdf"),
    title="报告",
    page_index=2,
    page=3,
    label="iii",
    sections=(Section(2, 7, ("一", "海")), Section(2, 13, ("一", "Rivers"))),
    start=7,
    end=21,
    text="水是咸的。Rivers --&",
    score=0.75,
)
PASSAGE = replace(PASSAGE, end=PASSAGE.start + len(PASSAGE.text))
SOURCES = Sources(
    question="海水为什么咸？",
    mode="extractive",
    answerable=True,
    passages=(PASSAGE,),
    citations=(Citation(number=1, passage=PASSAGE, start=7, end=12, marked=(9, 11)),),
    claims=(Claim(start=0, end=2, passages=(1,)),),
)
