"""Attacks on the network `small` with PyTorch; see peer.py."""
import peer
import small
from small import torch

STEPS = 20


def pgd_linf(network, x, labels, eps=8 / 255):
    point = (x + (torch.rand_like(x) * 2 - 1) * eps).clamp(0, 1)
    for _ in range(STEPS):
        point = point + 2.5 * eps / STEPS * small.input_gradient(network, point, labels).sign()
        point = torch.min(torch.max(point, x - eps), x + eps).clamp(0, 1)
    return network(point)[0].argmax(1)


def norms(x):
    return x.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def pgd_l2(network, x, labels, eps=1.0):
    delta = torch.randn_like(x)
    radius = eps * torch.rand(len(x), 1, 1, 1) ** (1 / x[0].numel())
    point = (x + delta * radius / norms(delta)).clamp(0, 1)
    for _ in range(STEPS):
        gradient = small.input_gradient(network, point, labels)
        delta = point + 2.5 * eps / STEPS * gradient / (norms(gradient) + 1e-12) - x
        delta = delta * (eps / norms(delta).clamp(min=1e-12)).clamp(max=1)
        point = (x + delta).clamp(0, 1)
    return network(point)[0].argmax(1)


def fgsm_points(network, x, labels, eps=8 / 255):
    return (x + eps * small.input_gradient(network, x, labels).sign()).clamp(0, 1)


def fgsm(network, x, labels, eps=8 / 255):
    return network(fgsm_points(network, x, labels, eps))[0].argmax(1)


def apgd_linf(network, x, labels, eps=8 / 255):
    """Auto-PGD with the cross-entropy: momentum, and a step that is halved where the loss stops to rise."""
    def evaluate(point):
        point = point.detach().requires_grad_(True)
        z = network(point)[0]
        loss = small.functional.cross_entropy(z, labels, reduction="none")
        gradient = torch.autograd.grad(loss.sum(), point)[0]
        return loss.detach(), gradient, z.detach().argmax(1) == labels

    def clip(point):
        return torch.min(torch.max(point, x - eps), x + eps).clamp(0, 1)
    start = torch.rand_like(x) * 2 - 1
    point = (x + eps * start / start.flatten(1).abs().max(1)[0].view(-1, 1, 1, 1)).clamp(0, 1)
    previous, step = point.clone(), torch.full((len(x), 1, 1, 1), 2 * eps)
    loss, gradient, held = evaluate(point)
    best, best_loss, best_gradient, fooled = point.clone(), loss.clone(), gradient.clone(), point.clone()
    checked, reduced = best_loss.clone(), torch.ones(len(x), dtype=torch.bool)
    losses, window, count = torch.zeros(STEPS + 1, len(x)), max(int(0.22 * STEPS), 1), 0
    for k in range(STEPS):
        a = 0.75 if k > 0 else 1.0
        w = clip(point + step * gradient.sign())
        previous, point = point, clip(point + a * (w - point) + (1 - a) * (point - previous))
        loss, gradient, right = evaluate(point)
        held = held & right
        fooled[~right] = point[~right]
        losses[k + 1] = loss
        better = loss > best_loss
        best[better], best_gradient[better], best_loss[better] = point[better], gradient[better], loss[better]
        count += 1
        if count == window:
            rises = (losses[k + 2 - window:k + 2] > losses[k + 1 - window:k + 1]).sum(0)
            back = (rises <= 0.75 * window) | (~reduced & (checked >= best_loss))
            reduced, checked = back, best_loss.clone()
            step[back] /= 2
            point, gradient = point.clone(), gradient.clone()
            point[back], gradient[back] = best[back], best_gradient[back]
            window, count = max(window - max(int(0.03 * STEPS), 1), max(int(0.06 * STEPS), 1)), 0
    return held, fooled


def step_to_hyperplane(x, w, b):
    """The smallest linf step from x to <w, x> = b inside the box, by sorting."""
    gap = b - (w * x).sum(1)
    direction = gap.sign().unsqueeze(1) * w.sign()
    size, gap = w.abs(), gap.abs()
    room, order = torch.where(direction > 0, 1 - x, x).sort(1)
    sizes = size.gather(1, order)
    fixed, free = (sizes * room).cumsum(1), sizes.sum(1, keepdim=True) - sizes.cumsum(1)
    place = torch.searchsorted(fixed + room * free, gap.unsqueeze(1)).clamp(max=x.shape[1] - 1)
    before = (place - 1).clamp(min=0)
    none = place == 0
    at_bound = fixed.gather(1, before).masked_fill(none, 0)
    slope = torch.where(none, sizes.sum(1, keepdim=True), free.gather(1, before))
    scale = (gap.unsqueeze(1) - at_bound) / slope.clamp(min=1e-12)
    return direction * torch.min(torch.where(direction > 0, 1 - x, x), scale)


def fab_linf(network, x, labels):
    """FAB towards the class of the second largest logit."""
    with torch.no_grad():
        target = network(x)[0].argsort(1)[:, -2]
    rows, flat = torch.arange(len(x)), x.flatten(1)
    point, nearest, adversarial = flat.clone(), torch.full((len(x),), 1e10), flat.clone()
    for _ in range(STEPS):
        given = point.view_as(x).detach().requires_grad_(True)
        z = network(given)[0]
        difference = z[rows, target] - z[rows, labels]
        w = torch.autograd.grad(difference.sum(), given)[0].flatten(1)
        with torch.no_grad():
            b = -difference + (w * point).sum(1)
            steps = step_to_hyperplane(torch.cat((point, flat)), torch.cat((w, w)), torch.cat((b, b)))
            d1, d2 = steps[:len(x)], steps[len(x):]
            a1, a2 = (d.abs().max(1, keepdim=True)[0].clamp(min=1e-8) for d in (d1, d2))
            alpha = (a1 / (a1 + a2)).clamp(0, 0.1)
            point = ((point + 1.05 * d1) * (1 - alpha) + (flat + 1.05 * d2) * alpha).clamp(0, 1)
            wrong = network(point.view_as(x))[0].argmax(1) != labels
            distance = (point - flat).abs().max(1)[0]
            nearer = wrong & (distance < nearest)
            adversarial[nearer], nearest[nearer] = point[nearer], distance[nearer]
            point[wrong] = flat[wrong] + 0.9 * (point[wrong] - flat[wrong])
    return nearest


def square_linf(network, x, labels, eps=1e-5):
    """Square with one place per query for all images, as in the authors' code."""
    def margin(point):
        z = network(point)[0]
        own = z.gather(1, labels.unsqueeze(1)).squeeze(1)
        return own - z.scatter(1, labels.unsqueeze(1), -1e9).max(1)[0]

    def signs(*shape):
        return torch.randint(0, 2, shape) * 2.0 - 1
    with torch.no_grad():
        channels, rows, columns = x.shape[1:]
        best = (x + eps * signs(len(x), channels, 1, columns)).clamp(0, 1)
        least = margin(best)
        side = min(round((0.8 * rows * columns) ** 0.5), rows, columns)
        for _ in range(STEPS - 1):
            i, j = torch.randint(0, rows - side + 1, (1,)), torch.randint(0, columns - side + 1, (1,))
            change = torch.zeros(channels, rows, columns)
            change[:, i:i + side, j:j + side] = 2 * eps * signs(channels, 1, 1)
            point = torch.min(torch.max(best + change, x - eps), x + eps).clamp(0, 1)
            now = margin(point)
            better = (now < least) | (now <= 0)
            best[better], least[better] = point[better], now[better]
    return least


def make_on_predictions(attack):
    network = small.folded()
    x, _ = small.batch()
    with torch.no_grad():
        labels = network(x)[0].argmax(1)
    return lambda: attack(network, x, labels)


def make(attack):
    network = small.folded()
    x, labels = small.batch()
    return lambda: attack(network, x, labels)


if torch:
    for work, attack in (("PGD linf, 20 steps", pgd_linf), ("PGD l2, 20 steps", pgd_l2), ("FGSM", fgsm),
                         ("FGSM, points only", fgsm_points)):
        peer.add(work, "PyTorch", lambda a=attack: make(a))
    for work, attack in (("APGD linf, 20 steps", apgd_linf), ("FAB linf, 20 steps", fab_linf),
                         ("Square linf, 20 queries", square_linf)):
        peer.add(work, "PyTorch", lambda a=attack: make_on_predictions(a))
peer.serve()
