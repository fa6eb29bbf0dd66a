"""`python -m bootstrap OFFICE [--apply]`: what an office's account needs before Pulumi can work in it.

Without --apply it only says what it would do. With it, it does that, and a second time it does nothing. Needs
credentials of the account that may make buckets, keys and roles; nothing of them is kept.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from bootstrap import audit, identity, names, state
from bootstrap.account import Account, Action
from bootstrap.organization import service_control_policy
from components.faults import InvalidOffices
from components.roster import Fleet
from rollout.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
# In this order: the buckets are encrypted with the key, the trail writes into one of them, the roles name
# provider and boundary.
THINGS: tuple[Callable[[Account], list[Action]], ...] = (
    state.key,
    state.bucket,
    audit.bucket,
    audit.trail,
    identity.provider,
    identity.boundaries,
    identity.roles,
)


def planned(account: Account) -> list[Action]:
    """All that is to be done, as the account is now."""
    return [action for thing in THINGS for action in thing(account)]


def apply(account: Account) -> Iterator[str]:
    """Does it, and says each thing after it is done. What one thing needs, those before it have made."""
    for thing in THINGS:
        for action in thing(account):
            action.do()
            yield action.words


def next_steps(account: Account) -> str:
    office = account.office
    environments = f"{names.environment(office, preview=True)} and {names.environment(office)}"
    if office.headquarters:
        environments += f" and {names.IMAGES} and {names.PROMOTE}"
    only_main = names.environment(office) + (f" and {names.PROMOTE}" if office.headquarters else "")
    return f"""
Next, if this office is new:
  pulumi login '{names.backend(office)}'
  pulumi stack init {office.name} --secrets-provider '{names.secrets_provider(office)}'
  git add {office.file}   # the stack's key is written there
On GitHub, in {account.repository.name}: make the environments {environments}, and let only main use
{only_main}. Nothing secret is stored there: the roles trust the environments' names.
"""


def main(arguments: Sequence[str] | None = None, session: boto3.Session | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bootstrap", description="What an office's account needs before Pulumi."
    )
    parser.add_argument("office")
    parser.add_argument("--apply", action="store_true", help="do it, instead of only saying it")
    parser.add_argument(
        "--service-control-policy",
        action="store_true",
        help="only print the policy that the organization attaches to the office's account",
    )
    chosen = parser.parse_args(arguments)
    try:
        fleet = Fleet.load(ROOT)
        office = fleet.office(chosen.office)
        if chosen.service_control_policy:
            print(json.dumps(service_control_policy(office, fleet), indent=2))
            return 0
        settings = Settings.load(ROOT, [each.name for each in fleet.offices])
        account = Account(
            office=office,
            repository=settings.repository,
            session=session or boto3.Session(region_name=office.region),
            endpoint=os.environ.get("AWS_ENDPOINT_URL"),
        )
        account.refuse_other()
        return _apply(account) if chosen.apply else _tell(account)
    except (InvalidOffices, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return 1


def _tell(account: Account) -> int:
    actions = planned(account)
    where = f"{account.office.name} ({account.office.account}, {account.office.region})"
    if not actions:
        print(f"{where}: nothing to do")
        return 0
    print(f"{where}: would do {len(actions)} things. With --apply they are done.")
    for action in actions:
        print(f"  + {action.words}")
    return 0


def _apply(account: Account) -> int:
    done = 0
    for words in apply(account):
        done += 1
        print(f"  ✓ {words}", flush=True)
    print(f"{account.office.name}: {done or 'no'} things done")
    if done:
        print(next_steps(account))
    return 0


if __name__ == "__main__":
    sys.exit(main())
