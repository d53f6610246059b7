"""Sessions that compute runs and train on this machine."""
