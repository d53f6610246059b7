"""What people see. Nothing here imports torch; a widget is handed a session."""
