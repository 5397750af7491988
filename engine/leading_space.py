"""The space before the first word of a message, in the format that our models are trained on."""


def leading_space(content: str) -> str:
    """Return the space before a word of Latin letters or digits that begins `content`, or "".

    Within a text such a word has one, which is part of its token: with it the tokens are the same
    there and here, and an answer is copied out of a passage as they are.
    """
    return " " if content[:1].isalnum() and content.split(" ")[0].isascii() else ""
