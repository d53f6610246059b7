"""Wrong answers to each exercise: what a person might well write, as code that runs where the right answer has run."""

from __future__ import annotations

WRONG = {
    "00-exercise-1": ["studio", "trace", "rw.sketch_to_image(blob, 'dog', steps=1)", "rw.generate('dog', steps=2)"],
    "00-exercise-2": ["trace.metrics['loss']", "-fall", "loss[0] - loss[11]"],
    "01-exercise-1": [
        "lambda x, gradient, a: (x + a * gradient.sign()).clamp(0, 1)",
        "lambda x, gradient, a: x - a * gradient.sign()",
        "step",
    ],
    "01-exercise-2": ["60", "first_sure - 1", "61", "0.9"],
    "02-exercise-1": ["length * 255", "frames[-1] - frames[0]", "abs(frames[-1] - frames[0]).mean()", "3 * length"],
    "02-exercise-2": ["fooled[robust]", "fooled[standard]", "robust"],
    "03-exercise-1": [
        "lambda x, start, epsilon: torch.maximum(x, start - epsilon)",
        "lambda x, start, epsilon: torch.minimum(x, start + epsilon)",
        "lambda x, start, epsilon: x.clamp(-epsilon, epsilon)",
        "project",
    ],
    "03-exercise-2": ["radii[0]", "1.0"],
    "04-exercise-1": [
        "lions, spread",
        "mushrooms, mushrooms.frames[0].std(axis=0).mean()",
        "mushrooms, mushrooms.frames[-1].std()",
        "mushrooms, mushrooms.frames[-1].std(axis=0)",
        "rw.generate('mushroom', steps=1), 1.0",
    ],
    "04-exercise-2": [
        "lambda mean, factor, z: z @ factor",
        "lambda mean, factor, z: (mean + (z @ factor).view(-1, *mean.shape)).clamp(0.4, 0.5)",
        "lambda mean, factor, z: (z @ factor).view(-1, *mean.shape)",
    ],
    "05-exercise-1": ["on_horse.mean()", "squares[on_horse].sum()", "squares[~on_horse].sum() / squares.sum()"],
    "05-exercise-2": ["to_zebra", "to_horse", "rw.translate(to_zebra.frames[-1, 0], 'horse', steps=1, model=model)"],
    "06-exercise-1": ["error(as_lion.frames[0, 0], as_lion.frames[-1, 0])", "0.5", "as_lion"],
    "06-exercise-2": ["sharper, 3.0", "from_eight, error(from_eight.frames[0, 0], lion)", "from_eight, 0.0"],
    "07-exercise-1": [
        "lambda x, x0, mask: np.square(x - x0).mean()",
        "lambda x, x0, mask: (np.square(x - x0) * mask[..., None]).mean()",
        "lambda x, x0, mask: np.square(x - x0)[~mask].mean()",
        "lambda x, x0, mask: (abs(x - x0) * ~mask[..., None]).mean()",
    ],
    "07-exercise-2": ["mask, filled", "round_mask, filled", "~round_mask, round_fill", "round_mask * 1, round_fill"],
    "08-exercise-1": ["runs['butterfly']", "spider", "rw.sketch_to_image(spider, 'car', steps=1, model=model)"],
    "08-exercise-2": [
        "lambda epsilon, side: epsilon * 224 / side",
        "lambda epsilon, side: epsilon",
        "lambda epsilon, side: epsilon + side - 224",
    ],
    "09-exercise-1": ["weight.argmin().item()", "weight.topk(2).indices[1].item()", "-1", "weight.max()"],
    "09-exercise-2": ["legs", "rw.paint_features(lion, above, 'goldfish 1', steps=3, model=model)"],
    "10-exercise-1": ["-fall", "epochs[0]['loss'] - epochs[1]['loss']", "monitor.history()"],
    "10-exercise-2": ["21", "-1", "(still_right + 1) % 20", "0.5"],
    "11-exercise-1": [
        "-1 * Red()",
        "2 * Red()",
        "lambda model, x: (x[:, 1] + x[:, 2] - 2 * x[:, 0]).sum((1, 2))",
        "lambda model, x: x[:, 0].mean((1, 2))",
    ],
    "11-exercise-2": ["with_loss(rw.CrossEntropy('butterfly'))", "runs['anything but a lion']", "0.05"],
    "12-exercise-1": [
        "bundled",
        "FromMinusOne()",
        "rw.load_model(FromMinusOne(), classes=bundled.classes, mean=0, std=1, input_size=64)",
        "rw.load_model(FromMinusOne(), classes=[f'class {i}' for i in range(27)], mean=0.5, std=0.5, input_size=64)",
    ],
    "12-exercise-2": ["len(list(network.parameters()))", "11", "published"],
}
