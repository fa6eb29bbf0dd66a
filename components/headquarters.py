"""Headquarters: what exists once for all offices, beside headquarters' own branch site.

The fleet's bus and table, and the replication of images and references to every branch. Apply a new office
before headquarters: S3 refuses to replicate into a bucket that does not exist.
"""

from dataclasses import dataclass

import pulumi

from components.branch_site import BranchSite
from components.fleet import FleetHome, FleetHomeArgs
from components.names import FLEET
from components.options import child_of
from components.references import ReferencesReplication, ReferencesReplicationArgs
from components.registry import RegistryReplication, RegistryReplicationArgs
from components.roster import Fleet


@dataclass(frozen=True, kw_only=True)
class HeadquartersArgs:
    fleet: Fleet
    site: BranchSite


class Headquarters(pulumi.ComponentResource):
    """The fleet's home, and what headquarters gives to every branch."""

    def __init__(self, name: str, args: HeadquartersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:headquarters:Headquarters", name, None, opts)
        fleet, site = args.fleet, args.site
        self.home = FleetHome(
            FLEET,
            FleetHomeArgs(
                headquarters=fleet.headquarters, offices=fleet.offices, key=site.key, notices=site.notices
            ),
            opts=child_of(self),
        )
        if fleet.branches:
            RegistryReplication(
                f"{name}-images", RegistryReplicationArgs(branches=fleet.branches), opts=child_of(self)
            )
            ReferencesReplication(
                f"{name}-references",
                ReferencesReplicationArgs(
                    headquarters=fleet.headquarters,
                    branches=fleet.branches,
                    bucket=site.references,
                    key=site.key,
                ),
                opts=child_of(self),
            )
        self.register_outputs({})

    @property
    def outputs(self) -> dict[str, pulumi.Input[object]]:
        return {
            "fleet_table": self.home.table_name,
            "fleet_bus_arn": self.home.bus_arn,
            "fleet_queue": self.home.queue.url,
            "fleet_dead_letter_queue": self.home.queue.dead_letters.url,
            "fleet_function": self.home.function.name,
        }
