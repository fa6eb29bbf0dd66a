"""`make rehearse`: the rollout's story by the workflow files themselves, without GitHub and without AWS.

The exit code is 0 only when all of it came.
"""

import os
import sys
from pathlib import Path
from time import monotonic

from rich.console import Console

from canary.mock import NotMade
from pipeline_images.containers import EngineMissing
from rehearsal import Broken, act, registry, steps, story, world
from twin.server import StartFailed

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".rehearsal"

console = Console(highlight=False, soft_wrap=True, markup=False)
if not console.is_terminal:
    console.width = 120  # a log has no width of its own


def main() -> int:
    os.environ["TWIN_HOME"] = str(HOME / "twin")
    told = steps.Told(say=lambda words: console.print(f"  {words}"))
    began = monotonic()
    try:
        registry.needed()
        with world.made(HOME, ended) as here:
            for number, chapter in enumerate(story.CHAPTERS, start=1):
                console.print(f"\n{number}. {(chapter.__doc__ or '').strip()}")
                chapter(here, told)
    except (act.Missing, EngineMissing, NotMade, StartFailed) as fault:
        console.print(str(fault))
        return 2
    except Broken as fault:
        console.print(f"\nBroken: {fault}. The jobs' logs are in {HOME / 'runs'}.")
        return 1
    console.print()
    for what, seconds in told.seconds.items():
        console.print(f"From push to last office, {what}: {seconds:.0f} s")
    console.print(f"All of it came, in {monotonic() - began:.0f} s.")
    return 0


def ended(job: act.Job, seconds: float) -> None:
    mark = {"success": "✓", "failure": "✗"}.get(job.result, job.result)
    console.print(f"  {mark} {job} ({seconds:.0f} s)")


if __name__ == "__main__":
    sys.exit(main())
