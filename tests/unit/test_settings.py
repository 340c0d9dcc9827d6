"""Settings: what is read, what is refused, and who may see what of the environment."""

from __future__ import annotations

import math

import pytest

from penstock_runtime.hardening import clean_environment
from penstock_runtime.settings import SecretReference, Settings, SettingsInvalid, read_settings

CLOUD = {"AWS_SECRET_ACCESS_KEY": "cloud", "AWS_REGION": "eu-central-1"}


def test_templates_read_no_credential_unless_it_was_granted_by_name():
    assert read_settings(CLOUD).template_env == {"AWS_REGION": "eu-central-1"}
    granted = {**CLOUD, "PENSTOCK_BLOCK_ENV": "AWS_SECRET_ACCESS_KEY"}
    assert read_settings(granted).template_env == CLOUD


@pytest.mark.parametrize("name", ["DATABASE_URL", "PENSTOCK_ENCRYPTION_KEY", "PENSTOCK_DB_PASSWORD", "REDIS_URL"])
def test_a_secret_of_ours_cannot_be_granted_to_blocks(name):
    with pytest.raises(SettingsInvalid, match=f"PENSTOCK_BLOCK_ENV: {name} cannot be used"):
        read_settings({"PENSTOCK_BLOCK_ENV": f"LANG, {name}"})


def test_what_is_no_secret_of_ours_can_be_granted():
    settings = read_settings({"PENSTOCK_BLOCK_ENV": "MINE,PENSTOCK_PUBLIC_URL", "MINE": "1"})
    assert settings.block_env == {"MINE": "1"}


def test_a_block_sees_the_plain_names_and_what_was_granted():
    ours = {
        "PATH": "/bin",
        "HOME": "/home/ada",
        "DATABASE_URL": "sqlite:///x",
        "MINE": "1",
        "PENSTOCK_BLOCK_ENV": "MINE",
    }
    settings = read_settings({**ours, **CLOUD})
    seen = clean_environment(settings.plain_env, settings.block_env)
    assert seen == {"PATH": "/bin", "HOME": "/home/ada", "MINE": "1"}


def test_building_sees_where_packages_come_from_and_not_the_right_to_publish_them():
    ours = {"UV_INDEX_URL": "x", "https_proxy": "p", "UV_PUBLISH_TOKEN": "t", "PENSTOCK_ENCRYPTION_KEY": "k", **CLOUD}
    assert read_settings(ours).tool_env == {"UV_INDEX_URL": "x", "https_proxy": "p"}


def test_no_proxy_is_trusted_unless_it_is_named():
    assert read_settings({}).trusted_proxies == ()
    named = read_settings({"PENSTOCK_TRUSTED_PROXIES": "10.0.0.1, 192.168.0.0/16"})
    assert named.trusted_proxies == ("10.0.0.1", "192.168.0.0/16")
    assert Settings.from_json(named.to_json()) == named


OWNER_CODE = "0123456789abcdef"
SECRET = "aws:arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1"


def test_an_owner_code_has_sixteen_characters_and_is_not_shown():
    assert read_settings({"PENSTOCK_OWNER_CODE": f" {OWNER_CODE}\n"}).owner_code == OWNER_CODE
    with pytest.raises(SettingsInvalid, match="PENSTOCK_OWNER_CODE: its value cannot be used; at least 16") as refused:
        read_settings({"PENSTOCK_OWNER_CODE": OWNER_CODE[1:]})
    assert OWNER_CODE[1:] not in str(refused.value)


def test_a_standby_waits_for_seconds_or_without_end():
    assert read_settings({"PENSTOCK_STANDBY_SECONDS": "7.5"}).standby_seconds == 7.5
    settings = read_settings({"PENSTOCK_STANDBY_SECONDS": "unlimited"})
    assert settings.standby_seconds == math.inf
    assert Settings.from_json(settings.to_json()).standby_seconds == math.inf


@pytest.mark.parametrize("text", ["forever", "inf", "nan", "1e999"])
def test_another_word_for_a_number_is_refused(text):
    with pytest.raises(SettingsInvalid, match=r"PENSTOCK_STANDBY_SECONDS: .*number or unlimited"):
        read_settings({"PENSTOCK_STANDBY_SECONDS": text})
    with pytest.raises(SettingsInvalid, match="PENSTOCK_DRAIN_SECONDS"):
        read_settings({"PENSTOCK_DRAIN_SECONDS": "unlimited"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SECRET, SecretReference("aws", SECRET.removeprefix("aws:"))),
        ("aws:shop/db#pass", SecretReference("aws", "shop/db", "pass")),
    ],
)
def test_a_secret_is_named_by_its_store(text, expected):
    assert SecretReference.parse(text) == expected
    assert read_settings({"PENSTOCK_DB_HOST": "db", "PENSTOCK_DB_SECRET": text}).database_secret == text


@pytest.mark.parametrize("text", ["vault:shop", "gcp:projects/1/secrets/db", "aws:", "aws:#password", "plain"])
def test_another_store_or_no_name_is_refused(text):
    with pytest.raises(SettingsInvalid, match=r"PENSTOCK_DB_SECRET: .*allowed: aws:<ARN or name"):
        read_settings({"PENSTOCK_DB_HOST": "db", "PENSTOCK_DB_SECRET": text})


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"PENSTOCK_DB_SECRET": SECRET}, "no Postgres to use it for"),
        ({"PENSTOCK_DB_SECRET": SECRET, "DATABASE_URL": "sqlite:////tmp/x.db"}, "no Postgres to use it for"),
        ({"PENSTOCK_DB_SECRET": SECRET, "PENSTOCK_DB_HOST": "db", "PENSTOCK_DB_PASSWORD": "x"}, "one of the two"),
        ({"PENSTOCK_DB_SSLMODE": "verify-full"}, "set PENSTOCK_CA_FILE"),
        ({"PENSTOCK_DB_SSLMODE": "disable"}, "allowed: prefer, require, verify-ca, verify-full"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(environ, problem):
    with pytest.raises(SettingsInvalid, match=problem):
        read_settings(environ)


def test_the_platforms_variables_are_for_processes_of_ours_alone():
    container = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x", "AWS_REGION": "eu-central-1"}
    settings = read_settings(container)
    assert settings.platform_env == container
    assert settings.template_env == {"AWS_REGION": "eu-central-1"}
    assert clean_environment(settings.plain_env, settings.block_env).keys() == {"PATH"}


def test_what_no_release_acts_on_yet_is_said_once(tmp_path):
    environ = {
        "PENSTOCK_ARTIFACTS_URL": "s3://b",
        "REDIS_URL": "redis://r:6379/0",
        "PENSTOCK_JOBS_URL": "http://jobs",
        "PENSTOCK_LOGS_URL": "",
    }
    warnings = read_settings(environ, project_dir=tmp_path).warnings
    assert warnings == ("set, and not acted on by this release yet: PENSTOCK_ARTIFACTS_URL, PENSTOCK_JOBS_URL",)
