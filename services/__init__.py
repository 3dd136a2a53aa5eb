"""The three services, the bus between them, and the console over them."""
