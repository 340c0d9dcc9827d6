"""The evaluator of IAM policies decides as IAM does, and the service reference finds what a service would not take."""

from __future__ import annotations

import pytest

from support.iam import ALLOWED, NOT_ALLOWED, REFUSED, Call, decide, mistakes

CLUSTER = "arn:aws:ecs:eu-central-1:123456789012:cluster/penstock"
TASK = "arn:aws:ecs:eu-central-1:123456789012:task/penstock/0a1b"


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allowing(**more):
    return {"Effect": "Allow", "Action": ["ecs:StopTask"], "Resource": "*", **more}


def decided(statement, context=None, action="ecs:StopTask", resource=TASK, caller=None):
    return decide([policy(statement)], Call(action, resource, context or {}, caller))


@pytest.mark.parametrize(
    ("condition", "context", "said"),
    [
        ({"ArnEquals": {"ecs:cluster": CLUSTER}}, {"ecs:cluster": CLUSTER}, ALLOWED),
        ({"ArnEquals": {"ecs:cluster": CLUSTER}}, {"ECS:Cluster": CLUSTER}, ALLOWED),
        ({"ArnEquals": {"ecs:cluster": CLUSTER}}, {"ecs:cluster": f"{CLUSTER}-2"}, NOT_ALLOWED),
        ({"ArnEquals": {"ecs:cluster": CLUSTER}}, {}, NOT_ALLOWED),
        ({"ArnLike": {"ecs:cluster": "arn:aws:ecs:*:*:cluster/pen*"}}, {"ecs:cluster": CLUSTER}, ALLOWED),
        ({"ArnLike": {"ecs:cluster": "arn:aws:*:cluster/penstock"}}, {"ecs:cluster": CLUSTER}, NOT_ALLOWED),
        ({"StringEquals": {"a:b": ["x", "y"]}}, {"a:b": "y"}, ALLOWED),
        ({"StringEquals": {"a:b": "X"}}, {"a:b": "x"}, NOT_ALLOWED),
        ({"StringEquals": {"a:b": "x*"}}, {"a:b": "xyz"}, NOT_ALLOWED),
        ({"StringLike": {"a:b": "x*"}}, {"a:b": "xyz"}, ALLOWED),
        ({"StringNotEquals": {"a:b": "x"}}, {}, ALLOWED),
        ({"StringNotEquals": {"a:b": ["x", "y"]}}, {"a:b": "y"}, NOT_ALLOWED),
        ({"Null": {"a:b": "true"}}, {}, ALLOWED),
        ({"Null": {"a:b": "true"}}, {"a:b": "x"}, NOT_ALLOWED),
        ({"Null": {"a:b": "false"}}, {"a:b": "x"}, ALLOWED),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "false"}, ALLOWED),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "true"}, NOT_ALLOWED),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, {"s3:TlsVersion": "1.1"}, ALLOWED),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, {"s3:TlsVersion": "1.2"}, NOT_ALLOWED),
        ({"StringEquals": {"a:b": "x", "a:c": "y"}}, {"a:b": "x"}, NOT_ALLOWED),
    ],
)
def test_conditions(condition, context, said):
    assert decided(allowing(Condition=condition), context) == said


def test_an_operator_that_nobody_wrote_is_not_passed_over():
    with pytest.raises(NotImplementedError, match="DateLessThan"):
        decided(allowing(Condition={"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}))
    with pytest.raises(NotImplementedError, match="NotAction"):
        decided({"Effect": "Allow", "Action": "*", "NotAction": "ecs:StopTask", "Resource": "*"})


def test_actions_and_resources_match_with_wildcards():
    assert decided(allowing(Action="ECS:stop*")) == ALLOWED
    assert decided(allowing(Action=["ecs:RunTask"])) == NOT_ALLOWED
    assert decided(allowing(Resource="arn:aws:ecs:*:task/penstock/*")) == ALLOWED
    assert decided(allowing(Resource="arn:aws:ecs:*:task/other/*")) == NOT_ALLOWED


def test_a_refusal_goes_before_every_allowance():
    refusing = {"Effect": "Deny", "Action": "ecs:*", "Resource": TASK}
    assert decide([policy(allowing()), policy(refusing)], Call("ecs:StopTask", TASK)) == REFUSED
    assert decide([], Call("ecs:StopTask", TASK)) == NOT_ALLOWED


def test_principals():
    trusted = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert decided(trusted, action="sts:AssumeRole", caller="ecs-tasks.amazonaws.com") == ALLOWED
    assert decided(trusted, action="sts:AssumeRole", caller="ec2.amazonaws.com") == NOT_ALLOWED
    assert decided({**trusted, "Principal": {"AWS": "*"}}, action="sts:AssumeRole", caller="anybody") == ALLOWED


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (allowing(Action=["ecs:*"]), "ecs:*: a wildcard"),
        (allowing(Action=["ecs:StopTasks"]), "there is no such action"),
        (allowing(), "on everything, though it takes"),
        (allowing(Resource="arn:aws:ecs:eu-central-1:123456789012:service/penstock/web"), "is none of"),
        (allowing(Resource=TASK, Condition={"StringEquals": {"ecs:service": "x"}}), "condition key ecs:service"),
        (allowing(Action=["ecr:GetAuthorizationToken"], Resource=TASK), "takes no resource"),
    ],
)
def test_mistakes_are_found(statement, said):
    (found,) = mistakes(policy(statement))
    assert said in found


def test_what_is_right_has_no_mistakes():
    here = {"ArnEquals": {"ecs:cluster": CLUSTER}}
    assert mistakes(policy(allowing(Resource=TASK, Condition=here))) == []
