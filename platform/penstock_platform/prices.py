"""The dated price table: list prices in US dollars, each with the vendor's page that it is from.

`prices.json` holds one region a cloud. A price is `[dollars, per, of]`: `per` is hour, second, month or use. `checked`
says that a page's prices agree with a second, independent source; take any other as right to within a quarter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from penstock_platform.vocabulary import Cloud

CURRENCY = "USD"
HOURS = 730
"""Hours in a month, as the vendors' own calculators count."""

_IN_A_MONTH = {"hour": HOURS, "second": HOURS * 3600, "month": 1, "use": 1}


@dataclass(frozen=True, slots=True)
class Price:
    """One list price in dollars, what it is for, where it is from, and the ISO date on which it was looked at."""

    usd: float
    per: str
    of: str
    source: str
    as_of: str
    checked: bool

    @property
    def month(self) -> float:
        """Dollars a month for one of it that is always there; for what is billed by use, dollars for one unit."""
        return self.usd * _IN_A_MONTH[self.per]


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The prices of one cloud in one region."""

    region: str
    prices: Mapping[str, Price]

    @property
    def as_of(self) -> str:
        """The oldest date of any price."""
        return min(price.as_of for price in self.prices.values())


@cache
def price_table(cloud: Cloud) -> PriceTable:
    """Return the price table of a cloud."""
    text = files("penstock_platform").joinpath("prices.json").read_text(encoding="utf-8")
    found = json.loads(text)[cloud.value]
    prices = {
        name: Price(usd, per, of, page["source"], page["as_of"], page["checked"])
        for page in found["pages"]
        for name, (usd, per, of) in page["prices"].items()
    }
    return PriceTable(found["region"], prices)
