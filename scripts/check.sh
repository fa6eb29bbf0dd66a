#!/usr/bin/env bash
# Format, lint and types. Every tool comes from requirements.lock.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin

$bin/ruff format --check --quiet .
$bin/ruff check --quiet .
$bin/mypy
# The packages inside the images are checked as the images see them: each from its own folder.
for package in pipeline_images/*/*/__init__.py; do
    folder=$(dirname "$(dirname "$package")")
    MYPYPATH=pipeline_images/runner:$folder $bin/mypy --explicit-package-bases -p "$(basename "$(dirname "$package")")"
done
mapfile -t dockerfiles < <(git ls-files '*Dockerfile*')
$bin/hadolint "${dockerfiles[@]}"
mapfile -t workflows < <(git ls-files '.github/workflows/*.yml')
$bin/actionlint "${workflows[@]}"
$bin/zizmor --offline --quiet "${workflows[@]}"
echo "format, lint and types: clean"
