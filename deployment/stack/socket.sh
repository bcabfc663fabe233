#!/usr/bin/env bash
# socket.sh DESCRIPTOR COMMAND...: become COMMAND, handed a socket that listens already, as systemd hands one on.
# sd_listen_fds(3): it is descriptor 3, LISTEN_FDS says how many there are, LISTEN_PID whose they are.
descriptor=$1
shift
export LISTEN_FDS=1 LISTEN_PID=$$
exec 3<&"$descriptor" {descriptor}<&-
exec "$@"
