"""A program: runs another one in a network of its own and reports every packet in it.

    unshare --net --mount python watched_network.py --report FILE [OPTION]… -- COMMAND

Without --connected there is no network but the loopback; with it there is an interface that leads
to a router and a name server, both silent. Packets of the loopback's port N are counted apart.
When COMMAND has ended a packet is sent, so that a report without packets cannot come from a
watch that sees none. The report is JSON: status, packets, on_port, control.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

_ALL_PROTOCOLS = 3
_OWN, _ROUTER = "10.99.0.2", "10.99.0.1"
_IPV4, _TCP, _UDP = 0x0800, 6, 17


class Capture:
    """Describes every packet on every interface, in a thread."""

    def __init__(self, port: int) -> None:
        self._port = str(port)
        self._lock = threading.Lock()
        self._packets: list[str] = []
        self.on_port = 0
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(_ALL_PROTOCOLS)
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def take(self) -> list[str]:
        """Return what has come since the last call."""
        with self._lock:
            taken, self._packets = self._packets, []
        return taken

    def _listen(self) -> None:
        while True:
            content, (interface, protocol, *_) = self._socket.recvfrom(65536)
            words = [interface, f"protocol {protocol:#06x}", *_describe(protocol, content)]
            with self._lock:
                if interface == "lo" and self._port in words:
                    self.on_port += 1
                else:
                    self._packets.append(" ".join(words))


def _describe(protocol: int, content: bytes) -> list[str]:
    """Return addresses and ports of an IPv4 packet in an Ethernet frame."""
    if protocol != _IPV4 or len(content) < 34:
        return []
    header = 14 + 4 * (content[14] & 15)
    addresses = [socket.inet_ntoa(content[at : at + 4]) for at in (26, 30)]
    if content[23] not in (_TCP, _UDP):
        return addresses
    ports = [str(int.from_bytes(content[at : at + 2])) for at in (header, header + 2)]
    return [*addresses, *ports]


def set_up(connected: bool, folder: Path) -> None:
    """Make the network. Version 6 is off: the system itself would speak of it unasked."""
    Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    commands = ["link set lo up"]
    if connected:
        names = folder / "resolv.conf"
        names.write_text(f"nameserver {_ROUTER}\noptions timeout:1 attempts:1\n")
        subprocess.run(["mount", "--bind", str(names), "/etc/resolv.conf"], check=True)
        commands += [
            "link add outside0 type veth peer name outside1",
            f"addr add {_OWN}/24 dev outside0",
            "link set outside0 up",
            "link set outside1 up",
            f"route add default via {_ROUTER}",
        ]
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)


def control(connected: bool) -> None:
    """Send something that a watch must see."""
    if connected:
        with suppress(OSError):  # nobody answers
            socket.getaddrinfo("example.org", 80)
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"seen?", ("127.0.0.1", 9))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--connected", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        set_up(options.connected, Path(folder))
        capture = Capture(options.port)
        status = subprocess.run(options.command, check=False).returncode
        packets, on_port = capture.take(), capture.on_port
        control(options.connected)
        seen = threading.Event()
        while not (found := capture.take()):
            seen.wait(0.05)
    report = {"status": status, "packets": packets, "on_port": on_port, "control": found}
    options.report.write_text(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
