"""A branch site: everything one office is made of, wired. Headquarters is a branch site too, and adds to
it.
"""

import json
from dataclasses import dataclass

import pulumi

from components.branch_access import BranchAccess, BranchAccessArgs
from components.bucket import Bucket, BucketArgs, Content
from components.census import Census, CensusArgs
from components.compute import Compute, ComputeArgs
from components.delivery import Delivery, DeliveryArgs
from components.desk import Desk, DeskArgs
from components.erasure import Erasure, ErasureArgs
from components.fleet import Forwarding, ForwardingArgs
from components.function import HandlerFunction
from components.intake import Intake, IntakeArgs
from components.job_definition import JobDefinition, JobDefinitionArgs
from components.key import OfficeKey, OfficeKeyArgs
from components.ledger import Ledger, LedgerArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.names import physical
from components.network import Network, NetworkArgs
from components.notices import Notices, NoticesArgs
from components.office import Office
from components.options import child_of
from components.passport_key import PassportKey, PassportKeyArgs
from components.permission import Permission
from components.progress import Progress, ProgressArgs
from components.reconcile import Reconcile, ReconcileArgs
from components.references import accept_from_headquarters
from components.registry import Registry, RegistryArgs
from components.roster import Fleet
from cost.book import prices_of
from handlers.agreement import agreements_to_json
from handlers.allowance import Allowance, allowance_to_json
from handlers.cost import prices_to_json
from handlers.release import releases_to_json


@dataclass(frozen=True, kw_only=True)
class BranchSiteArgs:
    office: Office
    fleet: Fleet


class BranchSite(pulumi.ComponentResource):
    """One office: from the network its jobs run in to the role its staff uploads with."""

    def __init__(self, name: str, args: BranchSiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:BranchSite", name, None, opts)
        self._name, self._office, self._fleet = name, args.office, args.fleet
        office, headquarters, inside = args.office, args.fleet.headquarters, child_of(self)
        self.key = OfficeKey(
            self._of("key"), OfficeKeyArgs(office=office, headquarters=headquarters), opts=inside
        )
        self.notices = Notices(
            self._of("notices"), NoticesArgs(office=office, key_arn=self.key.arn), opts=inside
        )
        self.uploads = self._bucket("uploads", sends_events=True)
        self.results = self._bucket("results")
        self.references = self._bucket("references")
        self.passports = PassportKey(
            self._of("passport-key"),
            PassportKeyArgs(
                office=office,
                signers=[self._of("progress"), self._of("reconcile")],
            ),
            opts=inside,
        )
        self.ledger = Ledger(self._of("ledger"), LedgerArgs(office=office, key=self.key), opts=inside)
        self.registry = Registry(
            self._of("registry"),
            RegistryArgs(
                office=office,
                headquarters=headquarters,
                pipelines=args.fleet.pipelines,
                key_arn=self.key.arn,
            ),
            opts=inside,
        )
        self.compute = Compute(
            self._of("compute"),
            ComputeArgs(
                office=office,
                key=self.key,
                network=Network(
                    self._of("network"), NetworkArgs(office=office, key_arn=self.key.arn), opts=inside
                ),
                registry=self.registry,
            ),
            opts=inside,
        )
        self.job_definitions = {pipeline: self._job_definition(pipeline) for pipeline in office.releases}
        self.releases = self._releases_json()
        self._steps()
        Forwarding(
            self._of("to-headquarters"),
            ForwardingArgs(office=office, headquarters=headquarters, key=self.key, notices=self.notices),
            opts=inside,
        )
        self.monitoring = Monitoring(
            self._of("monitoring"),
            MonitoringArgs(
                office=office,
                notices=self.notices,
                queues={name: step.queue for name, step in self._queued.items()},
                functions=self._functions,
                scheduled=("reconcile", "desk"),
            ),
            opts=inside,
        )
        self.access = BranchAccess(
            self._of("branch"),
            BranchAccessArgs(
                office=office,
                pipelines=office.releases,
                uploads=self.uploads,
                results=self.results,
                key=self.key,
            ),
            opts=inside,
        )
        self.register_outputs({})

    @property
    def _queued(self) -> dict[str, Intake | Progress | Delivery]:
        steps: dict[str, Intake | Progress | Delivery] = {"intake": self.intake, "progress": self.progress}
        return {**steps, "delivery": self.delivery} if self.delivery else steps

    @property
    def _functions(self) -> dict[str, HandlerFunction]:
        return {
            **{name: step.function for name, step in self._queued.items()},
            "reconcile": self.reconcile.function,
            "desk": self.desk.function,
            "census": self.census.function,
        }

    @property
    def outputs(self) -> dict[str, pulumi.Input[object]]:
        """What people and tools ask of an office."""
        return {
            "account": self._office.account,
            "region": self._office.region,
            "uploads_bucket": self.uploads.name,
            "results_bucket": self.results.name,
            "references_bucket": self.references.name,
            "ledger_table": self.ledger.table_name,
            "branch_role_arn": self.access.role_arn,
            "erasure_role_arn": self.erasure.role_arn,
            "job_queues": {
                "spot": self.compute.spot_queue_arn,
                "on_demand": self.compute.on_demand_queue_arn,
            },
            "job_definitions": {name: each.arn for name, each in self.job_definitions.items()},
            "job_log_group": self.compute.log_group,
            "queues": {name: step.queue.url for name, step in self._queued.items()},
            "dead_letter_queues": {name: step.queue.dead_letters.url for name, step in self._queued.items()},
            "functions": {name: each.name for name, each in self._functions.items()},
            "dashboard": self.monitoring.dashboard_name,
            "key_arn": self.key.arn,
            "passport_key_arn": self.passports.arn,
            "notices_topic_arn": self.notices.topic_arn,
            "project_notices_topic_arn": self.desk.project_notices.topic_arn,
        }

    def _of(self, part: str) -> str:
        return physical(self._office.name, part)

    def _bucket(self, content: Content, *, sends_events: bool = False) -> Bucket:
        statements = (
            accept_from_headquarters(self._office, self._fleet.headquarters)
            if content == "references"
            else []
        )
        return Bucket(
            self._of(content),
            BucketArgs(
                office=self._office,
                content=content,
                key=self.key,
                sends_events=sends_events,
                pipelines=sorted(self._fleet.pipelines),
                statements=statements,
            ),
            opts=child_of(self),
        )

    def _job_definition(self, pipeline: str) -> JobDefinition:
        return JobDefinition(
            self._of(pipeline),
            JobDefinitionArgs(
                office=self._office,
                pipeline=self._fleet.pipelines[pipeline],
                release=self._office.releases[pipeline],
                registry=self.registry,
                compute=self.compute,
                key=self.key,
                ledger=self.ledger,
                uploads=self.uploads,
                results=self.results,
                references=self.references,
            ),
            opts=child_of(self),
        )

    def _releases_json(self) -> pulumi.Output[str]:
        definitions = self.job_definitions
        return pulumi.Output.all(**{name: each.arn for name, each in definitions.items()}).apply(
            lambda arns: releases_to_json(definitions[name].release(arn) for name, arn in arns.items())
        )

    def _steps(self) -> None:
        """Intake, progress and reconcile act on the same things, so they see the same environment."""
        office = self._office
        environment: dict[str, pulumi.Input[str]] = {
            "LEDGER": self.ledger.table_name,
            "UPLOADS": self.uploads.name,
            "RESULTS": self.results.name,
            "REFERENCES": self.references.name,
            "JOB_QUEUE": self.compute.spot_queue_arn,
            "ON_DEMAND_JOB_QUEUE": self.compute.on_demand_queue_arn,
            "RETRIES": json.dumps(office.settings.retries.model_dump(), separators=(",", ":")),
            "IDENTIFIERS": office.settings.identifiers,
            "RELEASES": self.releases,
            "QUIET_MINUTES": str(office.settings.cohorts.quiet_minutes),
        }
        budget = office.settings.budget
        if budget.projects:
            environment["BUDGETS"] = allowance_to_json(
                Allowance(usd=budget.projects, warn_percent=budget.warn_percent)
            )
        # Whoever begins a run estimates its cost: follow-on runs too.
        if prices := prices_of(office.region, office.settings.compute.instance_families):
            environment["PRICES"] = prices_to_json(prices.day, prices.families)
        # A run's end plans its deliveries, so whoever may end a run knows them.
        deliveries = agreements_to_json(office.agreements)
        with_deliveries = {**environment, "DELIVERIES": deliveries} if deliveries else environment
        # And its passport is signed then.
        to_the_end = {**with_deliveries, "PASSPORT_KEY": self.passports.arn}
        tell = Permission(
            sid="TellOfRuns",
            actions=("events:PutEvents",),
            resources=[f"arn:aws:events:{office.region}:{office.account}:event-bus/default"],
        )
        compute, results, uploads = self.compute, self.results, self.uploads
        self.erasure = Erasure(
            self._of("erasure"),
            ErasureArgs(
                office=office,
                uploads=uploads,
                results=results,
                ledger=self.ledger,
                key=self.key,
            ),
            opts=child_of(self),
        )
        follow = (
            self.ledger.claim,
            compute.submit,
            compute.tag,
            compute.terminate,
            compute.find,
            results.read,
            results.list,
            results.write,
            tell,
        )
        look = (uploads.read, uploads.read_versions, uploads.list)
        self.intake = Intake(
            self._of("intake"),
            IntakeArgs(
                office=office,
                key=self.key,
                notices=self.notices,
                uploads=uploads,
                may=(*follow, *look),
                environment=environment,
            ),
            opts=child_of(self),
        )
        self.progress = Progress(
            self._of("progress"),
            ProgressArgs(
                office=office,
                key=self.key,
                notices=self.notices,
                compute=compute,
                may=(*follow, self.passports.sign),
                environment=to_the_end,
            ),
            opts=child_of(self),
        )
        self.desk = Desk(
            self._of("desk"),
            DeskArgs(
                office=office,
                key=self.key,
                notices=self.notices,
                ledger=self.ledger,
                results=results,
                environment=environment,
            ),
            opts=child_of(self),
        )
        self.census = Census(
            self._of("census"),
            CensusArgs(
                office=office,
                key=self.key,
                notices=self.notices,
                ledger=self.ledger,
                tell=tell,
            ),
            opts=child_of(self),
        )
        self.reconcile = Reconcile(
            self._of("reconcile"),
            ReconcileArgs(
                office=office,
                key=self.key,
                notices=self.notices,
                may=(
                    *follow,
                    *look,
                    uploads.list_versions,
                    compute.look_up,
                    self.ledger.find_open,
                    self.ledger.find_due,
                    self.ledger.read_projects,
                    self.ledger.claim_projects,
                    self.passports.sign,
                    self.passports.publish,
                ),
                environment=to_the_end,
            ),
            opts=child_of(self),
        )
        self.delivery = (
            Delivery(
                self._of("delivery"),
                DeliveryArgs(
                    office=office,
                    key=self.key,
                    notices=self.notices,
                    may=(self.ledger.deliver, self.ledger.find_open, results.read),
                    environment=with_deliveries,
                ),
                opts=child_of(self),
            )
            if deliveries
            else None
        )
