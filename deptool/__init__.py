"""deptool: face videos to pixel-free tables, depression models on them, numbers to believe."""

__version__ = "0.1.0"
