"""The `call_llm_service` handler, and the providers it can ask."""
