"""What the office's dashboard shows of jobs: a line of CloudWatch's embedded metric format in the job's log.

So it takes no call and no permission: the awslogs driver ships it, and CloudWatch makes metrics of it.
"""

import json
from typing import Any

from runner.environment import Job
from runner.usage import Usage

# As the functions' counts: handlers/metrics.py.
NAMESPACE, DIMENSION = "GlobalBI", "office"


def line(job: Job, usage: Usage, now_s: float) -> str:
    """Of an attempt that has published: how long its pipeline ran, and how much of its memory it used."""
    found: dict[str, float] = {
        "PipelineSeconds": round(usage.wall_s, 1),
        "PeakMemoryPercent": round(100 * usage.max_rss_mib / job.memory_mib, 1),
    }
    units = {"PipelineSeconds": "Seconds", "PeakMemoryPercent": "Percent"}
    directive: dict[str, Any] = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
    }
    return json.dumps(
        {
            "_aws": {"Timestamp": int(now_s * 1000), "CloudWatchMetrics": [directive]},
            DIMENSION: job.office,
            "run_id": job.run_id,
            "attempt": job.attempt,
            "pipeline": job.pipeline,
            **found,
        }
    )
