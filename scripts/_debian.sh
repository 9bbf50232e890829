# Sourced by the other scripts: messages, and Debian packages where they may be installed.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }

fail() { # STATUS MESSAGE
    local status=$1
    shift
    say "$(basename "$0"): $*"
    exit "$status"
}

# The comment at the head of the script is its help.
show_help() { sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; }

may_install_packages() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

# Install Debian packages without starting any daemon that comes with them.
install_packages() ( # PACKAGE...
    log=$(mktemp)
    policy=/usr/sbin/policy-rc.d
    made_policy=""
    trap 'rm -f "$log" $made_policy' EXIT
    apt() { DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" </dev/null >>"$log" 2>&1; }

    # One at a time: the policy of one must not vanish under another.
    exec 8</var/lib/dpkg
    flock 8
    if [ ! -e "$policy" ]; then
        made_policy=$policy
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    say "Installing the Debian packages $*."
    apt update || say "apt-get update failed; trying with the package lists that are here."
    apt install -y --no-install-recommends -- "$@" 8>&- || {
        tail -n 20 "$log" >&2
        say "apt-get could not install $*."
        exit 1
    }
)

# Make sure that a command is on PATH; return 1 with one sentence where it cannot be.
ensure_command() { # COMMAND
    local packages
    if command -v "$1" >/dev/null; then
        return 0
    fi
    case $1 in
        h5cc) packages="libhdf5-dev gcc libc6-dev" ;;
        mpicc) packages="libopenmpi-dev openmpi-bin gcc libc6-dev" ;;
        *)
            say "The command $1 is needed, and is not on PATH."
            return 1
            ;;
    esac
    if ! may_install_packages; then
        say "The command $1 is needed, and is not on PATH (on Debian: apt-get install $packages)."
        return 1
    fi
    # shellcheck disable=SC2086  # a list of words
    install_packages $packages
}

# The commands that configs ask for, in comment lines such as "# needs: h5cc".
commands_needed_by() { # CONFIG...
    sed -n 's/^# needs://p' "$@" | tr -s ' ,\t' '\n' | sed '/^$/d' | sort -u
}
