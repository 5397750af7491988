"""A computer without a Chinese font is told what to install, and shows no boxes in silence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from app import fonts

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


def test_the_fonts_of_this_computer_are_enough(qapp: QApplication) -> None:
    assert fonts.can_show_chinese()


def test_a_computer_without_chinese_is_noticed(tmp_path: Path) -> None:
    latin = Path("/usr/share/fonts/truetype/dejavu")
    if not latin.is_dir():
        pytest.skip("needs DejaVu")
    (tmp_path / "fonts.conf").write_text(
        _EMPTY.format(f"<dir>{latin}</dir><cachedir>{tmp_path}</cachedir>")
    )
    result = subprocess.run(
        [sys.executable, "-c", _ASKS],
        cwd=ROOT,
        env={**os.environ, "FONTCONFIG_FILE": str(tmp_path / "fonts.conf")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "False\n"
    assert "fonts-noto-cjk" in fonts.advice()
    assert "中文字体" in fonts.advice()
