"""Commands: what the workflows ask, one function each, which gives the exit code.

`comment` and `drift` are run by jobs that install nothing: what they import is of the standard library.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rollout import comment as markdown
from rollout import drift
from rollout.costing import cost_of
from rollout.github import GitHub
from rollout.summary import Finding, Summary, read, summarise

ROOT = Path(__file__).resolve().parent.parent
# Merges whose labels are asked for; an office that is further behind is applied by hand.
MOST_COMMITS = 50


def check(_: argparse.Namespace) -> int:
    """Every fault of the stack files and of rollout.yaml, as annotations of a pull request."""
    from components.faults import InvalidOffices
    from components.roster import Fleet
    from rollout.annotations import annotations
    from rollout.settings import Settings

    faults: list[str] = []
    try:
        Fleet.load(ROOT)
    except InvalidOffices as error:
        faults.extend(error.faults)
    try:
        Settings.load(ROOT, _offices())
    except InvalidOffices as error:
        faults.extend(error.faults)
    for line in annotations(faults, ROOT):
        print(line)
    print(f"{len(faults)} faults in the stack files" if faults else "the stack files are sound")
    return 1 if faults else 0


def offices(arguments: argparse.Namespace) -> int:
    """The offices that the change from --base to --head touches, as a job's output."""
    from rollout.repository import UnknownCommit, changed_paths, commit_of, tree, uncommitted_stack_files
    from rollout.touched import gone, touched

    try:
        base, head = commit_of(ROOT, arguments.base), commit_of(ROOT, arguments.head)
    except UnknownCommit as fault:
        print(f"rollout: {fault}", file=sys.stderr)
        return 2
    if unseen := uncommitted_stack_files(ROOT):
        count = "1 stack file is" if len(unseen) == 1 else f"{len(unseen)} stack files are"
        print(f"{count} not committed and so not seen: {', '.join(unseen)}", file=sys.stderr)
    before, after = tree(ROOT, base), tree(ROOT, head)
    found = touched(changed_paths(ROOT, base, head), before, after)
    for office, paths in found.items():
        print(f"{office}: {', '.join(paths)}", file=sys.stderr)
    leads = after.headquarters
    told = {"offices": list(found), "gone": gone(before, after)}
    output({**{name: json.dumps(each) for name, each in told.items()}, "headquarters": "".join(leads[:1])})
    return 0


def plan(arguments: argparse.Namespace) -> int:
    """The waves of a rollout of --head: every office that differs from what was last applied to it."""
    from rollout.order import Rollout, rollout
    from rollout.repository import git
    from rollout.settings import Settings

    names, head = _offices(), git(ROOT, "rev-parse", arguments.head).strip()
    settings = Settings.load(ROOT, names)
    if arguments.office and arguments.office not in names:
        print(f"there is no office {arguments.office!r} (valid: {', '.join(names)})", file=sys.stderr)
        return 2
    if arguments.tip and git(ROOT, "rev-parse", arguments.tip).strip() != head:
        _summary(
            [f"`{head[:12]}` is no longer {arguments.tip}: a newer rollout brings it, this one does nothing"]
        )
        output(Rollout(steps=(), waiting={}).outputs_json())
        return 0
    github = GitHub.from_environment()
    applied = {name: github.applied(name) for name in names}
    if arguments.office:
        due = {arguments.office: "asked for"}
    else:
        due = {name: why for name in names if (why := _due(name, applied[name], head))}
    planned = rollout(settings, names, list(due), datetime.now(UTC), override=arguments.override)
    lines = [f"## Rollout of `{head[:12]}`", ""]
    for number, step in enumerate(planned.steps, start=1):
        lines.append(f"* wave {number}, {step.name}: {', '.join(step.offices) or '–'}")
    lines += [f"* **{name} waits**: {reason}" for name, reason in planned.waiting.items()]
    lines += [f"* {name}: {markdown.code(why)}" for name, why in due.items()]
    lines += [f"* {name}: already as the repository says" for name in names if name not in due]
    if arguments.override:
        lines.append(f"* hours and freezes are ignored: {markdown.code(arguments.override)}")
    _summary(lines)
    output(planned.outputs_json())
    return 0


def _due(office: str, applied: str | None, head: str) -> str:
    """Why an office is to be applied; empty when it is not."""
    from rollout.repository import changed_paths, tree
    from rollout.touched import touched

    if applied is None:
        return "never applied"
    try:
        paths = changed_paths(ROOT, applied, head)
        found = touched(paths, tree(ROOT, applied), tree(ROOT, head)).get(office, ())
    except subprocess.CalledProcessError:
        return f"{applied[:12]}, which was applied, is no longer in the history"
    return f"since {applied[:12]}: {', '.join(found)}" if found else ""


def settled(arguments: argparse.Namespace) -> int:
    """The offices that wait for no change: what differs in them is drift."""
    github = GitHub.from_environment()
    found = [name for name in _offices() if not _due(name, github.applied(name), arguments.head)]
    output({"offices": json.dumps(found)})
    return 0


def images(arguments: argparse.Namespace) -> int:
    """The images that the change from --base to --head calls to be built; all of them without a --base."""
    from components.pipeline import load_pipelines
    from rollout.repository import changed_paths
    from rollout.touched import changed_images

    pipelines = list(load_pipelines(ROOT))
    try:
        found = changed_images(changed_paths(ROOT, arguments.base, arguments.head), pipelines)
    except subprocess.CalledProcessError:  # a run by hand, or the branch's first push
        found = pipelines
    output({"images": json.dumps(found)})
    return 0


def image(arguments: argparse.Namespace) -> int:
    """Where an image is pushed to, under which tag, and by which role."""
    from bootstrap import names
    from components.names import registry_host, repository_name
    from components.pipeline import load_pipelines
    from components.roster import Fleet

    headquarters = Fleet.load(ROOT).headquarters
    pipeline = load_pipelines(ROOT)[arguments.image]
    output(
        {
            "region": headquarters.region,
            "role": names.role_arn(headquarters, names.images_role(headquarters)),
            "registry": registry_host(headquarters.account, headquarters.region),
            "repository": repository_name(pipeline.name),
            # Tags cannot be moved, and two commits may build the same version.
            "tag": f"{pipeline.version}-{arguments.commit[:12]}",
        }
    )
    return 0


def office(arguments: argparse.Namespace) -> int:
    """What a job needs to know to work in an office: account, region, roles, state."""
    from bootstrap import names
    from components.roster import Fleet

    found = Fleet.load(ROOT).office(arguments.office)
    output(
        {
            "region": found.region,
            "backend": names.backend(found),
            "preview_role": names.role_arn(found, names.preview_role(found)),
            "deploy_role": names.role_arn(found, names.deploy_role(found)),
        }
    )
    return 0


def summary(arguments: argparse.Namespace) -> int:
    """Makes a summary of `pulumi preview --json --show-sames`, with what the policies find in it."""
    from policies.declared import of_preview
    from policies.pack import judge

    try:
        preview = json.loads(arguments.preview.read_text())
    except (OSError, ValueError):
        made = Summary(office=arguments.office, fault="pulumi preview gave no result: see the job's log")
    else:
        findings = [
            Finding(policy=each.policy.id, name=each.resource.name, message=each.message)
            for each in judge(of_preview(preview))
        ]
        made = summarise(arguments.office, preview, findings)
        if not made.fault:  # half a preview has half a cost
            made = replace(made, cost=cost_of(ROOT, made.office, preview, arguments.runs))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(made.to_json())
    print(f"{made.office}: {len(made.changes)} changes, {len(made.findings)} findings {made.fault}")
    return 0


def comment(arguments: argparse.Namespace) -> int:
    """Writes the pull request's one comment from the summaries in a folder."""
    github, summaries = GitHub.from_environment(), _summaries(arguments)
    labels, gone = github.labels(arguments.pull_request), json.loads(arguments.gone)
    text = markdown.comment(summaries, labels, arguments.commit, gone)
    print(f"comment {github.put_comment(arguments.pull_request, markdown.MARKER, text)}")
    refused = [*markdown.refusals(summaries, labels), *markdown.given_up(gone, labels)]
    # Colons at a line's start would be commands to the workflow.
    print("\n".join(f"refused: {line!r}" for line in refused) or "nothing stands against it")
    return 1 if refused else 0


def refuse(arguments: argparse.Namespace) -> int:
    """Fails when a change that is about to be applied must not be, unless its pull requests allowed it."""
    from rollout.repository import git

    made, github = read(arguments.summary), GitHub.from_environment()
    base, head = github.applied(made.office), arguments.head
    span = [f"{base}..{head}"] if base else ["--max-count=1", head]
    commits = git(ROOT, "rev-list", "--first-parent", *span).split()[:MOST_COMMITS]
    labels = {label for commit in commits for label in github.labels_of_commit(commit)}
    refused = markdown.refusals([made], labels)
    print("\n".join(f"refused: {line!r}" for line in refused) or "nothing stands against it")
    return 1 if refused else 0


def drifted(arguments: argparse.Namespace) -> int:
    """Opens, updates or closes each office's issue from the summaries in a folder."""
    github = GitHub.from_environment()
    for each in _summaries(arguments):
        print(drift.record(github, each))
    return 0


def drifted_office(arguments: argparse.Namespace) -> int:
    """The office of the drift issue that an event is about."""
    event = json.loads(arguments.event.read_text())
    found = drift.office_of(event["issue"])
    if found is None:
        print("this issue was not opened by the drift workflow: it names no office", file=sys.stderr)
        return 1
    output({"office": found})
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """What a failed run's log means."""
    from rollout.explanations import explain as explained

    lines = explained(arguments.office, arguments.log.read_text(errors="replace"))
    for line in lines:
        print(f"::error title={arguments.office}::{line}")
    _summary([f"**{arguments.office} failed.** Offices of later waves were left as they are.", "", *lines])
    return 0


def status(_: argparse.Namespace) -> int:
    """Which commit each office has."""
    github = GitHub.from_environment()
    rows = [(name, github.applied(name)) for name in _offices()]
    lines = ["| office | applied commit |", "|-|-|"]
    _summary(
        ["### What is where", "", *lines, *(f"| {name} | `{commit or 'never'}` |" for name, commit in rows)]
    )
    return 0


def _offices() -> list[str]:
    from rollout.touched import STACK_FILE

    return sorted(found[1] for path in ROOT.iterdir() if (found := STACK_FILE.fullmatch(path.name)))


def _summaries(arguments: argparse.Namespace) -> list[Summary]:
    """One for each office of --offices: a job that left none has failed."""
    found = {path.stem: path for path in sorted(arguments.summaries.rglob("*.json"))}
    return [
        read(found[name], name)
        if name in found
        else Summary(office=name, fault="no preview: see the job's log")
        for name in json.loads(arguments.offices)
    ]


def output(values: Mapping[str, str]) -> None:
    """A job's outputs, or the terminal when this is none."""
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        with Path(path).open("a") as file:
            file.write(lines)
    print(lines, end="")


def _summary(lines: Sequence[str]) -> None:
    """On the run's page."""
    text = "\n".join(lines) + "\n"
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a") as file:
            file.write(text)
    print(text, end="")
