#!/usr/bin/env bash
# Format, lint and types. Every tool comes from requirements.lock.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin

$bin/ruff format --check --quiet .
$bin/ruff check --quiet .
$bin/mypy
# The packages inside the images are checked as the images see them: each from its own folder.
for image in pipeline_images/*/; do
    name=$(basename "$image")
    [ -f "$image$name/__init__.py" ] || continue
    MYPYPATH=pipeline_images/runner:$image $bin/mypy --explicit-package-bases -p "$name"
done
mapfile -t dockerfiles < <(git ls-files '*Dockerfile*')
$bin/hadolint "${dockerfiles[@]}"
mapfile -t workflows < <(git ls-files '.github/workflows/*.yml')
$bin/actionlint "${workflows[@]}"
$bin/zizmor --offline --quiet "${workflows[@]}"
echo "format, lint and types: clean"
