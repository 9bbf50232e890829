# Sourced by the other scripts: the Python environment in .venv, at the root of the clone.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
constraints=$root/constraints.txt
pythons=(python3 python3.14 python3.13 python3.12 python3.11)
# shellcheck source-path=SCRIPTDIR source=_debian.sh
. "$root/scripts/_debian.sh"

# What an installation depends on; the root, because an environment cannot be moved.
fingerprint() {
    {
        readlink -f "$venv/bin/python"
        printf '%s\n' "$root"
        cat "$constraints" "$root/setup.cfg" "$root/pyproject.toml"
    } | sha256sum
}

is_installed() { # EXTRA
    [ -x "$venv/bin/python" ] && [ ! -e "$venv/incomplete" ] && [ -f "$venv/installed-$1" ] &&
        [ "$(cat "$venv/installed-$1")" = "$(fingerprint)" ]
}

find_python() {
    local candidate
    for candidate in "${pythons[@]}"; do
        # The base executable: an activated environment must not become the base of another.
        if "$candidate" -c 'import sys
print(sys._base_executable)
sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return 0
        fi
    done
    return 1
}

create_venv() {
    local python
    say "Making a Python environment in $venv."
    find "$venv" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf {} +
    touch "$venv/incomplete"
    if ! command -v python3 >/dev/null && may_install_packages; then
        install_packages python3 python3-venv || exit 1
    fi
    python=$(find_python | tail -n 1) || fail 1 "Python 3.11 or newer is needed, and is not on PATH."
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        may_install_packages ||
            fail 1 "$python cannot make environments: it lacks ensurepip (on Debian: apt-get install python3-venv)."
        install_packages python3-venv || exit 1
    fi
    "$python" -m venv "$venv" >"$venv/install.log" 2>&1 || {
        tail -n 20 "$venv/install.log" >&2
        fail 1 "$python -m venv failed."
    }
}

pip_install() { # ARGUMENT...
    (cd "$root" && "$venv/bin/python" -m pip install -c "$constraints" "$@") >>"$venv/install.log" 2>&1 || {
        tail -n 20 "$venv/install.log" >&2
        fail 1 "pip install $* failed; all of it is in $venv/install.log."
    }
}

install_hpcopt() { # EXTRA
    if [ -e "$venv/incomplete" ] || [ ! -x "$venv/bin/python" ]; then
        create_venv
    fi
    touch "$venv/incomplete"
    say "Installing hpcopt with its $1 dependencies into $venv (minutes, the first time)."
    # Torch by its exact version and on its own: a range may draw the build with gigabytes of CUDA.
    pip_install "$(grep '^torch==' "$constraints")"
    pip_install -e ".[$1]"
    fingerprint >"$venv/installed-$1"
    rm "$venv/incomplete"
}

# Make .venv hold hpcopt with an extra; at once where it does already.
ensure_environment() { # EXTRA
    if is_installed "$1"; then
        return 0
    fi
    mkdir -p "$venv"
    (
        flock --nonblock 9 || {
            say "Waiting for another script that is installing into $venv."
            flock 9
        }
        is_installed "$1" || install_hpcopt "$1"
    ) 9>"$venv/lock" || exit 1
}

# The lowest versions that setup.cfg allows, as constraints.
lowest_versions() { sed -nE 's/^ +([A-Za-z0-9_.-]+)>=([0-9.]+)$/\1==\2/p' "$root/setup.cfg" | sort -u; }

# Have the environment be one of its own with these versions; those of long ago are there
# for the lowest Python only.
use_lowest_versions() {
    pythons=(python3.11 "${pythons[@]}")
    venv=$root/.venv-lowest
    constraints=$root/.venv-lowest.txt
    lowest_versions >"$constraints"
}
