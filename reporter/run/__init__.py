"""What a run is: its id, identity and environment, as frozen values."""

__version__ = "0.1.0"
