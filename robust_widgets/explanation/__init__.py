"""Why a classifier sees a class in a picture."""
