"""Recipes: which text a model is trained on, where it comes from and under which licence."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from training.cleaning import stages_for
from training.sources.readers import READERS
from training.toml_file import build, find_file, read_file

STAGES = ("pretrain", "sft", "dpo")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Files:
    """Some files and where they come from."""

    name: str
    licence: str
    url: str
    """A page for people: what this is."""
    files: tuple[str, ...]
    """Names or patterns (`*`, `{a,b}`, `{000..099}`) below the mirror folder, the downloads, or
    the recipe's own folder if `local`."""
    local: bool = False
    huggingface: str = ""
    """The dataset on the Hugging Face Hub that holds the files, as "owner/name"."""
    download: str = ""
    """Address that the names of `files` are appended to, for other hosts."""
    listing: str = ""
    """A file below `download`, plain or gzip, that names all files, one a line."""
    discard: bool = False
    """Delete each download once it is read: for large files of which little is kept."""
    revision: str = ""
    """Commit, tag or date: which state of the source. `{revision}` stands for it in `download`."""
    sha256: dict[str, str] = field(default_factory=dict)
    """Known checksums, by file name. The Hub and a mirror's MANIFEST.json bring their own."""

    def __post_init__(self) -> None:
        problems = {
            "name": not _NAME.fullmatch(self.name),
            "files": not self.files or isinstance(self.files, str),
            "licence": not self.licence,
            "url": not self.url,
            "sha256": not all(_SHA256.fullmatch(digest) for digest in self.sha256.values()),
            "download": not re.match("https?://|$", self.download),
            "revision": bool(self.huggingface) and not self.revision,
        }
        self._refuse([name for name, wrong in problems.items() if wrong])
        if sum(map(bool, (self.local, self.huggingface, self.download))) > 1:
            raise ConfigError(
                "The source {source} may set only one of local, huggingface and download.",
                source=self.name,
            )
        if self.listing and not self.download:
            raise ConfigError("The source {source} has listing but no download.", source=self.name)

    def _refuse(self, wrong: list[str]) -> None:
        if wrong:
            raise ConfigError(
                "The source {source} has a missing or impossible value: {names}.",
                source=self.name,
                names=", ".join(wrong),
            )


@dataclass(frozen=True, kw_only=True)
class Source(Files):
    """One named part of a recipe's text.

    A record that names a source (in its field `source`) belongs to the source of that name only:
    so can several sources lie in the same files.
    """

    stage: str
    """"pretrain", "sft" or "dpo"."""
    language: str
    """Of records that do not say theirs: "en", "zh", "code" …"""
    reader: str = "jsonl"
    """The format of the files: a name in training/sources/readers.py."""
    text: tuple[str, ...] = ("text",)
    """Fields of a record that make up its text, one below the other (pretraining)."""
    origins: tuple[str, ...] = ()
    """For readers that make records (training/making): the values of `source` of the rows that
    they are made of; all rows if empty."""
    documents: float = 1.0
    """For the same readers: the share of those rows that is taken, chosen by hash. Making is
    slow: read no more than fills `megabytes` well."""
    only: dict[str, list[str]] = field(default_factory=dict)
    """Allowed values by field: other records are left out, e.g. other licences or languages."""
    noncommercial: bool = False
    """Left out unless --include-noncommercial is given."""
    megabytes: float = 0.0
    """At most this much text is taken, the same amount from each file, chosen by hash; 0: all."""
    max_turns: int = 1000
    """Longer conversations are cut after this many messages."""
    max_characters: int = 5_000_000
    """Longer records are left out."""
    share: float = 0.0
    """Relative weight in the training mixture; 0 means in proportion to its size."""
    cleaning: str | tuple[str, ...] = ""
    """What the records need: a profile ("web", "clean", "dialogue", "code") or names of stages
    (training/cleaning/profiles.py); "" stands for "clean" in pretraining, else for "dialogue"."""
    cleaning_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Options of these stages other than usual, by stage: their fields in training/cleaning/."""

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = {
            "stage": self.stage not in STAGES,
            "language": not self.language,
            "text": not self.text or isinstance(self.text, str),
            "origins": isinstance(self.origins, str),
            "documents": not 0 < self.documents <= 1,
            "megabytes": not self.megabytes >= 0,
            "max_turns": self.max_turns < 2,
            "max_characters": self.max_characters < 1,
            "share": not self.share >= 0,
        }
        self._refuse([name for name, wrong in problems.items() if wrong])
        if self.reader not in READERS:
            raise ConfigError(
                "The source {source} names the reader {reader}; there are {known}.",
                source=self.name,
                reader=self.reader,
                known=", ".join(sorted(READERS)),
            )
        stages_for(self)  # a mistake in the cleaning is found before the work begins


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which text, for which configuration."""

    name: str
    config: str
    licence: str
    """SPDX name of the licence of a model trained on it."""
    sources: tuple[Source, ...]
    noncommercial_licence: str = ""
    """The licence of a model trained on the non-commercial sources too."""
    evaluation: tuple[Files, ...] = ()
    """Evaluation items: no training text may share a 13-gram with them."""

    def __post_init__(self) -> None:
        names = [(source.stage, source.name) for source in self.sources]
        if twice := sorted({name for stage, name in names if names.count((stage, name)) > 1}):
            raise ConfigError(
                "The recipe {recipe} names {sources} more than once in a stage.",
                recipe=self.name,
                sources=", ".join(twice),
            )
        if any(source.noncommercial for source in self.sources) and not self.noncommercial_licence:
            raise ConfigError(
                "The recipe {recipe} has non-commercial sources; its noncommercial_licence must"
                " say under which licence a model trained on them is.",
                recipe=self.name,
            )

    def commercial(self) -> "Recipe":
        """Return the recipe without its non-commercial sources. Raises ConfigError if none stay."""
        sources = tuple(source for source in self.sources if not source.noncommercial)
        if not sources:
            raise ConfigError(
                "Every source of the recipe {recipe} is non-commercial; --include-noncommercial"
                " takes them in.",
                recipe=self.name,
            )
        return replace(self, sources=sources)

    def with_noncommercial(self) -> "Recipe":
        """Return the recipe with them, and the licence that they leave to a model."""
        return replace(self, licence=self.noncommercial_licence or self.licence)


def load_recipe(name_or_file: str) -> tuple[Recipe, Path]:
    """Read training/recipes/NAME.toml or a file; return it and its folder. Raises ConfigError."""
    path = find_file(name_or_file, "recipes")
    values = read_file(path)
    if not values.get("sources"):
        raise ConfigError("{path} lacks {field}.", path=path, field="sources")
    lists: dict[str, Any] = {
        "sources": tuple(build(Source, source, path) for source in values.pop("sources")),
        "evaluation": tuple(build(Files, files, path) for files in values.pop("evaluation", ())),
    }
    return build(Recipe, {"name": path.stem, **values, **lists}, path), path.parent
