"""EventBridge hears of instances that change, as on AWS: rules of the default bus get what their patterns ask for."""

import json

from moto.ec2.models.instances import Instance
from moto.events.models import events_backends


def tell_state(instance: Instance, name: str) -> None:
    """Sends the event of an instance that is `name` now. Nothing is made for an account without rules."""
    account, region = instance.ec2_backend.account_id, instance.ec2_backend.region_name
    backend = events_backends[account][region]
    if not backend.describe_event_bus("default").rules:
        return
    detail = {"instance-id": instance.id, "state": name}
    backend.put_events(
        [
            {
                "Source": "aws.ec2",
                "DetailType": "EC2 Instance State-change Notification",
                "Detail": json.dumps(detail),
            }
        ]
    )
