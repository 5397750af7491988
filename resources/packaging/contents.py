"""What goes into a package, and which parts of Qt and of libraries stay out of it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

EXCLUDED_MODULES = [
    *(f"PySide6.Qt{name}" for name in ("Qml", "Quick", "OpenGL", "Sql", "Test", "PrintSupport")),
    "IPython",
    "chardet",
    "google.protobuf",
    "hypothesis",
    "matplotlib",
    "onnx",
    "onnxruntime.quantization",
    "onnxruntime.tools",
    "onnxruntime.transformers",
    "pandas",
    "PIL",
    "psutil",
    "pytest",
    "readline",  # GNU's library is under the GPL; the terminal chat works without
    "scipy",
    "setuptools",
    "sympy",
    "threadpoolctl",
    "tkinter",
    "torch",
    "transformers",
    "yaml",
]
"""What a development environment has and our dependencies would use, if it is there."""
HIDDEN_IMPORTS: list[str] = []
"""What is imported only by a name in a text, where PyInstaller does not see it."""

CHINESE_FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
"""Shows both languages on a system that has no font for them, which others always have."""
FONTS = "resources/fonts"
_FOLDERS = ("guide", "icons", "models", "translations")
_UNWANTED = [
    re.compile(pattern)
    for pattern in (
        # Qt's plugins and translations: those that a window with text and SVG needs.
        r"PySide6/(Qt/)?plugins/(egldeviceintegrations|generic|networkinformation|printsupport|"
        r"qmllint|qmltooling|sqldrivers|tls|vectorimageformats|designer|"
        r"wayland-graphics-integration-server)",
        r"PySide6/(Qt/)?plugins/platformthemes/\w*gtk3",
        r"PySide6/(Qt/)?plugins/imageformats/\w*(gif|icns|pdf|tga|tiff|wbmp|webp)",
        r"PySide6/(Qt/)?plugins/platforms/\w*(eglfs|linuxfb|minimal|vkkhr|vnc)",
        r"PySide6/(Qt/)?plugins/platforminputcontexts/\w*virtualkeyboard",
        r"PySide6/(Qt/)?(translations|resources)/(?!qtbase_zh_CN)",
        r"PySide6/(Qt/)?qml/",
        r"^(numpy|onnxruntime)/.*(/tests?/|\.pyi$)",
        r"^onnxruntime/capi/libonnxruntime\.(so|[0-9.]*dylib)",  # Python's module holds it all
    )
]
# Qt's libraries and those of the system are needed where something links to them. Everything
# else is: packages load what they bring by its name.
_LINKED_ONLY = re.compile(r"^[^/]+$|^(PySide6|shiboken6)/")
_LOADED = re.compile(r"/plugins/|[^/]*\.(abi3|cpython|cp3)|\.pyd$|^libpython|^python3")

Entry = tuple[str, str, str]
"""A file's place in the package, where it comes from, and PyInstaller's word for its kind."""


def data_files(root: Path) -> list[tuple[str, str]]:
    """Return pairs of a file and the folder of the package that takes it.

    Raises SystemExit where the font that goes along on Linux is not installed.
    """
    files = [(str(file), str(file.parent.relative_to(root))) for file in _files(root)]
    if sys.platform == "linux":
        if not CHINESE_FONT.exists():
            raise SystemExit(f"{CHINESE_FONT} is missing; install Debian's fonts-noto-cjk.")
        files.append((str(CHINESE_FONT), FONTS))
    return files


def needed(binaries: list[Entry], datas: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return what stays of PyInstaller's findings.

    Libraries that nothing wanted links to, as those of plugins that are left out, go as well.
    """
    from PyInstaller.depend.bindepend import get_imports

    wanted = {entry[0]: entry for entry in binaries if _is_wanted(entry[0])}
    by_name: dict[str, list[str]] = {}
    for place in wanted:
        by_name.setdefault(Path(place).name, []).append(place)
    reached: set[str] = set()
    waiting = [place for place in wanted if _is_root(place.replace("\\", "/"))]
    while waiting:
        place = waiting.pop()
        if place in reached:
            continue
        reached.add(place)
        for library, _path in get_imports(wanted[place][1]):
            waiting += by_name.get(Path(library).name, [])
    kept = [entry for place, entry in wanted.items() if place in reached]
    return kept, [
        entry
        for entry in datas
        if _is_wanted(entry[0]) and (entry[2] != "SYMLINK" or _leads_to(entry, reached))
    ]


def _is_root(path: str) -> bool:
    return not _LINKED_ONLY.search(path) or bool(_LOADED.search(path))


def _leads_to(link: Entry, reached: set[str]) -> bool:
    """Tell whether a link in the package ends at a file that stays."""
    target = Path(link[0]).parent / link[1]
    parts: list[str] = []
    for part in target.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts)) in reached


def _is_wanted(name: str) -> bool:
    path = name.replace("\\", "/")
    return not any(pattern.search(path) for pattern in _UNWANTED)


def _files(root: Path) -> Iterator[Path]:
    yield root / "LICENSE"
    for folder in _FOLDERS:
        yield from _below(root / "resources" / folder)
    for package in ("app", "engine"):  # files beside the code
        yield from (p for p in _below(root / package) if p.suffix not in (".py", ".pyc"))


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
