"""The composition root: the only place that names adapters, and the processes made of them."""
