"""A computer without a Chinese font is told what to install, and shows no boxes in silence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app import fonts
from resources.packaging.contents import CHINESE_FONT

ROOT = Path(__file__).parents[2]
_ASKS = """
from app.desktop import make_application
from app.fonts import can_show_chinese
app = make_application()
print(can_show_chinese())
"""
_EMPTY = (
    '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>{}</fontconfig>'
)

_BRINGS = """
import sys
from pathlib import Path
from app.desktop import make_application
from app.fonts import bring_fonts, can_show_chinese
app = make_application()
bring_fonts(Path(sys.argv[1]))
print(can_show_chinese())
"""


def test_the_fonts_of_this_computer_are_enough(qapp: QApplication) -> None:
    assert fonts.can_show_chinese()


def with_fonts(tmp_path: Path, program: str, *folders: Path, words: tuple[str, ...] = ()) -> str:
    """Return what a program prints on a computer with the fonts in `folders` only."""
    listed = "".join(f"<dir>{folder}</dir>" for folder in folders)
    (tmp_path / "fonts.conf").write_text(_EMPTY.format(f"{listed}<cachedir>{tmp_path}</cachedir>"))
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env={**os.environ, "FONTCONFIG_FILE": str(tmp_path / "fonts.conf")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_computer_without_chinese_is_noticed(tmp_path: Path) -> None:
    latin = Path("/usr/share/fonts/truetype/dejavu")
    if not latin.is_dir():
        pytest.skip("needs DejaVu")
    assert with_fonts(tmp_path, _ASKS, latin) == "False\n"
    assert "fonts-noto-cjk" in fonts.advice()
    assert "中文字体" in fonts.advice()


def test_a_package_brings_its_font_where_there_is_none(tmp_path: Path) -> None:
    if not CHINESE_FONT.exists():
        pytest.skip("needs fonts-noto-cjk")
    brought = tmp_path / "brought"
    brought.mkdir()
    (brought / CHINESE_FONT.name).symlink_to(CHINESE_FONT)
    assert with_fonts(tmp_path, _BRINGS, words=(str(brought),)) == "True\n"
