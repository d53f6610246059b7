"""One model for many people: a batcher that shares its steps, and the server around it."""
