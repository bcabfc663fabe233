#!/usr/bin/env bash
# The web server: nginx on 8080, gunicorn on 8000, Redis on 6379, the media mounted. Variables: README.md.
set -euo pipefail
# shellcheck source=deployment/ec2-setup/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

begin "$@"
want_application
want PRIVATE_ADDRESS "$ADDRESS" "this host's own private address, such as 10.0.1.10: workers reach Redis there"
want REDIS_PASSWORD '[A-Za-z0-9_.~-]{16,}' \
    "16 or more of letters, digits and _.~- (it becomes a part of a URL); make one with: openssl rand -hex 24"
checked

common
mounted_media
packages redis-server nginx-light
release

# Redis only rings: what it forgets the database still knows, so it keeps nothing on disk.
for_service redis-server.service
file /etc/redis/anb.conf 640 root:redis <<END
bind 127.0.0.1 $PRIVATE_ADDRESS
port 6379
protected-mode yes
requirepass $REDIS_PASSWORD
supervised systemd
daemonize no
save ""
appendonly no
dir /var/lib/redis
logfile ""
END
unit redis-server.service.d/anb.conf
running redis-server.service

for_service fastapi.service
settings <<END
DATABASE_URL=$DATABASE_URL
CELERY_BROKER_URL=redis://:$REDIS_PASSWORD@127.0.0.1:6379/0
MEDIA_ROOT=$MEDIA
SECRET_KEY=$SECRET_KEY
ANB_ACCEL_PREFIX=/stored
ANB_TRUSTED_PROXIES=127.0.0.1
END
web_release

for_service nginx.service
folder /var/cache/nginx 755 root:root
folder /var/cache/nginx/anb 700 www-data:root
if ! id -nG www-data 2>/dev/null | grep -q -w appuser && step "let www-data read the media"; then
    written
    usermod --append --groups appuser www-data
fi
if [[ -e /etc/nginx/sites-enabled/default ]] && step "remove nginx's own page on port 80"; then
    rm /etc/nginx/sites-enabled/default
fi
export ANB_LISTEN=8080 ANB_UPSTREAM=127.0.0.1:8000 ANB_MEDIA=$MEDIA ANB_CACHE=/var/cache/nginx/anb
export ANB_ACCESS_LOG=syslog:server=unix:/dev/log,nohostname,tag=nginx
# As envsubst does, which is not everywhere: nginx's own variables stay.
perl -pe 's/\$\{(ANB_[A-Z_]+)\}/$ENV{$1} \/\/ die "no value for $1\n"/ge' \
    "$RELEASE/deployment/nginx/anb.conf.template" >"$WORK/site"
file /etc/nginx/conf.d/anb.conf 644 root:root <"$WORK/site"
if [[ -e /etc/nginx/nginx.conf ]]; then # not in a dry run on a new host
    sed -E 's/^(\s*worker_connections) [0-9]+;/\1 4096;/' /etc/nginx/nginx.conf >"$WORK/nginx.conf"
    file /etc/nginx/nginx.conf 644 root:root <"$WORK/nginx.conf"
fi
unit nginx.service.d/anb.conf
running nginx.service
finish
