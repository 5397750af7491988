"""An arm64 Python with what the engine needs, emulated by qemu on this machine.

Debian's packages are unpacked, not installed; the wheels are of the same versions as here.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2] / "build" / "arm64"
NEEDED = ("debootstrap", "dpkg-deb", "qemu-aarch64-static")
_BINARY = ("numpy", "onnxruntime", "sentencepiece", "tokenizers", "regex", "ijson", "MarkupSafe")
_PROCESSOR = """processor\t: {number}
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU part\t: 0xd08

"""


def available() -> bool:
    """Whether this machine has the tools; debootstrap needs the superuser."""
    tools = all(shutil.which(tool) for tool in NEEDED)
    return tools and sys.version_info[:2] == (3, 11) and os.geteuid() == 0


def command(processor: str) -> list[str]:
    """Return the command that runs the emulated Python; the first call prepares it."""
    if not (ROOT / "ready").exists():
        shutil.rmtree(ROOT, ignore_errors=True)
        ROOT.mkdir(parents=True)
        _unpack_system()
        _describe_processors()
        _unpack_wheels()
        (ROOT / "ready").touch()
    # What is not compiled is the same for every processor.
    packages = f"{ROOT / 'wheels'}:{sysconfig.get_path('purelib')}"
    environment = ["-E", f"PYTHONPATH={packages}", "-E", "PYTHONDONTWRITEBYTECODE=1"]
    python = str(ROOT / "usr/bin/python3.11")
    return ["qemu-aarch64-static", "-cpu", processor, "-L", str(ROOT), *environment, python]


def _unpack_system() -> None:
    options = ["--foreign", "--arch=arm64", "--variant=minbase", "--include=python3"]
    _run("debootstrap", *options, "bookworm", str(ROOT))
    for package in (ROOT / "var/cache/apt/archives").glob("*.deb"):
        _run("dpkg-deb", "--extract", str(package), str(ROOT))


def _describe_processors() -> None:
    """Write what onnxruntime reads of the processors: qemu would show it this machine's."""
    files = {"proc/cpuinfo": "".join(_PROCESSOR.format(number=n) for n in range(2))}
    cpus = "sys/devices/system/cpu"
    files |= {f"{cpus}/{name}": "0-1\n" for name in ("possible", "present", "online")}
    for number in range(2):
        topology = f"{cpus}/cpu{number}/topology"
        files |= {
            f"{topology}/physical_package_id": "0\n",
            f"{topology}/core_id": f"{number}\n",
            f"{topology}/core_siblings_list": "0-1\n",
            f"{topology}/thread_siblings_list": f"{number}\n",
        }
    for name, text in files.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="ascii")


def _unpack_wheels() -> None:
    folder = ROOT / "downloads"
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in (17, 27, 28)]
    platforms.append("--platform=manylinux2014_aarch64")
    wanted = [f"{name}=={version(name)}" for name in _BINARY]
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version=3.11"]
    pip = [sys.executable, "-m", "pip", "download", *options, *platforms]
    _run(*pip, f"--dest={folder}", *wanted)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(ROOT / "wheels")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=900)
