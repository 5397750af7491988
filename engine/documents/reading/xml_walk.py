"""Walks through XML without building a tree, and without what makes XML dangerous.

The standard library's expat with entities switched off: what defusedxml does for trees, but
element by element, so that memory stays bounded however long the text is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from xml.parsers import expat

from engine.documents.failures import failure
from engine.documents.reading.limits import MAX_DEPTH

Attributes = Mapping[str, str]
OnStart = Mapping[str, Callable[[Attributes], None]]
OnEnd = Mapping[str, Callable[[], None]]


class _Local(dict[str, str]):
    """Names without their namespace, each cut once."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(" ")[2]
        return local


def walk(
    chunks: Iterable[bytes],
    on_start: OnStart,
    on_end: OnEnd | None = None,
    on_text: Callable[[str], None] | None = None,
    skip: Collection[str] = (),
) -> None:
    """Call a function for elements by their local name, and for text.

    Elements named in `skip` are left out with all that is in them. Attributes have their names
    with namespace; see `attribute`. Raises DocumentError for damaged or hostile XML.
    """
    ends: OnEnd = on_end or {}
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    local = _Local()
    depth = skipped_at = 0

    def start(name: str, attributes: Attributes) -> None:
        nonlocal depth, skipped_at
        depth += 1
        if skipped_at:
            return
        name = local[name]
        if depth > MAX_DEPTH:
            raise failure("damaged")
        if name in skip:
            skipped_at = depth
        elif name in on_start:
            on_start[name](attributes)

    def end(name: str) -> None:
        nonlocal depth, skipped_at
        depth -= 1
        if skipped_at:
            if depth < skipped_at:
                skipped_at = 0
            return
        name = local[name]
        if name in ends:
            ends[name]()

    def text(data: str) -> None:
        if on_text is not None and not skipped_at:
            on_text(data)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = _refuse
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # ValueError: its encoding
        raise failure("damaged") from error


def attribute(attributes: Attributes, name: str) -> str:
    """Return an attribute by its name without namespace, "" without it."""
    value = attributes.get(name)
    if value is None:
        value = next((v for key, v in attributes.items() if key.endswith(f" {name}")), "")
    return value


def _refuse(*_arguments: object) -> None:
    """No document needs entities of its own; bombs and thefts of files do."""
    raise failure("damaged")
