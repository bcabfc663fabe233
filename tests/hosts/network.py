"""The document's VPC: a network namespace for each host, a router between them, the table as each host's firewall."""

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from infra import firewall
from infra.profiles import PROFILES

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_OUTSIDE = "10.99.0.0/24"
RESOLVER = "10.99.0.3"  # slirp4netns' own, in the network above

ADDRESSES = {
    "web": "10.0.1.10",
    "worker": "10.0.1.20",
    "fileserver": "10.0.1.30",
    "rds": "10.0.2.40",
    "administrator": "203.0.113.5",
    "stranger": "198.51.100.7",
}
"""The document's two subnets, and two people outside (addresses of RFC 5737)."""

_CALLED = {
    firewall.WEB: "web",
    firewall.WORKER: "worker",
    firewall.FILE_SERVER: "fileserver",
    firewall.DATABASE: "rds",
    firewall.ADMINISTRATOR: "administrator",
    firewall.EVERYBODY: "",
}
_TABLE = [(_CALLED[rule.group], rule.port, _CALLED[rule.source]) for rule in firewall.rules(PROFILES[0])]
"""Host, port, and who may call it; the same table that CloudFormation's security groups are made from."""


def is_open(target: str, port: int, source: str) -> bool:
    return any(row in _TABLE for row in ((target, port, source), (target, port, "")))


def sh(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
    return done.stdout


def rules(host: str) -> str:
    """nftables of one host. A security group is stateful, drops in silence, and lets everything out."""
    opened = "\n".join(f"    {_rule(port, source)}" for target, port, source in _TABLE if target == host)
    return f"""
table inet security_group {{
  chain input {{
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
{opened}
  }}
}}"""


def _rule(port: int, source: str) -> str:
    return f"ip saddr {ADDRESSES[source]} tcp dport {port} accept" if source else f"tcp dport {port} accept"


def within(namespace: str, work: Callable[[], T]) -> T:
    """Runs `work` in a thread of its own whose sockets are that host's."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with Path(f"/run/netns/{namespace}").open() as entrance:
                assert ctypes.CDLL(None).setns(entrance.fileno(), _CLONE_NEWNET) == 0
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


class Network:
    def cut(self, host: str) -> None:
        """As a host that lost its power: nobody answers for it, not even with a refusal."""
        sh("ip", "-n", "router", "link", "set", host, "down")

    def join(self, host: str) -> None:
        sh("ip", "-n", "router", "link", "set", host, "up")
        # With its link its route went.
        sh("ip", "-n", "router", "route", "replace", f"{ADDRESSES[host]}/32", "dev", host)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """In the mount namespace of the test run, with which all of it ends."""
    Path("/run/netns").mkdir(exist_ok=True)
    sh("mount", "-t", "tmpfs", "netns", "/run/netns")
    with contextlib.ExitStack() as undo:
        undo.callback(sh, "umount", "--lazy", "/run/netns")
        for name in ("router", *ADDRESSES):
            sh("ip", "netns", "add", name)
            undo.callback(sh, "ip", "netns", "del", name)
        sh("ip", "-n", "router", "link", "set", "lo", "up")
        _in("router", "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        for host, address in ADDRESSES.items():
            _add(host, address)
        outside = _way_out()
        undo.callback(outside.wait)
        undo.callback(outside.kill)
        yield Network()


def _in(namespace: str, *command: str, stdin: str | None = None) -> str:
    return sh("nsenter", f"--net=/run/netns/{namespace}", *command, stdin=stdin)


def _add(host: str, address: str) -> None:
    """Routed, not switched: a host sees of its neighbours what the router passes on."""
    sh("ip", "-n", "router", "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", host)
    sh("ip", "-n", host, "link", "set", "lo", "up")
    sh("ip", "-n", host, "link", "set", "eth0", "up")
    sh("ip", "-n", host, "addr", "add", f"{address}/32", "dev", "eth0")
    sh("ip", "-n", host, "route", "add", "169.254.1.1/32", "dev", "eth0")
    sh("ip", "-n", host, "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "src", address)
    sh("ip", "-n", "router", "addr", "add", "169.254.1.1/32", "dev", host)
    sh("ip", "-n", "router", "link", "set", host, "up")
    sh("ip", "-n", "router", "route", "add", f"{address}/32", "dev", host)
    if any(target == host for target, _, _ in _TABLE):
        _in(host, "nft", "-f", "-", stdin=rules(host))


def _way_out() -> "subprocess.Popen[bytes]":
    """The internet gateway: what apt and pip need, through this machine's own connections."""
    ready, told = os.pipe()
    command = ["slirp4netns", "--configure", "--disable-host-loopback", f"--cidr={_OUTSIDE}", f"--ready-fd={told}"]
    gateway = subprocess.Popen(
        [*command, "--netns-type=path", "/run/netns/router", "tap0"],
        pass_fds=[told],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(told)
    assert os.read(ready, 1), "slirp4netns did not start"
    os.close(ready)
    nat = """
table ip nat {
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "tap0" masquerade
  }
}
"""
    _in("router", "nft", "-f", "-", stdin=nat)
    return gateway


@contextlib.contextmanager
def listening(host: str, ports: tuple[int, ...]) -> Iterator[None]:
    """On every address of the host, where nobody does yet."""

    def listen() -> list[socket.socket]:
        sockets = []
        for port in ports:
            opened = socket.socket()
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                opened.bind((ADDRESSES[host], port))
            except OSError:
                opened.close()
            else:
                opened.listen()
                sockets.append(opened)
        return sockets

    opened = within(host, listen)
    try:
        yield
    finally:
        for one in opened:
            one.close()


def answers(source: str, target: str, port: int, seconds: float = 1.0) -> bool:
    """Whether a TCP connection comes about."""

    def call() -> bool:
        with contextlib.suppress(OSError), socket.create_connection((ADDRESSES[target], port), timeout=seconds):
            return True
        return False

    return within(source, call)


def until(done: Callable[[], bool], seconds: float, what: str, every: float = 0.2) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)
