"""A template: its options and questions, the answers to them, and the files that come of it."""
