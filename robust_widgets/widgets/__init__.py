"""The widgets. None of them imports torch; they work with a session."""
