"""The calls that the table's rows make, one for each action, on a thing named `<office> <kind> <name>`."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from components.names import bucket_name, key_alias, passport_key_alias
from tests.security.identities import INBOX, Place, Reach, place_of

BODY = b"reads"
LEDGER_KEY = {"sk": {"S": "security"}}


@dataclass(frozen=True, kw_only=True)
class Thing:
    """What a call is made on."""

    office: Place
    kind: str
    name: str

    @classmethod
    def of(cls, words: str) -> "Thing":
        office, kind, name = words.split(" ", 2)
        return cls(office=place_of(office), kind=kind, name=name)

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.office.region}:{self.office.account}:{rest}"

    @property
    def bucket(self) -> dict[str, str]:
        if self.kind == "inbox":
            return {"Bucket": INBOX}
        return {"Bucket": bucket_name(self.office.name, self.kind, self.office.account)}

    @property
    def object(self) -> dict[str, str]:
        return {**self.bucket, "Key": self.name}

    @property
    def table(self) -> dict[str, str]:
        name = "globalbi-fleet" if self.kind == "fleet" else f"globalbi-{self.office.name}-ledger"
        return {"TableName": self.arn("dynamodb", f"table/{name}")}  # by its ARN it is reached from anywhere

    @property
    def item(self) -> dict[str, Any]:
        return {"pk": {"S": self.name}, **LEDGER_KEY}

    @property
    def queue(self) -> dict[str, str]:
        return {
            "QueueUrl": f"https://sqs.{self.office.region}.amazonaws.com/{self.office.account}/{self.name}"
        }

    @property
    def role(self) -> dict[str, str]:
        return {"RoleName": self.name}

    @property
    def key(self) -> str:
        alias = key_alias(self.office.name)
        return str(self.office.root("kms").describe_key(KeyId=alias)["KeyMetadata"]["Arn"])

    @property
    def repository(self) -> dict[str, str]:
        return {"registryId": self.office.account, "repositoryName": self.name}


Call = Callable[[Reach, Thing], Any]


def _s3(operation: str, **more: Any) -> Call:
    return lambda reach, on: getattr(reach("s3", on.office), operation)(**on.object, **more)


def _bucket(operation: str, **more: Any) -> Call:
    return lambda reach, on: getattr(reach("s3", on.office), operation)(**on.bucket, **more)


def _version(operation: str, **more: Any) -> Call:
    """On the newest version, which the office's own administrator looks up."""

    def call(reach: Reach, on: Thing) -> Any:
        version = on.office.root("s3").head_object(**on.object)["VersionId"]
        return getattr(reach("s3", on.office), operation)(**on.object, VersionId=version, **more)

    return call


def _broken_off(operation: str) -> Call:
    """On an upload in parts that somebody has begun."""

    def call(reach: Reach, on: Thing) -> Any:
        begun = on.office.root("s3").create_multipart_upload(**on.object)["UploadId"]
        return getattr(reach("s3", on.office), operation)(**on.object, UploadId=begun)

    return call


def _copy_into_inbox(reach: Reach, on: Thing) -> Any:
    source = Thing.of("eu results metagenome/soil/S1/r1/report.html").object
    return reach("s3", on.office).copy_object(**on.object, CopySource=source)


def _query(index: str | None = None, partition: str = "pk") -> Call:
    def call(reach: Reach, on: Thing) -> Any:
        return reach("dynamodb", on.office).query(
            **on.table,
            **({"IndexName": index} if index else {}),
            KeyConditionExpression="#p = :p",
            ExpressionAttributeNames={"#p": partition},
            ExpressionAttributeValues={":p": {"S": on.name}},
        )

    return call


def _update(reach: Reach, on: Thing) -> Any:
    return reach("dynamodb", on.office).update_item(
        **on.table,
        Key=on.item,
        UpdateExpression="SET seen = :now",
        ExpressionAttributeValues={":now": {"S": "now"}},
    )


def _check(reach: Reach, on: Thing) -> Any:
    check = {"ConditionCheck": {**on.table, "Key": on.item, "ConditionExpression": "attribute_exists(pk)"}}
    return reach("dynamodb", on.office).transact_write_items(TransactItems=[check])


def _submit(reach: Reach, on: Thing) -> Any:
    return reach("batch", on.office).submit_job(
        jobName="security",
        jobQueue=on.name,
        jobDefinition=f"globalbi-{on.office.name}-metagenome",
    )


def _end(operation: str) -> Call:
    """On a job that waits: the fixture has taken away the machines."""

    def call(reach: Reach, on: Thing) -> Any:
        job = _submit(lambda service, _: on.office.root(service), on)["jobId"]
        return getattr(reach("batch", on.office), operation)(jobId=job, reason="security")

    return call


def _tell(reach: Reach, on: Thing) -> Any:
    entry = {"Source": "security", "DetailType": "security", "Detail": "{}"}
    bus = on.arn("events", f"event-bus/{on.name}")
    return reach("events", on.office).put_events(Entries=[{**entry, "EventBusName": bus}])


def _publish(reach: Reach, on: Thing) -> Any:
    return reach("sns", on.office).publish(TopicArn=on.arn("sns", on.name), Message="security")


def _write_log(reach: Reach, on: Thing) -> Any:
    return reach("logs", on.office).create_log_stream(logGroupName=on.name, logStreamName=uuid.uuid4().hex)


def _write_events(reach: Reach, on: Thing) -> Any:
    stream = uuid.uuid4().hex
    on.office.root("logs").create_log_stream(logGroupName=on.name, logStreamName=stream)
    event = {"timestamp": int(time.time() * 1000), "message": "security"}
    return reach("logs", on.office).put_log_events(
        logGroupName=on.name, logStreamName=stream, logEvents=[event]
    )


def _assume(reach: Reach, on: Thing) -> Any:
    role = f"arn:aws:iam::{on.office.account}:role/{on.name}"
    return reach("sts", on.office).assume_role(RoleArn=role, RoleSessionName="security")


def _batch_images(operation: str) -> Call:
    return lambda reach, on: getattr(reach("ecr", on.office), operation)(
        **on.repository, imageIds=[{"imageDigest": "sha256:" + "0" * 64}]
    )


def _sign(reach: Reach, on: Thing) -> Any:
    alias = passport_key_alias(on.office.name)
    key = on.office.root("kms").describe_key(KeyId=alias)["KeyMetadata"]["Arn"]
    return reach("kms", on.office).sign(
        KeyId=key, Message=b"\0" * 32, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
    )


LAYER = "sha256:" + hashlib.sha256(BODY).hexdigest()


def _download(reach: Reach, on: Thing) -> Any:
    """Of a layer that somebody has pushed."""
    ecr = on.office.root("ecr")
    upload = {**on.repository, "uploadId": ecr.initiate_layer_upload(**on.repository)["uploadId"]}
    ecr.upload_layer_part(**upload, partFirstByte=0, partLastByte=len(BODY) - 1, layerPartBlob=BODY)
    ecr.complete_layer_upload(**upload, layerDigests=[LAYER])
    return reach("ecr", on.office).get_download_url_for_layer(**on.repository, layerDigest=LAYER)


def _layer(reach: Reach, on: Thing) -> Any:
    return reach("ecr", on.office).batch_check_layer_availability(**on.repository, layerDigests=[LAYER])


EVERYBODY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
    }
)
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
ANYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
NEW_BUCKET = "globalbi-security"

CALLS: Mapping[str, Call] = {
    "s3:PutObject": _s3("put_object", Body=BODY),
    "s3:GetObject": _s3("get_object"),
    "s3:GetObjectVersion": _version("get_object"),
    "s3:GetObjectAttributes": _s3("get_object_attributes", ObjectAttributes=["Checksum"]),
    "s3:GetObjectVersionAttributes": _version("get_object_attributes", ObjectAttributes=["Checksum"]),
    "s3:DeleteObject": _s3("delete_object"),
    "s3:DeleteObjectVersion": _version("delete_object"),
    "s3:PutObjectTagging": _s3("put_object_tagging", Tagging={"TagSet": []}),
    "s3:ListBucket": lambda reach, on: reach("s3", on.office).list_objects_v2(**on.bucket, Prefix=on.name),
    "s3:ListBucketVersions": _bucket("list_object_versions"),
    "s3:AbortMultipartUpload": _broken_off("abort_multipart_upload"),
    "s3:ListMultipartUploadParts": _broken_off("list_parts"),
    "s3:CopyIntoInbox": _copy_into_inbox,
    "s3:GetBucketVersioning": _bucket("get_bucket_versioning"),
    "s3:PutBucketVersioning": _bucket(
        "put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"}
    ),
    "s3:PutBucketPolicy": _bucket("put_bucket_policy", Policy=EVERYBODY),
    "s3:DeleteBucket": _bucket("delete_bucket"),
    "s3:PutBucketPublicAccessBlock": _bucket("delete_public_access_block"),
    "s3:CreateBucket": lambda reach, on: reach("s3", on.office).create_bucket(
        Bucket=f"{NEW_BUCKET}-{uuid.uuid4().hex}",
        CreateBucketConfiguration={"LocationConstraint": on.office.region},
    ),
    "dynamodb:GetItem": lambda reach, on: reach("dynamodb", on.office).get_item(**on.table, Key=on.item),
    "dynamodb:PutItem": lambda reach, on: reach("dynamodb", on.office).put_item(**on.table, Item=on.item),
    "dynamodb:UpdateItem": _update,
    "dynamodb:DeleteItem": lambda reach, on: reach("dynamodb", on.office).delete_item(
        **on.table, Key=on.item
    ),
    "dynamodb:ConditionCheckItem": _check,
    "dynamodb:Query": _query(),
    "dynamodb:Query by_state": _query("by_state", "open"),
    "dynamodb:Query by_due": _query("by_due", "due"),
    "dynamodb:Query by_page": _query("by_page", "page"),
    "dynamodb:Scan": lambda reach, on: reach("dynamodb", on.office).scan(**on.table),
    "dynamodb:PutResourcePolicy": lambda reach, on: reach("dynamodb", on.office).put_resource_policy(
        ResourceArn=on.table["TableName"], Policy=EVERYBODY
    ),
    "dynamodb:DescribeTable": lambda reach, on: reach("dynamodb", on.office).describe_table(**on.table),
    "batch:SubmitJob": _submit,
    "batch:TerminateJob": _end("terminate_job"),
    "batch:CancelJob": _end("cancel_job"),
    "batch:ListJobs": lambda reach, on: reach("batch", on.office).list_jobs(jobQueue=on.name),
    "batch:DescribeJobs": lambda reach, on: reach("batch", on.office).describe_jobs(jobs=[on.name]),
    "batch:DescribeJobQueues": lambda reach, on: reach("batch", on.office).describe_job_queues(),
    "sqs:ReceiveMessage": lambda reach, on: reach("sqs", on.office).receive_message(
        **on.queue, WaitTimeSeconds=0
    ),
    "sqs:SendMessage": lambda reach, on: reach("sqs", on.office).send_message(**on.queue, MessageBody="{}"),
    "sqs:GetQueueAttributes": lambda reach, on: reach("sqs", on.office).get_queue_attributes(**on.queue),
    "sqs:PurgeQueue": lambda reach, on: reach("sqs", on.office).purge_queue(**on.queue),
    "events:PutEvents": _tell,
    "sns:Publish": _publish,
    "sns:Subscribe": lambda reach, on: reach("sns", on.office).subscribe(
        TopicArn=on.arn("sns", on.name), Protocol="email", Endpoint="me@example.com"
    ),
    "ssm:GetParameter": lambda reach, on: reach("ssm", on.office).get_parameter(Name=on.name),
    "logs:CreateLogStream": _write_log,
    "logs:PutLogEvents": _write_events,
    "logs:FilterLogEvents": lambda reach, on: reach("logs", on.office).filter_log_events(
        logGroupName=on.name
    ),
    "logs:DeleteLogGroup": lambda reach, on: reach("logs", on.office).delete_log_group(logGroupName=on.name),
    "kms:GenerateDataKey": lambda reach, on: reach("kms", on.office).generate_data_key(
        KeyId=on.key, KeySpec="AES_256"
    ),
    "kms:Sign": _sign,
    "kms:PutKeyPolicy": lambda reach, on: reach("kms", on.office).put_key_policy(
        KeyId=on.key, PolicyName="default", Policy=EVERYBODY
    ),
    "kms:ScheduleKeyDeletion": lambda reach, on: reach("kms", on.office).schedule_key_deletion(KeyId=on.key),
    "lambda:InvokeFunction": lambda reach, on: reach("lambda", on.office).invoke(
        FunctionName=on.name, Payload=b"{}"
    ),
    "lambda:GetFunctionConfiguration": lambda reach, on: reach(
        "lambda", on.office
    ).get_function_configuration(FunctionName=on.name),
    "lambda:UpdateFunctionCode": lambda reach, on: reach("lambda", on.office).update_function_code(
        FunctionName=on.name, ZipFile=BODY
    ),
    "ecr:GetAuthorizationToken": lambda reach, on: reach("ecr", on.office).get_authorization_token(),
    "ecr:DescribeImages": lambda reach, on: reach("ecr", on.office).describe_images(**on.repository),
    "ecr:BatchGetImage": _batch_images("batch_get_image"),
    "ecr:BatchDeleteImage": _batch_images("batch_delete_image"),
    "ecr:BatchCheckLayerAvailability": _layer,
    "ecr:GetDownloadUrlForLayer": _download,
    "sts:AssumeRole": _assume,
    "iam:GetRole": lambda reach, on: reach("iam", on.office).get_role(**on.role),
    "iam:CreateUser": lambda reach, on: reach("iam", on.office).create_user(UserName=on.name),
    "iam:CreateRole": lambda reach, on: reach("iam", on.office).create_role(
        RoleName=on.name, AssumeRolePolicyDocument=ANYTHING
    ),
    "iam:AttachRolePolicy": lambda reach, on: reach("iam", on.office).attach_role_policy(
        **on.role, PolicyArn=ADMINISTRATOR
    ),
    "iam:PutRolePolicy": lambda reach, on: reach("iam", on.office).put_role_policy(
        **on.role, PolicyName="more", PolicyDocument=ANYTHING
    ),
    "iam:CreatePolicyVersion": lambda reach, on: reach("iam", on.office).create_policy_version(
        PolicyArn=f"arn:aws:iam::{on.office.account}:policy/{on.name}", PolicyDocument=ANYTHING
    ),
    "iam:DeleteRolePermissionsBoundary": lambda reach, on: reach(
        "iam", on.office
    ).delete_role_permissions_boundary(**on.role),
    "cloudtrail:StopLogging": lambda reach, on: reach("cloudtrail", on.office).stop_logging(Name=on.name),
    "organizations:LeaveOrganization": lambda reach, on: reach(
        "organizations", on.office
    ).leave_organization(),
    "ec2:CreateInternetGateway": lambda reach, on: reach("ec2", on.office).create_internet_gateway(),
    "ec2:DescribeVpcs": lambda reach, on: reach("ec2", on.office).describe_vpcs(),
}
