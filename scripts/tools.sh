#!/usr/bin/env bash
# Sees to it that a container engine is there: docker or podman. Installs podman where it may (root, apt).
set -euo pipefail

works() { command -v "$1" >/dev/null && "$1" info >/dev/null 2>&1; }

# As root on Debian the pieces that podman needs in a container-like machine may be missing one by one.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! works docker; then
    missing=()
    for tool in podman runc mmdebstrap; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        echo "Installing ${missing[*]} …"
        log=$(mktemp)
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
            >"$log" 2>&1 || { tail -20 "$log" >&2; exit 1; }
        rm -f "$log"
    fi
    exit 0
fi
if ! works docker && ! works podman; then
    echo "Neither docker nor podman answers here, and the pipelines run in containers." >&2
    echo "Install one of them (docker.com, podman.io; Debian, Ubuntu: sudo apt-get install podman), start it, and try again." >&2
    exit 1
fi
