"""What a newer template brings to a project, and what became of it since."""
