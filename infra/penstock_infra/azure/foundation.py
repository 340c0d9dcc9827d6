"""What the rest of a stack is built on: place, network, identities, and the secrets it makes for itself."""

from __future__ import annotations

import pulumi

from penstock_infra.azure.access import roles_needed
from penstock_infra.azure.identities import Identities, Roles
from penstock_infra.azure.network import Network
from penstock_infra.azure.premises import Premises
from penstock_infra.azure.provider import location_of_stack, stack_providers
from penstock_infra.azure.site import ResourceGroups
from penstock_infra.azure.tags import tag_everything
from penstock_infra.component import Protection
from penstock_infra.generated import GeneratedSecrets
from penstock_platform.blueprint import Blueprint
from penstock_platform.vocabulary import SparkMode

DATABASE, SQL = "database", "sql"
"""Whose passwords a stack makes: of Postgres, and of the SQL side of Synapse, which nobody uses."""


class Foundation:
    """The first components, and `opts` with which every component at the top is made."""

    def __init__(self, blueprint: Blueprint) -> None:
        """Make them."""
        location = location_of_stack()
        tag_everything(blueprint.tags)
        self.blueprint = blueprint
        self.opts = pulumi.ResourceOptions(providers=stack_providers(location))
        protection = Protection(blueprint.protect_data)
        self.site = ResourceGroups(
            "place", stem=blueprint.name, location=location, protection=protection, opts=self.opts
        ).site
        self.network = Network("network", site=self.site, plan=blueprint.network, front=blueprint.front, opts=self.opts)
        self.premises = Premises(site=self.site, network=self.network, protection=protection)
        passwords = (DATABASE,) if blueprint.spark.mode is SparkMode.OFF else (DATABASE, SQL)
        self.generated = GeneratedSecrets("generated", passwords=passwords, opts=self.opts)
        self.identities = Identities("identities", site=self.site, plans=blueprint.identities, opts=self.opts)
        self.roles = Roles("roles", site=self.site, needed=roles_needed(blueprint.identities), opts=self.opts)
