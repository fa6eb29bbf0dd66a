"""An attempt in a real container, with podman or docker.

The image of HQ's registry is looked up on this machine: by digest in `.twin/images.json`, else
`localhost/globalbi/<pipeline>:dev`. The host's folders are folders of the twin. The memory limit is the
kernel's.
"""

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from pipeline_images import containers
from twin import home, hosts
from twin.batch_jobs import Attempt, End

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
KILLED = 137  # 128 + SIGKILL
ENGINE_FAILED = 125  # podman's and docker's own fault: no such image, no such mount
LABEL = "globalbi-twin"  # of every container: the folder of the twin that started it
GRACE_S = 10  # between SIGTERM and SIGKILL; AWS waits 30 s

Say = Callable[[str], None]  # takes a line of the job's log


def local_image(image: str) -> tuple[str, str | None]:
    """The image on this machine that stands for one of a registry, and a line about it where it is a
    stand-in.
    """
    registry, _, rest = image.partition("/")
    if ".dkr.ecr." not in registry:
        return image, None
    name, _, digest = rest.partition("@")
    kept = home.home() / "images.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if digest in known:
        return str(known[digest]), None
    here = containers.local_image(name.rsplit("/", 1)[-1].partition(":")[0])
    return here, f"twin: {image} is not in {kept.name}: {here} runs in its place"


def run(attempt: Attempt, say: Say) -> End:
    """Runs the container to its end."""
    image, remark = local_image(attempt.image)
    if remark:
        say(remark)
    try:
        engine = containers.engine()
    except containers.EngineMissing as missing:
        return End(exit_code=None, reason=f"CannotStartContainerError: {missing}")
    if not engine.has(image):
        return End(
            exit_code=None,
            reason=f"CannotPullContainerError: {image} is not on this machine: build it with "
            "`python -m pipeline_images.build`",
        )
    # conmon leaves the file `oom` in its working folder when the kernel ended the container.
    with tempfile.TemporaryDirectory(prefix="twin-job-") as folder:
        process = subprocess.Popen(
            engine.command(*_words(attempt, image, Path(folder))),
            cwd=folder,
            env=dict(engine.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        over = threading.Event()
        threading.Thread(target=_stop_when_told, args=(engine, attempt, over), daemon=True).start()
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            last = line.rstrip("\n")
            say(last)
        code = process.wait()
        over.set()
        attempt.stopped.set()
        out_of_memory = code == KILLED and (
            (Path(folder) / "oom").exists()
            or engine.ask("inspect", "--format", "{{.State.OOMKilled}}", attempt.name) == "true"
        )
    if engine.program == "docker":
        engine.ask("rm", "--force", attempt.name)
    if code == ENGINE_FAILED:
        return End(exit_code=None, reason=f"CannotStartContainerError: {last}")
    return End(exit_code=code, reason=OUT_OF_MEMORY if out_of_memory else "")


def end_leftovers() -> None:
    """Ends the containers that this twin, or one before it in the same folder, did not see end."""
    try:
        engine = containers.engine()
    except containers.EngineMissing:
        return
    ours = f"label={LABEL}={home.home()}"
    if names := (engine.ask("ps", "--all", "--quiet", "--filter", ours) or "").split():
        engine.ask("kill", *names)  # podman's rm would wait for those that do not heed SIGTERM
        engine.ask("rm", "--force", *names)


def host_folder(office: str, path: str) -> Path:
    """The twin's folder for a folder of an office's hosts. Any user of a container may write there."""
    folder = home.home() / path.strip("/").split("/")[0] / office / "/".join(path.strip("/").split("/")[1:])
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):  # a job's user owns it
        folder.chmod(0o1777)
    return folder


def _words(attempt: Attempt, image: str, folder: Path) -> list[str]:
    """`folder` is this attempt's own."""
    words = ["run", "--name", attempt.name, "--network", "host", "--pull", "never"]
    words += ["--label", f"{LABEL}={home.home()}"]
    words += [f"--memory={attempt.memory_mib}m", f"--memory-swap={attempt.memory_mib}m"]
    if attempt.user:
        words += ["--user", attempt.user]
    podman = containers.engine().program == "podman"
    if podman:
        words.append("--rm")  # docker keeps it until it said whether the kernel ended it
    if attempt.read_only_root:
        # podman would lay a /tmp over it, which on AWS is not there.
        words += ["--read-only", *(["--read-only-tmpfs=false"] if podman else [])]
    for source, inside, read_only in attempt.mounts:
        mount = f"{host_folder(attempt.office, source)}:{inside}"
        words += ["--volume", f"{mount}:ro" if read_only else mount]
        if attempt.instance and source == hosts.SCRATCH:
            told = hosts.write_down(folder, *attempt.instance, hosts.id_for(attempt.name))
            words += ["--volume", f"{told}:{inside}/{hosts.FILE}:ro"]
    for name, value in attempt.environment.items():
        words += ["--env", f"{name}={value}"]
    return [*words, image, *attempt.command]


def _stop_when_told(engine: containers.Engine, attempt: Attempt, over: threading.Event) -> None:
    attempt.stopped.wait()
    if over.is_set():
        return
    if not attempt.at_once:
        engine.ask("stop", "--time", str(GRACE_S), attempt.name)
    # A container that is only being made takes no stop yet.
    while not over.wait(0.1):
        engine.ask("kill", attempt.name)
