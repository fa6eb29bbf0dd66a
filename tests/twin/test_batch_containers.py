"""What the twin's Batch asks of podman or docker really holds in the container."""

import io
import tarfile
from pathlib import Path

import pytest

from pipeline_images.containers import local_image
from twin import batch_containers
from twin.batch_jobs import Attempt

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


def unpacked_to(folder: str, *, read_only_root: bool) -> tuple[int | None, str]:
    """The runner unpacks an upload into a folder of its container: exit code and last line."""
    said: list[str] = []
    attempt = Attempt(
        name=f"twin-test-{Path(folder).parts[1]}-{read_only_root}".lower(),
        office="eu",
        image=local_image("runner"),
        command=["stage", "/scratch/input.tar", folder],
        environment={},
        memory_mib=512,
        mounts=[("/scratch", "/scratch", False)],
        read_only_root=read_only_root,
    )
    end = batch_containers.run(attempt, said.append)
    return end.exit_code, said[-1]


@pytest.fixture
def upload(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TWIN_HOME", str(tmp_path))
    with tarfile.open(batch_containers.host_folder("eu", "/scratch") / "input.tar", "w") as tar:
        member = tarfile.TarInfo("reads.fastq")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"@r\nA"))


@pytest.mark.usefixtures("upload")
def test_a_read_only_root_leaves_a_job_its_scratch_disk_alone() -> None:
    """What an upload smuggles in could change the programs, or a pipeline fill a disk that nobody watches."""
    assert unpacked_to("/scratch/out", read_only_root=True)[0] == 0
    code, said = unpacked_to("/tmp/out", read_only_root=True)
    assert (code, "Read-only file system" in said) == (73, True)
    assert unpacked_to("/tmp/out", read_only_root=False)[0] == 0  # it is this that stops it
