"""Who may do what: one row is one attempt, really made against the twin, with the reason of its outcome.

`UNJUDGED` is what AWS refuses and the twin does not judge: it is in the table so that nobody believes it
proved, and counts for nothing. The day the twin refuses it, the row becomes a NO.
"""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    YES = "yes"
    NO = "no"
    UNJUDGED = "unjudged"


YES, NO, UNJUDGED = Verdict

READS = "metagenome/soil/S1/input.tar"
REPORT = "metagenome/soil/S1/r1/report.html"
STATUS = "metagenome/soil/S1/status.json"
PAGE = "metagenome/soil/status.html"
SPOT = "eu job-queue globalbi-eu-spot"
STATE = ".pulumi/stacks/globalbi/eu.json"
ELSEWHERE = "the twin looks for it in the caller's own account"
DEPLOY, PREVIEW = "globalbi-eu-github-deploy", "globalbi-eu-github-preview"


@dataclass(frozen=True)
class Row:
    who: str
    does: str
    on: str
    may: Verdict
    because: str

    def __str__(self) -> str:
        return f"{self.who}, {self.does}, {self.on}"


_ROWS = (
    # Branch staff
    ("branch", "s3:PutObject", f"eu uploads {READS}", YES, "a sample is uploaded as input.tar"),
    ("branch", "s3:AbortMultipartUpload", f"eu uploads {READS}", YES, "an upload in parts is given up"),
    ("branch", "s3:ListMultipartUploadParts", f"eu uploads {READS}", YES, "a broken upload goes on"),
    ("branch", "s3:GetObject", f"eu results {STATUS}", YES, "it follows its samples"),
    ("branch", "s3:GetObject", f"eu results {REPORT}", YES, "it reads its results"),
    ("branch", "s3:GetObjectVersion", f"eu results {REPORT}", NO, "what was overwritten is for operators"),
    ("branch", "s3:ListBucket", "eu results metagenome/", YES, "it finds its results"),
    ("branch", "s3:PutObject", "eu uploads metagenome/soil/S1/other.tar", NO, "input.tar is the only name"),
    ("branch", "s3:PutObject", "eu uploads unknown/soil/S1/input.tar", NO, "the office has no such pipeline"),
    ("branch", "s3:PutObject", "eu uploads input.tar", NO, "an upload lies in a pipeline's folder"),
    ("branch", "s3:GetObject", f"eu uploads {READS}", NO, "a lost key must not give out reads"),
    ("branch", "s3:GetObjectVersion", f"eu uploads {READS}", NO, "nor those of before"),
    ("branch", "s3:ListBucket", "eu uploads metagenome/", NO, "nor the names of samples"),
    ("branch", "s3:DeleteObject", f"eu uploads {READS}", NO, "what was uploaded stays"),
    ("branch", "s3:DeleteObjectVersion", f"eu uploads {READS}", NO, "its versions, too"),
    ("branch", "s3:PutObjectTagging", f"eu uploads {READS}", NO, "tags are the office's"),
    ("branch", "s3:PutObject", f"eu results {REPORT}", NO, "nobody writes a result by hand"),
    ("branch", "s3:DeleteObject", f"eu results {REPORT}", NO, "nobody deletes one"),
    ("branch", "s3:GetObject", "eu references demo-host/2026.1/host.fa", NO, "references are for jobs"),
    ("branch", "s3:GetObject", "us results metagenome/soil/S1/status.json", NO, "another office's"),
    ("branch", "s3:PutObject", f"us uploads {READS}", NO, "another office's"),
    ("branch", "dynamodb:GetItem", "eu ledger run#1", NO, "the ledger is for functions"),
    ("branch", "dynamodb:Query", "hq fleet office#eu", NO, "headquarters' table is in another account"),
    ("branch", "batch:SubmitJob", SPOT, NO, "a job starts by an upload only"),
    ("branch", "batch:DescribeJobs", "eu job 1", NO, "a job's environment names samples"),
    ("branch", "sqs:SendMessage", "eu queue globalbi-eu-intake-queue", NO, "no forged events of uploads"),
    ("branch", "events:PutEvents", "eu bus default", NO, "no forged events of runs"),
    ("branch", "logs:FilterLogEvents", "eu logs /globalbi/eu/jobs", NO, "logs are for operators"),
    ("branch", "kms:GenerateDataKey", "eu key -", NO, "the key works through S3 only, not by hand"),
    ("branch", "lambda:InvokeFunction", "eu function globalbi-eu-reconcile", NO, "functions run by events"),
    ("branch", "sts:AssumeRole", "eu role globalbi-eu-intake", NO, "no way from one role into another"),
    ("branch", "iam:PutRolePolicy", "eu role globalbi-eu-branch", NO, "it gives itself nothing"),
    # Intake, progress, reconcile: they follow runs
    ("intake", "sqs:ReceiveMessage", "eu queue globalbi-eu-intake-queue", YES, "it takes events of uploads"),
    ("intake", "sqs:GetQueueAttributes", "eu queue globalbi-eu-intake-queue", YES, "as Lambda's poller does"),
    ("intake", "s3:GetObjectVersion", f"eu uploads {READS}", YES, "size and checksum of an upload"),
    ("intake", "s3:ListBucketVersions", "eu uploads -", NO, "reconcile compares, intake takes what comes"),
    ("intake", "s3:PutObject", f"eu results {STATUS}", YES, "it answers with status.json"),
    ("intake", "dynamodb:GetItem", "eu ledger run#1", YES, "it reads the ledger"),
    ("intake", "dynamodb:PutItem", "eu ledger security#1", YES, "it claims a run"),
    ("intake", "dynamodb:UpdateItem", "eu ledger run#1", YES, "it follows it"),
    ("intake", "batch:SubmitJob", SPOT, YES, "it submits the first attempt"),
    ("intake", "batch:ListJobs", SPOT, YES, "it looks for a job whose reply was lost"),
    ("intake", "events:PutEvents", "eu bus default", YES, "it tells of a run"),
    ("intake", "logs:CreateLogStream", "eu logs /aws/lambda/globalbi-eu-intake", YES, "its own log"),
    ("intake", "logs:CreateLogStream", "eu logs /aws/lambda/globalbi-eu-progress", NO, "another's log"),
    ("intake", "logs:DeleteLogGroup", "eu logs /aws/lambda/globalbi-eu-intake", NO, "logs stay"),
    ("intake", "sqs:ReceiveMessage", "eu queue globalbi-eu-progress-queue", NO, "another function's events"),
    ("intake", "sqs:SendMessage", "eu queue globalbi-eu-intake-queue", NO, "it makes no events of uploads"),
    ("intake", "s3:PutObject", f"eu uploads {READS}", NO, "reads are the branch's"),
    ("intake", "s3:GetObjectAttributes", f"eu uploads {READS}", NO, "it asks with HeadObject"),
    ("intake", "s3:GetObjectVersionAttributes", f"eu uploads {READS}", NO, "it asks with HeadObject"),
    ("intake", "s3:DeleteObject", f"eu uploads {READS}", NO, "nothing in the office deletes reads"),
    ("intake", "s3:DeleteObject", f"eu results {STATUS}", NO, "nor results"),
    ("intake", "s3:GetObject", "eu references demo-host/2026.1/host.fa", NO, "references are for jobs"),
    ("intake", "s3:GetObject", "us results metagenome/soil/S1/status.json", NO, "another office's"),
    ("intake", "dynamodb:DeleteItem", "eu ledger run#1", NO, "a run is never forgotten"),
    ("intake", "dynamodb:Scan", "eu ledger -", NO, "nobody reads the whole ledger at once"),
    ("intake", "dynamodb:GetItem", "us ledger run#1", NO, "another office's"),
    ("intake", "batch:SubmitJob", "us job-queue globalbi-us-spot", NO, "another office's machines"),
    ("intake", "sns:Publish", "eu topic globalbi-eu-notices", NO, "the desk tells people"),
    ("intake", "kms:GenerateDataKey", "eu key -", NO, "the key works through its services only"),
    ("progress", "sqs:ReceiveMessage", "eu queue globalbi-eu-progress-queue", YES, "it takes events of jobs"),
    ("progress", "s3:GetObject", f"eu results {REPORT}", YES, "it reads the manifest"),
    ("progress", "s3:GetObject", f"eu uploads {READS}", NO, "it needs no reads"),
    ("progress", "s3:GetObjectVersion", f"eu uploads {READS}", NO, "nor versions of them"),
    ("progress", "batch:CancelJob", SPOT, NO, "terminating ends every job"),
    ("progress", "batch:TerminateJob", SPOT, YES, "it ends a job that is superseded"),
    ("progress", "dynamodb:Query by_state", "eu ledger open", NO, "an event names its run"),
    ("progress", "sqs:ReceiveMessage", "eu queue globalbi-eu-intake-queue", NO, "another function's events"),
    ("progress", "dynamodb:DeleteItem", "eu ledger run#1", NO, "a run is never forgotten"),
    ("progress", "iam:GetRole", "eu role globalbi-eu-progress", NO, "it knows no roles"),
    ("reconcile", "s3:ListBucketVersions", "eu uploads -", YES, "it compares uploads with the ledger"),
    ("reconcile", "batch:DescribeJobs", "eu job 1", YES, "and jobs with the ledger"),
    ("reconcile", "dynamodb:Query by_state", "eu ledger open", YES, "it looks after open runs"),
    ("reconcile", "sqs:ReceiveMessage", "eu queue globalbi-eu-intake-queue", NO, "a schedule starts it"),
    ("reconcile", "sqs:PurgeQueue", "eu queue globalbi-eu-intake-queue-dead-letters", NO, "people decide"),
    ("reconcile", "lambda:InvokeFunction", "eu function globalbi-eu-intake", NO, "it calls no function"),
    # Desk
    ("desk", "s3:PutObject", f"eu results {PAGE}", YES, "it makes the page of a project"),
    ("desk", "dynamodb:Query by_page", "eu ledger metagenome/soil", YES, "from the project's runs"),
    ("desk", "dynamodb:Query by_due", "eu ledger due", YES, "when it is due"),
    ("desk", "sns:Publish", "eu topic globalbi-eu-project-notices", YES, "it tells people"),
    ("desk", "sns:Subscribe", "eu topic globalbi-eu-project-notices", NO, "the office file says who is told"),
    ("desk", "s3:PutObject", f"eu results {STATUS}", NO, "it writes pages only"),
    ("desk", "s3:GetObject", f"eu results {REPORT}", NO, "it reads no results"),
    ("desk", "s3:GetObject", f"eu uploads {READS}", NO, "nor reads"),
    ("desk", "batch:SubmitJob", SPOT, NO, "it starts nothing"),
    ("desk", "ssm:GetParameter", "eu parameter /globalbi/eu/chat/soil", NO, "the office has no chat"),
    # Census
    ("census", "dynamodb:Scan", "eu ledger -", YES, "it reads every run, once a night"),
    ("census", "events:PutEvents", "eu bus default", YES, "and tells headquarters of them"),
    ("census", "dynamodb:UpdateItem", "eu ledger run#1", NO, "it changes no run"),
    ("census", "dynamodb:DeleteItem", "eu ledger run#1", NO, "and forgets none"),
    ("census", "dynamodb:Query", "hq fleet office#eu", NO, "headquarters compares, not the office"),
    ("census", "s3:GetObject", f"eu results {REPORT}", NO, "it reads no results"),
    ("census", "s3:GetObject", f"eu uploads {READS}", NO, "nor reads"),
    # Delivery
    ("delivery", "s3:GetObject", f"eu results {REPORT}", YES, "it reads what it delivers"),
    ("delivery", "s3:CopyIntoInbox", "acme inbox globalbi/d1/report.html", YES, "below the partner's prefix"),
    ("delivery", "s3:GetObject", "acme inbox globalbi/d1/received.json", YES, "it reads the receipt"),
    ("delivery", "s3:CopyIntoInbox", "acme inbox others/report.html", NO, "nowhere else does it write"),
    ("delivery", "s3:GetObject", "acme inbox others/private.txt", NO, "nor does it read there"),
    ("delivery", "s3:DeleteObject", "acme inbox globalbi/d1/received.json", NO, "it deletes nothing"),
    ("delivery", "s3:GetObject", f"eu uploads {READS}", NO, "reads are not delivered"),
    ("delivery", "s3:PutObject", f"us results {REPORT}", NO, "another office is no partner"),
    ("delivery", "dynamodb:UpdateItem", "eu ledger run#1", NO, "it changes no run in place"),
    # Headquarters' function
    ("fleet", "sqs:ReceiveMessage", "hq queue globalbi-fleet-queue", YES, "it takes the offices' events"),
    ("fleet", "dynamodb:PutItem", "hq fleet security#1", YES, "it keeps the table"),
    ("fleet", "dynamodb:Scan", "hq fleet -", NO, "it need not read it"),
    ("fleet", "dynamodb:DeleteItem", "hq fleet office#eu", NO, "a row stays"),
    ("fleet", "dynamodb:GetItem", "eu ledger run#1", NO, "an office's ledger stays there"),
    ("fleet", "s3:GetObject", f"eu results {REPORT}", NO, "headquarters sees no results"),
    ("fleet", "s3:GetObject", f"hq results {REPORT}", NO, "not even of its own branch"),
    # Jobs: whatever an image or an upload makes them do
    ("job", "s3:GetObjectVersion", f"eu uploads {READS}", YES, "it reads its upload"),
    ("job", "s3:GetObject", f"eu uploads {READS}", NO, "by its version alone"),
    ("job", "s3:GetObject", "eu references demo-host/2026.1/host.fa", YES, "and references"),
    ("job", "s3:PutObject", f"eu results {REPORT}", YES, "it writes results of its pipeline"),
    ("job", "dynamodb:UpdateItem", "eu ledger run#1", YES, "it holds its lease"),
    ("job", "s3:GetObject", "eu uploads assembly/soil/S1/input.tar", NO, "another pipeline's reads"),
    ("job", "s3:PutObject", "eu results assembly/soil/S1/r2/report.html", NO, "another pipeline's results"),
    ("job", "s3:ListBucket", "eu uploads metagenome/", NO, "it does not know of other samples"),
    ("job", "s3:DeleteObject", f"eu uploads {READS}", NO, "it destroys nothing"),
    ("job", "s3:DeleteObjectVersion", f"eu results {REPORT}", NO, "nor results of before"),
    ("job", "s3:PutObject", "eu references demo-host/2026.1/host.fa", NO, "nor poisons references"),
    ("job", "dynamodb:GetItem", "eu ledger run#1", NO, "it does not read the ledger"),
    ("job", "dynamodb:PutItem", "eu ledger security#1", NO, "nor claims runs"),
    ("job", "dynamodb:ConditionCheckItem", "eu ledger run#1", NO, "nor asks of them"),
    ("job", "batch:SubmitJob", SPOT, NO, "it starts no jobs"),
    ("job", "events:PutEvents", "eu bus default", NO, "it tells nothing to headquarters"),
    ("job", "s3:PutObject", "acme inbox globalbi/d1/stolen.tar", NO, "it delivers to nobody"),
    ("job", "sts:AssumeRole", "us role globalbi-us-branch", NO, "it becomes nobody else"),
    ("job", "ecr:BatchDeleteImage", "eu repository globalbi/metagenome", NO, "it changes no image"),
    ("execution", "ecr:GetAuthorizationToken", "eu registry -", YES, "the agent pulls images"),
    ("execution", "ecr:BatchGetImage", "eu repository globalbi/metagenome", YES, "of this project"),
    ("execution", "ecr:BatchCheckLayerAvailability", "eu repository globalbi/metagenome", YES, "in layers"),
    ("execution", "ecr:GetDownloadUrlForLayer", "eu repository globalbi/metagenome", YES, "layer by layer"),
    ("execution", "logs:CreateLogStream", "eu logs /globalbi/eu/jobs", YES, "it opens a job's log"),
    ("execution", "logs:PutLogEvents", "eu logs /globalbi/eu/jobs", YES, "and writes it"),
    ("execution", "s3:GetObject", f"eu uploads {READS}", NO, "the agent needs no data"),
    ("execution", "ecr:BatchDeleteImage", "eu repository globalbi/metagenome", NO, "it changes no image"),
    # From office to office
    ("replication", "s3:ListBucket", "hq references demo-host/", YES, "S3 replicates references"),
    ("replication", "s3:GetObject", "hq uploads metagenome/soil/S1/input.tar", NO, "and nothing else"),
    ("replication", "s3:PutObject", f"eu results {REPORT}", NO, "into no other bucket"),
    ("forwarding", "s3:GetObject", f"eu results {REPORT}", NO, "events of runs, nothing else"),
    ("forwarding", "events:PutEvents", "us bus default", NO, "to headquarters' bus, no other"),
    ("us branch", "s3:GetObject", f"eu results {REPORT}", NO, "each office sees its own"),
    ("us branch", "s3:PutObject", f"eu uploads {READS}", NO, "each office uploads to its own"),
    ("us branch", "sts:AssumeRole", "eu role globalbi-eu-branch", NO, "each account's role is its own"),
    ("us intake", "s3:GetObject", f"eu uploads {READS}", NO, "each office reads its own"),
    ("us intake", "dynamodb:PutItem", "hq fleet security#2", NO, "headquarters' function alone writes there"),
    ("us administrator", "s3:GetObject", f"eu uploads {READS}", NO, "an administrator's power ends there"),
    ("us administrator", "s3:PutBucketPolicy", "eu results -", NO, "also for policies"),
    ("us administrator", "s3:DeleteBucket", "eu results -", NO, "also for whole buckets"),
    ("us administrator", "sts:AssumeRole", "eu role globalbi-eu-intake", NO, "no role trusts another"),
    ("us administrator", "sqs:SendMessage", "eu queue globalbi-eu-intake-queue", NO, "no queue does"),
    ("hq administrator", "s3:GetObject", f"eu uploads {READS}", NO, "headquarters reads no samples"),
    ("hq administrator", "s3:GetObject", f"eu results {REPORT}", NO, "nor results"),
    ("hq administrator", "s3:GetObject", "eu references demo-host/2026.1/host.fa", NO, "not even its own"),
    ("hq administrator", "s3:DeleteObject", f"us results {STATUS}", NO, "it deletes nothing"),
    ("hq administrator", "s3:PutBucketVersioning", "eu references -", NO, "only its replication role may"),
    ("hq administrator", "sts:AssumeRole", f"eu role {DEPLOY}", NO, "deploys come from GitHub"),
    # Partners
    ("partner", "s3:GetObject", "acme inbox globalbi/d1/received.json", YES, "its own bucket is its own"),
    ("partner", "s3:GetObject", f"eu results {REPORT}", NO, "results come to it, it does not fetch them"),
    ("partner", "s3:ListBucket", "eu results metagenome/", NO, "nor see other projects"),
    ("partner", "s3:PutObject", f"eu uploads {READS}", NO, "it gives in no samples"),
    ("partner", "sts:AssumeRole", "eu role globalbi-eu-delivery", NO, "it becomes nobody of ours"),
    # From GitHub
    ("preview", "dynamodb:DescribeTable", "eu ledger -", YES, "a preview compares settings"),
    ("preview", "s3:GetBucketVersioning", "eu uploads -", YES, "of buckets, too"),
    ("preview", "s3:GetObject", f"eu state {STATE}", YES, "with the state"),
    ("preview", "ec2:DescribeVpcs", "eu network -", YES, "and the network"),
    ("preview", "s3:PutObject", f"eu state {STATE}", NO, "an unread pull request changes nothing"),
    ("preview", "s3:GetObject", f"eu uploads {READS}", NO, "nor reads samples"),
    ("preview", "s3:GetObject", f"eu results {REPORT}", NO, "nor results"),
    ("preview", "s3:GetObjectVersion", f"eu uploads {READS}", NO, "nor versions of before"),
    ("preview", "dynamodb:Scan", "eu ledger -", NO, "nor names of samples"),
    ("preview", "logs:FilterLogEvents", "eu logs /globalbi/eu/jobs", NO, "nor logs"),
    ("preview", "sqs:ReceiveMessage", "eu queue globalbi-eu-intake-queue", NO, "nor events"),
    ("preview", "batch:DescribeJobs", "eu job 1", NO, "a job's environment names samples"),
    ("preview", "lambda:GetFunctionConfiguration", "eu function globalbi-eu-intake", YES, "functions, too"),
    ("preview", "lambda:UpdateFunctionCode", "eu function globalbi-eu-intake", NO, "it changes no code"),
    ("preview", "s3:PutBucketPublicAccessBlock", "eu uploads -", NO, "it opens no bucket"),
    ("preview", "kms:ScheduleKeyDeletion", "eu key -", NO, "it destroys no key"),
    ("preview", "iam:PutRolePolicy", f"eu role {PREVIEW}", NO, "it gives itself nothing"),
    ("preview", "sts:AssumeRole", f"eu role {DEPLOY}", NO, "nor becomes the deploy role"),
    ("deploy", "s3:CreateBucket", "eu bucket -", YES, "it makes what the program declares"),
    ("deploy", "s3:PutObject", f"eu state {STATE}", YES, "it writes the state"),
    ("deploy", "batch:DescribeJobQueues", "eu job-queue -", YES, "and looks at what is there"),
    ("deploy", "s3:GetObject", f"eu uploads {READS}", NO, "it reads no samples"),
    ("deploy", "s3:PutObject", f"eu results {REPORT}", NO, "and changes none"),
    ("deploy", "s3:DeleteObjectVersion", f"eu uploads {READS}", NO, "nor deletes any"),
    ("deploy", "s3:DeleteObjectVersion", f"eu state {STATE}", NO, "the state's history stays"),
    ("deploy", "dynamodb:GetItem", "eu ledger run#1", NO, "it does not read the ledger"),
    ("deploy", "batch:SubmitJob", SPOT, NO, "it starts no jobs"),
    ("deploy", "lambda:InvokeFunction", "eu function globalbi-eu-reconcile", NO, "nor functions"),
    ("deploy", "ec2:CreateInternetGateway", "eu network -", NO, "no way out of the network"),
    ("deploy", "iam:CreateUser", "eu user me", NO, "no users"),
    ("deploy", "iam:CreateRole", "eu role admin", NO, "no roles but the project's"),
    ("deploy", "iam:AttachRolePolicy", "eu role globalbi-eu-intake", NO, "no AdministratorAccess"),
    ("deploy", "iam:PutRolePolicy", f"eu role {DEPLOY}", NO, "it gives itself nothing"),
    ("deploy", "iam:DeleteRolePermissionsBoundary", f"eu role {DEPLOY}", NO, "its fence stays"),
    ("images", "ecr:GetAuthorizationToken", "hq registry -", YES, "it signs in to push"),
    ("images", "ecr:BatchCheckLayerAvailability", "hq repository globalbi/metagenome", YES, "and pushes"),
    ("images", "ecr:BatchDeleteImage", "hq repository globalbi/metagenome", NO, "what was promoted stays"),
    ("images", "s3:GetObject", "hq references demo-host/2026.1/host.fa", NO, "it sees no data"),
    # Nobody
    ("nobody", "s3:GetObject", f"eu results {REPORT}", NO, "nothing is public"),
    ("nobody", "s3:GetObject", f"eu uploads {READS}", NO, "nothing is public"),
    ("nobody", "s3:PutObject", f"eu uploads {READS}", NO, "nobody uploads unsigned"),
    ("nobody", "s3:ListBucket", "eu results metagenome/", NO, "names are not public"),
    ("nobody", "dynamodb:GetItem", "eu ledger run#1", NO, "unsigned is refused"),
    ("nobody", "sqs:SendMessage", "eu queue globalbi-eu-intake-queue", NO, "unsigned is refused"),
    ("unknown key", "s3:GetObject", f"eu results {REPORT}", NO, "a key that was deleted opens nothing"),
    ("unknown key", "dynamodb:GetItem", "eu ledger run#1", NO, "nowhere"),
    # What AWS refuses and the twin does not
    ("us administrator", "dynamodb:Scan", "eu ledger -", UNJUDGED, ELSEWHERE),
    ("us administrator", "kms:GenerateDataKey", "eu key -", UNJUDGED, ELSEWHERE),
    ("hq administrator", "dynamodb:GetItem", "eu ledger run#1", UNJUDGED, ELSEWHERE),
    ("hq administrator", "ecr:BatchGetImage", "eu repository globalbi/metagenome", UNJUDGED, ELSEWHERE),
    ("partner", "dynamodb:GetItem", "eu ledger run#1", UNJUDGED, ELSEWHERE),
    ("eu reader", "s3:GetObject", f"eu results {REPORT}", UNJUDGED, "the twin's S3 does not ask KMS"),
)  # fmt: skip
TABLE = tuple(Row(*row) for row in _ROWS)
