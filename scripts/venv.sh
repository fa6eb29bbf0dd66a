#!/usr/bin/env bash
# Makes the virtual environment with exactly the packages of requirements.lock.
set -euo pipefail
python=$1 venv=$2
log=$(mktemp)
trap 'rm -f "$log"' EXIT

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Python 3.11 or newer is needed, '$python' is $("$python" --version 2>&1 || echo missing). Try: make PYTHON=python3.12" >&2
    exit 1
}
"$python" -m venv "$venv" 2>"$log" || {
    # Debian and Ubuntu ship venv apart from Python.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv >"$log" 2>&1 && "$python" -m venv "$venv"
    else
        cat "$log" >&2
        echo "Python's venv is missing. Install it (Debian, Ubuntu: sudo apt-get install python3-venv) and try again." >&2
        exit 1
    fi
}
echo "Installing the pinned Python packages (about a minute) …"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --editable .
