# How script/setup and script/install put packages, .venv and the `muster` command in place; sourced
# behind common.sh, never run. The caller sets `packages` (a list of words) and calls `begin` first;
# what is made belongs to `root`. Every step may be repeated after a death at any instant.

policy=/usr/sbin/policy-rc.d
saved_policy=$policy.before-muster
policy_mark="# Written by script/setup of Muster; removed when it ends."
log=
venv=$root/.venv
python=/usr/bin/python3

check_system() {
    if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg >/dev/null 2>&1; then
        fail "this is not a Debian system (no apt-get): use Debian 12 or later, or a container of it."
    fi
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]
}

missing_packages() {
    for package in $packages; do
        installed "$package" || printf '%s ' "$package"
    done
}

# Packages must not start their services: the lab runs its own, inside its namespaces. A policy of
# the operator's is put aside and comes back exactly as it was, also after a killed run.
guard_services() {
    restore_policy
    if [ -e "$policy" ] || [ -L "$policy" ]; then
        mv "$policy" "$saved_policy"
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" >"$policy"
    chmod 755 "$policy"
}

restore_policy() {
    if [ -f "$policy" ] && grep -qF "$policy_mark" "$policy"; then
        rm -f "$policy"
    fi
    if [ -e "$saved_policy" ] || [ -L "$saved_policy" ]; then
        mv "$saved_policy" "$policy"
    fi
}

clean_up() {
    restore_policy
    [ -z "$log" ] || rm -f "$log"
}

# Runs a command quietly; its output is shown only when it fails.
quietly() {
    "$@" >"$log" 2>&1 </dev/null
}

apt_quietly() {
    quietly env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 -o APT::Update::Error-Mode=any "$@"
}

# $missing is a list of words on purpose.
# shellcheck disable=SC2086
install_missing() {
    apt_quietly install --no-install-recommends --no-remove $missing
}

explain_apt_failure() {
    if grep -q 'Packages need to be removed' "$log"; then
        fail "installing would remove packages (another mail server?): remove them yourself, then repeat."
    fi
    if grep -qE 'Could not (resolve|connect)|Temporary failure|Failed to fetch|timed out' "$log"; then
        fail "Debian's package mirror cannot be reached: check network, proxy and /etc/apt, then repeat;" \
            "what is installed is kept."
    fi
    tail -n 15 "$log" >&2
    fail "apt-get failed, see the lines above; repeat after putting that right."
}

install_packages() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    new=$missing
    guard_services
    if [ -n "$(dpkg --audit 2>/dev/null)" ]; then
        say "finishing an interrupted package installation"
        quietly env DEBIAN_FRONTEND=noninteractive dpkg --configure -a || explain_apt_failure
        missing=$(missing_packages)
    fi
    if [ -n "$missing" ]; then
        say "installing ${missing% }"
        if ! install_missing; then
            if grep -q 'Packages need to be removed' "$log"; then
                explain_apt_failure
            fi
            say "reading the package lists"
            apt_quietly update || explain_apt_failure
            install_missing || explain_apt_failure
        fi
    fi
    disable_services_of "$new"
    restore_policy
}

# A unit that came with this run must not wake up at the next boot either.
disable_services_of() {
    command -v systemctl >/dev/null 2>&1 || return 0
    for package in $1; do
        case $package in
        rabbitmq-server) units="rabbitmq-server.service epmd.service epmd.socket" ;;
        postfix) units=postfix.service ;;
        postgresql) units=postgresql.service ;;
        keepalived) units=keepalived.service ;;
        *) continue ;;
        esac
        # shellcheck disable=SC2086
        systemctl -q disable $units >/dev/null 2>&1 || true
    done
}

check_python() {
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        fail "$("$python" --version) is too old: Muster needs Python 3.11 (Debian 12) or later."
    fi
}

# What a finished part of .venv was made from. A stamp is written last, so a half-made part has none.
fingerprint() {
    { "$python" --version && echo "$root" && cat /dev/null "$@"; } | sha256sum | cut -d' ' -f1
}

finished() {
    [ ! -e "$venv/.muster-busy" ] && [ "$(cat "$venv/.muster-$1" 2>/dev/null)" = "$2" ]
}

make_venv() {
    if finished made "$(fingerprint)" && [ -x "$venv/bin/python" ]; then
        return
    fi
    say "making $venv"
    quietly "$python" -m venv --clear "$venv" || {
        cat "$log" >&2
        fail "$python cannot make $venv: see above."
    }
    fingerprint >"$venv/.muster-made"
}

pip_quietly() {
    quietly "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@" && return
    if grep -qE 'NewConnectionError|ConnectTimeout|ReadTimeout|Name or service|name resolution|SSLError|ProxyError' "$log"; then
        fail "the Python package index cannot be reached: check network, proxy and pip's settings, then" \
            "repeat; what was downloaded is kept."
    fi
    tail -n 15 "$log" >&2
    fail "pip failed, see the lines above; repeat after putting that right."
}

install_runtime() {
    runtime=$(fingerprint pyproject.toml requirements.txt)
    ! finished runtime "$runtime" || return 0
    make_venv
    touch "$venv/.muster-busy"
    say "installing Python packages"
    pip_quietly --require-hashes -r requirements.txt
    pip_quietly --no-deps --no-build-isolation --editable .
    rm "$venv/.muster-busy"
    echo "$runtime" >"$venv/.muster-runtime"
}

link_command() {
    command=/usr/local/bin/muster
    if [ -L "$command" ] && [ "$(readlink "$command")" = "$venv/bin/muster" ]; then
        return
    fi
    if [ ! -e "$command" ]; then
        ln -sfn "$venv/bin/muster" "$command"
    else
        say "$command is another one ($(readlink -f "$command")): use $venv/bin/muster here"
    fi
}

# One at a time, as root, with a policy of the operator's put back and a log that goes.
begin() {
    exec 9>"$root/.setup.lock"
    if ! flock -n 9; then
        say "waiting for another $name"
        flock 9
    fi
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    log=$(mktemp)
}
