"""`docker` for the rehearsal's jobs: this machine's engine, and a registry whose images lie on this machine.

An image that is asked for by digest is the one that was pushed under it (`rehearsal/registry.py`), for jobs
that have signed in.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline_images.containers import Engine, engine
from twin.batch_containers import ENGINE_FAILED, local_image

REGISTRY = ".dkr.ecr."


def signed_in() -> Path:
    """The registries that this job's machine has signed in at."""
    return Path(os.environ["RUNNER_TEMP"]) / "registries"


def login(words: Sequence[str]) -> int:
    """`login --username AWS --password-stdin REGISTRY`."""
    *options, registry = words
    if options != ["--username", "AWS", "--password-stdin"] or not sys.stdin.read().strip():
        print(f"Error: Cannot perform an interactive login at {registry}", file=sys.stderr)
        return 1
    with signed_in().open("a") as file:
        print(registry, file=file)
    return 0


def translated(words: Sequence[str]) -> list[str]:
    """The words with images of this machine in the registry's place. Raises LookupError."""
    known = signed_in().read_text().split() if signed_in().exists() else []
    found = []
    for word in words:
        registry = word.partition("/")[0]
        if REGISTRY not in registry or "@sha256:" not in word:
            found.append(word)
            continue
        if registry not in known:
            raise LookupError(f"Head https://{registry}/v2/: no basic auth credentials")
        image, stand_in = local_image(word)
        if stand_in:
            raise LookupError(f"manifest for {word} not found: manifest unknown")
        found.append(image)
    return found


def main(words: Sequence[str]) -> int:
    if words[0] == "login":
        return login(words[1:])
    here = engine(os.environ["REHEARSAL_ENGINE"])
    # By its path: the engine may be docker, which on the PATH is this command.
    there = Engine(program=os.environ["REHEARSAL_ENGINE_PATH"], environ=here.environ)
    try:
        command = there.command(*translated(words))
    except LookupError as error:
        print(f"docker: Error response from daemon: {error.args[0]}", file=sys.stderr)
        return ENGINE_FAILED
    return subprocess.run(command, env=dict(there.environ), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
