"""The Pulumi programs: one blueprint, rendered on four clouds."""
