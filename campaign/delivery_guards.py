# ruff: noqa: E501 -- code that is replaced stands here as it stands there
"""The guards of deliveries: each condition of the ledger, and each look before something is sent."""

from campaign.guard import guard

_EITHER = "attribute_exists(pk) OR attribute_not_exists(pk)"
DELIVERY_GUARDS = (
    guard(
        "a delivery is planned once", "slow_deliveries", "handlers.delivery_ledger",
        'return put(context, _whole(delivery), ConditionExpression="attribute_not_exists(pk)")',
        f'return put(context, _whole(delivery), ConditionExpression="{_EITHER}")',
    ),
    guard(
        "a delivery changes only as it was read", "slow_deliveries", "handlers.delivery_ledger",
        'ConditionExpression="revision = :read"', 'ConditionExpression="revision = :read OR NOT revision = :read"',
    ),
    guard(
        "a sample's first delivery is pointed at only while there is none", "slow_deliveries", "handlers.delivery_ledger",
        'return put(context, key, ConditionExpression="attribute_not_exists(pk)")',
        f'return put(context, key, ConditionExpression="{_EITHER}")',
    ),
    guard(
        "the pointer at a sample's delivery moves only from the one that was read", "slow_deliveries", "handlers.delivery_ledger",
        'ConditionExpression="delivery_id = :known"', 'ConditionExpression="delivery_id = :known OR NOT delivery_id = :known"',
    ),
    guard(
        "what is closed is no longer among the open ones", "several_projects", "handlers.delivery_ledger",
        "opened = {} if delivery.state in CLOSED else", "opened = {} if False else",
    ),
    guard(
        "deliveries are planned before the run leaves the open ones", "untold_successes", "handlers.delivery_ledger",
        "        if agreement.covers(run.sample):\n            plan(", "        if False:\n            plan(",
    ),
    guard(
        "a manifest is written only if absent", "no_refusal", "handlers.delivery_copy",
        '            IfNoneMatch="*",\n', "",
    ),
    guard(
        "a file that is there is not copied again", "untold_successes", "handlers.delivery_copy",
        "        if not is_there(context, agreement, delivery_id, each):\n", "        if True:\n",
    ),
    guard(
        "what was copied has the SHA-256 of the run's manifest", "damaged", "handlers.delivery_copy",
        '    if copied != s3_checksum(file):\n', "    if not copied:\n",
    ),
    guard(
        "a bucket that changed hands gets nothing", "refused_for_a_time", "handlers.delivery_copy",
        '        "ExpectedBucketOwner": agreement.account,\n', "",
    ),
    guard(
        "the manifest comes after the files", "no_refusal", "handlers.delivery",
        "        partner_bucket.copy_files(context, agreement, delivery.delivery_id, run, files)\n", "",
        ("handlers.delivery", "        _supersede(context, agreement, delivery, run)\n    except",
         "        partner_bucket.copy_files(context, agreement, delivery.delivery_id, run, files)\n"
         "        _supersede(context, agreement, delivery, run)\n    except"),
    ),
    guard(
        "what the partner has, or has refused, is not sent again", "slow_deliveries", "handlers.delivery",
        "    if delivery.state in (*CLOSED, DELIVERED) or delivery.failure == PARTNER:\n        return\n", "",
    ),
    guard(
        "an older run's delivery gives way to a newer one's", "slow_deliveries", "handlers.delivery",
        "        if newer := _newer(context, agreement, run):\n", "        if newer := '':\n",
        ("handlers.delivery", "    if _newer(context, agreement, run):\n        raise", "    if False:\n        raise"),
    ),
    guard(
        "an earlier delivery gets a notice", "slow_deliveries", "handlers.delivery",
        "        partner_bucket.put_notice(context, agreement, known, delivery.delivery_id)\n", "",
    ),
    guard(
        "what passes by itself is no refusal", "no_refusal", "handlers.delivery",
        "        if failure == THROTTLING:\n            raise  # the queue brings it back\n", "",
    ),
    guard(
        "the schedule tries again what was refused", "refused_for_a_time", "handlers.delivery_plan",
        "        return delivery.failure != PARTNER and quiet_s", "        return False and quiet_s",
    ),
    guard(
        "the schedule goes on with what stopped", "untold_successes", "handlers.delivery_plan",
        "    return delivery.state in (PLANNED, COPYING) and quiet_s", "    return False and quiet_s",
    ),
    guard(
        "each of a partner's projects is taken up", "several_projects", "handlers.delivery",
        "        if (delivery.state == ERASING or each.covers(delivery.place)) and delivery_id_of(",
        "        if delivery_id_of(",
    ),
    guard(
        "a receipt is of this delivery and manifest", "partner_refuses", "handlers.delivery_plan",
        "    if (named, digest) != (delivery.delivery_id, delivery.manifest_sha256):\n", "    if False:\n",
    ),
    guard(
        "only a receipt that says so accepts", "partner_refuses", "handlers.delivery_plan",
        'if answer is True else', 'if answer else',
    ),
    guard(
        "a project that nobody agreed on is not delivered", "not_agreed", "handlers.agreement",
        "return (sample.pipeline, sample.project) == (self.pipeline, self.project)", "return sample.pipeline == self.pipeline",
    ),
    guard(
        "reads are sent only where they are named", "not_agreed", "handlers.agreement",
        "return found and (not _reads(path) or _reads(name) or name == READS)", "return found",
    ),
)  # fmt: skip
