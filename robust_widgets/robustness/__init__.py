"""How robust a model really is: measured, not believed."""
