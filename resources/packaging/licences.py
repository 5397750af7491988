"""Who wrote what a package contains, under which licence: texts for people, an SBOM for programs.

Everything is traced back to its origin: an installed Python distribution, Python itself, a Debian
package, or this project. A file of unknown origin, or a licence that the application must not
carry, ends the build.
"""

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component as SbomComponent
from cyclonedx.model.component import ComponentType
from cyclonedx.output.json import JsonV1Dot6

from engine import __version__

TEXTS = Path(__file__).parent / "licence_texts"
# Copyleft that would reach the whole application. GCC's runtime libraries and PyInstaller's
# starter carry an exception for what they are built into; LGPL libraries stay replaceable files.
_FORBIDDEN = re.compile(r"(?<![L])A?GPL", re.IGNORECASE)
_EXEMPT = re.compile(
    r"^(libgcc|libstdc|libgomp|libgfortran|libquadmath|pyinstaller)", re.IGNORECASE
)
_FORBIDDEN_LIBRARIES = re.compile(r"^lib(readline|gdbm|history)\b")
_NAMES = re.compile(r"(licen[cs]e|copying|notice|copyright|thirdparty)", re.IGNORECASE)


@dataclass
class Component:
    """One thing that others made; `texts` are files that state its licence."""

    name: str
    version: str
    licence: str
    texts: list[Path] = field(default_factory=list)
    author: str = ""
    purl: str = ""


def components(sources: Iterable[Path], root: Path) -> list[Component]:
    """Return where the files `sources` of a package come from, by name; ours (below `root`) not.

    Raises SystemExit for a file of unknown origin or a licence that must not be in the package.
    """
    owners = _files_of_distributions()
    found: dict[str, Component] = {}
    for source in sorted({path.resolve() for path in sources}):
        if _FORBIDDEN_LIBRARIES.match(source.name):
            raise SystemExit(f"{source.name} is under the GPL and must not be in the package.")
        component = _component(source, root, owners)
        if component is not None:
            found.setdefault(component.name, component)
    result = sorted(found.values(), key=lambda component: component.name.lower())
    for component in result:
        _require_allowed(component)
    return result


def write_texts(found: Iterable[Component], folder: Path) -> None:
    """Write one text per component below `folder`. Raises SystemExit where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    for component in found:
        texts = component.texts or _standard_texts(component.licence)
        if not texts:
            raise SystemExit(f"No text was found for the licence of {component.name}.")
        head = f"{component.name} {component.version}\nLicence: {component.licence}\n"
        if not component.texts and component.author:
            head += f"Copyright (c) {component.author}\n"
        bodies = [path.read_text(encoding="utf-8", errors="replace") for path in texts]
        name = re.sub(r"[^\w.+-]", "_", component.name)
        (folder / f"{name}.txt").write_text("\n\n".join([head, *bodies]), encoding="utf-8")


def write_sbom(found: Iterable[Component], path: Path, time: int) -> None:
    """Write a CycloneDX 1.6 document; `time` is in seconds since 1970."""
    factory = LicenseFactory()
    bom = Bom()
    bom.metadata.timestamp = datetime.fromtimestamp(time, UTC)
    bom.metadata.component = SbomComponent(
        name="geb-chat",
        version=__version__,
        type=ComponentType.APPLICATION,
        licenses=[factory.make_from_string("Apache-2.0")],
        bom_ref="geb-chat",
    )
    for component in found:
        bom.components.add(
            SbomComponent(
                name=component.name,
                version=component.version,
                type=ComponentType.LIBRARY,
                licenses=[factory.make_from_string(component.licence)],
                bom_ref=component.purl or component.name,
            )
        )
    bom.register_dependency(bom.metadata.component, bom.components)
    bom.serial_number = _serial(found)
    path.write_text(JsonV1Dot6(bom).output_as_string(indent=1), encoding="utf-8")


def _serial(found: Iterable[Component]) -> UUID:
    """Return the same number for the same contents, so that builds can be compared."""
    return uuid5(NAMESPACE_URL, "\n".join(f"{c.name} {c.version}" for c in found) + __version__)


def _component(source: Path, root: Path, owners: dict[Path, Distribution]) -> Component | None:
    if source in owners:
        return _of_distribution(owners[source])
    if source.is_relative_to(root) and not source.is_relative_to(root / ".venv"):
        return None
    standard = Path(sysconfig.get_path("stdlib")).resolve()
    libpython = source.name.startswith("libpython")
    if source.is_relative_to(standard) or libpython:
        texts = [standard / "LICENSE.txt"]
        return Component(
            "Python", sys.version.split()[0], "PSF-2.0", [t for t in texts if t.exists()]
        )
    if sys.platform == "linux":
        return _of_debian(source)
    raise SystemExit(f"Nobody knows where {source} comes from.")


def _files_of_distributions() -> dict[Path, Distribution]:
    owners = {}
    for distribution in distributions():
        if distribution.name == "geb-chat":
            continue
        for file in distribution.files or ():
            owners[Path(str(distribution.locate_file(file))).resolve()] = distribution
    return owners


def _of_distribution(distribution: Distribution) -> Component:
    values = distribution.metadata
    classifiers = values.get_all("Classifier") or []
    named = [c.rsplit(" :: ", 1)[-1] for c in classifiers if c.startswith("License ::")]
    short = (values["License"] or "").strip()
    licence = values["License-Expression"] or (
        short if 0 < len(short) < 80 else " AND ".join(named)
    )
    texts = [
        Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
        if _NAMES.search(file.name) and file.suffix not in (".py", ".pyc", ".json")
    ]
    return Component(
        distribution.name,
        distribution.version,
        licence or "unknown",
        sorted(text for text in texts if text.is_file()),
        author=values["Author"] or values["Author-email"] or "",
        purl=f"pkg:pypi/{distribution.name.lower().replace('_', '-')}@{distribution.version}",
    )


def _of_debian(source: Path) -> Component:
    # Debian knows /lib/x as /usr/lib/x or the other way round.
    places = {str(source), str(source).removeprefix("/usr"), f"/usr{source}"}
    for place in sorted(places):
        owner = subprocess.run(
            ["dpkg", "-S", place],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        if owner:
            break
    else:
        raise SystemExit(f"Nobody knows where {source} comes from.")
    package = owner.split(":", 1)[0]
    version = subprocess.run(
        ["dpkg-query", "-W", "-f=${Version}", package],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    text = Path("/usr/share/doc", package, "copyright")
    licence = "see its copyright file" if text.is_file() else "unknown"
    return Component(
        package,
        version,
        licence,
        [text] if text.is_file() else [],
        purl=f"pkg:deb/debian/{package}@{version}",
    )


def _require_allowed(component: Component) -> None:
    if component.licence == "unknown":
        raise SystemExit(f"{component.name} does not say under which licence it is.")
    choices = re.split(r"\bOR\b", component.licence)
    if not _EXEMPT.match(component.name) and all(_FORBIDDEN.search(choice) for choice in choices):
        raise SystemExit(f"{component.name} is under {component.licence}: not in this package.")


def _standard_texts(licence: str) -> list[Path]:
    """Return the texts of a licence that its owner names without repeating it."""
    if "LGPL-3.0" in licence:
        return [TEXTS / "LGPL-3.0.txt", TEXTS / "GPL-3.0.txt"]
    if "Apache" in licence:
        return [TEXTS.parents[2] / "LICENSE"]
    if licence.startswith("MIT"):
        return [TEXTS / "MIT.txt"]
    return []
