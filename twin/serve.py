"""The twin's child process: ministack with our Batch, bus forwarding, replication and permissions in place
of its own.
"""

import sys


def main() -> None:
    port = int(sys.argv[1])
    sys.argv[1:] = []  # ministack reads the command line too
    from ministack.app import main as ministack  # type: ignore[import-untyped]

    from twin import (
        batch,
        bus_forwarding,
        checksums,
        copies,
        object_reads,
        permissions,
        ranges,
        replication,
        s3_events,
        stopping,
    )

    bus_forwarding.install()
    permissions.install()
    checksums.install()
    ranges.install()
    copies.install()
    object_reads.install()
    replication.install()
    s3_events.install()
    engine = batch.install(f"http://127.0.0.1:{port}")
    stopping.install(engine.scheduler.close)
    try:
        ministack()
    finally:
        engine.close()


if __name__ == "__main__":
    main()
