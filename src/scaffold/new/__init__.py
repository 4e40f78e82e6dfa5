"""The place that a new project goes into."""
