"""The processes that Penstock deploys."""
