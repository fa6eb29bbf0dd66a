"""The fault campaign: a simulated year of bad luck in minutes, the same for the same seed.

The production handlers run unmodified, with real botocore clients, on models of SQS, EventBridge, DynamoDB,
S3 and AWS Batch that share one virtual clock; the runner's own lease and publication run in the simulated
containers. Faults are put in where requests leave botocore. What must never happen is counted at the end.

`python -m campaign` runs it; `python -m campaign.guards` removes each guard in turn and shows that it is
missed.
"""

import sys
from pathlib import Path

# The runner is a package of its image; here it is imported from its folder.
_RUNNER = str(Path(__file__).resolve().parent.parent / "pipeline_images" / "runner")
if _RUNNER not in sys.path:
    sys.path.append(_RUNNER)
