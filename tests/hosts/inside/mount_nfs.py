#!/usr/bin/python3
"""mount.nfs for a kernel without an NFS client: libnfs speaks the protocol, FUSE shows it as a mount.

Called by mount(8) with the line of /etc/fstab as the kernel's own helper is. It waits for a server that is away (option
`retry`, minutes), and once mounted never gives up (option `hard`): a call to a server that is away does not return.
Kernel and this differ in speed and in what is cached, not in what is sent to port 2049.
"""

import ctypes
import errno
import functools
import os
import pwd
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from fusepy import FUSE, FuseOSError, fuse_get_context

nfs = ctypes.CDLL("libnfs.so.13")
POINTERS = ("nfs_init_context", "nfs_readdir", "libnfs_authunix_create")
for name in POINTERS:
    getattr(nfs, name).restype = ctypes.c_void_p
nfs.nfs_get_error.restype = ctypes.c_char_p

LOST = {
    *(errno.EIO, errno.ESTALE, errno.ERANGE, errno.ETIMEDOUT, errno.ECONNREFUSED, errno.EPIPE, errno.EBADF),
    errno.EINTR,
}
"""What libnfs calls a lost connection (EINTR: no answer in its time), and states that a server that started anew no
longer knows."""

PIECE = 2048
"""libnfs 4.0 has no room for more in one WRITE of NFS 4."""

PATIENCE_S = 0.5


Place = tuple[ctypes.c_uint64, ctypes.c_uint64]
"""Where in a file, and how many bytes."""


class Status(ctypes.Structure):
    """`struct nfs_stat_64` of nfsc/libnfs.h."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            *("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks"),
            *("atime", "mtime", "ctime", "atime_nsec", "mtime_nsec", "ctime_nsec", "used"),
        )
    ]


class Entry(ctypes.Structure):
    """The beginning of `struct nfsdirent`."""

    _fields_ = [("next", ctypes.c_void_p), ("name", ctypes.c_char_p)]


class Room(ctypes.Structure):
    """`struct statvfs` of glibc, 64 bit."""

    _fields_ = [
        *((name, ctypes.c_ulong) for name in ("bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree")),
        *((name, ctypes.c_ulong) for name in ("favail", "fsid", "flag", "namemax")),
        ("spare", ctypes.c_int * 6),
    ]


class TimeValue(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("microseconds", ctypes.c_long)]


def ask(function: str, *arguments: Any) -> int:
    """The call's result; a negative one is an errno."""
    result: int = getattr(nfs, function)(*arguments)
    if result < 0:
        raise OSError(-result, function)
    return result


@functools.cache
def groups(uid: int, gid: int) -> list[int]:
    """As the kernel sends them beside the first one."""
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)[:16]
    except KeyError:
        return [gid]


class Share:
    """One connection, one caller at a time: libnfs is not for threads."""

    def __init__(self, server: str, export: str) -> None:
        self._place = server.encode(), export.encode()
        self._context: ctypes.c_void_p | None = None
        self._caller: tuple[int, int] | None = None
        self._files: dict[int, tuple[str, int, ctypes.c_void_p | None]] = {}
        self._next = 1
        self.connect()

    def connect(self) -> None:
        """Raises OSError. What was open is opened again by its name when it is next used."""
        context = ctypes.c_void_p(nfs.nfs_init_context())
        nfs.nfs_set_version(context, 4)
        nfs.nfs_set_autoreconnect(context, 0)
        nfs.nfs_set_timeout(context, 5000)
        self._caller = None
        self._context = context
        self._act_as(0, 0)
        ask("nfs_mount", context, *self._place)
        self._files = {number: (path, flags, None) for number, (path, flags, _) in self._files.items()}

    def _act_as(self, uid: int, gid: int) -> None:
        if self._caller != (uid, gid):
            listed = groups(uid, gid)
            array = (ctypes.c_uint32 * len(listed))(*listed)
            auth = nfs.libnfs_authunix_create(b"anb", uid, gid, len(listed), array)
            nfs.nfs_set_auth(self._context, ctypes.c_void_p(auth))
            self._caller = (uid, gid)

    def do(self, work: Callable[[ctypes.c_void_p], Any]) -> Any:
        """`work` as who asked, again and again while the server is away."""
        uid, gid, _ = fuse_get_context()
        while True:
            try:
                self._act_as(uid, gid)
                assert self._context is not None
                return work(self._context)
            except OSError as error:
                if error.errno not in LOST:
                    raise FuseOSError(error.errno) from None
                reason = nfs.nfs_get_error(self._context)
                print(f"mount.nfs: {error}: {reason}", file=sys.stderr, flush=True)
            try:
                self.connect()
            except OSError:
                time.sleep(PATIENCE_S)

    def add(self, path: str, flags: int, handle: ctypes.c_void_p) -> int:
        number, self._next = self._next, self._next + 1
        self._files[number] = (path, flags & ~(os.O_TRUNC | os.O_CREAT | os.O_EXCL), handle)
        return number

    def handle(self, number: int) -> ctypes.c_void_p:
        path, flags, handle = self._files[number]
        if handle is None:
            handle = ctypes.c_void_p()
            ask("nfs_open2", self._context, path.encode(), flags, 0, ctypes.byref(handle))
            self._files[number] = (path, flags, handle)
        return handle

    def forget(self, number: int) -> ctypes.c_void_p | None:
        return self._files.pop(number)[2]


class Tree:
    """What FUSE asks for, in libnfs's words."""

    def __init__(self, share: Share) -> None:
        self._share = share

    def __call__(self, operation: str, *arguments: Any) -> Any:
        if not hasattr(self, operation):
            raise FuseOSError(errno.ENOSYS)
        return getattr(self, operation)(*arguments)

    def init(self, _path: str) -> None: ...

    def destroy(self, _path: str) -> None: ...

    def access(self, _path: str, _mode: int) -> int:
        return 0  # the server decides when it is asked

    def getattr(self, path: str, number: int | None = None) -> dict[str, Any]:
        del number
        found = Status()
        self._share.do(lambda context: ask("nfs_lstat64", context, path.encode(), ctypes.byref(found)))
        times = {
            f"st_{name}": getattr(found, name) + getattr(found, f"{name}_nsec") / 1e9
            for name in ("atime", "mtime", "ctime")
        }
        return times | {
            f"st_{name}": getattr(found, name) for name in ("ino", "mode", "nlink", "uid", "gid", "size", "blocks")
        }

    def readdir(self, path: str, _number: int) -> list[str]:
        def listed(context: ctypes.c_void_p) -> list[str]:
            folder = ctypes.c_void_p()
            ask("nfs_opendir", context, path.encode(), ctypes.byref(folder))
            names = []
            while entry := nfs.nfs_readdir(context, folder):
                names.append(ctypes.cast(entry, ctypes.POINTER(Entry)).contents.name.decode())
            nfs.nfs_closedir(context, folder)
            return names

        found: list[str] = self._share.do(listed)
        return found

    def _opened(self, path: str, flags: int, mode: int) -> int:
        handle = ctypes.c_void_p()
        self._share.do(lambda context: ask("nfs_open2", context, path.encode(), flags, mode, ctypes.byref(handle)))
        return self._share.add(path, flags, handle)

    def open(self, path: str, flags: int) -> int:
        return self._opened(path, flags & (os.O_ACCMODE | os.O_TRUNC), 0)

    def create(self, path: str, mode: int, _info: object = None) -> int:
        """The kernel has looked whether it is there; between hosts the names are unique by themselves."""
        number = self._opened(path, os.O_RDWR | os.O_CREAT, stat.S_IMODE(mode))
        self.chmod(path, mode)  # libnfs 4.0 makes it 0600
        return number

    def release(self, _path: str, number: int) -> int:
        handle = self._share.forget(number)
        if handle is not None:
            self._share.do(lambda context: ask("nfs_close", context, handle))
        return 0

    def read(self, _path: str, size: int, offset: int, number: int) -> bytes:
        """All that was asked for: what is missing the kernel takes for the file's end."""
        found = b""
        while len(found) < size:
            buffer = ctypes.create_string_buffer(size - len(found))
            place = ctypes.c_uint64(offset + len(found)), ctypes.c_uint64(len(buffer))
            got = self._share.do(functools.partial(self._read_piece, number, place, buffer))
            found += buffer.raw[:got]
            if not got:
                break
        return found

    def write(self, _path: str, data: bytes, offset: int, number: int) -> int:
        done = 0
        while done < len(data):
            piece = data[done : done + PIECE]
            place = ctypes.c_uint64(offset + done), ctypes.c_uint64(len(piece))
            done += self._share.do(functools.partial(self._write_piece, number, place, piece))
        return done

    def _read_piece(self, number: int, place: Place, buffer: Any, context: ctypes.c_void_p) -> int:
        return ask("nfs_pread", context, self._share.handle(number), *place, buffer)

    def _write_piece(self, number: int, place: Place, piece: bytes, context: ctypes.c_void_p) -> int:
        return ask("nfs_pwrite", context, self._share.handle(number), *place, piece)

    def fsync(self, _path: str, _only_data: int, number: int) -> int:
        self._share.do(lambda context: ask("nfs_fsync", context, self._share.handle(number)))
        return 0

    def fsyncdir(self, _path: str, _only_data: int, _number: int) -> int:
        return 0  # NFS answers a change of a folder when it is done

    def flush(self, _path: str, _number: int) -> int:
        return 0

    def truncate(self, path: str, length: int, number: int | None = None) -> int:
        del number
        self._share.do(lambda context: ask("nfs_truncate", context, path.encode(), ctypes.c_uint64(length)))
        return 0

    def utimens(self, path: str, times: tuple[float, float] | None = None) -> int:
        moments = times or (time.time(), time.time())
        both = (TimeValue * 2)(*(TimeValue(int(moment), int(moment % 1 * 1e6)) for moment in moments))
        self._share.do(lambda context: ask("nfs_utimes", context, path.encode(), both))
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        room = Room()
        self._share.do(lambda context: ask("nfs_statvfs", context, path.encode(), ctypes.byref(room)))
        return {
            f"f_{name}": getattr(room, name)
            for name in ("bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree", "favail", "namemax")
        }

    def _by_path(self, function: str, *arguments: Any) -> int:
        self._share.do(lambda context: ask(function, context, *arguments))
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        return self._by_path("nfs_mkdir2", path.encode(), mode)

    def rmdir(self, path: str) -> int:
        return self._by_path("nfs_rmdir", path.encode())

    def unlink(self, path: str) -> int:
        return self._by_path("nfs_unlink", path.encode())

    def rename(self, old: str, new: str) -> int:
        return self._by_path("nfs_rename", old.encode(), new.encode())

    def link(self, new: str, old: str) -> int:
        return self._by_path("nfs_link", old.encode(), new.encode())

    def chmod(self, path: str, mode: int) -> int:
        return self._by_path("nfs_chmod", path.encode(), stat.S_IMODE(mode))


def main() -> int:
    source, target, *rest = [argument for argument in sys.argv[1:] if argument not in {"-v", "-n", "-s", "--serve"}]
    options = dict(part.partition("=")[::2] for part in (rest[1] if rest[:1] == ["-o"] else "").split(","))
    if "hard" not in options or not options.get("vers", "").startswith("4"):
        print("mount.nfs: this one can do hard and vers=4 only", file=sys.stderr)
        return 1
    server, _, export = source.partition(":")
    if "--serve" not in sys.argv:
        return start(source, target, rest, float(options.get("retry", 2)) * 60)
    share = Share(server, export)
    kernel = {name: True for name in ("nosuid", "nodev", "noexec") if name in options}
    FUSE(
        Tree(share),
        target,
        foreground=True,
        nothreads=True,
        allow_other=True,
        big_writes=True,
        raw_fi=False,
        fsname=source,
        subtype="nfs",
        attr_timeout=0,
        entry_timeout=0,
        use_ino=True,
        hard_remove=True,
        **kernel,
    )
    return 0


def start(source: str, target: str, rest: list[str], patience_s: float) -> int:
    """Returns when the mount is there; its server goes on in the background."""
    end = time.monotonic() + patience_s
    while True:
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", source, target, *rest],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        while server.poll() is None:
            if os.path.ismount(target):
                return 0
            time.sleep(0.05)
        if time.monotonic() >= end:
            return 32
        time.sleep(PATIENCE_S)


if __name__ == "__main__":
    sys.exit(main())
