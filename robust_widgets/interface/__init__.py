"""What the page and the computation share: sessions, parameters, tasks, code, reports."""
