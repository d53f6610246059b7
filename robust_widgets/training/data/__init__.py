"""Training data, read from folders, tars and torch data sets into memory.

A data set is a folder of class folders, as for torchvision's ImageFolder, or an equivalent. Pictures are small and read
once, as uint8 (n, 3, size, size): 34,500 pictures of 64 px take 424 MB.
"""

from __future__ import annotations

from robust_widgets.pictures.files import PICTURE_ENDINGS
from robust_widgets.training.data.augmentation import Changes, apply_changes, augment, draw_changes
from robust_widgets.training.data.domains import split_by_name
from robust_widgets.training.data.folders import RESTRICTED_TINY_IMAGENET, load_folder
from robust_widgets.training.data.reading import FEWEST_PICTURES, PictureSet, balanced_order, split
from robust_widgets.training.data.sources import DataSource, load_dataset, load_validation, open_data
from robust_widgets.training.data.tiny_imagenet import make_restricted_tiny_imagenet

__all__ = [
    "FEWEST_PICTURES",
    "PICTURE_ENDINGS",
    "RESTRICTED_TINY_IMAGENET",
    "Changes",
    "DataSource",
    "PictureSet",
    "apply_changes",
    "augment",
    "balanced_order",
    "draw_changes",
    "load_dataset",
    "load_folder",
    "load_validation",
    "make_restricted_tiny_imagenet",
    "open_data",
    "split",
    "split_by_name",
]
