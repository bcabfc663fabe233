#!/usr/bin/env bash
# The file server: NFS 4 on port 2049 alone, /shared/media for the web and worker hosts only. Variables: README.md.
set -euo pipefail
# shellcheck source=deployment/ec2-setup/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

begin "$@"
want_addresses WEB_ADDRESSES "the web servers' private addresses, such as 10.0.1.10 or 10.0.1.10,10.0.1.11"
want_addresses WORKER_ADDRESSES "the workers' private addresses, such as 10.0.1.20 or 10.0.1.20,10.0.1.21"
checked

common

# The folder itself is root's, so that nobody makes others beside these; `incoming` is where resumable uploads grow.
folder /shared 755 root:root
folder "$SHARE" 755 root:root
for name in uploads processed incoming; do
    folder "$SHARE/$name" 750 appuser:appuser
done

for_service nfs-server.service
# Before the package, whose server starts at once: versions 2 and 3 need ports beside 2049, and rpcbind.
file /etc/nfs.conf.d/anb.conf 644 root:root <<'END'
[nfsd]
udp=n
tcp=y
vers2=n
vers3=n
vers4=y
port=2049
END
file /etc/exports 644 root:root < <(
    echo "# Made by 01-fileserver-setup.sh from WEB_ADDRESSES and WORKER_ADDRESSES."
    IFS=, read -r -a clients <<<"$WEB_ADDRESSES,$WORKER_ADDRESSES"
    printf '%s' "$SHARE"
    # sync: what a client was told is written, is on the disk.
    printf ' %s(rw,sync,no_subtree_check,root_squash)' "${clients[@]}"
    echo
)
packages nfs-kernel-server
masked rpcbind.service rpcbind.socket rpc-statd.service
running nfs-server.service
finish
