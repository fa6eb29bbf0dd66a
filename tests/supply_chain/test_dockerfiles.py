"""What must hold for every Dockerfile, beside what hadolint finds."""

import re
from pathlib import Path

import pytest

from pipeline_images.build import IMAGES

DOCKERFILES = {name: image.folder / "Dockerfile" for name, image in IMAGES.items()}
SECRET = re.compile(r"(?i)pass(word|wd)?|secret|token|credential|api_?key|access_?key")


def instructions(path: Path) -> list[str]:
    """Without comments, continued lines joined."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    return re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()


def user_of(path: Path, stage: str) -> str | None:
    """Who a stage's programs run as; None if an image below says it."""
    users: dict[str, str | None] = {}
    at = ""
    for line in instructions(path):
        if begins := re.match(r"FROM (\S+) AS (\S+)", line):
            at = begins[2]
            users[at] = users.get(begins[1])
        elif line.startswith("USER "):
            users[at] = line.split()[1]
    return users[stage]


@pytest.mark.parametrize("path", DOCKERFILES.values(), ids=DOCKERFILES)
def test_what_is_released_does_not_run_as_root(path: Path) -> None:
    """A fault in a tool that reads a stranger's file would else be root's, on an instance that others use."""
    for stage in ("release", "test"):
        assert user_of(path, stage) == "10001:10001", stage


@pytest.mark.parametrize("path", DOCKERFILES.values(), ids=DOCKERFILES)
def test_no_secret_stays_in_a_layer(path: Path) -> None:
    """Whoever can pull an image reads its arguments and files; a mounted secret leaves nothing."""
    for line in instructions(path):
        if line.startswith(("ARG ", "ENV ", "COPY ", "ADD ")):
            assert not SECRET.search(line), line
        if "/run/secrets" in line:
            assert "--mount=type=secret" in line, line


@pytest.mark.parametrize("path", DOCKERFILES.values(), ids=DOCKERFILES)
def test_an_image_stands_on_what_is_named(path: Path) -> None:
    """`latest` is another image tomorrow, and nobody sees the change."""
    defaults = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", path.read_text(), re.MULTILINE))
    for line in instructions(path):
        if begins := re.match(r"FROM (\S+)", line):
            named = re.fullmatch(r"\$\{(\w+)\}", begins[1])
            image = defaults[named[1]] if named else begins[1]
            if image.isidentifier():
                continue  # a stage of the same file
            assert re.search(r":[\w.-]+$", image), image
            assert not image.endswith(":latest"), image
