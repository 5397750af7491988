"""What the formats that people read have in common."""

from engine.documents.answering.sources import Citation, Sources
from engine.i18n import tr
from engine.store_types import ConversationTree, Message


def shown_branch(tree: ConversationTree) -> list[Message]:
    """Return the messages of the branch that is shown, first message first."""
    by_id = {message.id: message for message in tree.messages}
    branch = []
    number = tree.shown_id
    while number is not None:
        branch.append(by_id[number])
        number = by_id[number].parent_id
    return branch[::-1]


def speaker(message: Message) -> str:
    """Return who wrote a message, in one line."""
    if message.role == "user":
        return tr("You")
    return " ".join((message.model or "").split()) or tr("Answer")


def citations(message: Message) -> tuple[Citation, ...]:
    """Return the places that an answer cites, in the order of its marks."""
    if message.role == "user" or message.sources is None:
        return ()
    return Sources.from_json(message.sources).citations


def failure(message: Message) -> str:
    """Say that an answer failed, "" of any other; why stays out, for it may name private files."""
    return tr("The answer failed.") if message.status == "failed" else ""
