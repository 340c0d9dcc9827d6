"""The name that people open: its zone in Route 53, and its certificate from ACM."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from penstock_infra.aws.account import Account, AwsComponent
from penstock_platform.blueprint import FrontPlan


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A public zone of Route 53 that holds a domain."""

    id: str
    name: str


def zone_of(front: FrontPlan, made_by: aws.Provider) -> Zone | None:
    """Return the zone of the domain; None where the certificate is given, and DNS is the operator's own.

    Raises RunError, before any resource is made, when the account has no zone for it.
    """
    if front.certificate or not front.domain:
        return None
    tried = list(parents(front.domain))
    for name in tried:
        if (zone_id := _zone_id(name, made_by)) is not None:
            return Zone(id=zone_id, name=name)
    raise pulumi.RunError(
        f"penstock:domain {front.domain}: this account has no public zone of Route 53 for it, nor for a name above it "
        f"(looked for {', '.join(tried)}). Make the zone and delegate the name to it, or give penstock:certificate, "
        "the ARN of a certificate in ACM, and keep DNS where it is."
    )


def parents(domain: str) -> Iterator[str]:
    """Yield the domain and each name above it, longest first, down to two labels: a zone of one is nobody's."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        yield ".".join(labels[start:])


def _zone_id(name: str, made_by: aws.Provider) -> str | None:
    try:
        found = aws.route53.get_zone(name=name, private_zone=False, opts=pulumi.InvokeOptions(provider=made_by))
    except Exception as error:  # the SDK has no class of its own for what a function of a provider refuses
        if "no matching" in str(error):
            return None
        raise
    return str(found.zone_id)


class Certificate(AwsComponent):
    """A certificate for a name and others beside it, proven by DNS. `arn` is known once it is issued."""

    def __init__(self, name: str, account: Account, zone: Zone, *, domain: str, others: Sequence[str]) -> None:
        """Ask for the certificate, answer ACM's question for each name, and wait until it is issued."""
        super().__init__(name, account)
        asked = aws.acm.Certificate(
            "certificate",
            domain_name=domain,
            subject_alternative_names=list(others),
            validation_method="DNS",
            # Renewed under another name first, so that the balancer is never without.
            opts=self.child(),
        )
        proofs = [self._proof(one, asked, zone) for one in (domain, *others)]
        issued = aws.acm.CertificateValidation(
            "certificate",
            certificate_arn=asked.arn,
            validation_record_fqdns=[proof.fqdn for proof in proofs],
            opts=self.child(),
        )
        self.arn: pulumi.Output[str] = issued.certificate_arn
        self.finish(arn=self.arn)

    def _proof(self, domain: str, asked: aws.acm.Certificate, zone: Zone) -> aws.route53.Record:
        # ACM lists its questions in no fixed order.
        question = asked.domain_validation_options.apply(
            lambda options: next(option for option in options if option["domain_name"] == domain)
        )
        return aws.route53.Record(
            f"proof-{domain}",
            zone_id=zone.id,
            name=question["resource_record_name"],
            type=question["resource_record_type"],
            records=[question["resource_record_value"]],
            ttl=60,
            allow_overwrite=True,
            opts=self.child(),
        )
