"""Runs the pipeline on a folder, without AWS: `docker run IMAGE /input /output`."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from runner.environment import command_of
from runner.outcome import EX_NOINPUT, Failed
from runner.pipeline import Folders, pipeline_environment
from runner.source import FileSource
from runner.staging import stage
from runner.stop import Stop
from runner.supervise import supervise
from runner.usage import memory_mib


def run(source: Path, output: Path, environ: Mapping[str, str], stop: Stop) -> tuple[int, str]:
    """Exit code and last words. `source`: a folder of reads, a folder with an input.tar, or a tar."""
    if not source.exists():
        raise Failed(f"{source} is not there", EX_NOINPUT)
    output.mkdir(parents=True, exist_ok=True)
    command = command_of(environ)
    with tempfile.TemporaryDirectory(prefix="run-", dir=environ.get("SCRATCH") or None) as work:
        folders = Folders.make(Path(work))
        archive = source if source.is_file() else source / "input.tar"
        if archive.is_file():
            stage(FileSource(archive), folders.input, stop)
            source = folders.input
        ended = supervise(
            [*command, str(source.absolute()), str(output.absolute())],
            environ=pipeline_environment(
                environ,
                folders,
                references=Path(environ.get("REFERENCES") or "/references"),
                after=Path(environ.get("AFTER") or "/after"),
                threads=int(environ.get("THREADS") or len(os.sched_getaffinity(0))),
                memory_mib=int(environ.get("MEMORY_MIB") or memory_mib()),
            ),
            folder=folders.scratch,
            stop=stop,
        )
    stop.check()
    return ended.code, ended.words
