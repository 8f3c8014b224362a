"""The worker process of a cluster. Empty until there is a store that processes share."""
