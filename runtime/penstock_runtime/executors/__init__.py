"""Ways to run attempts: adapters of the executor port."""
