"""Small worlds with a partner, each made so that one guard of deliveries is all that keeps a promise."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from campaign.account import Life
from campaign.delivering import Deliveries
from campaign.offices import START_S
from campaign.owed import examine
from campaign.partner import DENIED, GONE, KEY_OFF, TAKEN, Partner, Trouble
from campaign.rates import CALM, Rates
from campaign.world import World, at_once, stall
from handlers.agreement import Agreement
from handlers.delivery_plan import REFUSED

INBOX = Agreement(
    partner="acme",
    account="444444444444",
    bucket="acme-inbox",
    key="arn:aws:kms:eu-central-1:444444444444:key/1",
    prefix="globalbi/",
    pipeline="metagenome",
    project="P",
)
# A quick run's delivery begins about so many seconds after its upload.
QUICK_S = 8
SLOWEST_REQUEST = 24  # of a delivery that replaces another


class Owing(World):
    """One office that owes a partner the results of the project P."""

    def __init__(
        self,
        seed: str,
        *agreements: Agreement,
        rates: Rates = CALM,
        first_pass_s: float = 160.0,
        **partner: Any,
    ) -> None:
        super().__init__(rates, seed)
        self.partner = Partner(
            agreements=agreements or [INBOX],
            account=self.office.account,
            chance=Random(seed),
            **{"within_s": (1.0, 3.0), **partner},
        )
        self.deliveries = Deliveries(office=self.office, partners=[self.partner], first_pass_s=first_pass_s)

    def quick(self, at: float, name: str, body: bytes = b"1") -> None:
        """An upload whose run takes but seconds."""
        self.office.batch.sick[f"P/{name}"] = {"quick"}
        self.upload(at, name, body)

    def states(self) -> list[str]:
        return sorted(states[-1] for states in self.deliveries.moves.values())

    def wrong(self, **less: bool) -> list[str]:
        found = examine(self.campaign, self.deliveries)
        wrong = [f"{name}: {what}" for name, each in found.broken.items() for what in each]
        dead = [f"dead letter: {each.reason}" for each in self.deliveries.queue.dead]
        return super().wrong(**less) + wrong + dead


def slow_deliveries() -> list[str]:
    """A function stands still at any of its requests, while others deliver the same run, or newer ones.

    Meanwhile the partner answers, and the schedule closes what it has answered.
    """
    # A success is told twice and each event comes twice: the fifth invocation is the second version's first.
    each_of = [(1, 1), (2, 1), (2, 2), (2, 3), (3, 5)]
    return [
        wrong
        for versions, invocation in each_of
        for request in range(1, SLOWEST_REQUEST)
        for wrong in _slow(versions, invocation, request)
    ]


def _slow(versions: int, invocation: int, request: int) -> list[str]:
    where = f"{versions} versions, invocation {invocation}, request {request}"
    world = Owing(f"slow {where}", first_pass_s=QUICK_S + 22.0)
    world.office.event = at_once(world, copies=2)  # type: ignore[method-assign, assignment]
    world.office.account.watch = stall(world, f"delivery {invocation}", request)
    for number in range(versions):
        world.quick(1 + 1.5 * QUICK_S * number, "S", str(number).encode())
    world.run()
    # A run that had succeeded before the newer upload came stays beside its run.
    wrong = [f"{where}: {each}" for each in world.wrong(extra=False) if "runs of metagenome" not in each]
    if world.states() != ["acknowledged", *["superseded"] * (versions - 1)]:
        wrong.append(f"{where}: {world.states()}")
    return wrong


def refused_for_a_time() -> list[str]:
    """The bucket refuses, is gone, or its key is off: what was refused comes when it takes it again."""
    wrong = []
    for code in (DENIED, GONE, KEY_OFF, TAKEN):
        trouble = Trouble(begins=START_S, ends=START_S + 900, code=code)
        world = Owing(f"refused {code}", troubles=[trouble])
        for number in range(3):
            world.quick(1 + number, f"S{number}")
        world.run()
        wrong += [f"{code}: {each}" for each in world.wrong()]
        if world.states() != ["acknowledged"] * 3:
            wrong.append(f"{code}: {world.states()}")
        if not all(REFUSED in states for states in world.deliveries.moves.values()):
            wrong.append(f"{code}: the refusal was not written down")
    return wrong


def no_refusal() -> list[str]:
    """Throttling, lost replies and kills pass by themselves: nobody is told that the partner refuses."""
    world = Owing("no refusal", rates=replace(CALM, throttled=0.25, lost=0.1, failed=0.02, killed=0.1))
    for number in range(25):
        world.quick(1 + number, f"S{number}")
    world.run()
    wrong = [each for each in world.wrong(extra=False) if "headquarters" not in each]
    refused = sum(world.deliveries.failures.values())
    return wrong + ([f"{refused} refusals of a partner that refuses nothing"] if refused else [])


def untold_successes() -> list[str]:
    """The event of a success never comes, or its function dies and it does not come again: the schedule finds
    what is owed.
    """
    wrong = []
    for request in range(SLOWEST_REQUEST):
        world = Owing(f"untold {request}")
        world.deliveries.queue.max_receives = 1
        if not request:
            world.deliveries.tell = lambda _: None  # type: ignore[method-assign, assignment]

        def watch(life: Life, _: str, request: int = request) -> str | None:
            first = life.name.startswith("delivery ") and life.requests == request
            return ("after" if request % 2 else "before") if first else None

        world.office.account.watch = watch
        world.quick(1, "S")
        world.run()
        found = [each for each in world.wrong() if "dead letter" not in each]
        if again := examine(world.campaign, world.deliveries).counts["files copied again"]:
            found.append(f"{again} files that were there were copied again")
        wrong += [f"killed at request {request}: {each}" for each in found]
    return wrong


def damaged() -> list[str]:
    """A result's bytes are not those of the run's manifest: the partner never gets them as good."""
    world = Owing("damaged")
    results = world.office.account.office.results
    put = world.office.account.put

    def damaging(bucket: str, key: str, body: bytes, **changes: Any) -> Any:
        spoiled = bucket == results and key.endswith(".tsv")
        return put(bucket, key, body[::-1] if spoiled else body, **changes)

    world.office.account.put = damaging  # type: ignore[method-assign]
    world.quick(1, "S")
    world.run(least_s=600)
    told = world.deliveries.failures
    whole = [key for _, key in world.office.account.objects if key.endswith("delivery.json")]
    return [f"delivered all the same: {whole}"] * bool(whole) + ["no word of it"] * (set(told) != {"content"})


def partner_refuses() -> list[str]:
    """A partner says no, or its receipt is of something else: that is the end, until a person has looked."""
    wrong = []
    others: Sequence[dict[str, Any]] = ({"manifest_sha256": "0"}, {"delivery": "d0"}, {"accepted": "yes"})
    for receipt in ({}, *others):
        world = Owing(f"no {receipt}", receipt=receipt, refuses=0.0 if receipt else 1.0)
        world.quick(1, "S")
        world.run(least_s=4_000)
        [states] = world.deliveries.moves.values()
        if states != ["planned", "copying", "delivered", "refused"]:
            wrong.append(f"receipt {receipt}: {' → '.join(states)}")
        wrong += [each for each in world.wrong() if "ledger untrue" not in each]
    return wrong


def not_agreed() -> list[str]:
    """Another project's results, and reads that nobody named, stay at home."""
    wrong = []
    for agreement in (replace(INBOX, names=("*",)), replace(INBOX, project="Q")):
        world = Owing(f"not agreed {agreement.project}", agreement)
        world.quick(1, "S")
        world.run()
        wrong += world.wrong()
        if bool(world.deliveries.moves) != (agreement.project == "P"):
            wrong.append(f"{agreement.project} has {len(world.deliveries.moves)} deliveries")
    return wrong


def several_projects() -> list[str]:
    """A partner has two projects, and its bucket refuses for a time: both come."""
    trouble = Trouble(begins=START_S, ends=START_S + 900, code=DENIED)
    world = Owing("several", replace(INBOX, project="Q"), INBOX, troubles=[trouble])
    world.quick(1, "S")
    world.run()
    return world.wrong()


DELIVERY_CHECKS: tuple[Callable[[], list[str]], ...] = (
    *(slow_deliveries, refused_for_a_time, no_refusal, untold_successes),
    *(damaged, partner_refuses, not_agreed, several_projects),
)
