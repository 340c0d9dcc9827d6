"""The policy pack: what every stack of Penstock must hold to, on each cloud, checked before anything is made.

A rule is a plain function over a resource's inputs (or over a whole stack), so tests call it without an engine. `pack`
hands the rules to Pulumi: `pulumi preview --policy-pack infra/penstock_infra/policy`.
"""
