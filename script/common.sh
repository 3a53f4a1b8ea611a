# Shared by the scripts of this folder; sourced, never run. Sets `root` and `started`, and defines
# say, fail, elapsed and become_root. Plain POSIX sh: nothing here needs more than Debian's base.

started=$(date +%s)
root=$(cd "$(dirname "$0")/.." && pwd -P)
name=script/$(basename "$0")

elapsed() {
    echo $(($(date +%s) - started))
}

# Progress goes to stderr: stdout is for data.
say() {
    printf '%s: [%3ss] %s\n' "$name" "$(elapsed)" "$*" >&2
}

fail() {
    printf '%s: %s\n' "$name" "$*" >&2
    exit 1
}

# Interfaces, addresses and packages belong to root. What the caller set for colours, proxies and
# package indexes goes along, since sudo drops the environment.
become_root() {
    if [ "$(id -u)" -eq 0 ]; then
        return
    fi
    if ! command -v sudo >/dev/null 2>&1; then
        fail "this needs root (packages and network namespaces) and sudo is not here: run it as root."
    fi
    printf '%s: not root: running again through sudo\n' "$name" >&2
    script=$root/$name
    for variable in NO_COLOR TERM CI LANG http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY \
        NO_PROXY PIP_INDEX_URL PIP_CERT MUSTER_BROKER_URL; do
        eval "value=\${$variable-}"
        if [ -n "$value" ]; then
            set -- "$@" "$variable=$value"
            passed="${passed-}x"
        fi
    done
    # The variables were put behind the arguments: turn the list until they stand in front.
    arguments=$(($# - $(printf '%s' "${passed-}" | wc -c)))
    set -- "$@" sh "$script"
    while [ "$arguments" -gt 0 ]; do
        first=$1
        shift
        set -- "$@" "$first"
        arguments=$((arguments - 1))
    done
    exec sudo -- env "$@"
}
