"""A page of HTML that needs nothing else: no script, no picture, nothing from the network."""

from collections.abc import Iterable
from html import escape
from itertools import chain, islice
from typing import TextIO

from markdown_it import MarkdownIt

from engine.conversation_files.branch import citations, failure, shown_branch, speaker
from engine.documents.answering.sources import place_of
from engine.i18n import language, tr
from engine.store_types import ConversationTree, Message

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
section + section { border-top: 1px solid #8888; margin-top: 3rem; }
h3 { font-size: 0.85rem; opacity: 0.7; margin: 1.5rem 0 0.25rem; }
.user > div { white-space: pre-wrap; background: #8882; border-radius: 0.5rem; padding: 0.75rem; }
article > div { overflow-wrap: anywhere; }
pre { overflow-x: auto; background: #8882; border-radius: 0.5rem; padding: 0.75rem; }
table { border-collapse: collapse; } td, th { border: 1px solid #8888; padding: 0.25rem 0.5rem; }
.failed { font-style: italic; }
.sources { font-size: 0.85rem; opacity: 0.8; list-style: none; padding-left: 0; }
blockquote { border-left: 3px solid #8888; margin-left: 0; padding-left: 1rem; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write(trees: Iterable[ConversationTree], file: TextIO) -> None:
    """Write the shown branch of each conversation into one page.

    A page of one conversation has its title.
    """
    coming = iter(trees)
    first = list(islice(coming, 2))  # the others are read when their turn comes
    title = first[0].conversation.title if len(first) == 1 else ""
    file.write(
        f'<!DOCTYPE html>\n<html lang="{language().replace("_", "-")}">\n<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title or tr('Conversations'))}</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
    )
    markdown = _markdown()
    for tree in chain(first, coming):
        file.write(f'<section>\n<h1 dir="auto">{escape(tree.conversation.title)}</h1>\n')
        for message in shown_branch(tree):
            file.write(_article(markdown, message))
        file.write("</section>\n")
    file.write("</body>\n</html>\n")


def _article(markdown: MarkdownIt, message: Message) -> str:
    is_user = message.role == "user"
    text: str = escape(message.content) if is_user else markdown.render(message.content)
    return (
        f'<article class="{message.role}">\n<h3>{escape(speaker(message))}</h3>\n'
        f'<div dir="auto">{text}</div>\n{_failure(message)}{_sources(message)}</article>\n'
    )


def _failure(message: Message) -> str:
    sentence = failure(message)
    return f'<p class="failed">{escape(sentence)}</p>\n' if sentence else ""


def _sources(message: Message) -> str:
    """Return the places that an answer cites, with what stands there."""
    lines = [
        f'<li dir="auto">[{citation.number}] {escape(place_of(citation.passage))}: '
        f"<q>{escape(citation.text)}</q></li>\n"
        for citation in citations(message)
    ]
    return f'<ul class="sources">\n{"".join(lines)}</ul>\n' if lines else ""


def _markdown() -> MarkdownIt:
    """HTML in an answer shows as text, and a picture as a link to it."""
    return _Markdown("commonmark", {"html": False}).enable("table").disable("image")


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return url.strip().lower().startswith(("https://", "http://", "mailto:"))
