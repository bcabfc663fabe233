# shellcheck shell=bash
# What the three scripts share: checks of their variables, and steps that change a host only where it differs.
# Every step says "changed: ..." when it changed something. With --dry-run it says "would: ..." and changes nothing.

APP_UID=10001 # the same on all hosts (and in the container): NFS knows its users by number
APP_HOME=/opt/anb
MEDIA=/app/media
SHARE=/shared/media
UNITS=/etc/systemd/system

DRY_RUN=no
CHANGES=0
PROBLEMS=()
STARTED=()
WAITED=0
PATIENCE_S=600 # for a host, or the database, that is made at the same time
WORK=

begin() { # begin "$@": the script's own arguments
    for argument in "$@"; do
        case $argument in
            --dry-run) DRY_RUN=yes ;;
            *) die "Unknown argument: $argument. The only one is --dry-run; all else is a variable: see README.md." ;;
        esac
    done
    umask 022
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin # the host's own programs, whatever else the caller has
    export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
}

finish() { # waits for what was started, and says what was done
    local name
    if [[ $DRY_RUN == yes ]]; then
        [[ $CHANGES -eq 0 ]] && echo "Nothing to change." || echo "$CHANGES changes would be made; none was."
        return
    fi
    have_started
    for name in "${STARTED[@]}"; do
        active "$name"
    done
    [[ $CHANGES -eq 0 ]] && echo "Nothing to change." || echo "$CHANGES changes made."
}

active() { # active UNIT: waits until it is; all units share one patience
    until [[ $DRY_RUN == yes ]] || systemctl is-active --quiet "$1"; do
        systemctl is-failed --quiet "$1" && die "$1 does not start. See: journalctl --unit $1"
        [[ $WAITED -lt $PATIENCE_S ]] || die "$1 has not started; it goes on trying. See: journalctl --unit $1." \
            "Does the file server answer on port 2049, and the database on 5432?"
        sleep 1
        WAITED=$((WAITED + 1))
    done
}

die() {
    echo "$*" >&2
    exit 1
}

# --- The variables: all are looked at before anything is done, and all that is wrong is said at once ----------------

problem() { PROBLEMS+=("$1"); }

want() { # want NAME PATTERN MEANING: the value is never shown, for it may be a secret
    local value=${!1:-}
    if [[ -z $value ]]; then
        problem "$1 is not set: $3"
    elif ! [[ $value =~ ^($2)$ ]]; then
        problem "$1 has the wrong form: $3"
    fi
}

OCTET='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
ADDRESS="$OCTET(\.$OCTET){3}"
HOST='[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?'
# As in a file that systemd reads: no white space, quote or backslash, which would need quoting. A URL writes them %20.
PLAIN='[]!#-&(-[^-~]'

want_addresses() { want "$1" "$ADDRESS(,$ADDRESS)*" "$2"; }

want_release() {
    want RELEASE "/.+" "the unpacked source tree, as an absolute path, such as /opt/anb-source"
    [[ -n ${RELEASE:-} ]] || return 0
    local file
    for file in pyproject.toml requirements.lock README.md src/anb/cli.py deployment/gunicorn/gunicorn.conf.py; do
        [[ -f $RELEASE/$file ]] || problem "RELEASE is no source tree of this project: $RELEASE/$file is not there"
    done
}

want_application() { # what web and worker are both told
    want FILESERVER_ADDRESS "$HOST(:/[A-Za-z0-9/._-]*)?" \
        "the file server's private address, such as 10.0.1.30; another service's with its export, as fs-1.example.com:/"
    want DATABASE_URL "postgres(ql)?://$PLAIN+@$HOST(:[0-9]+)?/$PLAIN+" \
        "postgresql://USER:PASSWORD@HOST:5432/NAME, special characters of the password as %XX"
    want SECRET_KEY "$PLAIN{16,}" \
        "16 characters or more, the same on all hosts; make one with: openssl rand -base64 48 | tr -d '\n'"
    want_release
}

checked() { # after all wants
    local line
    # shellcheck source=/dev/null
    line=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
    case $line in
        "ubuntu 22.04" | "ubuntu 24.04" | "debian 12") ;;
        *) problem "This is $line; the script knows Ubuntu 22.04 and 24.04, and Debian 12" ;;
    esac
    if [[ $DRY_RUN == no && $EUID -ne 0 ]]; then
        problem "Only root may change the host: use sudo --preserve-env, or --dry-run"
    fi
    [[ ${#PROBLEMS[@]} -eq 0 ]] && return
    echo "Nothing was changed, because:" >&2
    printf -- '- %s\n' "${PROBLEMS[@]}" >&2
    echo "README.md beside this script explains each variable." >&2
    exit 2
}

# --- Steps ----------------------------------------------------------------------------------------------------------

step() { # step WHAT: counts and announces a change; false in a dry run, when it must not be made
    CHANGES=$((CHANGES + 1))
    if [[ $DRY_RUN == yes ]]; then
        echo "would: $1"
        return 1
    fi
    echo "changed: $1"
}

quietly() { # quietly COMMAND...: its output only if it fails
    "$@" </dev/null >"$WORK/output" 2>&1 || {
        cat "$WORK/output" >&2
        die "Failed: $1 ${2:-}"
    }
}

fresh_lists() { # Ubuntu's own timers hold the lists' lock at times: apt waits by itself for dpkg's alone
    local _
    for _ in {1..60}; do
        apt-get update -q && return
        sleep 5
    done
    return 1
}

packages() {
    local missing=() name
    for name in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    step "install ${missing[*]}" || return 0
    quietly fresh_lists
    quietly apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold \
        "${missing[@]}"
}

owned() { # owned PATH MODE OWNER: whether it is so
    [[ $(stat -c '%a %U:%G' "$1" 2>/dev/null) == "$2 $3" ]]
}

folder() { # folder PATH MODE OWNER
    [[ -d $1 ]] && owned "$1" "$2" "$3" && return
    step "folder $1, $2 $3" || return 0
    install -d "$1"
    chown "$3" "$1" && chmod "$2" "$1"
}

# Becomes yes when a file was written, so that a service is started anew only if one of its files changed.
WRITTEN=no
# What a run that was broken off had written and not started yet. Gone with a reboot, which starts everything.
NOTES=/run/anb-setup
NOTE=

for_service() { # for_service NAME: whose files are written from here on
    have_started
    NOTE=$NOTES/$1
    WRITTEN=no
    [[ ! -e $NOTE ]] || WRITTEN=yes
}

written() { # before the file is in its place
    WRITTEN=yes
    [[ $DRY_RUN == yes || -z $NOTE ]] || install -D -m 600 /dev/null "$NOTE"
}

have_started() {
    [[ $DRY_RUN == yes || -z $NOTE ]] || rm -f "$NOTE"
}

file() { # file PATH MODE OWNER <content: shown nowhere, and never there half or with wider rights
    cat >"$WORK/content"
    if cmp -s "$WORK/content" "$1" && owned "$1" "$2" "$3"; then
        return
    fi
    written
    step "file $1, $2 $3" || return 0
    install -d "$(dirname "$1")"
    (
        umask 077
        cp "$WORK/content" "$1.new"
    )
    chown "$3" "$1.new" && chmod "$2" "$1.new"
    mv "$1.new" "$1"
}

link() { # link PATH TARGET
    [[ $(readlink "$1" || true) == "$2" ]] && return
    written
    step "link $1 to $2" || return 0
    ln -sfn "$2" "$1.new"
    mv -T "$1.new" "$1"
}

unit() { # unit NAME: a file of deployment/systemd
    file "$UNITS/$1" 644 root:root <"$RELEASE/deployment/systemd/$1"
}

running() { # running UNIT...: enabled, and on its way; started anew when files were written for it
    local name
    # Whether anything was written now or not: units are made of fstab's lines too.
    [[ $DRY_RUN == yes ]] || quietly systemctl daemon-reload
    for name in "$@"; do
        STARTED+=("$name")
        if ! systemctl is-enabled --quiet "$name" 2>/dev/null && step "enable $name"; then
            quietly systemctl enable "$name"
        fi
        case $WRITTEN-$(systemctl is-active "$name" 2>/dev/null || true) in
            no-active | no-activating) continue ;;
        esac
        step "start $name" || continue
        # Not waited for here: a host may be set up before the one that it needs.
        quietly systemctl restart --no-block "$name"
    done
}

masked() {
    local name
    for name in "$@"; do
        [[ $(readlink "$UNITS/$name" || true) == /dev/null ]] && continue
        step "mask $name" || continue
        quietly systemctl mask --now "$name"
    done
}

app_user() {
    local found
    found=$(id -u appuser 2>/dev/null || true)
    [[ $found == "$APP_UID" ]] && return
    [[ -z $found ]] || die "appuser has the number $found here, and must have $APP_UID as on the other hosts: remove it."
    step "user appuser, number $APP_UID" || return 0
    groupadd --gid "$APP_UID" appuser
    useradd --uid "$APP_UID" --gid "$APP_UID" --home-dir /var/lib/anb --no-create-home --shell /usr/sbin/nologin appuser
}

# --- What all three hosts have ------------------------------------------------------------------------------------

common() {
    packages ca-certificates unattended-upgrades
    app_user
    file /etc/apt/apt.conf.d/20auto-upgrades 644 root:root <<'END'
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
END
    for_service systemd-journald.service
    file /etc/systemd/journald.conf.d/anb.conf 644 root:root <<'END'
[Journal]
Storage=persistent
SystemMaxUse=1G
MaxRetentionSec=1month
END
    if [[ $WRITTEN == yes ]] && step "start systemd-journald anew"; then
        quietly systemctl restart systemd-journald
    fi
}

# --- The application, on web and worker ---------------------------------------------------------------------------

mounted_media() {
    packages nfs-common
    # Root's and read-only: under an absent mount appuser can write nothing, whatever the application does.
    # What is mounted is not touched: the file server may be away, and every look at it would wait.
    folder /app 755 root:root
    findmnt --kernel --mountpoint "$MEDIA" >/dev/null || folder "$MEDIA" 555 root:root
    # hard: a write waits for the file server, and is never lost or half there. Asked again after 10 s, then 20 s;
    # then it is logged, and asked for ever. retry (minutes): at boot the mount waits for a file server for a week.
    local export=$FILESERVER_ADDRESS:$SHARE version=4.2 patience="timeo=100"
    if [[ $FILESERVER_ADDRESS == *:* ]]; then
        # EFS speaks 4.1, is given a minute, and wants a connection that is made anew to come from another port.
        export=$FILESERVER_ADDRESS version=4.1 patience="timeo=600,noresvport"
    fi
    local line="$export $MEDIA nfs4 rw,hard,vers=$version,proto=tcp,$patience,retrans=2,retry=10080,nosuid,nodev,noexec,_netdev,nofail,x-systemd.mount-timeout=infinity 0 0"
    for_service app-media.mount
    file /etc/fstab 644 root:root < <(
        grep -v -E "^[^#[:space:]]+[[:space:]]+${MEDIA}[[:space:]]" /etc/fstab 2>/dev/null || true
        echo "$line"
    )
    running app-media.mount
    if [[ $FILESERVER_ADDRESS == *:* ]]; then # whichever host is first makes what 01-fileserver-setup.sh makes on ours
        active app-media.mount
        folder "$MEDIA/incoming" 750 appuser:appuser
    fi
}

modern_python() { # prints a Python that is 3.11 or newer, or nothing
    local name
    for name in "$APP_HOME/python/bin/python3" python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            command -v "$name"
            return
        fi
    done
}

python_of_host() {
    packages python3-venv
    local version found
    version=$(cat "$RELEASE/deployment/ec2-setup/python-version")
    found=$(modern_python)
    # The host's own is renewed by its distribution, ours by a release.
    if [[ -n $found && ($found != "$APP_HOME"/* || $("$found" --version) == "Python $version") ]]; then
        return
    fi
    # Ubuntu 22.04 has 3.10: docs/decisions/0040. pip checks uv's hash, uv checks the interpreter's, which it knows.
    step "Python $version into $APP_HOME/python" || return 0
    quietly python3 -m venv "$WORK/uv"
    quietly "$WORK/uv/bin/pip" install --require-hashes -r "$RELEASE/deployment/ec2-setup/uv.lock"
    quietly env UV_PYTHON_INSTALL_DIR="$APP_HOME/pythons" "$WORK/uv/bin/uv" python install --no-bin "$version"
    found=$(UV_PYTHON_INSTALL_DIR="$APP_HOME/pythons" "$WORK/uv/bin/uv" python find --managed-python "$version")
    ln -sfn "$(dirname "$(dirname "$found")")" "$APP_HOME/python"
}

release_name() { # a digest of what is installed: the same tree has the same name
    (
        cd "$RELEASE" || exit
        find src deployment/gunicorn deployment/ec2-setup/python-version pyproject.toml requirements.lock -type f -not -path '*/__pycache__/*' -print0 |
            sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-12
    )
}

release() { # an environment of its own beside the old one, which serves until the link is moved
    local name into
    folder "$APP_HOME" 755 root:root
    folder "$APP_HOME/releases" 755 root:root
    python_of_host
    name=$(release_name)
    into=$APP_HOME/releases/$name
    if [[ ! -e $into/complete ]] && step "install release $name"; then
        rm -rf "$into"
        export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
        quietly "$(modern_python)" -m venv "$into"
        quietly "$into/bin/pip" install --require-hashes -r "$RELEASE/requirements.lock"
        quietly "$into/bin/pip" install --no-build-isolation --no-deps "$RELEASE"
        install -D -m 644 -t "$into/gunicorn" "$RELEASE/deployment/gunicorn/gunicorn.conf.py"
        touch "$into/complete"
    fi
}

serve_release() { # what runs next is this release; the one that ran before stays, to go back to by moving the link
    local name ran previous old
    name=$(release_name)
    ran=$(readlink "$APP_HOME/current" || true)
    previous=$(readlink "$APP_HOME/previous" || true)
    if [[ -n $ran && $ran != "releases/$name" ]]; then # run once more, the way back stays what it is
        previous=$ran
        link "$APP_HOME/previous" "$previous"
    fi
    link "$APP_HOME/current" "releases/$name"
    # Not by age: the newest may be one that was refused. A host from before this link cannot tell, and keeps all.
    [[ -n $previous ]] || return 0
    for old in $(find "$APP_HOME/releases" -mindepth 1 -maxdepth 1 -type d -printf 'releases/%f\n' |
        grep -v -x -e "releases/$name" -e "$previous"); do
        step "remove ${old/releases\//release }" || continue
        rm -rf "${APP_HOME:?}/$old"
    done
}

web_release() { # this release serves on port 8000; where another one does, without a refused request
    local name next=$UNITS/fastapi-next.service taking_over=no
    name=$(release_name)
    # What serves, or is to: written last, so that a run that was broken off begins here again.
    {
        echo "$name"
        cat "$WORK/settings"
        cat "$RELEASE"/deployment/systemd/fastapi.s*
    } | sha256sum >"$WORK/serves"
    if systemctl is-active --quiet fastapi.service && ! cmp -s "$WORK/serves" "$APP_HOME/serves"; then
        link "$APP_HOME/next" "releases/$name"
        sed -e "s,$APP_HOME/current,$APP_HOME/next,; s/^Restart=.*/Restart=no/; s/^Description=.*/&, next release/" \
            -e '/^\[Service\]/a Sockets=fastapi.socket' -e '/^\[Install\]/,$d' \
            "$RELEASE/deployment/systemd/fastapi.service" >"$WORK/next"
        file "$next" 644 root:root <"$WORK/next"
        taking_over=yes
        if step "let release $name take over"; then
            quietly systemctl daemon-reload
            if ! systemctl restart fastapi-next.service; then
                rm "$APP_HOME/next" "$next"
                die "Release $name does not start; the one before serves on. See: journalctl --unit fastapi-next"
            fi
        fi
    fi
    serve_release
    unit fastapi.socket
    unit fastapi.service
    # Also what a run that was broken off left; not by the link, which leads nowhere once its release was removed.
    if [[ $taking_over == yes || -e $next ]] && step "end fastapi-next.service, once fastapi.service serves"; then
        quietly systemctl daemon-reload
        quietly systemctl restart fastapi.service # waits until it serves; meanwhile the other one does
        quietly systemctl stop fastapi-next.service
        rm -f "$APP_HOME/next" "$next" # in this order: what is left of a run broken off here is seen above
    fi
    WRITTEN=no # neither of the two is started anew where it is active
    running fastapi.socket fastapi.service
    file "$APP_HOME/serves" 600 root:root <"$WORK/serves"
}

settings() { # settings <lines NAME=VALUE: the one file with secrets
    cat >"$WORK/settings" # not read from the host again, where a dry run has not written them
    file "$APP_HOME/.env" 600 appuser:appuser <"$WORK/settings"
}
