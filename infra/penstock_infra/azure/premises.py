"""What a component that lives in the network needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from penstock_infra.azure.network import Network
from penstock_infra.azure.site import Site
from penstock_infra.component import Protection


@dataclass(frozen=True, kw_only=True)
class Premises:
    """The site, its network, and whether what holds data is protected."""

    site: Site
    network: Network
    protection: Protection
