"""The parts of the packaging recipes that can be checked on any system, without building."""

import platform
import plistlib
import re
import shutil
import struct
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from engine import __version__
from engine.i18n import LANGUAGES
from resources.packaging import contents, licences
from resources.packaging.icons import write_icons
from resources.packaging.linux.deb import build_deb, needed_libc

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "resources/packaging"
LINUX = PACKAGING / "linux"


def test_everything_that_the_application_reads_is_packaged() -> None:
    packed = {source for source, _folder in contents.data_files(ROOT)}
    for name in ("models/default.txt", "models/geb-nano/SHA256SUMS", "icons/send.svg"):
        assert str(ROOT / "resources" / name) in packed
    for language in LANGUAGES:
        assert language == "en" or str(ROOT / f"resources/translations/{language}.json") in packed
    assert not [source for source in packed if source.endswith((".py", ".pyc"))]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforminputcontexts/libibusplatforminputcontextplugin.so", True),
        ("PySide6/plugins/platforms/qwindows.dll", True),
        ("PySide6/Qt/plugins/tls/libqopensslbackend.so", False),
        ("PySide6\\plugins\\sqldrivers\\qsqlite.dll", False),
        ("PySide6/Qt/translations/qtbase_zh_CN.qm", True),
        ("PySide6/Qt/translations/qtbase_de.qm", False),
        ("resources/translations/zh_CN.json", True),
    ],
)
def test_only_the_used_parts_of_qt_are_packaged(name: str, wanted: bool) -> None:
    kept = contents.needed([], [(name, name, "DATA")])[1]
    assert bool(kept) is wanted


def test_icons_have_the_formats_of_each_system(tmp_path: Path) -> None:
    write_icons(tmp_path)
    for size in (16, 256, 512):
        header = (tmp_path / f"geb-chat-{size}.png").read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", header[16:24]) == (size, size)
    windows = (tmp_path / "geb-chat.ico").read_bytes()
    reserved, kind, count = struct.unpack("<HHH", windows[:6])
    assert (reserved, kind) == (0, 1)
    widths = {windows[6 + 16 * i] or 256 for i in range(count)}
    assert {16, 32, 48, 256} <= widths
    apple = (tmp_path / "geb-chat.icns").read_bytes()
    assert apple[:4] == b"icns"
    assert struct.unpack(">I", apple[4:8])[0] == len(apple)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_the_debian_package_asks_for_the_c_library_that_it_was_built_with(tmp_path: Path) -> None:
    frozen = tmp_path / "frozen"
    (frozen / "_internal" / contents.FONTS).mkdir(parents=True)
    (frozen / "geb").write_bytes(b"the program")
    (tmp_path / "dist").mkdir()
    write_icons(tmp_path / "icons")
    package = build_deb(frozen, tmp_path / "icons", tmp_path / "dist", tmp_path, 0)
    command = ["dpkg-deb", "--field", str(package), "Depends"]
    depends = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"libc6 (>= {needed_libc(platform.libc_ver()[1])}), libegl1" in depends
    assert [needed_libc(built_on) for built_on in ("2.31", "2.35", "2.100")] == [
        "2.34",
        "2.35",
        "2.100",
    ]


def test_the_desktop_entry_starts_the_command_in_both_languages() -> None:
    text = (LINUX / "geb-chat.desktop").read_text(encoding="utf-8")
    entry = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    assert entry["Exec"].split()[0] == "geb"
    assert entry["StartupWMClass"] == "geb-chat"  # what the window says of itself
    for key in ("GenericName", "Comment", "Keywords"):
        assert entry[key]
        assert re.search(r"[\u4e00-\u9fff]", entry[f"{key}[zh_CN]"])
    if shutil.which("desktop-file-validate"):
        path = str(LINUX / "geb-chat.desktop")
        assert subprocess.run(["desktop-file-validate", path], check=False).returncode == 0


def test_the_metadata_for_software_centres_names_this_version() -> None:
    root = ElementTree.parse(LINUX / "geb-chat.metainfo.xml").getroot()
    assert root.findtext("launchable") == "geb-chat.desktop"
    releases = [release.get("version") for release in root.iter("release")]
    assert releases[0] == __version__
    if shutil.which("appstreamcli"):
        command = ["appstreamcli", "validate", "--no-net", str(LINUX / "geb-chat.metainfo.xml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_mime_type_of_the_desktop_entry_is_defined() -> None:
    entry = (LINUX / "geb-chat.desktop").read_text(encoding="utf-8")
    mime = ElementTree.parse(LINUX / "geb-chat-mime.xml").getroot()
    defined = {element.get("type") for element in mime}
    named = set(re.search(r"^MimeType=(.*)$", entry, re.M)[1].strip(";").split(";"))  # type: ignore[index]
    assert named - {"application/json"} <= defined


def test_the_paths_of_the_windows_installer_exist_or_are_built() -> None:
    text = (PACKAGING / "windows/geb-chat.iss").read_text(encoding="utf-8")
    paths = re.findall(r"\{#Root\}\\([^\"\r\n*]+)", text)
    assert paths
    for path in (path.strip().rstrip("\\").replace("\\", "/") for path in paths):
        built = path.startswith(("dist", "build/package"))
        assert built or (ROOT / path).exists(), path
    assert "PrivilegesRequired=lowest" in text
    spec = (PACKAGING / "geb-chat.spec").read_text(encoding="utf-8")
    for program in re.findall(r"\{app\}\\([\w-]+)\.exe", text):
        assert f'"{program}"' in spec


def test_the_files_for_macos_are_well_formed() -> None:
    with (PACKAGING / "macos/entitlements.plist").open("rb") as file:
        assert all(value is True for value in plistlib.load(file).values())
    done = subprocess.run(["sh", "-n", str(PACKAGING / "macos/sign.sh")], check=False)
    assert done.returncode == 0


def test_the_workflow_builds_on_three_systems_and_asks_each_package() -> None:
    path = ROOT / ".github/workflows/packages.yml"
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    build = workflow["jobs"]["build"]
    systems = {system.split("-")[0] for system in build["strategy"]["matrix"]["os"]}
    assert systems == {"ubuntu", "windows", "macos"}
    commands = [step.get("run", "") for step in build["steps"]]
    assert any("python -m resources.packaging" in command for command in commands)
    assert any("dist/geb-chat/geb chat --prompt" in command for command in commands)


def test_what_we_ship_has_known_owners_and_licences() -> None:
    import jinja2
    import numpy

    sources = [Path(jinja2.__file__), Path(numpy.__file__), Path(re.__file__)]
    found = licences.components([*sources, ROOT / "app/cli.py"], ROOT)
    assert [component.name for component in found] == ["Jinja2", "numpy", "Python"]
    assert all(component.texts for component in found)


def test_a_library_under_the_gpl_ends_the_build(tmp_path: Path) -> None:
    library = tmp_path / "libreadline.so.8"
    library.touch()
    with pytest.raises(SystemExit, match="GPL"):
        licences.components([library], ROOT)
