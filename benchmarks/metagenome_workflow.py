"""The plain Snakemake workflow that the metagenome pipeline is compared with (`benchmarks/workflow/`).

Its tools are those of the pipeline's own image and, on top, bowtie2; Snakemake and MultiQC come from PyPI.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import ROOT
from pipeline_images import containers
from pipeline_images.building import build_stage

IMAGE = containers.local_image("workflow")
PACKAGES = ("snakemake==9.27.1", "multiqc==1.35")
PYTHON = (3, 11)  # the image's, which runs both
FOLDER = Path("benchmarks", "workflow")


@dataclass(frozen=True, kw_only=True)
class Way:
    """What maps reads to the host, and what lies between the steps."""

    aligner: str
    suffix: str


WAYS = {
    "Snakemake, minimap2, plain files between": Way(aligner="minimap2", suffix="fastq"),
    "Snakemake, minimap2, gzip between": Way(aligner="minimap2", suffix="fastq.gz"),
    "Snakemake, bowtie2, plain files between": Way(aligner="bowtie2", suffix="fastq"),
    "Snakemake, bowtie2, gzip between": Way(aligner="bowtie2", suffix="fastq.gz"),
}


class Workflow:
    """Its image, built, and its packages, in a folder of their own: about 2 minutes, the first time."""

    def __init__(self, docker: containers.Engine, packages: Path) -> None:
        build_stage(docker, ROOT / FOLDER, "the workflow's image", [f"--tag={IMAGE}"])
        self._packages = packages / "-".join(PACKAGES)
        if not self._packages.is_dir():
            _install(self._packages)

    @property
    def mounts(self) -> list[str]:
        return [f"--volume={self._packages}:/packages:ro"]

    @property
    def environ(self) -> dict[str, str]:
        return {"PYTHONPATH": "/packages", "HOME": "/work/scratch", "XDG_CACHE_HOME": "/work/scratch"}

    def command(self, way: Way, threads: int) -> list[str]:
        config = {"input": "/input", "references": "/references", "threads": threads}
        config |= {"aligner": way.aligner, "suffix": way.suffix}
        command = ["python3", "-m", "snakemake", "--snakefile", f"/bench/{FOLDER}/Snakefile"]
        command += ["--cores", str(threads), "--directory", "/work/out"]
        return [*command, "--config", *(f"{key}={value}" for key, value in config.items())]


def _install(folder: Path) -> None:
    arriving = folder.with_name(f"{folder.name}.arriving")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--target", str(arriving), *PACKAGES], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' and '.join(PACKAGES)} cannot be installed: {done.stderr[-500:]}")
    arriving.rename(folder)
