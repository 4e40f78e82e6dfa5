"""Documents of a configuration language, read and merged without losing a character."""
