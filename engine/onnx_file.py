"""What an ONNX file declares, read before onnxruntime opens it and without the onnx package.

A model file is hostile input: it may name files outside its folder as its weights, or claim
tensors far larger than the data that it brings. This walks the few protobuf messages that
can do so. Field numbers: onnx.proto3 of the ONNX project (IR version 13).
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from engine.errors import BundleError
from engine.inside import is_inside

# message → {field number: message of that field}
_SCHEMA = {
    "Model": {7: "MainGraph", 20: "Training", 25: "Function"},
    "MainGraph": {1: "Node", 5: "Tensor", 11: "Input", 12: "Output", 15: "SparseTensor"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor"}
    | {23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
}
# Their results for one token depend on the tokens beside it, by a common scale or by rounding.
_MIXING_OPERATORS = frozenset(
    {"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMul", "MatMulNBits", "Gemm"}
    | {"FusedMatMul"}
)
_ELEMENT_TYPES = {1: "float32", 3: "int8", 6: "int32", 7: "int64", 10: "float16"}
_OPERATOR = 4  # the field of a Node that names its operator
_METADATA = 14  # the field of a Model that holds a key and its value
_MAX_DEPTH = 32
_MAX_ELEMENTS_PER_BYTE = 4  # of the narrowest type, int2
_ENDLESS = 1 << 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class TensorType:
    """Type and shape of a graph's input or output."""

    dtype: str
    """As numpy names it; "" for one that the engine does not use."""
    shape: tuple[int | None, ...]
    """None where the size is only known at run time."""


@dataclass(frozen=True)
class OnnxFile:
    """Inputs, outputs and weight files of a model."""

    inputs: dict[str, TensorType] = field(default_factory=dict)
    outputs: dict[str, TensorType] = field(default_factory=dict)
    external_files: set[Path] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def batch_invariant(self) -> bool:
        """Several tokens at once give, bit for bit, what they give one at a time."""
        return "MatMulInteger" in self.operators and not self.operators & _MIXING_OPERATORS


def read_onnx(path: Path) -> OnnxFile:
    """Read what the model at `path` declares; its weight files must lie in the same folder.

    Raises BundleError if the file is damaged, if a weight file is missing, too short or
    outside the folder, or if a tensor claims more elements than its data can hold.
    """
    walker = _Walker(path)
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        walker.walk("Model", memoryview(data), 0)
        if not walker.found.inputs or not walker.found.outputs:
            raise _DamagedError
    except OSError as error:
        raise BundleError(
            "{path} cannot be read: {detail}.", path=path, detail=error.strerror
        ) from error
    except (_DamagedError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise BundleError("{path} is damaged or is no ONNX model.", path=path) from error
    return walker.found


class _DamagedError(Exception):
    """Bytes that are no protobuf."""


class _Walker:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = path.parent.resolve()
        self.found = OnnxFile()

    def walk(self, message: str, data: memoryview, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise _DamagedError
        for number, value in _fields(data):
            kind = _SCHEMA[message].get(number)
            if message == "Node" and number == _OPERATOR:
                self.found.operators.add(_text(value))
            if message == "Model" and number == _METADATA and not isinstance(value, int):
                entry = {key: _text(text) for key, text in _fields(value) if key in (1, 2)}
                self.found.metadata[entry.get(1, "")] = entry.get(2, "")
            if kind is None or isinstance(value, int):
                continue
            if kind == "Tensor":
                self._check_tensor(value)
            elif kind in ("Input", "Output"):
                name, declared = _value_info(value)
                values = self.found.inputs if kind == "Input" else self.found.outputs
                values[name] = declared
            else:
                self.walk(kind, value, depth + 1)

    def _check_tensor(self, data: memoryview) -> None:
        elements, available = 1, len(data)
        external: dict[str, str] = {}
        for number, value in _fields(data):
            if number == 1:  # dims: one at a time, or packed
                for size in [value] if isinstance(value, int) else _varints(value):
                    elements = min(elements * size, _ENDLESS)
            elif number == 13 and isinstance(value, memoryview):
                entry = {key: _text(text) for key, text in _fields(value) if key in (1, 2)}
                if entry.get(1, "") in external:
                    raise _DamagedError
                external[entry.get(1, "")] = entry.get(2, "")
        if "location" in external:
            available = self._external_bytes(external)
        if elements > available * _MAX_ELEMENTS_PER_BYTE:
            raise BundleError(
                "{path} claims a tensor of {elements} numbers but brings only {available} bytes "
                "for it; the model is damaged or forged.",
                path=self._path,
                elements=elements,
                available=available,
            )

    def _external_bytes(self, external: dict[str, str]) -> int:
        file = self._external_file(external["location"])
        try:
            offset = int(external.get("offset", "0"))
            length = int(external.get("length", file.stat().st_size - offset))
        except ValueError as error:
            raise _DamagedError from error
        if offset < 0 or length < 0 or offset + length > file.stat().st_size:
            raise BundleError(
                "The weight file {path} is shorter than the model says; copy the folder again.",
                path=file,
            )
        self.found.external_files.add(file)
        return length

    def _external_file(self, location: str) -> Path:
        posix, windows = PurePosixPath(location), PureWindowsPath(location)
        # "*" because onnxruntime gives such names a meaning of its own: an address in memory.
        strange = "\0" in location or "*" in location or not location.strip()
        outside = posix.is_absolute() or windows.anchor or ".." in windows.parts
        file = self._folder / location if not strange else self._folder
        if strange or outside or not is_inside(file, self._folder):
            raise BundleError(
                "The model wants to read {location}, which is outside its folder; it is refused.",
                location=ascii(location),
            )
        if not file.is_file():
            raise BundleError(
                "The model folder is incomplete: {path} is missing; copy the folder again.",
                path=file,
            )
        return file


def _value_info(data: memoryview) -> tuple[str, TensorType]:
    """Read ValueInfoProto: name 1, type 2 → tensor_type 1 → elem_type 1, shape 2 → dim 1."""
    name, dtype = "", ""
    shape: list[int | None] = []
    for number, value in _fields(data):
        if number == 1:
            name = _text(value)
        for tensor_type in _messages(number == 2, value, 1):
            for part, content in _fields(tensor_type):
                if part == 1 and isinstance(content, int):
                    dtype = _ELEMENT_TYPES.get(content, "")
                for dimension in _messages(part == 2, content, 1):
                    sizes = [size for key, size in _fields(dimension) if key == 1]
                    size = sizes[-1] if sizes else None
                    shape.append(size if isinstance(size, int) else None)
    return name, TensorType(dtype, tuple(shape))


def _messages(wanted: bool, value: int | memoryview, number: int) -> list[memoryview]:
    """Return the embedded messages in field `number` of the message `value`."""
    if not wanted or isinstance(value, int):
        return []
    return [part for key, part in _fields(value) if key == number and isinstance(part, memoryview)]


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of a protobuf message. Raises _DamagedError."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise _DamagedError
        if wire_type == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, position = _varint(data, position)
        elif wire_type in (_FIXED32, _FIXED64):
            size = 4 if wire_type == _FIXED32 else 8
        else:
            raise _DamagedError
        if size > len(data) - position:
            raise _DamagedError
        yield number, data[position : position + size]
        position += size


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """Return an unsigned number of at most 64 bits and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise _DamagedError
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, position
    raise _DamagedError


def _varints(data: memoryview) -> Iterator[int]:
    position = 0
    while position < len(data):
        value, position = _varint(data, position)
        yield value


def _text(value: int | memoryview) -> str:
    if isinstance(value, int):
        raise _DamagedError
    try:
        return bytes(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _DamagedError from error
