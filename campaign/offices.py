"""The offices at work: functions behind their queues, the schedule, the bus to headquarters."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from campaign.account import READ_TIMEOUT_S, Account, Life, make_clients_cheap
from campaign.batch import Batch
from campaign.constants import constant_of
from campaign.container import replace_what_only_takes_time
from campaign.queue import Message, Queue
from campaign.rates import Rates
from campaign.simulation import Killed, Simulation
from handlers import delivery, fleet, intake, progress, reconcile
from handlers.fleet import FleetContext
from handlers.ledger import OPEN, OPEN_INDEX
from handlers.outbox import COHORT, PASSPORT
from handlers.outbox import INDEX as DUE_INDEX

if TYPE_CHECKING:
    from campaign.delivering import Deliveries

OFFICES = {
    "hq": ("111111111111", "ap-northeast-2"),
    "eu": ("222222222222", "eu-central-1"),
    "us": ("333333333333", "us-east-1"),
}
HEADQUARTERS = "hq"
START_S = 1_795_000_000.0
SCHEDULE_S = 300.0
RECONCILE_TIMEOUT_S = float(constant_of("reconcile", "FUNCTION_TIMEOUT_S"))
# The functions that copy to partners have an S3 client of their own.
_S3_READ_TIMEOUT_S = dict.fromkeys(("delivery", "sweep"), float(delivery.READ_TIMEOUT_S))
LATE_S = 300.0  # a late event comes up to this much later, a second copy too
Handle = Callable[[Mapping[str, Any], Any], dict[str, Any]]


class Office:
    """One office: its account, its functions and what drives them."""

    def __init__(
        self, simulation: Simulation, name: str, rates: Rates, seed: int | str, *, wire: bool = False
    ) -> None:
        number, region = OFFICES.get(name) or OFFICES[HEADQUARTERS]
        self.simulation, self.name, self.rates = simulation, name, rates
        self.account = Account(simulation, name, number, region, rates=rates, seed=seed, wire=wire)
        self.chance = Random(f"{seed} {name} events")
        self.counts: Counter[str] = Counter()
        self.mended: Counter[str] = Counter()
        self.intake = self.queue_of("intake", intake.handle)
        self.progress = self.queue_of("progress", progress.handle)
        self.headquarters: Queue | None = None
        self.deliveries: Deliveries | None = None
        self.batch = Batch(
            simulation, self.account, lambda event: self.event(self.progress, event), self._to_bus
        )
        self.account.batch = self.batch
        self.environments: dict[str, list[dict[int, Any]]] = {}  # of each function, idle ones
        self.requests_of: Counter[str] = Counter(
            {"intake": 60, "progress": 60, "reconcile": 200, "fleet": 10, "delivery": 100, "sweep": 200}
        )
        self.lives_begin: Callable[[Life, Mapping[str, Message]], None] = lambda *_: None
        self.on_the_way = 0  # events
        self.quiet_passes = 0  # of reconcile over every upload, in a row, that found nothing to mend
        self._found: Counter[str] = Counter()
        self.stopped = False

    def queue_of(self, name: str, handle: Handle, **more: Any) -> Queue:
        """The queue before a function; `more` is for what differs from intake's."""

        def invoke(queue: Queue, batch: list[Message]) -> None:
            self.invoke(queue, name, handle, batch)

        return Queue(
            simulation=self.simulation,
            name=f"{self.name}-{name}",
            invoke=invoke,
            chance=Random(f"{self.account.seed} {self.name} {name}"),
            delivered_again=self.rates.identical_events,
            **more,
        )

    # --- events -------------------------------------------------------------------------------------------

    def event(self, queue: Queue, event: Mapping[str, Any]) -> None:
        """An event on its way: dropped, late or twice, as the rates say."""
        body = json.dumps(event)
        self.counts["events"] += 1
        if self.chance.random() < self.rates.dropped:
            self.counts["events dropped"] += 1
            return
        late = self.chance.random() < self.rates.reordered
        self.counts["events reordered"] += late
        self._send(queue, body, self.chance.uniform(1, LATE_S) if late else self.chance.uniform(0.2, 1))
        if self.chance.random() < self.rates.duplicated:
            self.counts["events duplicated"] += 1
            self._send(queue, body, self.chance.uniform(0.2, LATE_S))

    def _send(self, queue: Queue, body: str, delay_s: float) -> None:
        def arrive() -> None:
            self.on_the_way -= 1
            queue.send(body)

        self.on_the_way += 1
        self.simulation.after(delay_s, arrive)

    def _to_bus(self, event: Mapping[str, Any]) -> None:
        if self.headquarters is not None:
            self.event(self.headquarters, event)
        if self.deliveries is not None:
            self.deliveries.tell(event)

    def upload(self, key: str, body: bytes, *, tell: bool = True) -> Any:
        """Put a version of an upload; S3's event follows, or does not."""
        account = self.account
        bucket = account.office.uploads
        version = account.put(bucket, key, body)
        if not tell:
            return version
        self.event(
            self.intake,
            {
                "version": "0",
                "detail-type": "Object Created",
                "source": "aws.s3",
                "account": account.account,
                "region": account.region,
                "detail": {
                    "bucket": {"name": bucket},
                    "object": {
                        "key": key,
                        "size": len(body),
                        "etag": version.etag,
                        "version-id": version.version_id,
                        "sequencer": version.sequencer,
                    },
                    "reason": "PutObject",
                },
            },
        )
        return version

    # --- functions ----------------------------------------------------------------------------------------

    def invoke(self, queue: Queue, name: str, handle: Handle, batch: list[Message]) -> None:
        began = self.simulation.now
        event = {"Records": [{"messageId": each.message_id, "body": each.body} for each in batch]}

        def over(answer: dict[str, Any] | None, reason: str) -> None:
            queue.done(batch, answer, reason, began)

        for message in batch:
            message.reason = ""
        self.run(name, handle, event, queue.timeout_s, over, {each.message_id: each for each in batch})

    def run(
        self,
        name: str,
        handle: Handle,
        event: Mapping[str, Any],
        timeout_s: float,
        over: Callable[[dict[str, Any] | None, str], None],
        messages: Mapping[str, Message] = {},
    ) -> None:
        """One invocation; `over` gets its answer, or None and the reason why there is none."""
        self.counts[f"{name} invocations"] += 1
        number = self.counts[f"{name} invocations"]
        idle = self.environments.setdefault(name, [])
        life = Life(
            name=f"{name} {number}",
            deadline=self.simulation.now + timeout_s,
            s3_read_timeout_s=_S3_READ_TIMEOUT_S.get(name, READ_TIMEOUT_S),
            quotas=idle.pop() if idle else {},
        )
        if self.chance.random() < self.rates.killed:
            # Somewhere among the requests that such an invocation makes.
            usual = max(1, self.requests_of[name])
            life.kill_at, life.kill_after = 1 + self.chance.randrange(usual), self.chance.random() < 0.5
        self.lives_begin(life, messages)

        def work() -> None:
            answer, reason, began = None, "killed", self.simulation.now
            task = self.simulation.task
            self.account.lives[task] = life
            _told[task] = messages
            try:
                answer = handle(event, self._context(name, life, number))
                reason = "its record failed"
                idle.append(life.quotas)  # the environment lives on; a killed one does not
                self.requests_of[name] = (self.requests_of[name] * 9 + life.requests) // 10
            except Killed as killed:
                self.counts["invocations killed"] += 1
                reason = f"the function was killed: {killed}"
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                self.counts[f"{name} raised"] += 1
            finally:
                del self.account.lives[task]
                del _told[task]
                if self.account.meter is not None:
                    self.account.meter.busy_s[name] += self.simulation.now - began
            over(answer, reason)

        self.simulation.start(work)

    def _context(self, name: str, life: Life, number: int) -> Any:
        if name == "fleet":
            return FleetContext(
                table=self.account.office.ledger,
                dynamodb=self.account.clients.dynamodb,
                clock=lambda: self.simulation.now,
                deadline=life.deadline,
            )
        context = self.account.context_until(life.deadline, f"{name} {number}")
        if name in _S3_READ_TIMEOUT_S:
            return replace(context, clients=self.account.delivery_clients)
        return context

    # --- the schedule ---------------------------------------------------------------------------------------

    def schedule(self) -> None:
        """Reconcile every five minutes, until `stopped`; one pass may not end before the next begins."""
        if self.stopped:
            return
        self.simulation.after(SCHEDULE_S, self.schedule)

        def over(answer: dict[str, Any] | None, _reason: str) -> None:
            if answer is None:
                return  # killed, or AWS did not answer: the next one goes on from there
            self.mended.update(answer)
            self._found.update(answer)
            cursor = self.account.table.items.get("note#reconcile-uploads", {}).get("word", {}).get("S", "")
            if not cursor:  # it has seen every upload since the last time
                self.quiet_passes = 0 if set(self._found) - {"NotMended"} else self.quiet_passes + 1
                self._found.clear()

        self.run("reconcile", reconcile.handle, {"detail-type": "Scheduled Event"}, RECONCILE_TIMEOUT_S, over)

    @property
    def idle(self) -> bool:
        """Nothing under way, and reconcile has looked at everything twice and found nothing."""
        return (
            not self.on_the_way
            and self.intake.empty
            and self.progress.empty
            and self.batch.alive == 0
            and not self.account.table.waits(OPEN_INDEX, OPEN)
            and not self.account.table.waits(DUE_INDEX, PASSPORT)
            and self.quiet_passes >= 2
            and not self.account.table.waits(DUE_INDEX, COHORT)
            and (self.deliveries is None or self.deliveries.idle)
        )


def open_offices(
    simulation: Simulation, names: list[str], rates: Rates, seed: int | str, *, wire: bool = False
) -> tuple[dict[str, Office], "Fleet"]:
    """The offices, and the fleet's queue and table at headquarters (which `names` may leave out)."""
    make_clients_cheap()
    replace_what_only_takes_time()
    listen()
    offices = {name: Office(simulation, name, rates, seed, wire=wire) for name in names}
    headquarters = Fleet(simulation, "fleet", rates, f"{seed} fleet", wire=wire)
    for office in offices.values():
        office.headquarters = headquarters.queue
    return offices, headquarters


class Fleet(Office):
    """Headquarters' side: the fleet's queue, function and table."""

    def __init__(
        self, simulation: Simulation, name: str, rates: Rates, seed: int | str, *, wire: bool = False
    ) -> None:
        super().__init__(simulation, name, rates, seed, wire=wire)
        self.account.office = replace(self.account.office, ledger="globalbi-fleet")
        self.queue = self.queue_of("fleet", fleet.handle)


_told: dict[Any, Mapping[str, Message]] = {}  # by task: the messages of its batch


class _Reasons(logging.Handler):
    """Keeps why a record failed, which is what a person finds in a dead-letter queue's place."""

    def emit(self, record: logging.LogRecord) -> None:
        message_id, reason = getattr(record, "message_id", None), getattr(record, "reason", "")
        for messages in _told.values():
            if message_id is not None and message_id in messages:
                messages[message_id].reason = str(reason)


def listen() -> None:
    """Keep of the functions' log only why a record failed."""
    from handlers.log import logger

    logger.setLevel(logging.ERROR)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)  # type: ignore[attr-defined]
    logger.addHandler(_Reasons())
