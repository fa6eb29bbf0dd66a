"""Commands of the workflow `promote`, beside those in `commands`.

`propose` is run by a job that installs nothing: what it imports is of the standard library.
"""

import argparse

from rollout import proposal
from rollout.commands import ROOT, output
from rollout.github import GitHub


def profiles(arguments: argparse.Namespace) -> int:
    """AWS profiles of every office, each its own role by GitHub's token; and where HQ's images are."""
    from bootstrap import names
    from components.names import registry_host
    from components.roster import Fleet

    fleet = Fleet.load(ROOT)
    lines: list[str] = []
    for office in fleet.offices:
        lines += [
            f"[profile {office.name}]",
            f"region = {office.region}",
            f"role_arn = {names.role_arn(office, names.promote_role(office))}",
            f"web_identity_token_file = {arguments.token.absolute()}",
            f"role_session_name = {arguments.session}",
        ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(lines) + "\n")
    headquarters = fleet.headquarters
    registry = registry_host(headquarters.account, headquarters.region)
    output({"headquarters": headquarters.name, "region": headquarters.region, "registry": registry})
    return 0


def propose(arguments: argparse.Namespace) -> int:
    """Opens the pull requests that the gates let through, and those that take a release back."""
    github, code = GitHub.from_environment(), 0
    for path in sorted(arguments.proposals.rglob("*.json")):
        try:
            found = proposal.read(path)
        except ValueError as error:  # the others may hold a revert
            print(f"refused: {str(error)!r}")
            code = 1
            continue
        print(proposal.propose(github, found, arguments.commit))
    return code
