#!/bin/sh
# Finds what the tests start for themselves: Chromium, Redis, PostgreSQL; installs what is missing where that
# needs no password. Only the programs are wanted: no service is left running, and none starts with the machine.
set -eu

found() {
    case $1 in
        chromium) on_path chromium chromium-browser google-chrome google-chrome-stable ;;
        redis-server) on_path redis-server ;;
        postgresql) on_path initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ;;
    esac
}

on_path() {
    for name; do
        command -v "$name" >/dev/null && return 0
    done
    return 1
}

find_missing() {
    missing=
    for package in chromium redis-server postgresql; do
        found "$package" || missing="$missing $package"
    done
    [ -z "$missing" ]
}

# Debian starts what it installs, and makes a first PostgreSQL cluster, unless these two files say no.
policy=/usr/sbin/policy-rc.d
no_cluster=/etc/postgresql-common/createcluster.d/receptionist-tests.conf

our_policy=

undo() {
    $as_root rm -f $no_cluster
    [ -z "$our_policy" ] || $as_root rm -f $policy
}

install_quietly() {
    echo "Installing for the tests:$missing"
    $as_root apt-get update -qq || true # an old package list may still do
    trap undo EXIT
    trap 'exit 1' INT TERM
    if [ ! -e $policy ]; then
        our_policy=yes
        printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
        $as_root chmod 755 $policy
    fi
    $as_root mkdir -p "${no_cluster%/*}"
    echo 'create_main_cluster = false' | $as_root tee $no_cluster >/dev/null
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || true
    case $missing in
        *redis-server*) ! command -v systemctl >/dev/null || $as_root systemctl disable --quiet redis-server || true ;;
    esac
}

find_missing && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    install_quietly
    find_missing && exit 0
fi

echo "Missing:$missing. The tests that use them (fixtures 'browser', 'redis_server', 'postgres') cannot run." \
    "Install with: sudo apt install$missing" >&2
[ "${CI:-}" != true ] || exit 1
echo "They are skipped; everything else is tested." >&2
