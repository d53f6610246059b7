"""What the tasks share: building their problems, running them, and running them over many pictures. Needs torch."""
