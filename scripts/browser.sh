#!/usr/bin/env bash
# A browser for the dashboard's tests. Installs chromium where it may (root, apt); elsewhere those tests are skipped.
set -euo pipefail

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] && command -v chromedriver >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release; then
    echo "Installing chromium and chromium-driver (for the dashboard's tests) …"
    log=$(mktemp)
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver; } \
        >"$log" 2>&1 || tail -5 "$log" >&2
    rm -f "$log"
else
    echo "No chromium with chromedriver here: the dashboard's browser tests will be skipped." >&2
fi
