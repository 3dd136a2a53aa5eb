"""The contract with everyone outside: what Wiredesk's events hold.

``schemas`` imports nothing of Wiredesk's own, so that a subscriber can install
it alone and read events without any of the services.
"""
