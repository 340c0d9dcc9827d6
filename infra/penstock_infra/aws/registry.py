"""The registry of the runtime's image, and the image itself by digest."""

from __future__ import annotations

import json
import re

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_infra.image import Registry, image_reference
from penstock_platform.blueprint import ImagePlan

KEPT_IMAGES = 30
IN_ECR = re.compile(r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com[.a-z]*/(?P<name>[^@:]+)@")


class ImageRegistry(AwsComponent):
    """A repository of ECR: `url`, `image` by digest, and `pulled` (ARNs of the repositories that hold the image)."""

    def __init__(self, name: str, account: Account, plan: ImagePlan, *, keeps: bool) -> None:
        """Make the repository, and build and push the image where none was given. `keeps`: not deleted with images."""
        super().__init__(name, account)
        repository = aws.ecr.Repository(
            "images",
            name=account.name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "AES256"}],
            force_delete=not keeps,
            opts=self.child(),
        )
        aws.ecr.LifecyclePolicy("images", repository=repository.name, policy=json.dumps(LIFECYCLE), opts=self.child())
        self.url: pulumi.Output[str] = repository.repository_url
        self.image = self._image(plan, repository)
        self.pulled = [repository.arn, *given_repository(plan, account)]
        self.finish(url=self.url)

    def _image(self, plan: ImagePlan, repository: aws.ecr.Repository) -> pulumi.Output[str]:
        if plan.given is not None:
            return pulumi.Output.from_input(plan.given)
        token = aws.ecr.get_authorization_token_output(
            registry_id=repository.registry_id, opts=pulumi.InvokeOptions(parent=self)
        )
        pushed_to = Registry(
            address=token.proxy_endpoint,
            repository=repository.repository_url,
            username=token.user_name,
            password=pulumi.Output.secret(token.password),
        )
        return image_reference(plan, pushed_to, self.child())


def given_repository(plan: ImagePlan, account: Account) -> list[pulumi.Output[str]]:
    """Return the ARN of the repository of ECR that a given image is in; empty for another registry."""
    found = IN_ECR.match(plan.given or "")
    if found is None:
        return []
    place = "arn:{0}:ecr:" + f"{found['region']}:{found['account']}:repository/{found['name']}"
    return [pulumi.Output.format(place, account.partition)]


LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": f"Keep the last {KEPT_IMAGES} images",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
            "action": {"type": "expire"},
        }
    ]
}
