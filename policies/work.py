"""Policies on what does the work: functions, jobs, instances."""

import re
from collections.abc import Mapping
from typing import Any

from policies.declared import Resource, unknown
from policies.policy import Policy, each

FUNCTION, PERMISSION = "aws:lambda/function:Function", "aws:lambda/permission:Permission"
JOB = "aws:batch/jobDefinition:JobDefinition"
ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
# Runtimes that AWS still mends: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
RUNTIMES = ("python3.12", "python3.13", "python3.14")
SCRATCH = "/scratch"


def _container(job: Resource) -> Mapping[str, Any] | None:
    """None when it is not known yet."""
    return None if unknown(job.inputs.get("containerProperties")) else job.document("containerProperties")


def _by_digest(job: Resource) -> bool:
    container = _container(job)
    return container is None or bool(re.search(r"@sha256:[0-9a-f]{64}$", str(container.get("image"))))


def _confined(job: Resource) -> bool:
    container = _container(job)
    if container is None:
        return True
    folders = [volume.get("host", {}).get("sourcePath") for volume in container.get("volumes", ())]
    root = not re.match(r"[1-9]\d*(:|$)", str(container.get("user", "")))
    writable = container.get("readonlyRootFilesystem") is not True
    return not (root or writable or container.get("privileged") or set(folders) - {SCRATCH})


def _once(job: Resource) -> bool:
    return job.at("retryStrategy", "attempts") == 1 and bool(job.at("timeout", "attemptDurationSeconds"))


def _guards_credentials(template: Resource) -> bool:
    options = template.at("metadataOptions") or {}
    return bool(options.get("httpTokens") == "required" and options.get("httpPutResponseHopLimit") == 1)


def _encrypts_disks(template: Resource) -> bool:
    disks = template.inputs.get("blockDeviceMappings") or ()
    return all(str(disk.get("ebs", {}).get("encrypted")).lower() == "true" for disk in disks)


POLICIES = (
    Policy(
        id="GBI-LAM-1",
        rule="A function runs on a runtime that AWS still mends.",
        reason="A runtime that is given up gets no security fixes, and at last refuses updates.",
        controls=("Lambda.2", "CKV_AWS_363"),
        check=each(
            FUNCTION,
            must=lambda function: function.inputs.get("runtime") in RUNTIMES,
            message=f"needs a runtime of {', '.join(RUNTIMES)}",
        ),
    ),
    Policy(
        id="GBI-LAM-2",
        rule="A function's environment is encrypted with our key, and its calls are traced.",
        reason="It tells what an office runs; and without a trace nobody finds where a sample waited.",
        controls=("CKV_AWS_50", "CKV_AWS_173"),
        check=each(
            FUNCTION,
            must=lambda function: (
                bool(function.inputs.get("kmsKeyArn")) and function.at("tracingConfig", "mode") == "Active"
            ),
            message="needs kmsKeyArn and tracingConfig Active",
        ),
    ),
    Policy(
        id="GBI-LAM-3",
        rule="Who lets a service call a function names what of the service.",
        reason="Another account's rule could else call it (the confused deputy).",
        controls=("Lambda.1", "CKV_AWS_364"),
        check=each(
            PERMISSION,
            must=lambda permission: bool(
                permission.inputs.get("sourceArn") or permission.inputs.get("sourceAccount")
            ),
            message="needs sourceArn",
        ),
    ),
    Policy(
        id="GBI-BAT-1",
        rule="A job's image is named by digest.",
        reason="A tag can move: what ran last month could not be run again.",
        check=each(JOB, must=_by_digest, message="needs an image by digest, …@sha256:…, not by tag"),
    ),
    Policy(
        id="GBI-BAT-2",
        rule="A job is not root, not privileged, and can write to no folder but its host's /scratch.",
        reason="An upload is a stranger's file: what unpacks it must not reach the instance.",
        controls=("ECS.4", "CKV_AWS_210"),
        check=each(
            JOB,
            must=_confined,
            message="needs a user by number other than 0 and a read-only root file system, and must not be"
            f" privileged, nor mount a folder other than {SCRATCH}",
        ),
    ),
    Policy(
        id="GBI-BAT-3",
        rule="A new revision of a job definition leaves the old ones.",
        reason="Runs finish, and try again, on the revision that they started with.",
        check=each(
            JOB,
            must=lambda job: job.inputs.get("deregisterOnNewRevision") is False,
            message="needs deregisterOnNewRevision false",
        ),
    ),
    Policy(
        id="GBI-BAT-4",
        rule="A job is tried once by Batch, and within a time.",
        reason="The next attempt is the ladder's to decide; and a job that hangs costs for ever.",
        check=each(JOB, must=_once, message="needs retryStrategy.attempts 1 and timeout"),
    ),
    Policy(
        id="GBI-BAT-5",
        rule="A change of a compute environment lets running jobs finish.",
        reason="A merge must not cost a branch a sample that has run for ten hours.",
        check=each(
            ENVIRONMENT,
            must=lambda environment: environment.at("updatePolicy", "terminateJobsOnUpdate") is False,
            message="needs updatePolicy.terminateJobsOnUpdate false",
        ),
    ),
    Policy(
        id="GBI-EC2-1",
        rule="An instance gives its credentials to itself only.",
        reason="A container that is one hop away would else hold the instance's role.",
        controls=("EC2.8", "EC2.170", "CKV_AWS_79", "CKV_AWS_341"),
        check=each(
            TEMPLATE,
            must=_guards_credentials,
            message="needs metadataOptions with httpTokens required and httpPutResponseHopLimit 1",
        ),
    ),
    Policy(
        id="GBI-EC2-2",
        rule="An instance's volumes are encrypted.",
        reason="Images and logs lie on them.",
        controls=("EC2.7",),
        check=each(TEMPLATE, must=_encrypts_disks, message="needs encrypted true on every volume"),
    ),
)
