"""The launcher of every media tool: limits first, then the tool, then watch over it until it is gone.

Run as `python -I -S cage.py ORDERS -- TOOL ARG…`, alone in a new session, with one end of a socket pair as its standard
input. It imports only the standard library, so that it starts in some 15 ms. It stays beside the tool for three
reasons: when the other end of the socket closes (the worker was killed, however hard) it kills the whole group; it has
a wall clock of its own; and it tells by which signal the tool ended, which an exit code alone does not say.

`--report` prints which of the walls this kernel gives.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

CLONE_NEWUSER = 0x10000000  # linux/sched.h
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_CREATE_RULESET = 444  # the same number on x86_64 and aarch64
LANDLOCK_ADD_RULE = 445
LANDLOCK_RESTRICT_SELF = 446
RULE_PATH_BENEATH = 1  # linux/landlock.h
# linux/landlock.h, LANDLOCK_ACCESS_FS_*: bits 0-12 since version 1, 13 (refer) since 2, 14 (truncate) since 3,
# 15 (ioctl on devices) since 5; TCP bind and connect since 4.
FS_EXECUTE, FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR = 1, 2, 4, 8
FS_READ = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR
FS_ON_A_FILE = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | 1 << 14 | 1 << 15
FS_KNOWN_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
NET_BIND_AND_CONNECT = 3
SCOPE_UNIX_SOCKETS_AND_SIGNALS = 3  # since version 6

SECCOMP_MODE_FILTER = 2  # linux/seccomp.h
PR_SET_SECCOMP = 22
REFUSE, UNKNOWN, KILL, ALLOW = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS, 0x80000000, 0x7FFF0000
CLONE_THREAD = 0x00010000
X32_CALLS = 0x40000000
# linux/bpf_common.h: load a word, jump, answer. A jump holds how many steps it skips when true and when not.
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
# linux/audit.h, then asm/unistd.h: what no decoder needs, and what would lead out of here or reach somebody else.
MACHINES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (0xC000003E, {
        "socket": 41, "socketpair": 53, "fork": 57, "vfork": 58, "execveat": 322, "setsid": 112, "setpgid": 109,
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "tkill": 200, "rt_sigqueueinfo": 129,
        "rt_tgsigqueueinfo": 297, "pidfd_open": 434, "pidfd_getfd": 438, "pidfd_send_signal": 424, "unshare": 272,
        "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "open_by_handle_at": 304,
        "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "io_uring_setup": 425, "init_module": 175, "finit_module": 313, "kexec_load": 246,
        "clone": 56, "clone3": 435, "kill": 62, "tgkill": 234,
    }),
    "aarch64": (0xC00000B7, {
        "socket": 198, "socketpair": 199, "execveat": 281, "setsid": 157, "setpgid": 154, "ptrace": 117,
        "process_vm_readv": 270, "process_vm_writev": 271, "tkill": 130, "rt_sigqueueinfo": 138,
        "rt_tgsigqueueinfo": 240, "pidfd_open": 434, "pidfd_getfd": 438, "pidfd_send_signal": 424, "unshare": 97,
        "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "open_by_handle_at": 265,
        "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "io_uring_setup": 425, "init_module": 105, "finit_module": 273, "kexec_load": 104,
        "clone": 220, "clone3": 435, "kill": 129, "tgkill": 131,
    }),
}  # fmt: skip

# Shared libraries and what finds them; none of it tells anything about this installation's people.
SYSTEM_FILES = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/sys/devices/system/cpu")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
NICENESS = 10
GRACE_S = 5


def main(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--report"]:
        print(json.dumps(report()))  # noqa: T201  # the answer, read by `ffmpeg.cage_report`
        return 0
    orders = json.loads(arguments[0])
    control = socket.socket(fileno=os.dup(0))
    tool = os.fork()
    if tool == 0:
        _become_tool(orders, list(arguments[2:]))
    ending = _watch(tool, control, orders["wall_s"] + GRACE_S)
    with contextlib.suppress(OSError):
        control.sendall(json.dumps(ending).encode())
    return 0


def _watch(tool: int, control: socket.socket, wall_s: float) -> dict[str, Any]:
    """Until the tool ends; a closed control socket or the end of time kills everybody, this process too."""
    ended = os.pidfd_open(tool)
    readable, _, _ = select.select([ended, control.fileno()], [], [], wall_s)
    if ended not in readable:
        os.killpg(0, signal.SIGKILL)
    _, status, usage = os.wait4(tool, 0)
    return {
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
    }


def _become_tool(orders: dict[str, Any], tool: list[str]) -> None:
    """Does not return. 127 says that the tool could not be started; the reason is on standard error."""
    try:
        _drop_into_cage(orders)
        os.execv(tool[0], tool)  # noqa: S606  # this is what a launcher is for
    except BaseException as error:  # noqa: BLE001  # nothing may escape into the launcher's own code after a fork
        os.write(2, f"cage: {error}\n".encode())
    finally:
        os._exit(127)


def _drop_into_cage(orders: dict[str, Any]) -> None:
    # This process has one thread, and it is the launcher's child: the signal comes when the launcher dies.
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    _restore_signals()
    os.nice(NICENESS)
    _limit(orders)
    walls = {
        "network": _no_network,
        "files": lambda: _only_these_files(orders["read"], orders["write"]),
        "processes": _no_other_process,
    }
    for name, wall in walls.items():
        try:
            wall()
        except OSError as error:
            if name in orders["required"]:
                raise OSError(error.errno, f"the wall against {name} does not stand: {error.strerror}") from error


def _restore_signals() -> None:
    """Python ignores these two, and what is ignored stays so in the tool: it would then write on past its limit."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def _limit(orders: dict[str, Any]) -> None:
    """Soft equals hard for CPU time: FFmpeg takes SIGXCPU for a wish to finish early, and exits as if all were well."""
    for kind, value in (
        (resource.RLIMIT_CPU, orders["cpu_s"]),
        (resource.RLIMIT_AS, orders["memory_bytes"]),
        (resource.RLIMIT_FSIZE, orders["output_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _prctl(option: int, value: int, more: int = 0) -> None:
    _checked(_libc().prctl(option, *map(ctypes.c_ulong, (value, more, 0, 0))))


def _no_network() -> None:
    """Root needs no user namespace, and in one would lose its right to read an original that belongs to another."""
    _checked(_libc().unshare(CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWUSER | CLONE_NEWNET))


def _landlock_version() -> int:
    return _checked(_libc().syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def _only_these_files(read: Sequence[str], write: Sequence[str]) -> None:
    version = _landlock_version()
    handled = (1 << FS_KNOWN_BITS.get(version, 16)) - 1
    network = NET_BIND_AND_CONNECT if version >= 4 else 0
    attributes = (ctypes.c_uint64 * 3)(handled, network, SCOPE_UNIX_SOCKETS_AND_SIGNALS)
    size = ctypes.c_size_t(24 if version >= 6 else 16 if version >= 4 else 8)
    ruleset = _checked(_libc().syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(attributes), size, ctypes.c_uint32(0)))
    for path in (*SYSTEM_FILES, *read):
        _allow(ruleset, path, FS_READ & handled)
    for path in DEVICES:
        _allow(ruleset, path, (FS_READ_FILE | FS_WRITE_FILE) & handled)
    for path in write:
        _allow(ruleset, path, handled)
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _checked(_libc().syscall(LANDLOCK_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)))


class _PathBeneath(ctypes.Structure):
    """`struct landlock_path_beneath_attr`, which is packed."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def _allow(ruleset: int, path: str, access: int) -> None:
    """What is not there, or closed to this user, needs no rule. A file takes only the rights that a file can have."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        allowed = access if os.path.isdir(path) else access & FS_ON_A_FILE  # noqa: PTH112  # pathlib costs 10 ms here
        rule = _PathBeneath(allowed, place)
        _checked(_libc().syscall(LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)))
    finally:
        os.close(place)


def _no_other_process() -> None:
    """A filter of system calls: no socket, no process beside this one, no way to reach one. Threads are welcome."""
    calls = _call_filter(os.uname().machine, os.getpid())
    program = ctypes.create_string_buffer(calls, len(calls))
    filter_ = _Filter(len(calls) // 8, ctypes.addressof(program))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filter_))


class _Filter(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _call_filter(machine: str, own_pid: int) -> bytes:
    """A program of classic BPF over `struct seccomp_data`: number at 0, machine at 4, first argument at 16."""
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"its calls are not known here: {machine}")
    audit, numbers = MACHINES[machine]
    by_argument = {name: numbers[name] for name in ("clone", "kill", "tgkill")}
    steps = [
        (LOAD, 0, 0, 4), (JUMP_EQUAL, 1, 0, audit), (ANSWER, 0, 0, KILL),
        (LOAD, 0, 0, 0), (JUMP_AT_LEAST, 0, 1, X32_CALLS), (ANSWER, 0, 0, REFUSE),
        # The C library then starts its thread by clone, whose first argument a filter can see.
        (JUMP_EQUAL, 0, 1, numbers["clone3"]), (ANSWER, 0, 0, UNKNOWN),
    ]  # fmt: skip
    for name, number in numbers.items():
        if name not in by_argument and name != "clone3":
            steps += [(JUMP_EQUAL, 0, 1, number), (ANSWER, 0, 0, REFUSE)]
    for name, number in by_argument.items():
        accepted = (JUMP_ANY_BIT, 0, 1, CLONE_THREAD) if name == "clone" else (JUMP_EQUAL, 0, 1, own_pid)
        steps += [(JUMP_EQUAL, 0, 4, number), (LOAD, 0, 0, 16), accepted, (ANSWER, 0, 0, ALLOW), (ANSWER, 0, 0, REFUSE)]
    steps.append((ANSWER, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def report() -> dict[str, str]:
    """Each wall to "ok" or to why it cannot be had, tried for real in a child.

    Where the kernel gives no namespace, as in most containers, the network is closed by the filter of calls alone.
    """
    processes, namespace = _attempt(_no_other_process), _attempt(_no_network)
    return {
        "network": "ok" if processes == "ok" else namespace,
        "files": _attempt(lambda: _only_these_files((), ())),
        "processes": processes,
    }


def _attempt(wall: Callable[[], None]) -> str:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "ok"
        try:
            wall()
        except OSError as error:
            answer = error.strerror or "unknown reason"
        os.write(write_end, answer.encode())
        os._exit(0)
    os.close(write_end)
    os.waitpid(child, 0)
    answer = os.read(read_end, 200).decode()
    os.close(read_end)
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
