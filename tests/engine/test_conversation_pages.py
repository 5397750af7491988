"""Conversations as pages to read: what is cited is shown, nothing private, nothing is obeyed."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from conversation_samples import PASSAGE, SCOPE, SOURCES

from engine.conversation_files.exporting import export_conversations
from engine.conversation_files.importing import import_conversations
from engine.store import Store

HOSTILE = """<script>alert(1)</script> <img src=x onerror=alert(2)> ![p](https://example.org/p.png)
[bad](javascript:alert(3)) [worse](data:text/html,x) [good](https://example.org/)
</div></article></body><style>@import "https://example.org"</style>

| a | b |
|---|---|
| **1** | `<b>` |
"""
NEAR = replace(PASSAGE, file=Path("/home/me/secret/near.txt"), text="Only near.", end=17)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_names_the_places_that_an_answer_cites(store: Store, tmp_path: Path) -> None:
    conversation = store.create_conversation("海")
    store.add_message(
        conversation.id, "assistant", "咸的 [1]", parent_id=None, sources=SOURCES.to_json()
    )
    path = tmp_path / "chat.html"
    export_conversations(store, [conversation.id], path, "html")
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    assert "[1] 报告 <b>.pdf, page 3 (iii): 水是咸的。" in page.text
    assert "b" not in page.tags


def test_markdown_shows_what_is_cited_and_hides_nothing_private(
    store: Store, tmp_path: Path
) -> None:
    conversation = store.create_conversation("海", "my secret prompt")
    own = {"temperature": 0.5, "model": "/home/me/models/own", "system_prompt": "my secret prompt"}
    store.set_settings(conversation.id, own)
    question = store.add_message(
        conversation.id, "user", "海水？", parent_id=None, sources=SCOPE.to_json()
    )
    sources = replace(SOURCES, passages=(PASSAGE, NEAR)).to_json()
    answer = store.add_message(
        conversation.id, "assistant", "咸的 [1]", parent_id=question.id, sources=sources
    )
    failed = store.add_message(
        conversation.id, "assistant", "", parent_id=answer.id, status="streaming"
    )
    store.update_message(
        failed.id, content="", status="failed", finish_reason="error", error="/home/me: no."
    )
    path = tmp_path / "chat.md"
    export_conversations(store, [conversation.id], path, "markdown")
    text = path.read_text(encoding="utf-8")
    seen = re.sub(r"<!--.*-->\n", "", text)
    assert r"- [1] 报告 \<b\>.pdf, page 3 (iii): “水是咸的。”" in seen
    assert seen.index("咸的 [1]") < seen.index("- [1] 报告")
    assert "*The answer failed.*" in seen
    for private in ("/d", "/home", "secret", "near", "Rivers", "海水为什么咸"):
        assert private not in text
    hidden = "".join(re.findall("<!--.*-->", text))
    assert "水是咸的" not in hidden
    with Store(tmp_path / "other.sqlite3") as other:
        [number] = import_conversations(other, path).ids
        thread = other.thread(number)
        assert other.settings(number) == {"temperature": 0.5}
    assert [m.content for m in thread] == ["海水？", "咸的 [1]", ""]
    assert thread[2].status == "failed"


def test_html_of_one_conversation_has_its_title_and_says_what_failed(
    store: Store, tmp_path: Path
) -> None:
    ids = []
    for title in ("海 & 盐", "湖"):
        conversation = store.create_conversation(title)
        message = store.add_message(
            conversation.id, "assistant", "", parent_id=None, status="streaming"
        )
        store.update_message(message.id, content="", status="failed", finish_reason="error")
        ids.append(conversation.id)
    path = tmp_path / "chat.html"
    for chosen, title in ((ids[:1], "海 &amp; 盐"), (ids, "Conversations")):
        export_conversations(store, chosen, path, "html")
        html = path.read_text(encoding="utf-8")
        assert f"<title>{title}</title>" in html
        assert html.count("The answer failed.") == len(chosen)


def test_html_is_self_contained_and_obeys_nothing(store: Store, tmp_path: Path) -> None:
    conversation = store.create_conversation("</title><script>x</script>")
    question = store.add_message(conversation.id, "user", HOSTILE, parent_id=None)
    store.add_message(conversation.id, "assistant", HOSTILE, parent_id=question.id)
    path = tmp_path / "chat.html"
    export_conversations(store, [conversation.id], path, "html")
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.tags.isdisjoint({"script", "img", "iframe", "object", "base", "form", "link"})
    assert {"table", "strong", "code"} <= page.tags
    links = {value for name, value in page.attributes if name in ("href", "src")}
    assert links == {"https://example.org/", "https://example.org/p.png"}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("<script>alert(1)</script>") == 2
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
