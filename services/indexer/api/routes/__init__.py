"""The API's paths, a module for each kind of thing; each has a ``router``."""
