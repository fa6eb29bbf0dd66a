"""Access: AWS clients for each office, with the credentials of the office's own account.

Each office is its own account. Its profile is, in this order: what the template says (`--profile`, such as
`globalbi-{office}`), a profile that is named as the office, else the credentials at hand. Whose they are is
asked before the first call, so that nothing is ever done to the wrong account. With an endpoint (a local
stand-in for AWS, such as the twin) an account's twelve digits are its access key.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from components.names import FLEET, bucket_name, physical
from components.office import Office
from components.roster import Fleet
from cost.book import prices_of
from handlers import context as handlers_context
from handlers.allowance import Allowance

PATIENT = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=5,
    read_timeout=20,
    max_pool_connections=32,
)
T = TypeVar("T")


class Unreachable(Exception):
    """An office's account cannot be asked; the words say why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """boto3's session, and the endpoint that all its clients go to (None: AWS)."""

    boto: boto3.Session
    endpoint: str | None = None

    def client(self, service: str, config: Config = PATIENT) -> Any:
        made: Any = self.boto.client  # any service: not one of the stubs' overloads
        return made(service, endpoint_url=self.endpoint, config=config)


@dataclass(frozen=True, kw_only=True)
class Access:
    """Every office, and how its account is reached."""

    fleet: Fleet
    endpoint: str | None = None
    profile_template: str | None = None
    _sessions: dict[str, Session] = field(default_factory=dict)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def session(self, office: Office) -> Session:
        """The office's session, once it is known to be of its account; raises Unreachable."""
        with self._lock:
            if office.name not in self._sessions:
                self._sessions[office.name] = self._opened(office)
            return self._sessions[office.name]

    def client(self, service: str, office: Office) -> Any:
        key = (service, office.name)
        with self._lock:  # boto3's sessions are not made for threads; its clients are
            if key not in self._clients:
                self._clients[key] = self.session(office).client(service)
            return self._clients[key]

    def headquarters(self, service: str) -> Any:
        return self.client(service, self.fleet.headquarters)

    def context(self, office: Office) -> handlers_context.Context:
        """What the handlers' code needs to act on the office."""
        return handlers_context.Context(
            office=handlers_context.Office(
                name=office.name,
                ledger=ledger_table(office),
                uploads=bucket(office, "uploads"),
                results=bucket(office, "results"),
                references=bucket(office, "references"),
                job_queue=physical(office.name, "spot", limit=128),
                on_demand_job_queue=physical(office.name, "on-demand", limit=128),
                releases={},  # only what starts a job asks for them: `context_of_functions`
                pseudonymous=office.settings.identifiers == "pseudonymous",
                prices=prices_of(office.region, office.settings.compute.instance_families),
                allowance=Allowance(
                    usd=office.settings.budget.projects, warn_percent=office.settings.budget.warn_percent
                ),
            ),
            clients=handlers_context.clients_of(self.session(office)),
        )

    def context_of_functions(self, office: Office) -> handlers_context.Context:
        """The same as the office's own functions have it, releases included: for what starts a job."""
        told = self.client("lambda", office).get_function_configuration(
            FunctionName=physical(office.name, "progress")
        )
        environ = told["Environment"]["Variables"]
        return replace(self.context(office), office=handlers_context.office_of(environ))

    def _opened(self, office: Office) -> Session:
        if self.endpoint:
            boto = boto3.Session(
                aws_access_key_id=office.account,
                aws_secret_access_key="local",
                region_name=office.region,
            )
            return Session(boto=boto, endpoint=self.endpoint)
        profile = self._profile(office)
        whose = f"profile {profile}" if profile else "those at hand"
        try:
            session = Session(boto=boto3.Session(profile_name=profile, region_name=office.region))
            account = str(session.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(
                f"{office.name}: no credentials for account {office.account} ({whose}): {error}."
                f" Sign in (`aws sso login`) or add a profile named {office.name};"
                " `fleet doctor` looks at all offices."
            ) from error
        if account != office.account:
            raise Unreachable(
                f"{office.name}: the credentials ({whose}) are of account {account}, not {office.account}:"
                f" add a profile named {office.name} or give --profile, such as 'globalbi-{{office}}'."
            )
        return session

    def _profile(self, office: Office) -> str | None:
        if self.profile_template:
            return self.profile_template.replace("{office}", office.name)
        return office.name if office.name in boto3.Session().available_profiles else None


def fleet_table() -> str:
    return FLEET


def ledger_table(office: Office) -> str:
    return physical(office.name, "ledger")


def bucket(office: Office, content: str) -> str:
    return bucket_name(office.name, content, office.account)


def job_log_group(office: Office) -> str:
    return f"/globalbi/{office.name}/jobs"


def in_each(offices: Iterable[Office], ask: Callable[[Office], T]) -> dict[str, T | Exception]:
    """`ask` of each office, all at once; an office that cannot answer gives its exception instead."""

    def guarded(office: Office) -> T | Exception:
        try:
            return ask(office)
        except (Unreachable, BotoCoreError, ClientError) as error:
            return error

    chosen = list(offices)
    with ThreadPoolExecutor(max_workers=max(1, len(chosen))) as pool:
        return {office.name: answer for office, answer in zip(chosen, pool.map(guarded, chosen), strict=True)}
