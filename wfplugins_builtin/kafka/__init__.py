"""The `publish_kafka` handler, and the brokers that it may send to."""
