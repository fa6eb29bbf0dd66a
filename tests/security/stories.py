"""The stories that are recorded: together they have every turn that a function or a job can take."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from runner import job

from campaign.kills import tell as tell_story
from campaign.story import run_campaign
from handlers import delivery, desk, reconcile
from handlers.census import DAY_S
from handlers.delivery_parts import LEAST_S_FOR_A_PART
from handlers.delivery_plan import GRACE_S
from handlers.desk import Desk
from handlers.fleet import FleetContext
from tests.handlers.aws_fakes import UPLOADS, Call, World, sqs, table_of
from tests.handlers.lab import KEY, quiet, shared, started, succeeded, take, tell, with_assembly, with_cohort
from tests.handlers.test_census import TABLE, deliver, night
from tests.handlers.test_delivery import PARTNER, event_of, hand, receive
from tests.handlers.test_delivery_parts import READS, large
from tests.handlers.test_notices import channels
from tests.pipeline_images.runner.office import Office
from tests.security.recording import Use, recording, recording_campaign

SAMPLES, SEED = 150, 1


def of_the_campaign() -> set[Use]:
    """Every turn of a run once, then a hundred and fifty runs under all faults. In a process of its own: the
    campaign takes signatures and time away from botocore.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_campaign).result()


def _campaign() -> set[Use]:
    found: set[Use] = set()
    with recording_campaign(found):
        assert not tell_story().faults
        run_campaign(samples=SAMPLES, seed=SEED, offices=["eu"])
    return found


def of_the_office(world: World) -> set[Use]:
    """A wrong key, an upload that is gone, a follow-on, a cohort, deliveries, pages, notices and a census."""
    found: set[Use] = set()
    world.office = replace(world.office, agreements=(PARTNER,))
    with_assembly(world)
    with_cohort(world)
    with recording(found):
        take(world, world.upload("metagenome/soil/Input.tar"))
        first = succeeded(world)
        second = succeeded(world, KEY, b"other reads")
        world.sleep(1)
        rejected = started(world, sample("S2"))
        world.say(rejected, 1, 65, "no FASTQ in the tar")
        tell(world, world.job_event(f"{rejected}-1", "FAILED", code=65))
        hand(world, first)
        hand(world, second)
        receive(world, second)
        world.sleep(GRACE_S)
        delivery.sweep(world.context(), [PARTNER])
        look_after(world)
        shared(world, "S6")
        quiet(world)
        _uploads_of_one_second(world)
        _census(world)
    return found


def of_large_files(world: World) -> set[Use]:
    """Files of parts: one is delivered, one superseded in between."""
    found: set[Use] = set()
    with recording(found):
        hand(world, large(world, "L1"), agreement=READS)
        delivery.sweep(world.context(), [READS])
        begun = large(world, "L2")
        no_time = world.context(deadline=world.now + LEAST_S_FOR_A_PART - 1)
        delivery.handle(sqs(event_of(begun)), no_time, [READS])
        world.sleep(1)
        hand(world, large(world, "L2", b"other reads"), agreement=READS)
        hand(world, begun, agreement=READS)
    return found


def look_after(world: World) -> None:
    desk.handle({}, Desk(context=world.context(), channels=channels([], {"soil": None})))


def _census(world: World) -> None:
    """Told to headquarters, which compares."""
    world._dynamo("CreateTable", table_of(TABLE, {"by_state": ("by_state", "updated")}))
    headquarters = FleetContext(table=TABLE, dynamodb=world.clients.dynamodb, clock=lambda: world.now)
    world.now += 1.5 * DAY_S
    deliver(headquarters, night(world))


def _uploads_of_one_second(world: World) -> None:
    """Which of two is newer only S3 knows, when the event of one is lost; and some are gone by then."""
    take(world, world.upload(sample("S3")))
    world.upload(sample("S3"), b"the event is lost")
    late = world.upload(sample("S4"))
    world.upload(sample("S4"), b"the event is lost")
    gone = world.upload(sample("S5"))
    world.sleep(DAY_S)

    def removed(call: Call) -> None:
        if call.operation == "HeadObject":
            world.objects[(UPLOADS, sample("S5"))].clear()

    world.faults = removed
    reconcile.handle({}, world.context())
    take(world, late, gone)


def sample(name: str) -> str:
    return f"metagenome/soil/{name}/input.tar"


def of_a_job(endpoint: str, home: Path) -> set[Use]:
    """A whole job, and one that finds what another has published."""
    found: set[Use] = set()
    office = Office(endpoint=endpoint, home=home)
    names = {
        **{
            getattr(office, content): f"globalbi-eu-{content}-222222222222"
            for content in ("uploads", "results", "references")
        },
        office.name: "globalbi-eu-ledger",
    }
    sample = office.sample()
    with recording(found, "job", names):
        assert job.run(sample.attempt()) == 0
        sample.next_attempt(2)
        assert job.run(sample.attempt(2)) == 0
    return found
