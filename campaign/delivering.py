"""Deliveries at work: the delivery function of an office behind its queue, its schedule, its partners."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from campaign.constants import constant_of
from campaign.dynamodb import Item
from campaign.offices import OFFICES, SCHEDULE_S, START_S, Office
from campaign.partner import DENIED, GONE, KEY_OFF, SILENT, TAKEN, Partner, Trouble
from handlers import delivery
from handlers.agreement import Agreement
from handlers.delivery_ledger import OPEN
from handlers.delivery_plan import ACKNOWLEDGED, DELIVERED, PARTNER, REFUSED, SUPERSEDED
from handlers.ledger import OPEN_INDEX
from handlers.run import SUCCEEDED

FUNCTION_TIMEOUT_S = float(constant_of("delivery", "FUNCTION_TIMEOUT_S"))
PROJECTS, AGREED = 37, 36  # as `story` names them; the last one's results are owed to nobody
MORE_RESULTS = ("abundance/species.tsv", "reads/clean_R1.fastq.gz")
ANSWER_WITHIN_S = 3_600  # after that a partner's silence is alarmed


@dataclass(kw_only=True)
class Deliveries:
    """`moves` are the changes of deliveries' items as they were written: their states in order."""

    office: Office
    partners: Sequence[Partner]
    moves: dict[str, list[str]] = field(default_factory=dict)
    wrong_moves: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)  # the schedule's metrics
    failures: Counter[str] = field(default_factory=Counter)  # refusals that were written down, by class
    first_pass_s: float = 160.0

    def __post_init__(self) -> None:
        office = self.office
        self.queue = office.queue_of(
            "delivery",
            lambda event, context: delivery.handle(event, context, context.office.agreements),
            timeout_s=FUNCTION_TIMEOUT_S,
            max_receives=constant_of("delivery", "MAX_RECEIVES"),
            max_concurrency=constant_of("delivery", "MAX_CONCURRENCY"),
        )
        office.deliveries = self
        office.account.partners = {each.bucket: each for each in self.partners}
        agreements = tuple(agreement for each in self.partners for agreement in each.agreements)
        office.account.office = replace(office.account.office, agreements=agreements)
        office.account.table.watch = self._written
        office.batch.more_results = MORE_RESULTS
        office.simulation.at(START_S + self.first_pass_s, self._schedule)

    def tell(self, event: Mapping[str, Any]) -> None:
        """The rule: runs that have succeeded."""
        if event["detail"]["state"] == SUCCEEDED:
            self.office.event(self.queue, event)

    def _schedule(self) -> None:
        self.office.simulation.after(SCHEDULE_S, self._schedule)

        def sweep(_: Any, context: Any) -> dict[str, Any]:
            delivery.sweep(context, context.office.agreements)
            return dict(context.counts)

        def over(answer: dict[str, Any] | None, _: str) -> None:
            self.counted.update(answer or {})

        self.office.run("sweep", sweep, {"detail-type": "Scheduled Event"}, FUNCTION_TIMEOUT_S, over)

    def _written(self, old: Item | None, new: Item) -> None:
        """Looks at each change of a delivery's item, as the audit lines would tell it."""
        if new["sk"]["S"] != "delivery":
            return
        name, state = new["delivery_id"]["S"], new["state"]["S"]
        before, expected = (old["state"]["S"], int(old["revision"]["N"]) + 1) if old else ("nothing", 1)
        if int(new["revision"]["N"]) != expected:
            self.wrong_moves.append(f"{name}: a change to {state} was written over another's")
        if before == SUPERSEDED or (before == ACKNOWLEDGED and state != SUPERSEDED):
            self.wrong_moves.append(f"{name}: {state} after it was closed as {before}")
        self.moves.setdefault(name, []).append(state)
        if state == REFUSED:
            self.failures[new["failure"]["S"]] += 1

    @property
    def idle(self) -> bool:
        """What is open waits for a person: the partner has refused it, or has long been silent."""
        return self.queue.empty and all(
            map(self._waits_for_a_person, self.office.account.table.under(OPEN_INDEX, OPEN))
        )

    def _waits_for_a_person(self, item: Item) -> bool:
        if item["state"]["S"] == REFUSED:
            return bool(item["failure"]["S"] == PARTNER)
        silent = any(each.answers.get(item["delivery_id"]["S"]) == SILENT for each in self.partners)
        late_s = self.office.simulation.now - int(item["delivered_s"]["N"]) - ANSWER_WITHIN_S
        return bool(item["state"]["S"] == DELIVERED and silent and late_s > 3 * SCHEDULE_S)


def agreements_with(name: str, account: str, **terms: Any) -> list[Agreement]:
    """Each project of the campaign, but for the last, is for this partner."""
    region = "eu-central-1"
    return [
        Agreement(
            partner=name,
            pipeline="metagenome",
            project=f"P{number}",
            receipt_within_s=ANSWER_WITHIN_S,
            **{
                "account": account,
                "bucket": f"{name}-inbox",
                "key": f"arn:aws:kms:{region}:{account}:key/1",
                "prefix": "globalbi/",
                **terms,
            },
        )
        for number in range(AGREED)
    ]


def deliver(office: Office, seed: int | str, span_s: float) -> Deliveries:
    """Two partners with buckets, each with its own troubles within the next `span_s` seconds, and one that is
    sent links: what is kept for it has a bucket of its own here, to be looked at like the others'.
    """
    acme = agreements_with("acme", "444444444444")
    clinic = agreements_with("clinic", OFFICES[office.name][0], key="", links=True)
    beta = agreements_with("beta", "555555555555", receipt="heads", names=("report",))

    def within(first: float, last: float, code: str) -> Trouble:
        return Trouble(begins=START_S + first * span_s, ends=START_S + last * span_s, code=code)

    return Deliveries(
        office=office,
        partners=[
            Partner(
                agreements=acme,
                account=office.account,
                chance=Random(f"{seed} acme"),
                troubles=[
                    within(0.15, 0.3, DENIED),
                    within(0.45, 0.55, KEY_OFF),
                    within(0.7, 0.8, TAKEN),
                ],
                refuses=0.02,
                silent=0.01,
            ),
            Partner(
                agreements=beta,
                account=office.account,
                chance=Random(f"{seed} beta"),
                troubles=[within(0.25, 0.45, GONE), within(0.6, 0.65, DENIED)],
            ),
            Partner(
                agreements=clinic,
                account=office.account,
                chance=Random(f"{seed} clinic"),
                refuses=0.02,
                silent=0.01,
            ),
        ],
    )
