"""An upload that takes all it can get: its own run ends, within its budgets, and its neighbours are done."""

import pytest

from handlers import reconcile
from handlers.run import FAILED, REJECTED, TERMINAL
from tests.handlers.aws_fakes import World
from tests.handlers.conftest import world  # noqa: F401
from tests.handlers.lab import started, succeeded, tell

GREEDY, NEIGHBOUR = "metagenome/soil/Greedy/input.tar", "metagenome/soil/S1/input.tar"
# What it exhausts → the job's exit code, what AWS says, what the runner says, how the run ends.
ENDINGS = {
    "memory": (137, "OutOfMemoryError: Container killed due to memory usage", "", FAILED),
    "disk": (74, "Essential container in task exited", "No space left on device", FAILED),
    "time": (None, "Job attempt duration exceeded timeout", "", FAILED),
    "files": (65, "Essential container in task exited", "the tar holds more than 10000 files", REJECTED),
}
MOST_ATTEMPTS = 9  # all budgets of an office together are more than any class of failure has


@pytest.mark.parametrize("kind", ENDINGS)
def test_an_upload_that_exhausts_something_hurts_its_own_run_alone(world: World, kind: str) -> None:  # noqa: F811
    """Or whoever may upload stops the whole office, or lets it compute for ever."""
    code, reason, said, end = ENDINGS[kind]
    greedy = started(world, GREEDY)
    attempts = 0
    while (run := world.runs()[greedy])["state"] not in TERMINAL:
        attempts += 1
        assert attempts <= MOST_ATTEMPTS
        assert len(run["attempts"]) == attempts
        if said:
            world.say(greedy, attempts, code or 1, said)
        name = f"{greedy}-{attempts}"
        assert tell(world, world.job_event(name, "FAILED", reason=reason, code=code)) == []
        world.sleep(3600)
        reconcile.handle({}, world.context())
    assert run["state"] == end
    jobs = len(world.jobs)

    neighbour = succeeded(world, NEIGHBOUR)
    world.sleep(86_400)
    reconcile.handle({}, world.context())
    done = world.runs()[neighbour]
    assert (done["state"], len(done["attempts"])) == ("succeeded", 1)
    assert done["attempts"][0]["memory_mib"] <= run["attempts"][0]["memory_mib"], "nobody pays for its greed"
    assert world.runs()[greedy]["state"] == end
    assert len(world.jobs) == jobs + 1, "it is not tried again, and nothing else is"
