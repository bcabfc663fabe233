"""Run in the place of FFmpeg: tries each way out of the cage and prints those that are open, as JSON.

`python -I -S burglar.py FOREIGN_FILE TCP_PORT UNIX_SOCKET`
"""

import ctypes
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

foreign, port, unix_socket = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def _tcp() -> None:
    socket.create_connection(("127.0.0.1", port), 2)


def _udp() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))


def _unix() -> None:
    socket.socket(socket.AF_UNIX).connect(unix_socket)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _trace() -> None:
    if (
        ctypes.CDLL(None, use_errno=True).ptrace(0x4206, os.getppid(), None, None) < 0
    ):  # PTRACE_SEIZE, which stops nobody
        raise OSError(ctypes.get_errno(), "ptrace")


def _new_user() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) < 0:
        raise OSError(ctypes.get_errno(), "unshare")


WAYS: dict[str, Callable[[], object]] = {
    "read a foreign file": lambda: open(foreign).read(),
    "read the accounts": lambda: open("/etc/passwd").read(),
    "read its parent's environment": lambda: open(f"/proc/{os.getppid()}/environ").read(),
    "list the root": lambda: os.listdir("/"),
    "write beside the foreign file": lambda: open(f"{foreign}.new", "w"),
    "write to /tmp": lambda: open("/tmp/anb-burglar", "w"),
    "remove the foreign file": lambda: os.unlink(foreign),
    "link the foreign file": lambda: os.link(foreign, "loot"),
    "a TCP connection": _tcp,
    "a UDP packet": _udp,
    "a UNIX socket": _unix,
    "a process of its own": _fork,
    "another program beside it": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "a session of its own": os.setsid,
    "a signal to its parent": lambda: os.kill(os.getppid(), signal.SIGCONT),
    "a signal to its group": lambda: os.killpg(0, signal.SIGCONT),
    "a look into its parent": _trace,
    "a user namespace": _new_user,
}


def main() -> None:
    open_ways = []
    for name, way in WAYS.items():
        try:
            way()
        except OSError:
            continue
        open_ways.append(name)
    # What a decoder does need.
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    with open("result", "w") as result:
        result.write("x")
    os.kill(os.getpid(), signal.SIGCONT)
    print(json.dumps(open_ways))


main()
