#!/usr/bin/env bash
# Format, lint and types. Every tool comes from requirements.lock.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin

$bin/ruff format --check --quiet .
$bin/ruff check --quiet .
$bin/mypy
MYPYPATH=pipeline_images/runner $bin/mypy --explicit-package-bases pipeline_images/runner/runner
$bin/mypy pipeline_images/*.py
mapfile -t dockerfiles < <(git ls-files '*Dockerfile*')
[ ${#dockerfiles[@]} -eq 0 ] || $bin/hadolint "${dockerfiles[@]}"
mapfile -t workflows < <(git ls-files '.github/workflows/*.yml')
if [ ${#workflows[@]} -gt 0 ]; then
    $bin/actionlint "${workflows[@]}"
    $bin/zizmor --offline --quiet "${workflows[@]}"
fi
echo "format, lint and types: clean"
