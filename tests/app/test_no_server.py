"""The window alone opens no door."""

from collections.abc import Callable

import psutil
from window_helpers import OpenWindow

from app.window import MainWindow


def test_a_window_listens_to_no_network(
    open_window: OpenWindow, ready: Callable[[MainWindow], MainWindow]
) -> None:
    process = psutil.Process()
    before = process.net_connections(kind="inet")
    ready(open_window())
    assert process.net_connections(kind="inet") == before
