#!/bin/sh
# Make .venv ready: system libraries, a Python, the pinned packages; the stamp that make looks at comes last.
#   ./setup.sh              what a lesson needs
#   ./setup.sh dev          that, and what tests and checks need
#   ./setup.sh browser      a Chromium for the tests of the page, where apt-get can bring one
#   ./setup.sh constraints  write constraints.txt from what .venv holds now
# Every step first looks whether it is needed, so a second run changes nothing. Relative paths only:
# the checkout may lie in a folder with spaces in its name.
set -eu
cd -- "$(dirname -- "$0")"

say() { printf 'fmcore: %s\n' "$*"; }
fail() {
    printf 'fmcore: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# --- what is there -------------------------------------------------------------------------------------

# Asked by running it: version managers leave commands on the PATH that start nothing.
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# python3 comes first because the system's headers belong to it. Where PYTHON names one, no other will do.
find_python() {
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.13 python3.12 python3.11
    fi
    for name; do
        if new_enough "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
}

has_compiler() { have cc && printf '#include <stdio.h>\n' | cc -E - >/dev/null 2>&1; }
has_libraries() { have pkg-config && pkg-config --exists "$1"; }
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
has_headers() {
    "$1" -c 'import os.path, sysconfig as s; open(os.path.join(s.get_path("include"), "Python.h")).close()' \
        >/dev/null 2>&1
}

# The packages that are missing, by their Debian names. pycairo and ManimPango come as source for Linux,
# so a compiler and headers are needed once, at installation.
missing() {
    has_compiler || echo gcc libc6-dev
    have pkg-config || echo pkg-config
    has_libraries cairo || echo libcairo2-dev
    has_libraries pangocairo || echo libpango1.0-dev
    python=$(find_python)
    if [ -n "$python" ]; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        has_headers "$python" || echo "$version-dev"
        has_venv "$python" || echo "$version-venv"
    elif [ -n "${PYTHON:-}" ]; then
        : # the one that was named is not ours to install
    elif ! have python3 || [ "$(uname -s)" = Darwin ]; then # elsewhere, installing python3 again leaves it old
        echo python3 python3-dev python3-venv
    fi
}

# --- system libraries ----------------------------------------------------------------------------------

# Root needs no sudo; without a terminal nobody could type a password, so sudo must not ask for one.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif ! have sudo; then
        return 1
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# A fresh machine's own upgrades often hold the lock for a while.
apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" >/dev/null; }

apt_install() {
    as_root true || return
    # A machine that was never updated knows no packages; one that knows them is spared the update.
    apt_get install -y --no-install-recommends "$@" 2>/dev/null && return
    apt_get update || say "apt-get update had trouble; trying with the lists that are there."
    apt_get install -y --no-install-recommends "$@"
}

install_libraries() { # the missing packages as arguments
    case $(uname -s) in
    Darwin)
        has_compiler || fail "A C compiler is missing. Run 'xcode-select --install', then 'make' again."
        set -- cairo pango pkg-config
        [ -n "$(find_python)" ] || set -- "$@" python@3.12
        have brew || fail "System libraries are missing. Install Homebrew, or get them yourself: $*. Then run 'make' again."
        say "installing system libraries with Homebrew: $*"
        brew install --quiet "$@" || fail "Homebrew could not install: $*. Mend that, then run 'make' again."
        return
        ;;
    esac
    if have apt-get; then
        say "installing system libraries: $*"
        apt_install "$@" || fail "System libraries are missing. Run 'sudo apt-get update && sudo apt-get install $*', then 'make' again."
        return
    fi
    if have dnf; then
        command="sudo dnf install gcc pkgconf-pkg-config cairo-devel pango-devel python3-devel"
    elif have pacman; then
        command="sudo pacman -S --needed base-devel pkgconf cairo pango python"
    elif have zypper; then
        command="sudo zypper install gcc pkg-config cairo-devel pango-devel python311-devel"
    else
        fail "System libraries are missing, and this system's package manager is not known here. Needed: a C compiler, pkg-config, and the development files of cairo, pango and Python 3.11 or newer. Install them, then run 'make' again."
    fi
    fail "System libraries are missing. Run '$command', then 'make' again."
}

ensure_libraries() {
    # shellcheck disable=SC2046 # package names are meant to be split
    set -- $(missing)
    [ $# -eq 0 ] && return
    install_libraries "$@"
    # shellcheck disable=SC2046
    set -- $(missing)
    [ $# -eq 0 ] || fail "Still missing after the installation: $*. If this Python came from elsewhere, name another one: make PYTHON=/path/to/python3.12"
}

# The tests of the page drive a browser that is installed; where there is none they are skipped.
ensure_browser() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        have "$name" && return
    done
    have apt-get || fail "No Chromium was found, and there is no apt-get here to install one."
    say "installing Chromium, for the tests of the page"
    apt_install chromium 2>/dev/null || fail "Chromium could not be installed; try 'sudo apt-get install chromium'."
}

# --- Python and its packages ---------------------------------------------------------------------------

ensure_venv() {
    # Half a .venv (an interrupted run, a Python that has gone) is made again from nothing.
    if new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11 or newer is needed; found $("${PYTHON:-python3}" --version 2>/dev/null || echo none). Install one with its venv and header packages, then run 'make' again, or name one: make PYTHON=/path/to/python3.12"
    say "creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || fail "'$python -m venv .venv' failed. Mend what it says above, then run 'make' again."
}

# pip compiles all 9000 modules on one core, which takes as long as the rest of the installation. Left alone,
# Python compiles what it uses when it is first used. Where it may not write that down, every process would
# compile torch again; there all but the packages' own tests are compiled once, on every core.
install_packages() { # what to install
    say "installing Python packages (about 2 minutes the first time) ..."
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-compile \
        --constraint constraints.txt --editable "$1" ||
        fail "pip could not install the packages. Mend what it says above, then run 'make' again."
    if [ -n "${PYTHONDONTWRITEBYTECODE:-}" ]; then
        # Some are templates and no Python; the pattern must not see where the checkout lies.
        (cd .venv/lib && ../bin/python -m compileall -q -j 0 -x '/tests?/' . >/dev/null 2>&1) || true
    fi
}

# A stamp holds the place of the checkout: the scripts in .venv name it, so a moved checkout is set up again.
stamp() { pwd -P >".venv/$1"; }

ready() { # "" or "dev"
    rm -f ".venv/ready${1:+-$1}"
    ensure_libraries
    ensure_venv
    install_packages ".${1:+[$1]}"
    stamp ready
    [ -z "$1" ] || stamp "ready-$1"
    say "ready"
}

# Versions come from .venv, notes and their reasons from the constraints.txt that is there. The build of torch
# ("+cpu") is the machine's business, and so are the CUDA packages beside it.
write_constraints() {
    {
        sed -n '/^#/p; /^[^#]/q' constraints.txt
        .venv/bin/python -m pip freeze --all --exclude-editable |
            sed -e 's/+[a-z0-9.]*$//' -e '/^pip==/d' -e '/^nvidia-/d' -e '/^cuda-/d' -e '/^triton==/d' |
            LC_ALL=C sort -f -t= -k1,1 |
            while IFS= read -r pin; do
                note=$(sed -n "s/^${pin%%==*}==[^ ]*\(  #.*\)/\1/p" constraints.txt)
                printf '%s%s\n' "$pin" "$note"
            done
    } >constraints.txt.new
    mv constraints.txt.new constraints.txt
}

case ${1:-} in
"" | dev) ready "${1:-}" ;;
browser) ensure_browser ;;
constraints) write_constraints ;;
*) fail "There is no '$1'; give nothing, 'dev', 'browser' or 'constraints'." ;;
esac
