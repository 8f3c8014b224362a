"""The worker process of a cluster: an engine that runs nodes, and three probes."""
