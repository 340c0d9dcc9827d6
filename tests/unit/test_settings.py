"""Settings: what is read, what is refused, and who may see what of the environment."""

from __future__ import annotations

import pytest

from penstock_runtime.hardening import clean_environment
from penstock_runtime.settings import Settings, SettingsInvalid, read_settings

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
