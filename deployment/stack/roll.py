"""One release takes over from another while people upload, vote and read.

Hosts do the same with systemd: docs/delivery.md.
"""

import contextlib
import subprocess
import time
import xmlrpc.client
from collections.abc import Callable, Mapping

import httpx2
import psutil

from deployment.stack.servers import ANB, Stack, StackError


class RollError(StackError):
    """The next release does not serve. The old one still does."""


def roll(stack: Stack, release: Mapping[str, str], version: str, say: Callable[[str], None] = print) -> None:
    """`release` are the variables that make the processes run it; `version` is what its /health says.

    The stack keeps its port. Raises RollError with everything as it was, but for a schema that has grown.
    """
    before = stack.plan.read_settings()
    migrated = subprocess.run(
        [ANB, "migrate"], env={**stack.environment, **release}, check=False, capture_output=True, text=True
    )
    if migrated.returncode:
        raise RollError(migrated.stderr)
    say("The schema is the next release's; the old one serves on.")
    stack.plan.write_settings(release)
    stack.control("startProcess", "web_next")
    try:
        _until(lambda: _answers(stack, version), f"{version} does not answer")
    except BaseException:
        stack.plan.write_settings(before)
        _end(stack, "web_next")
        raise
    say(f"Both serve on one port; {version} answers.")
    stack.control("stopProcess", "web")  # no new connections; what is under way ends
    say("The old one has finished what it had and is gone.")
    try:
        _start_web(stack)
    except BaseException:
        stack.plan.write_settings(before)
        _go_back(stack)
        raise
    stack.control("stopProcess", "web_next")
    for name in ("worker", "beat"):  # a video is finished or handed back, and loses no attempt
        stack.control("stopProcess", name)
        stack.control("startProcess", name)
    say("Web, worker and beat are the next release's.")


def _start_web(stack: Stack) -> None:
    stack.control("startProcess", "web")
    started = stack.pid("web")

    def has_workers() -> bool:
        if stack.pid("web") != started:  # supervisord starts it again and again
            raise RollError("web ended at its start")
        return _has_workers(started)

    _until(has_workers, "web has no workers")


def _go_back(stack: Stack) -> None:
    """The next release serves until the old one does."""
    _end(stack, "web")
    with contextlib.suppress(xmlrpc.client.Fault):  # started again already, by supervisord
        stack.control("startProcess", "web")
    try:
        _until(lambda: _has_workers(stack.pid("web")), "")
    except RollError:
        raise StackError("The next release cannot be web, and the old one starts no more: web_next serves.") from None
    _end(stack, "web_next")


def _end(stack: Stack, name: str) -> None:
    with contextlib.suppress(xmlrpc.client.Fault):  # it has ended by itself
        stack.control("stopProcess", name)


def _answers(stack: Stack, version: str) -> bool:
    """A new connection each time, which whoever is quicker accepts."""
    if stack.control("getProcessInfo", "web_next")["statename"] in {"EXITED", "FATAL"}:
        raise RollError("the next release ended at its start")
    try:
        answer = httpx2.get(f"http://127.0.0.1:{stack.plan.ports.web}/health", timeout=5, trust_env=False)
    except httpx2.TransportError:
        return False
    return answer.is_success and bool(answer.json()["version"] == version)


def _has_workers(pid: int | None) -> bool:
    """gunicorn forks when it has loaded the application."""
    try:
        return pid is not None and bool(psutil.Process(pid).children())
    except psutil.NoSuchProcess:
        return False


def _until(done: Callable[[], bool], otherwise: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RollError(otherwise)
        time.sleep(0.1)
