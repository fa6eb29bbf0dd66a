"""Steps of a rehearsal's chapters: what people and the clock do, and what must come of it."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from components.names import physical
from handlers.run import SUCCEEDED
from rehearsal import Broken
from rehearsal.act import Event, Run
from rehearsal.registry import PIPELINE
from rehearsal.world import PullRequest, World

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(kw_only=True)
class Told:
    """What chapters say, and what they leave for those after them."""

    say: Callable[[str], None]
    before: str = ""  # the digest that every office had before the promotion
    seconds: dict[str, float] = field(default_factory=dict)  # from a push to the last office


def expect(holds: bool, words: str) -> None:
    if not holds:
        raise Broken(f"this does not hold: {words}")


def previewed(world: World, pull: PullRequest, event: Event, *, offices: int) -> str:
    """Previews; what the comment begins with."""
    expect(world.run("preview.yml", event).succeeded, "the verdict lets the change through")
    comments = world.github.comments_of(pull.number)
    expect(len(comments) == 1, f"the pull request has one comment, not {len(comments)}")
    heading = str(comments[0]["body"]).splitlines()[1].removeprefix("### ")
    wanted = f"This change reaches {offices} office{'s' if offices > 1 else ''}"
    expect(heading == wanted, f"the comment begins with {wanted!r}, not {heading!r}")
    return f"#{pull.number}, comment {comments[0]['id']}: {heading}"


def rollout(world: World, told: Told, event: Event, offices: Sequence[str], *, what: str = "") -> None:
    """Applies, to `offices` in this order. `what` is for the table of times."""
    began = monotonic()
    run = world.run("apply.yml", event)
    expect(run.succeeded, "the rollout ends well")
    expect(reached(run) == [*offices], f"it reaches {', '.join(offices) or 'nobody'}, not {reached(run)}")
    if what:
        told.seconds[what] = world.last_office - began
    for office in offices:
        expect(world.github.client.applied(office) == world.repository.main, f"{office} has what main has")


def written_by_hand(world: World, office: str, old: str, new: str) -> Event:
    """The merge that brings a digest to the first wave, whose releases nobody has proved."""
    world.repository.branch("image")
    world.repository.edit(f"Pulumi.{office}.yaml", old, new)
    world.repository.commit(f"A new image for {office}")
    pull = world.open("image")
    world.pushed(pull, "opened")
    return world.merge(pull)


def analysed(world: World, told: Told, office: str) -> None:
    row = world.samples.analysed(office)
    expect(row["state"] == SUCCEEDED, f"{office}'s sample {row['sample']} is {row['state']}")
    told.say(f"{office}: sample {row['sample']} {row['state']} with {row['release_digest'][:19]}…")


def promoted(world: World, told: Told) -> PullRequest | None:
    """What the hourly run opens."""
    run = world.run("promote.yml", world.clock())
    expect(run.succeeded, "the hourly look at the gates ends well")
    for line in run.job("gates").lines:
        if line.startswith(f"{PIPELINE}: "):
            told.say(line)
    found = world.proposed()
    if found:
        told.say(f"#{found.number}: {world.github.proposed[-1]['title']}")
    return found


def show_table(told: Told, body: str) -> None:
    """The canary's checks, as the pull request shows them."""
    start = body.index("| | measured | tolerance | |")
    for line in body[start:].split("\n\n")[0].splitlines()[2:]:
        told.say(plain(line))


def plain(markdown: str) -> str:
    return html.unescape(re.sub(r"</?code>", "", markdown))


def look(world: World) -> None:
    expect(world.run("drift.yml", world.clock()).succeeded, "the nightly look ends well")


def reached(run: Run) -> list[str]:
    """The offices whose turn came, in that order."""
    return [job.environment for job in run.jobs if job.environment]


def digest_of(world: World, office: str) -> str:
    return digests(world)[office]


def digests(world: World) -> dict[str, str]:
    """By office: the image of the newest active revision of its job definition."""
    found = {}
    for office in world.order:
        answer = world.twin.client("batch", office).describe_job_definitions(
            jobDefinitionName=physical(office, PIPELINE), status="ACTIVE"
        )
        newest = max(answer["jobDefinitions"], key=lambda each: int(each["revision"]))
        (found[office],) = DIGEST.findall(newest["containerProperties"]["image"])
    return found


def ever(world: World, office: str) -> set[str]:
    """Every image that any revision of its job definition has had."""
    pages = world.twin.client("batch", office).get_paginator("describe_job_definitions")
    revisions = [
        each
        for page in pages.paginate(jobDefinitionName=physical(office, PIPELINE))
        for each in page["jobDefinitions"]
    ]
    return {digest for each in revisions for digest in DIGEST.findall(each["containerProperties"]["image"])}
