#!/usr/bin/python3
"""/etc/exports and /etc/nfs.conf.d, as the kernel's server would read them, in nfs-ganesha's words."""

import configparser
import re
from pathlib import Path
from types import MappingProxyType

SQUASH = {"root_squash": "Root_Squash", "no_root_squash": "No_Root_Squash"}


class Settings(configparser.ConfigParser):
    BOOLEAN_STATES = MappingProxyType({"y": True, "n": False})


def main() -> None:
    settings = Settings()
    settings.read(sorted(Path("/etc/nfs.conf.d").glob("*.conf")))
    nfsd = settings["nfsd"]
    versions = [v for v in ("3", "4") if nfsd.getboolean(f"vers{v}", fallback=True)]
    text = f"""
NFS_CORE_PARAM {{ Protocols = {",".join(versions)}; NFS_Port = {nfsd.get("port", "2049")};
  Enable_NLM = false; Enable_RQUOTA = false; }}
NFSV4 {{ RecoveryBackend = fs; Grace_Period = 5; Lease_Lifetime = 20;
  Only_Numeric_Owners = true; Allow_Numeric_Owners = true; }}
NFS_KRB5 {{ Active_krb5 = false; }}
"""
    for number, line in enumerate(Path("/etc/exports").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        path, *clients = line.split()
        text += f"EXPORT {{ Export_Id = {number}; Path = {path}; Pseudo = {path}; Access_Type = NONE; SecType = sys;\n"
        text += "  Protocols = 4; Transports = TCP; FSAL { Name = VFS; }\n"
        for client in clients:
            address, options = re.fullmatch(r"([^(]+)\((.*)\)", client).groups()  # type: ignore[union-attr]
            words = options.split(",")
            squash = next(SQUASH[word] for word in words if word in SQUASH)
            access = "RW" if "rw" in words else "RO"
            text += f"  CLIENT {{ Clients = {address}; Access_Type = {access}; Squash = {squash}; }}\n"
        text += "}\n"
    Path("/run/ganesha/ganesha.conf").write_text(text)


main()
