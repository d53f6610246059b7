"""Robust Studio on a page of its own: static files whose runs are computed by the browser."""
