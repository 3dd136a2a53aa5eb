"""Who may ask the API, from where, how often and how much: one piece of middleware around it."""
