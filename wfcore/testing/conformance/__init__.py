"""The cases that every store and every bus has to pass, for those who write one.

Derive from `wfcore.testing.StoreContract` or `BusContract`; the other modules hold the cases.
"""
