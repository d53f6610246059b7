"""Recompute a model's class seeds at another rank, and name its data; the weights are unchanged.

python benchmarks/training/reseed.py tiny.safetensors restricted-tiny-imagenet --rank 12
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import robust_widgets as rw
from robust_widgets.models.model_file import save_model
from robust_widgets.training.seed_statistics import seed_statistics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a .safetensors file, which is overwritten")
    parser.add_argument("data", type=Path)
    parser.add_argument("--rank", type=int, default=24)
    parser.add_argument("--data-name", help="name and licence of the data, for the model card")
    arguments = parser.parse_args()
    model = rw.load_model(arguments.model, device="cpu")
    train_set, _ = rw.open_data(arguments.data, model.input_size)
    model.seeds = seed_statistics(train_set, rank=arguments.rank)
    if arguments.data_name:
        model.card = dataclasses.replace(model.card, data=arguments.data_name)
    save_model(model, arguments.model)


if __name__ == "__main__":
    main()
