"""The story of a rehearsal, chapter by chapter: what people do, what must come of it, and that it did."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from time import monotonic

import yaml

from components.names import physical, repository_name
from rehearsal.pulumi import dies
from rehearsal.registry import NEXT, PIPELINE, SPOILT
from rehearsal.steps import (
    Told,
    analysed,
    digest_of,
    digests,
    ever,
    expect,
    look,
    plain,
    previewed,
    promoted,
    reached,
    rollout,
    show_table,
    written_by_hand,
)
from rehearsal.world import World
from rollout.drift import REMEDIATE
from rollout.refused import FILE as REFUSED

NEW_PIPELINE = "virome"
CONTRACT = f"pipeline_images/{NEW_PIPELINE}/pipeline.yaml"

Chapter = Callable[[World, Told], None]


def first_rollout(world: World, told: Told) -> None:
    """Empty accounts, one push"""
    rollout(world, told, world.first_push(), world.order, what="the first push")


def proposal(world: World, told: Told) -> None:
    """A pull request touches one office, then all: one comment; two merges at once go in waves"""
    first, canary, *rest = world.order
    world.repository.branch("fewer")
    world.repository.edit(f"Pulumi.{canary}.yaml", "maxVcpus: 256", "maxVcpus: 128")
    world.repository.commit(f"Half the vCPUs in {canary}")
    pull = world.open("fewer")
    opened = world.pushed(pull, "opened")
    expect(world.run("check.yml", opened).succeeded, "check passes")
    told.say(previewed(world, pull, opened, offices=1))
    for office in (first, *rest):
        world.repository.edit(f"Pulumi.{office}.yaml", "maxVcpus: 256", "maxVcpus: 128")
    world.repository.commit("Half the vCPUs for everybody")
    told.say(previewed(world, pull, world.pushed(pull, "synchronize"), offices=len(world.order)))
    world.repository.branch("budget")
    world.repository.edit(f"Pulumi.{canary}.yaml", "monthlyUsd: 2000", "monthlyUsd: 2500")
    world.repository.commit(f"A larger budget in {canary}")
    other = world.open("budget")
    world.pushed(other, "opened")
    older, newer = world.merge(pull), world.merge(other)
    told.say("Two merges at once: the older run finds a newer commit and leaves all to it.")
    rollout(world, told, older, ())
    rollout(world, told, newer, world.order, what="a merge that touches every office")


def failure(world: World, told: Told) -> None:
    """A merge that fails in an office stops there; a machine dies in the middle; what waits is taken up"""
    first, canary, *rest = world.order
    # What no preview can see: somebody made a registry of that name by hand.
    ecr, name = world.twin.client("ecr", canary), repository_name(NEW_PIPELINE)
    ecr.create_repository(repositoryName=name)
    world.repository.branch("pipeline")
    world.repository.copy("pipeline_images/metagenome/pipeline.yaml", CONTRACT)
    world.repository.edit(CONTRACT, "name: metagenome", f"name: {NEW_PIPELINE}")
    world.repository.commit(f"A registry for {NEW_PIPELINE}")
    pull = world.open("pipeline")
    told.say(previewed(world, pull, world.pushed(pull, "opened"), offices=len(world.order)))
    before = world.repository.main
    run = world.run("apply.yml", world.merge(pull))
    expect(not run.succeeded, "the rollout says that it failed")
    expect(reached(run) == [first, canary], "nobody's turn comes after the office that failed")
    there = {office: world.github.client.applied(office) for office in world.order}
    wanted = {first: world.repository.main, **dict.fromkeys((canary, *rest), before)}
    expect(there == wanted, f"only {first} has the merge: {there}")
    for words in run.jobs[-1].errors:
        told.say(words)
    for office, commit in there.items():
        told.say(f"{office} has {'the merge' if commit == world.repository.main else 'what it had before'}")
    told.say(f"Somebody removes the registry in {canary}. An hour later, the machine dies in the middle:")
    ecr.delete_repository(repositoryName=name)
    dies(canary, after=1)
    expect(not world.run("apply.yml", world.clock()).succeeded, "a run that was killed has failed")
    told.say("An hour later:")
    run = world.run("apply.yml", world.clock())
    expect(reached(run) == [canary], "the lock that it left holds the next run up")
    words = " ".join(run.jobs[-1].errors)
    expect(f"pulumi cancel -s {canary}" in words, f"the run names the command that frees it: {words}")
    told.say(words)
    world.pulumi("cancel", "-s", canary, "--yes")
    told.say(f"Somebody runs it: pulumi cancel -s {canary}. An hour later what was begun is ended:")
    rollout(world, told, world.clock(), (canary, *rest))


def promotion(world: World, told: Told) -> None:
    """A new image: by hand to headquarters, then by the pull requests that its gates let through"""
    first, *others = world.order
    world.prepare_samples()
    told.before, began = digest_of(world, first), monotonic()
    digest = world.push_image("next", NEXT)
    told.say(f"{digest[:19]}… is in {first}'s registry.")
    rollout(world, told, written_by_hand(world, first, told.before, digest), (first,))
    expect(promoted(world, told) is None, f"nothing moves before {first} has proved it")
    world.registry.replicate(digest, *others)
    for before, office in pairwise(world.order):
        analysed(world, told, before)
        pull = promoted(world, told)
        expect(pull is not None, f"the gates let the release through to {office}")
        assert pull
        body = world.github.proposed[-1]["body"]
        expect("distance from the truth" in body and "🔴" not in body, "it shows the canary's table")
        if office == others[0]:  # the next one's is the same
            show_table(told, body)
        told.say(previewed(world, pull, world.pushed(pull, "opened"), offices=1))
        rollout(world, told, world.merge(pull), (office,))
    told.seconds["a release through every gate, to each office by its own merge"] = world.last_office - began
    expect(set(digests(world).values()) == {digest}, "every office's jobs run the new image")


def bad_image(world: World, told: Told) -> None:
    """A bad image ends well; the canary stops it at headquarters, and its digest is remembered"""
    first, *others = world.order
    good = digest_of(world, first)
    digest = world.push_image("spoilt", SPOILT)
    world.registry.replicate(digest, *others)
    rollout(world, told, written_by_hand(world, first, good, digest), (first,))
    analysed(world, told, first)
    pull = promoted(world, told)
    expect(pull is not None and pull.branch.startswith("revert/"), "a pull request takes it back")
    assert pull
    told.say(plain(world.github.proposed[-1]["body"].splitlines()[0]))
    refused = yaml.safe_load((world.repository.desk / REFUSED).read_text())
    expect([each["digest"] for each in refused] == [digest], "the digest is remembered")
    told.say(previewed(world, pull, world.pushed(pull, "opened"), offices=1))
    rollout(world, told, world.merge(pull), (first,), what="a bad image taken back")
    expect(set(digests(world).values()) == {good}, "every office has the good image")
    expect(digest in ever(world, first), f"{first}'s jobs had the bad one")
    expect(not any(digest in ever(world, office) for office in others), "no other office's ever had")
    world.repository.branch("again")
    world.repository.edit(f"Pulumi.{first}.yaml", good, digest)
    ran = world.fleet("promote", PIPELINE, "--json")
    held = {each["gate"] for each in json.loads(ran.stdout)["gates"] if not each["passed"]}
    # Nobody is logged in to GitHub at the desk, so who built it is not known there either.
    expect(held == {"attestation", "canary", "refused"} and ran.returncode != 0, f"it is held again: {held}")
    told.say(f"Written into {first}'s file once more, `fleet promote` says: {ran.stderr.strip()}")
    world.repository.drop()


def drifted(world: World, told: Told) -> None:
    """A change by hand is found, told in an issue, and mended by a label; the issue closes by itself"""
    office = world.order[1]
    sqs = world.twin.client("sqs", office)
    queue = sqs.get_queue_url(QueueName=physical(office, "intake-queue"))["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
    look(world)
    (issue,) = world.github.issues
    expect(f"{office}: 1 resource differs" in issue["title"], "the issue names the office")
    told.say(f"#{issue['number']} {issue['state']}: {issue['title']}")
    expect(world.run("remediate.yml", world.labelled(issue, REMEDIATE)).succeeded, "the label is heard")
    (asked,) = world.github.dispatched
    rollout(world, told, world.by_hand(asked["inputs"]), (office,))
    look(world)
    expect(issue["state"] == "closed", "the issue closes by itself")
    told.say(f"#{issue['number']} {issue['state']}: {world.github.comments_of(issue['number'])[-1]['body']}")


def rollback(world: World, told: Told) -> None:
    """The release is taken back by hand in every office, and stays away"""
    world.repository.branch("rollback")
    digest = digest_of(world, world.order[0])
    ran = world.fleet("revert", PIPELINE, "--reason", "abundances of one genus are too low")
    expect(ran.returncode == 0, f"fleet revert: {ran.stderr.strip()}")
    for line in ran.stderr.splitlines():
        told.say(line)
    world.repository.commit("Take the image back")
    pull = world.open("rollback")
    told.say(previewed(world, pull, world.pushed(pull, "opened"), offices=len(world.order)))
    rollout(world, told, world.merge(pull), world.order, what="a rollback")
    back = digests(world)
    expect(set(back.values()) == {told.before}, f"every office has what it had before: {back}")
    refused = yaml.safe_load((world.repository.desk / REFUSED).read_text())
    expect(digest in [each["digest"] for each in refused], "the digest is remembered")
    expect(promoted(world, told) is None, "nothing moves it again")
    rollout(world, told, world.clock(), ())
    look(world)
    expect(all(each["state"] == "closed" for each in world.github.issues), "no office differs")
    expect(digests(world) == back, "the offices keep what the rollback brought")
    told.say("An hourly run and a night later nothing has moved.")


CHAPTERS: Sequence[Chapter] = (
    first_rollout,
    proposal,
    failure,
    promotion,
    bad_image,
    drifted,
    rollback,
)
