#!/bin/sh
# alone.sh FILE COMMAND...: end what is left of the last run's process group, then become COMMAND.
# nginx's workers outlive a master that was killed and hold its port; systemd clears the whole control group.
file=$1
shift
if [ -s "$file" ]; then
    kill -s KILL -- "-$(cat "$file")"
fi
echo $$ >"$file"
exec "$@"
