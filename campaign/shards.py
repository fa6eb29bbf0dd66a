"""Processes side by side: each one simulation, with all offices and a share of the samples."""

import multiprocessing

from rich.console import Console

from campaign.promises import examine
from campaign.report import Result, result_of, together
from campaign.story import run_campaign


def shard(given: tuple[int, int, list[str], bool]) -> Result:
    """One process' share: (samples of each office, seed, offices, whether every call takes the wire)."""
    samples, seed, offices, wire = given
    console = Console(stderr=True)
    campaign = run_campaign(
        samples=samples,
        seed=seed,
        offices=offices,
        wire=wire,
        told=lambda word: console.log(f"seed {seed}: {word}"),
    )
    return result_of(campaign, examine(campaign))


def shares(samples: int, seed: int, processes: int) -> list[tuple[int, int]]:
    """Samples and seed of each process. With one process, the seed is the one that was given."""
    each, rest = divmod(samples, processes)
    return [(each + (number < rest), seed + 1000 * number) for number in range(processes)]


def run_shards(samples: int, seed: int, processes: int, offices: list[str], *, wire: bool = False) -> Result:
    """The campaign in so many processes, and the sum of what came of it."""
    work = [(share, own, offices, wire) for share, own in shares(samples, seed, processes) if share]
    if len(work) == 1:
        return shard(work[0])
    with multiprocessing.get_context("spawn").Pool(len(work)) as pool:
        return together(pool.map(shard, work, chunksize=1))
