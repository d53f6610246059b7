#!/bin/bash
#SBATCH --job-name=robust-widgets
#SBATCH --array=1-64
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --signal=INT@60

set -eu
srun robust-widgets generate goldfish --n 1000000 --out "$SLURM_SUBMIT_DIR/fish" --shard slurm
