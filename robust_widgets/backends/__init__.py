"""Where a session's runs are computed."""
