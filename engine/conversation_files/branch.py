"""What the formats that people read have in common."""

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
