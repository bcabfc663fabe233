#!/bin/sh
# settled.sh FILE COMMAND...: become COMMAND with FILE's variables, read at each start as by systemd's EnvironmentFile.
file=$1
shift
set -a
# shellcheck source=/dev/null
. "$file"
exec "$@"
