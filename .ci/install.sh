#!/bin/sh
# install.sh PYTHON VENV EXTRA, called by make: creates the virtual environment where there is none, installs
# chainrule[EXTRA] into it, and leaves VENV/EXTRA.stamp. When that fails it says why.
set -u
python=$1 venv=$2 extra=$3
log=$venv/install.log

fail() {
    printf '\n' >&2
    printf '%s\n' "$@" >&2
    exit 1
}

# ---- Python -----------------------------------------------------------------------------------------------
command -v "$python" >/dev/null || fail "There is no program '$python' here." \
    "chainrule needs Python 3.10 or newer. On Debian or Ubuntu: apt-get install python3 python3-venv" \
    "If it has another name or place: make PYTHON=/path/to/python3.12 ..."
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "'$python' does not start."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail \
    "'$python' is Python $version; chainrule needs 3.10 or newer." \
    "If a newer one is installed, name it: make PYTHON=/path/to/python3.12 ..."
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
    "'$python' comes without the modules that create virtual environments (venv, ensurepip)." \
    "On Debian or Ubuntu: apt-get install python$version-venv"

# ---- pip --------------------------------------------------------------------------------------------------
# pip's settings of this machine hold (index, proxy, cache), except those that lead out of the environment.
unset PIP_TARGET PIP_PREFIX PIP_ROOT
export PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1

logged() { grep -qiE "$1" "$log"; }

why() {
    if logged 'no space left'; then
        echo "The disk is full."
    elif logged 'permission denied'; then
        echo "A file or folder may not be written."
    elif logged 'certificate|SSLError'; then
        echo "The package index was reached, but its certificate is not trusted here (a proxy in between?)."
    elif logged 'NewConnectionError|NameResolution|name resolution|unreachable|refused|timed out|ProxyError'; then
        echo "pip cannot reach its package index: no network, or a proxy that it was not told of (https_proxy)."
    elif logged 'from versions: none'; then
        echo "pip finds no packages where it looks for them: no network, or a wrong index in its settings (pip config list)."
    elif logged 'no matching distribution|requires a different python|ResolutionImpossible'; then
        echo "A package that is needed does not exist for Python $version on this system."
    elif logged 'failed to build|error: subprocess|error: metadata'; then
        echo "A package had to be built here, and that failed."
    else
        echo "pip stopped."
    fi
}

attempt() {
    "$@" >"$log" 2>&1 && return
    echo "---- the last lines of $log:" >&2
    tail -n 15 "$log" >&2
    fail "Not installed. $(why)" "Once that is put right, the same command goes on from here."
}

mkdir -p "$venv" || fail "The folder $venv cannot be created."
if ! [ -e "$venv/ready" ]; then
    echo "Creating $venv with Python $version"
    attempt "$python" -m venv "$venv"
    # the build tool stays in the environment, so that installing again needs no network
    build_tool=$(sed -n 's/^requires = \["\(.*\)"\]$/\1/p' pyproject.toml)
    attempt "$venv/bin/python" -m pip install "$build_tool"
    touch "$venv/ready"
fi

if [ -e "$venv/$extra.stamp" ]; then
    echo "The sources have changed: installing chainrule into $venv again"
else
    echo "Installing chainrule[$extra] into $venv; the first time this takes a minute"
fi
# The stamp has the time of the start: what is edited meanwhile is installed the next time.
touch "$venv/started"
# what an earlier build left would come back into this one
rm -rf build chainrule.egg-info
attempt "$venv/bin/python" -m pip install --no-build-isolation ".[$extra]"
rm -rf build chainrule.egg-info
mv "$venv/started" "$venv/$extra.stamp"
