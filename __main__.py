"""The Pulumi program: one stack is one office. It reads the office, refuses foreign credentials, and
builds.
"""

from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.branch_site import BranchSite, BranchSiteArgs
from components.faults import InvalidOffices
from components.headquarters import Headquarters, HeadquartersArgs
from components.names import PREFIX, physical
from components.office import Office
from components.roster import Fleet

try:
    fleet = Fleet.load(Path(__file__).parent)
    fleet.office(pulumi.get_stack())
    office = Office.from_config(pulumi.get_stack())
    fleet = fleet.with_office(office)
    office.refuse_other(aws.get_caller_identity().account_id, aws.get_region().region)
except InvalidOffices as faults:
    raise pulumi.RunError(str(faults)) from faults

site = BranchSite(physical(office.name, "site"), BranchSiteArgs(office=office, fleet=fleet))
outputs = site.outputs
if office.headquarters:
    headquarters = Headquarters(f"{PREFIX}-headquarters", HeadquartersArgs(fleet=fleet, site=site))
    outputs = {**outputs, **headquarters.outputs}
for name, value in outputs.items():
    pulumi.export(name, value)
