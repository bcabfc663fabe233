"""A host: a Debian root of its own, booted by its own systemd, in its own network namespace."""

import contextlib
import hashlib
import os
import shlex
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.hosts.network import RESOLVER, sh, until

INSIDE = Path(__file__).parent / "inside"
STORE = Path("/var/cache/anb-hosts")
"""Kept between runs: the root that all hosts begin with."""

_SYSTEM = ("systemd", "systemd-sysv", "dbus", "iproute2", "ca-certificates", "openssh-server")
_NFS_WITHOUT_KERNEL = ("nfs-ganesha", "nfs-ganesha-vfs", "python3-fusepy", "libfuse2", "libnfs13")
_FETCHED = ("python3-venv", "unattended-upgrades", "nfs-kernel-server", "nfs-common", "redis-server", "nginx-light")
"""Only fetched beforehand, so that three hosts need not; the scripts install them."""

_SLEEPING = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "systemd-networkd-wait-online.service",
)


def base() -> Path:
    """Made by debootstrap once; its name changes with what goes into it."""
    packages = repr((_SYSTEM, _NFS_WITHOUT_KERNEL, _FETCHED))
    root = STORE / hashlib.sha256(packages.encode()).hexdigest()[:12]
    if root.exists():
        return root
    STORE.mkdir(parents=True, exist_ok=True)
    for old in STORE.iterdir():
        shutil.rmtree(old)
    new = root.with_suffix(".new")
    include = ",".join((*_SYSTEM, *_NFS_WITHOUT_KERNEL))
    sh("debootstrap", "--variant=minbase", f"--include={include}", "bookworm", str(new))
    sh("chroot", str(new), "apt-get", "install", "-y", "--no-install-recommends", "--download-only", *_FETCHED)
    new.rename(root)
    return root


def _stand_in_for_the_kernel(root: Path) -> None:
    """This kernel has no NFS: mount.nfs and nfs-server.service are programs in user space."""
    sh(
        "chroot",
        str(root),
        "dpkg-divert",
        "--local",
        "--rename",
        "--divert",
        "/sbin/mount.nfs.kernel",
        "/sbin/mount.nfs",
    )
    shutil.copy(INSIDE / "mount_nfs.py", root / "sbin/mount.nfs")
    (root / "sbin/mount.nfs").chmod(0o755)
    shutil.copy(INSIDE / "exports_for_ganesha.py", root / "usr/local/sbin/exports-for-ganesha")
    (root / "usr/local/sbin/exports-for-ganesha").chmod(0o755)
    shutil.copy(INSIDE / "nfs-server.service", root / "etc/systemd/system/nfs-server.service")
    _mask(root, ("nfs-ganesha.service", "proc-fs-nfsd.mount", "nfs-mountd.service", "run-rpc_pipefs.mount"))


def _mask(root: Path, units: tuple[str, ...]) -> None:
    for unit in units:
        place = root / "etc/systemd/system" / unit
        place.unlink(missing_ok=True)
        place.symlink_to("/dev/null")


_CALLS = "open_by_handle_at name_to_handle_at landlock_create_ruleset landlock_add_rule landlock_restrict_self"


@dataclass
class Machine:
    """`folder` holds what it writes; it outlives a power cut, as a disk does."""

    name: str
    folder: Path
    lower: Path
    _process: "subprocess.Popen[bytes] | None" = field(default=None)
    _leader: int = 0

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def changes(self) -> Path:
        """What differs from the root that all begin with."""
        return self.folder / "upper"

    def make(self) -> None:
        for name in ("upper", "work", "root", "shared", "source"):
            (self.folder / name).mkdir(parents=True)
        layers = f"lowerdir={self.lower},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        sh("mount", "-t", "overlay", "-o", layers, "overlay", str(self.root))
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", self.root / "etc/ssl/certs/ca-certificates.crt")
        _mask(self.root, _SLEEPING)
        _stand_in_for_the_kernel(self.root)
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        (self.root / "etc/resolv.conf").write_text(f"nameserver {RESOLVER}\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def boot(self) -> None:
        cgroups = list(_cgroups(f"anb-hosts-{os.getpid()}-{self.name}"))
        enter = "; ".join(f"echo 0 >{shlex.quote(str(group / 'cgroup.procs'))}" for group in cgroups)
        command = [
            *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--link-journal=no"),
            *("--resolv-conf=off", "--timezone=off", f"--machine={self.name}", f"--directory={self.root}"),
            f"--network-namespace-path=/run/netns/{self.name}",
            "--bind=/dev/fuse",
            # Of its own disk: an overlay has no file handles, which an NFS server needs.
            f"--bind={self.folder / 'shared'}:/shared",
            f"--bind-ro={self.folder / 'source'}:/opt/anb-source",
            # nspawn's own filter knows none of them, and FFmpeg's cage and an NFS server ask for them.
            f"--system-call-filter={_CALLS}",
        ]
        with (self.folder / "console.log").open("ab") as console:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"{enter}; exec {shlex.join(command)}"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        until(self._has_leader, 20, f"{self.name} begins to boot: {self._console()}")
        until(self.is_up, 60, f"{self.name} boots: {self._console()}")

    def _console(self) -> str:
        return (self.folder / "console.log").read_text(errors="replace")[-1500:]

    def _has_leader(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._console()
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError, StopIteration):
                lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
                mine = lines["PPid"].strip() == str(self._process.pid)
                if mine and lines["Name"].strip() == "systemd" and lines["NSpid"].split()[-1] == "1":
                    self._leader = int(status.parent.name)
                    return True
        return False

    def is_up(self) -> bool:
        """Its services may still wait, as for a file server that is away."""
        return self.is_active("basic.target")

    def run(
        self,
        *command: str,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        check: bool = True,
        seconds: float = 300,
    ) -> "subprocess.CompletedProcess[str]":
        """A command on the host, as somebody who is logged in there."""
        enter = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        become = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        done = subprocess.run(
            [*enter, *become, *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(
                f"{self.name}: {' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def is_active(self, unit: str) -> bool:
        return self.run("systemctl", "is-active", unit, check=False).stdout.strip() == "active"

    def journal(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", "--lines=60", f"--unit={unit}", check=False).stdout

    def pull_the_plug(self) -> None:
        """Without a word to anybody."""
        if self._leader:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._leader, signal.SIGKILL)  # process 1 of its namespace: nobody survives it
        if self._process:
            self._process.kill()
            self._process.wait(timeout=30)
        self._process, self._leader = None, 0

    def digest(self) -> dict[str, str]:
        """Every file that makes the host what it is, to its content, owner and mode."""
        found = {}
        for top in ("etc", "opt", "usr", "app", "var/lib/dpkg"):
            for path in sorted((self.changes / top).rglob("*")):
                status = path.lstat()
                content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
                link = str(path.readlink()) if path.is_symlink() else ""
                digest = hashlib.sha256(content).hexdigest()[:16]
                found[str(path.relative_to(self.changes))] = (
                    f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {link}{digest} {status.st_mtime_ns}"
                )
        return found


def _cgroups(name: str) -> Iterator[Path]:
    """One a hierarchy that systemd manages, so that three systemds do not meet in one."""
    top = Path("/sys/fs/cgroup")
    hierarchies = [top] if (top / "cgroup.procs").exists() else [top / "systemd", top / "unified"]
    for hierarchy in hierarchies:
        if hierarchy.exists():
            (hierarchy / name).mkdir(exist_ok=True)
            yield hierarchy / name


def remove_cgroups() -> None:
    """Empty ones, of this run and of runs that were killed."""
    for group in Path("/sys/fs/cgroup").glob("**/anb-hosts-*"):
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                folder.rmdir()
        with contextlib.suppress(OSError):
            group.rmdir()


def copy_of_the_tree(target: Path) -> None:
    """What would be committed, as an archive of a release has it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True
    ).stdout
    archive = target.parent / "source.tar"
    subprocess.run(["tar", "-c", "-f", str(archive), "--null", "-T", "-"], input=listed, check=True)
    sh("tar", "-x", "-f", str(archive), "-C", str(target))
