"""The runner's command line.

python3 -m runner job                 one attempt of a run, described by the environment (AWS Batch)
python3 -m runner stage SOURCE DEST   unpack SOURCE (s3://bucket/key[?versionId=ID] or a file) as a job would
python3 -m runner INPUT OUTPUT        the pipeline on a folder of reads or a tar, without AWS
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from runner import job, local
from runner.aws import clients
from runner.environment import job_from
from runner.outcome import (
    EX_DATAERR,
    EX_IOERR,
    EX_UNAVAILABLE,
    EX_USAGE,
    OUT_OF_MEMORY,
    TERMINATED,
    Failed,
    Refused,
)
from runner.source import FileSource, S3Source, Source
from runner.staging import stage
from runner.stop import Stop


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns its exit code, after one line on standard error when it is not 0."""
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda n, _: stop.ask(f"stopped by {signal.Signals(n).name}", TERMINATED))
    try:
        match arguments:
            case ["job"]:
                return _job(stop)
            case ["stage", source, dest]:
                return _stage(source, Path(dest), stop)
            case [source, output] if source not in ("job", "stage"):
                code, words = local.run(Path(source), Path(output), os.environ, stop)
                # The pipeline has said the rest itself; a kill it may not even have noticed.
                return _end(f"failed: {words}", code) if code == OUT_OF_MEMORY else code
            case _:
                print(__doc__, file=sys.stderr)
                return EX_USAGE
    except Refused as error:
        return _end(f"refused: {error}", EX_DATAERR)
    except Failed as error:
        return _end(f"failed: {error}", error.code)
    except (BotoCoreError, ClientError) as error:
        return _end(f"failed: {error}", EX_UNAVAILABLE)
    except OSError as error:
        return _end(f"failed: {error}", EX_IOERR)


def _job(stop: Stop) -> int:
    described = job_from(os.environ)
    return job.run(
        job.Attempt(
            job=described,
            clients=clients(described.region, described.endpoint_url),
            environ=os.environ,
            stop=stop,
        )
    )


def _stage(address: str, dest: Path, stop: Stop) -> int:
    for staged in stage(_open(address), dest, stop):
        print(json.dumps(asdict(staged), ensure_ascii=False))
    return 0


def _open(address: str) -> Source:
    if not address.startswith("s3://"):
        return FileSource(Path(address))
    place, mark, version = address.removeprefix("s3://").partition("?versionId=")
    bucket, _, key = place.partition("/")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or None
    return S3Source.open(clients(region, endpoint).s3, bucket, key, version if mark else None)


def _end(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
