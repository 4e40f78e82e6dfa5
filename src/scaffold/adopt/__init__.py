"""What a repository that no template made shows of itself, and what a template adds to it."""
