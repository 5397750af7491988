"""What a person wants to know of an installed model."""

from dataclasses import dataclass
from pathlib import Path

from engine.bundle import Bundle, open_bundle
from engine.bundle_paths import list_bundle_paths
from engine.errors import GebError, StoreError
from engine.paths import data_dir


@dataclass(frozen=True, kw_only=True)
class InstalledModel:
    """A model folder; where it cannot be used, `error` says why and the rest is unknown."""

    path: Path
    own: bool
    """The person added it, and may delete it."""
    size_bytes: int = 0
    licence: str = ""
    context_length: int = 0
    parameters: int = 0
    precision: str = ""
    """Of the weights: "int8", "int4" or "float32"."""
    signed: bool = False
    error: GebError | None = None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name


def models_dir() -> Path:
    """Return the folder of added models, made if there is none. Raises StoreError."""
    folder = data_dir() / "models"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(
            "The folder {path} cannot be created: {detail}. Check its permissions, or set "
            "GEB_CHAT_HOME to a folder that you may write to.",
            path=folder,
            detail=error.strerror,
        ) from error
    return folder


def list_models() -> list[InstalledModel]:
    """Return the model that comes with the application, then the person's own, by name."""
    return [describe(path) for path in list_bundle_paths()]


def describe(path: Path) -> InstalledModel:
    """Read everything but the weights of a model folder; its sums are not checked."""
    own = path.absolute().is_relative_to((data_dir() / "models").absolute())
    try:
        bundle = open_bundle(path, verify=False)
    except GebError as error:
        return InstalledModel(path=path, own=own, error=error)
    return InstalledModel(
        path=path,
        own=own,
        size_bytes=bundle.size_bytes,
        licence=bundle.licence,
        context_length=bundle.config.max_position_embeddings,
        parameters=bundle.config.num_parameters,
        precision=_precision(bundle),
        signed=bundle.signed,
    )


def _precision(bundle: Bundle) -> str:
    operators = bundle.graph.operators
    if "MatMulNBits" in operators:
        return "int4"
    return "int8" if {"MatMulInteger", "DynamicQuantizeMatMul"} & set(operators) else "float32"
