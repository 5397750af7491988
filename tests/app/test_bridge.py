"""From the engine's thread to the GUI thread, in frames."""

import threading
from itertools import pairwise
from time import monotonic

from PySide6.QtCore import QThread
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.bridge import FRAME_MS, EventBridge
from engine.events import ModelLoading


def test_burst_arrives_in_order_in_few_frames(qapp: QApplication, qtbot: QtBot) -> None:
    bridge = EventBridge(qapp)
    batches: list[list[int]] = []
    times: list[float] = []

    def take(events: list[ModelLoading]) -> None:
        assert QThread.currentThread() is qapp.thread()
        batches.append([event.request_id for event in events])
        times.append(monotonic())

    def work() -> None:
        for number in range(300):
            bridge.post(ModelLoading(number, qapp.applicationFilePath()))
            threading.Event().wait(0.001)

    bridge.arrived.connect(take)
    thread = threading.Thread(target=work)
    thread.start()
    qtbot.waitUntil(lambda: sum(map(len, batches)) == 300, timeout=10_000)
    thread.join()
    assert [number for batch in batches for number in batch] == list(range(300))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= (FRAME_MS - 3) / 1000
    bridge.close()
    bridge.deleteLater()


def test_single_event_comes_at_once(qapp: QApplication, qtbot: QtBot) -> None:
    bridge = EventBridge(qapp)
    with qtbot.waitSignal(bridge.arrived, timeout=1000):
        bridge.post(ModelLoading(1, qapp.applicationFilePath()))
    bridge.close()
    bridge.deleteLater()


def test_nothing_arrives_after_close(qapp: QApplication, qtbot: QtBot) -> None:
    bridge = EventBridge(qapp)
    bridge.post(ModelLoading(1, qapp.applicationFilePath()))
    bridge.close()
    with qtbot.assertNotEmitted(bridge.arrived, wait=100):
        bridge.post(ModelLoading(2, qapp.applicationFilePath()))
    bridge.deleteLater()
