"""The account and region of a stack, and the provider that reaches them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.component import Component


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where the stack is made. `name` is the stem of its physical names; `id` has twelve digits."""

    name: str
    region: str
    partition: pulumi.Output[str]
    id: pulumi.Output[str]
    providers: Sequence[pulumi.ProviderResource]

    @property
    def options(self) -> pulumi.ResourceOptions:
        """The options of a component at the top of the stack: the stack's own providers."""
        return pulumi.ResourceOptions(providers=list(self.providers))

    def arn(self, service: str, rest: pulumi.Input[str]) -> pulumi.Output[str]:
        """Return the ARN of something regional: `rest` is what follows the account."""
        return pulumi.Output.format("arn:{0}:{1}:{2}:{3}:{4}", self.partition, service, self.region, self.id, rest)

    def managed_policy(self, path: str) -> pulumi.Output[str]:
        """Return the ARN of a policy that AWS keeps, such as `service-role/AmazonEMRServicePolicy_v2`."""
        return pulumi.Output.format("arn:{0}:iam::aws:policy/{1}", self.partition, path)

    def named(self, what: str) -> Mapping[str, str]:
        """Return the `Name` tag, which consoles show for what has no name of its own."""
        return {"Name": f"{self.name}-{what}"}


class AwsComponent(Component):
    """A component whose children are made by the stack's own providers."""

    cloud = "aws"

    def __init__(self, name: str, account: Account) -> None:
        """Register the component."""
        super().__init__(name, account.options)


def provider(tags: Mapping[str, str]) -> aws.Provider:
    """Return the provider, from its own config keys. Raises RunError without `aws:region`."""
    # An explicit provider does not read these keys by itself.
    config = pulumi.Config("aws")
    return aws.Provider(
        "aws",
        region=region(),
        profile=config.get("profile"),
        allowed_account_ids=config.get_object("allowedAccountIds"),
        assume_roles=config.get_object("assumeRoles"),
        default_tags={"tags": dict(tags)},
    )


def region() -> str:
    """Return the region of the stack. Raises RunError when the config has none."""
    if (found := pulumi.Config("aws").get("region")) is None:
        raise pulumi.RunError("aws:region is missing; write the region in which everything is made, as eu-central-1")
    return found


def account_of(name: str, made_by: aws.Provider, others: Sequence[pulumi.ProviderResource]) -> Account:
    """Return the account that a provider's credentials belong to; `others` are the providers of no cloud."""
    invoke = pulumi.InvokeOptions(provider=made_by)
    return Account(
        name=name,
        region=region(),
        partition=aws.get_partition_output(opts=invoke).partition,
        id=aws.get_caller_identity_output(opts=invoke).account_id,
        providers=[made_by, *others],
    )
