"""What the engine needs from the world, one module a port. Adapters fulfil these; a conformance suite proves each."""
