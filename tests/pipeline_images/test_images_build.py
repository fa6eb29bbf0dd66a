"""What decides whether an image is built again, and on what."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline_images import base, containers
from pipeline_images.build import IMAGES, images_below, in_order, version_of
from pipeline_images.building import BuildFailed, follow, host_secrets, pip_settings
from pipeline_images.containers import EngineMissing, engine
from pipeline_images.content import content_hash


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM base")
    (tmp_path / "code" / "run").write_text("print()")
    return tmp_path


def changes(folder: Path) -> Iterator[str]:
    run = folder / "code" / "run"
    run.write_text("print(1)")
    yield "other bytes"
    run.chmod(0o755)
    yield "executable"
    run.rename(folder / "code" / "walk")
    yield "another name"
    (folder / "code" / "ru").write_text("n")
    yield "one more file"


def test_every_change_of_a_folder_makes_a_new_image(folder: Path) -> None:
    """A changed pipeline would run as it was before."""
    seen = {content_hash(folder, "parent")}
    for change in changes(folder):
        found = content_hash(folder, "parent")
        assert found not in seen, change
        seen.add(found)


def test_a_changed_parent_makes_a_new_image(folder: Path) -> None:
    """A mended runner would not reach the pipelines."""
    assert content_hash(folder, "one") != content_hash(folder, "other")


def test_caches_dates_and_documents_do_not_count(folder: Path) -> None:
    """Every test run would make the images be built again."""
    before = content_hash(folder, "parent")
    (folder / "code" / "__pycache__").mkdir()
    (folder / "code" / "__pycache__" / "run.pyc").write_bytes(b"1")
    (folder / "code" / "run").touch()
    (folder / "README.md").write_text("It is read by people only.")
    assert content_hash(folder, "parent") == before


def test_two_folders_cannot_read_the_same(tmp_path: Path) -> None:
    """Bytes that move from one file to its neighbour are a change."""
    for name, contents in {"a": ("xy", "z"), "b": ("x", "yz")}.items():
        (tmp_path / name).mkdir()
        for number, content in enumerate(contents):
            (tmp_path / name / str(number)).write_text(content)
    assert content_hash(tmp_path / "a", "") != content_hash(tmp_path / "b", "")


def test_what_an_image_stands_on_is_built_before_it() -> None:
    """A fresh machine could build nothing but the runner."""
    assert [image.name for image in in_order(["mock_community"], IMAGES)] == [
        "runner",
        "metagenome",
        "mock_community",
    ]
    assert [image.name for image in in_order([], IMAGES)] == list(IMAGES)
    assert [image.name for image in in_order(["metagenome", "runner"], IMAGES)] == ["runner", "metagenome"]


def test_a_folder_with_a_dockerfile_is_an_image(tmp_path: Path) -> None:
    """A pipeline that somebody has to register as well is one that is forgotten in a release."""
    for name, argument in (("runner", "BASE"), ("zoo", "RUNNER"), ("ants", "ZOO")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(f"# x\nARG {argument}_IMAGE=y\nFROM y\n")
    (tmp_path / "notes").mkdir()
    found = images_below(tmp_path)
    assert [(image.name, image.stands_on) for image in found.values()] == [
        ("runner", None),
        ("zoo", "runner"),
        ("ants", "zoo"),
    ]


def test_an_unknown_image_is_named_with_those_there_are() -> None:
    """A typing error would build everything, or nothing without a word."""
    with pytest.raises(BuildFailed, match=r"no image is called metagenom; there are runner, .*metagenome"):
        in_order(["metagenom"], IMAGES)


def test_every_image_takes_its_parent_from_the_argument_that_is_given() -> None:
    """The build would give a parent that the Dockerfile does not read, and stand on its default."""
    for image in IMAGES.values():
        text = (image.folder / "Dockerfile").read_text()
        assert f"ARG {image.argument}=" in text, image.name
        assert f"FROM ${{{image.argument}}} AS " in text, image.name


def test_a_pipelines_version_is_the_one_of_its_contract() -> None:
    """An image would be labelled with a version that its results do not have."""
    described = IMAGES["metagenome"].folder / "pipeline.yaml"
    assert f"version: {version_of(IMAGES['metagenome'])}\n" in described.read_text()


def test_a_failing_build_shows_its_last_lines() -> None:
    """Nobody would know what to mend."""
    script = "for n in $(seq 100); do echo line $n; done; echo no space left >&2; exit 7"
    with pytest.raises(BuildFailed) as failed:
        follow(["sh", "-c", script], {"PATH": "/usr/bin:/bin"}, "metagenome: test")
    said = str(failed.value)
    assert said.startswith("metagenome: test failed with exit code 7")
    assert "no space left" in said
    assert "line 100\n" in said
    assert "line 1\n" not in said


def test_pip_in_a_build_uses_this_hosts_index_and_certificates(tmp_path: Path) -> None:
    """Behind a company's mirror no image could be built."""
    settings, certificates = tmp_path / "pip.conf", tmp_path / "ca.pem"
    settings.write_text(
        "[global]\nindex-url = https://mirror.example/simple\ncert = /only/on/this/host.pem\n"
    )
    certificates.write_text("-----BEGIN CERTIFICATE-----")
    environ = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(settings), "PIP_CERT": str(certificates)}
    found = pip_settings(environ)
    assert found.get("global", "index-url") == "https://mirror.example/simple"
    assert not found.has_option("global", "cert")  # a path of this host is not there in a build
    with host_secrets(environ) as options:
        assert f"--secret=id=ca,src={certificates}" in options
        (written,) = [Path(option.split("src=")[1]) for option in options if "id=pipconf" in option]
        assert "mirror.example" in written.read_text()
    assert not written.exists()
    assert pip_settings(environ | {"PIP_INDEX_URL": "https://other.example"}).get("global", "index-url") == (
        "https://other.example"
    )


def test_a_machine_without_an_engine_is_told_what_to_install(tmp_path: Path) -> None:
    """The first command of a newcomer would end in a traceback."""
    with pytest.raises(EngineMissing, match=r"podman or docker is not on the PATH.*apt-get install podman"):
        engine(environ={"PATH": str(tmp_path)})
    with pytest.raises(EngineMissing, match="must be podman or docker, not 'lxc'"):
        engine("lxc")


def test_the_chosen_engine_is_taken(tmp_path: Path) -> None:
    """Who has both could not say which one holds the images."""
    for program in ("podman", "docker"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    path = {"PATH": str(tmp_path)}
    assert engine(environ=path).program == "podman"
    assert engine(environ=path | {"CONTAINER_ENGINE": "docker"}).program == "docker"
    assert engine("docker", environ=path).program == "docker"


def test_settings_for_podman_never_replace_the_users_own(tmp_path: Path) -> None:
    """A machine that is set up would lose its own settings."""
    (tmp_path / "podman").write_text("#!/bin/sh\n")
    (tmp_path / "podman").chmod(0o755)
    own = {"PATH": str(tmp_path), "CONTAINERS_CONF": "/my/containers.conf"}
    assert engine(environ=own).environ["CONTAINERS_CONF"] == "/my/containers.conf"


def test_no_base_is_a_sentence_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a registry and without root would see a tool's error."""
    docker = containers.Engine(program="false", environ={"PATH": "/usr/bin:/bin"})
    monkeypatch.setattr(base.shutil, "which", lambda _: None)
    with pytest.raises(BuildFailed, match=r"mmdebstrap is not installed.*name it with --base"):
        base.find_or_make(docker, None)
    with pytest.raises(BuildFailed, match=r"registry\.example/debian is neither here nor can it be pulled"):
        base.find_or_make(docker, "registry.example/debian")
