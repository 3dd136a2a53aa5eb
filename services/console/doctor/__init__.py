"""``wiredesk doctor``: what must hold for a desk to work, looked at and explained."""
