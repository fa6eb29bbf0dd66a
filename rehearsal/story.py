"""The story of a rehearsal, chapter by chapter: what people do, what must come of it, and that it did."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import yaml

from components.names import physical, repository_name
from rehearsal import Broken
from rehearsal.act import Event, Run
from rehearsal.world import PullRequest, World
from rollout.drift import REMEDIATE
from rollout.refused import FILE as REFUSED

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NEW_DIGEST = f"sha256:{'ab' * 32}"
NEW_PIPELINE = "virome"
CONTRACT = f"pipeline_images/{NEW_PIPELINE}/pipeline.yaml"


@dataclass(kw_only=True)
class Told:
    """What chapters say, and what they leave for those after them."""

    say: Callable[[str], None]
    release: str = ""  # the merge that brought the new digest
    seconds: dict[str, float] = field(default_factory=dict)  # from a push to the last office


Chapter = Callable[[World, Told], None]


def first_rollout(world: World, told: Told) -> None:
    """Empty accounts, one push"""
    _rollout(world, told, world.first_push(), world.order, what="the first push")


def proposal(world: World, told: Told) -> None:
    """A pull request touches one office, then all: one comment, updated in place; the merge goes in waves"""
    canary = world.order[1]
    world.repository.branch("release")
    world.repository.edit(f"Pulumi.{canary}.yaml", "maxVcpus: 256", "maxVcpus: 128")
    world.repository.commit(f"Half the vCPUs in {canary}")
    pull = world.open("release")
    opened = world.pushed(pull, "opened")
    _expect(world.run("check.yml", opened).succeeded, "check passes")
    told.say(_previewed(world, pull, opened, offices=1))
    for office in world.order:
        file = f"Pulumi.{office}.yaml"
        (old,) = set(DIGEST.findall((world.repository.desk / file).read_text()))
        world.repository.edit(file, old, NEW_DIGEST)
    world.repository.commit("A new image for everybody")
    told.say(_previewed(world, pull, world.pushed(pull, "synchronize"), offices=len(world.order)))
    _rollout(world, told, world.merge(pull), world.order, what="a release")
    told.release = world.repository.main
    _expect(set(_digests(world).values()) == {NEW_DIGEST}, "every office's jobs run the new image")


# Between these two belongs a promotion: the canary's comparison, and a bad image that it stops.


def failure(world: World, told: Told) -> None:
    """A merge that fails in the canary office stops there; what waits is taken up once the reason is gone"""
    first, canary, *rest = world.order
    # What no preview can see: somebody made a registry of that name by hand.
    ecr, name = world.twin.client("ecr", canary), repository_name(NEW_PIPELINE)
    ecr.create_repository(repositoryName=name)
    world.repository.branch("pipeline")
    world.repository.copy("pipeline_images/metagenome/pipeline.yaml", CONTRACT)
    world.repository.edit(CONTRACT, "name: metagenome", f"name: {NEW_PIPELINE}")
    world.repository.commit(f"A registry for {NEW_PIPELINE}")
    pull = world.open("pipeline")
    told.say(_previewed(world, pull, world.pushed(pull, "opened"), offices=len(world.order)))
    before = world.repository.main
    run = world.run("apply.yml", world.merge(pull))
    _expect(not run.succeeded, "the rollout says that it failed")
    _expect(_reached(run) == [first, canary], "nobody's turn comes after the office that failed")
    there = {office: world.github.client.applied(office) for office in world.order}
    wanted = {first: world.repository.main, **dict.fromkeys((canary, *rest), before)}
    _expect(there == wanted, f"only {first} has the merge: {there}")
    for words in run.jobs[-1].errors:
        told.say(words)
    for office, commit in there.items():
        told.say(f"{office} has {'the merge' if commit == world.repository.main else 'what it had before'}")
    told.say(f"Somebody removes the registry in {canary}. An hour later:")
    ecr.delete_repository(repositoryName=name)
    _rollout(world, told, world.clock(), (canary, *rest))


def drifted(world: World, told: Told) -> None:
    """A change by hand is found, told in an issue, and mended by a label; the issue closes by itself"""
    office = world.order[1]
    sqs = world.twin.client("sqs", office)
    queue = sqs.get_queue_url(QueueName=physical(office, "intake-queue"))["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
    _look(world)
    (issue,) = world.github.issues
    _expect(f"{office}: 1 resource differs" in issue["title"], "the issue names the office")
    told.say(f"#{issue['number']} {issue['state']}: {issue['title']}")
    _expect(world.run("remediate.yml", world.labelled(issue, REMEDIATE)).succeeded, "the label is heard")
    (asked,) = world.github.dispatched
    _rollout(world, told, world.by_hand(asked["inputs"]), (office,))
    _look(world)
    _expect(issue["state"] == "closed", "the issue closes by itself")
    told.say(f"#{issue['number']} {issue['state']}: {world.github.comments_of(issue['number'])[-1]['body']}")


def rollback(world: World, told: Told) -> None:
    """The release is taken back, and stays away"""
    world.repository.branch("rollback")
    world.repository.revert(told.release)
    refused = [{"digest": NEW_DIGEST, "reason": "wrong abundances"}]
    (world.repository.desk / REFUSED).write_text(yaml.safe_dump(refused, sort_keys=False))
    world.repository.commit("Take the image back")
    pull = world.open("rollback")
    told.say(_previewed(world, pull, world.pushed(pull, "opened"), offices=len(world.order)))
    _rollout(world, told, world.merge(pull), world.order, what="a rollback")
    back = _digests(world)
    _expect(NEW_DIGEST not in back.values(), f"no office's jobs run the refused image: {back}")
    _rollout(world, told, world.clock(), ())
    _look(world)
    _expect(all(each["state"] == "closed" for each in world.github.issues), "no office differs")
    _expect(_digests(world) == back, "the offices keep what the rollback brought")
    told.say("An hourly run and a night later nothing has moved.")


CHAPTERS: Sequence[Chapter] = (first_rollout, proposal, failure, drifted, rollback)


def _expect(holds: bool, words: str) -> None:
    if not holds:
        raise Broken(f"this does not hold: {words}")


def _previewed(world: World, pull: PullRequest, event: Event, *, offices: int) -> str:
    """Previews; what the comment begins with."""
    _expect(world.run("preview.yml", event).succeeded, "the verdict lets the change through")
    comments = world.github.comments_of(pull.number)
    _expect(len(comments) == 1, f"the pull request has one comment, not {len(comments)}")
    heading = str(comments[0]["body"]).splitlines()[1].removeprefix("### ")
    wanted = f"This change reaches {offices} office{'s' if offices > 1 else ''}"
    _expect(heading == wanted, f"the comment begins with {wanted!r}, not {heading!r}")
    return f"#{pull.number}, comment {comments[0]['id']}: {heading}"


def _rollout(world: World, told: Told, event: Event, offices: Sequence[str], *, what: str = "") -> None:
    """Applies, to `offices` in this order. `what` is for the table of times."""
    began = monotonic()
    run = world.run("apply.yml", event)
    _expect(run.succeeded, "the rollout ends well")
    _expect(_reached(run) == [*offices], f"it reaches {', '.join(offices) or 'nobody'}, not {_reached(run)}")
    if what:
        told.seconds[what] = world.last_office - began
    for office in offices:
        _expect(world.github.client.applied(office) == world.repository.main, f"{office} has what main has")


def _look(world: World) -> None:
    _expect(world.run("drift.yml", world.clock()).succeeded, "the nightly look ends well")


def _reached(run: Run) -> list[str]:
    """The offices whose turn came, in that order."""
    return [job.environment for job in run.jobs if job.environment]


def _digests(world: World) -> dict[str, str]:
    """By office: the image of the newest active revision of its job definition."""
    found = {}
    for office in world.order:
        answer = world.twin.client("batch", office).describe_job_definitions(
            jobDefinitionName=physical(office, "metagenome"), status="ACTIVE"
        )
        newest = max(answer["jobDefinitions"], key=lambda each: int(each["revision"]))
        (found[office],) = DIGEST.findall(newest["containerProperties"]["image"])
    return found
