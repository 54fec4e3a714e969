"""APGD and FAB on a small network, evaluated with NumPy: writes ../replay_reference.hpp.

The network and the images are given by formulas, which ../logit_network.hpp repeats. Each image is attacked on its
own; projections are found by bisection, so that no code is shared with the library. Usage: python3 replay_reference.py
"""
import math
import os

import numpy as np

SHAPE, HIDDEN, CLASSES, IMAGES, STEPS = (2, 4, 5), 12, 6, 4, 100
SIZE = math.prod(SHAPE)
EPS = {"linf": 0.0185, "l2": 0.078, "l1": 0.23}
KEPT = (1, 4, 22)

i, k, c, n = (np.arange(m, dtype=float) for m in (SIZE, HIDDEN, CLASSES, IMAGES))
IN = np.sin(1 + 7.3 * k[:, None] + 3.1 * i[None, :] + 0.7 * k[:, None] * i[None, :])
OUT = np.sin(2 + 5.7 * c[:, None] + 1.9 * k[None, :] + 0.3 * c[:, None] * k[None, :])
IMAGE = np.clip(0.5 + 0.6 * np.sin(1 + 13.7 * n[:, None] + 2.3 * i[None, :] + 0.9 * n[:, None] * i[None, :]), 0, 1)


def logits(x):
    return OUT @ np.tanh(IN @ (x - 0.5))


def pullback(x, upstream):
    h = np.tanh(IN @ (x - 0.5))
    return IN.T @ ((1 - h * h) * (OUT.T @ upstream))


def cross_entropy(z, y, _):
    p = np.exp(z - z.max())
    loss = math.log(p.sum()) + z.max() - z[y]
    return loss, p / p.sum() - np.eye(CLASSES)[y]


def targeted_dlr(z, y, t):
    def value(v):
        s = np.sort(v)[::-1]
        return -(v[y] - v[t]) / (s[0] - (s[2] + s[3]) / 2 + 1e-12)
    order, one = np.argsort(-z), np.eye(CLASSES)
    scale = z[order[0]] - (z[order[2]] + z[order[3]]) / 2 + 1e-12
    slope = one[order[0]] - (one[order[2]] + one[order[3]]) / 2
    return value(z), (one[t] - one[y]) / scale - (z[t] - z[y]) / scale ** 2 * slope


def bisect(low, high, too_large):
    for _ in range(300):
        middle = (low + high) / 2
        low, high = (low, middle) if too_large(middle) else (middle, high)
    return (low + high) / 2


def l1_in_box(x, delta, eps):
    room = np.where(delta > 0, 1 - x, x)

    def shrunk(threshold):
        return np.minimum(np.maximum(np.abs(delta) - threshold, 0), room)
    threshold = 0.0
    if shrunk(0).sum() > eps:
        threshold = bisect(0, np.abs(delta).max(), lambda t: shrunk(t).sum() < eps)
    return np.sign(delta) * shrunk(threshold)


def hyperplane(x, w, b, norm):
    gap = b - w @ x
    sign = 1 if gap > 0 else -1
    gap, direction, size = abs(gap), sign * np.sign(w), np.abs(w)
    room = np.where(direction > 0, 1 - x, x) * (w != 0)
    if size @ room <= gap:
        return direction * room
    if norm == "l1":
        step = np.zeros(SIZE)
        for j in np.argsort(-size):
            step[j] = min(room[j], gap / size[j]) if gap > 0 else 0
            gap -= step[j] * size[j]
        return direction * step
    unit = size if norm == "l2" else np.ones(SIZE)
    scale = bisect(0, 1e6, lambda m: size @ np.minimum(room, m * unit) > gap)
    return direction * np.minimum(room, scale * unit)


def fit(x, v, eps, norm):
    if norm == "linf":
        return np.clip(np.clip(v, x - eps, x + eps), 0, 1)
    if norm == "l1":
        return x + l1_in_box(x, v - x, eps)
    length = np.linalg.norm(v - x)
    return np.clip(x + (v - x) / (length + 1e-12) * min(eps, length), 0, 1)


def apgd(x, y, t, eps, norm, loss_of, start):
    """Returns the iterates, the largest loss, and whether an iterate was misclassified."""
    alpha = 1 if norm == "l1" else 2
    point = previous = start
    loss, upstream = loss_of(logits(point), y, t)
    gradient = pullback(point, upstream)
    best, best_loss, best_gradient = point, loss, gradient
    fooled = logits(point).argmax() != y
    step, reduced, best_at_check, losses, iterates = alpha * eps, True, loss, [0.0], [point]
    window = max(int(0.04 * STEPS), 1) if norm == "l1" else max(int(0.22 * STEPS), 1)
    share, nonzeros, count = 0.2, SIZE, 0
    for iteration in range(STEPS):
        if norm == "l1":
            cut = np.sort(np.abs(gradient))[min(max(int((1 - share) * SIZE), 0), SIZE - 1)]
            sparse = np.sign(gradient) * (np.abs(gradient) >= cut)
            following = fit(x, point + step * sparse / (np.abs(sparse).sum() + 1e-10), eps, norm)
        else:
            a = 0.75 if iteration > 0 else 1.0
            unit = np.sign(gradient) if norm == "linf" else gradient / (np.linalg.norm(gradient) + 1e-12)
            w = fit(x, point + step * unit, eps, norm)
            following = fit(x, point + a * (w - point) + (1 - a) * (point - previous), eps, norm)
        previous, point = point, following
        iterates.append(point)
        loss, upstream = loss_of(logits(point), y, t)
        gradient = pullback(point, upstream)
        fooled = fooled or logits(point).argmax() != y
        losses.append(loss)
        if loss > best_loss:
            best, best_loss, best_gradient = point, loss, gradient
        count += 1
        if count < window:
            continue
        count = 0
        if norm == "l1":
            support = int((best != x).sum())
            back = support / nonzeros < 0.95
            step = eps if back else min(max(step / 1.5, eps / 10), eps)
            share, nonzeros = support / SIZE / 1.5, support
        else:
            rises = sum(losses[-j] > losses[-j - 1] for j in range(1, window + 1))
            back = rises <= 0.75 * window or (not reduced and best_at_check >= best_loss)
            reduced, best_at_check = back, best_loss
            step = step / 2 if back else step
            window = max(window - max(int(0.03 * STEPS), 1), max(int(0.06 * STEPS), 1))
        if back:
            point, gradient = best, best_gradient
    return iterates, best_loss, fooled


def length(delta, norm):
    return {"linf": np.abs(delta).max(), "l2": np.linalg.norm(delta), "l1": np.abs(delta).sum()}[norm]


def fab(x, y, t, norm):
    """Returns the distance to the nearest misclassified iterate."""
    point, nearest, one = x, math.inf, np.eye(CLASSES)
    for _ in range(STEPS):
        z = logits(point)
        gradient = pullback(point, one[t] - one[y])
        b = -(z[t] - z[y]) + gradient @ point
        d1, d2 = hyperplane(point, gradient, b, norm), hyperplane(x, gradient, b, norm)
        a1, a2 = max(length(d1, norm), 1e-8), max(length(d2, norm), 1e-8)
        alpha = min(max(a1 / (a1 + a2), 0), 0.1)
        point = np.clip((point + 1.05 * d1) * (1 - alpha) + (x + 1.05 * d2) * alpha, 0, 1)
        if logits(point).argmax() != y:
            nearest = min(nearest, length(point - x, norm))
            point = x + 0.9 * (point - x)
    return nearest


def rows(name, values):
    texts = [repr(float(v)) for v in np.ravel(values)]
    lines = ",\n".join("    " + ", ".join(texts[j:j + 5]) for j in range(0, len(texts), 5))
    return f"inline constexpr std::array<double, {len(texts)}> {name}{{\n{lines}}};"


def main():
    out = []
    clean = [logits(x) for x in IMAGE]
    labels = [int(z.argmax()) for z in clean]
    targets = [int(np.argsort(-z)[1]) for z in clean]
    for norm, eps in EPS.items():
        starts = [fit(x, x + eps * np.cos(3 * np.arange(SIZE) + m) / (6 if norm == "l1" else 2), eps, norm)
                  for m, x in enumerate(IMAGE)]
        out.append(rows(f"{norm}_starts", starts))
        for name, loss_of in (("ce", cross_entropy), ("dlr", targeted_dlr)):
            runs = [apgd(x, y, t, eps, norm, loss_of, s)
                    for x, y, t, s in zip(IMAGE, labels, targets, starts)]
            out.append(rows(f"{norm}_{name}_iterates", [[run[0][j] for run in runs] for j in KEPT]))
            out.append(rows(f"{norm}_{name}_best_loss", [run[1] for run in runs]))
            out.append(rows(f"{norm}_{name}_fooled", [run[2] for run in runs]))
        out.append(rows(f"{norm}_fab_distance", [fab(x, y, t, norm) for x, y, t in zip(IMAGE, labels, targets)]))
    header = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "replay_reference.hpp")
    with open(header, "w", encoding="utf-8") as file:
        file.write("#pragma once\n\n#include <array>\n#include <cstddef>\n\n"
                   "/// APGD and FAB on the network of logit_network.hpp; written by reference/replay_reference.py.\n"
                   "namespace replay_reference {\n\n// clang-format off\n"
                   f"inline constexpr std::array<std::size_t, {len(KEPT)}> calls{{{', '.join(map(str, KEPT))}}};\n"
                   + "\n".join(out) + "\n// clang-format on\n\n} // namespace replay_reference\n")


if __name__ == "__main__":
    main()
