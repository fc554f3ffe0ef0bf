"""XGAN's training step in plain PyTorch: the networks, losses, optimizers, gate and average of `keras_i2i.XGAN` as its
config has them by default, which is held equal to it, and timed against it.

Written as one writes it: what the domains share sees both of them at once, the discriminator's weights want no gradient
while the generator steps, and a translation is computed once for both players.
"""

import torch
from torch import nn
from torch.nn import functional as F


def convolutions(before, widths, *, norm, slope):
    layers = []
    for width in widths:
        layers.append(nn.Conv2d(before, width, 4, 2, padding=1, bias=not norm))
        layers += [nn.GroupNorm(8 if width % 8 == 0 else 1, width)] if norm else []
        layers.append(nn.LeakyReLU(slope, inplace=True))
        before = width
    return layers


def transposed(before, widths):
    layers = []
    for width in widths:
        layers.append(nn.ConvTranspose2d(before, width, 4, 2, padding=1, bias=False))
        layers += [nn.GroupNorm(8 if width % 8 == 0 else 1, width), nn.ReLU(inplace=True)]
        before = width
    return layers


def perceptron(before, widths):
    layers = []
    for width in widths:
        layers += [nn.Linear(before, width), nn.ReLU(inplace=True)]
        before = width
    return layers[:-1]


class Reverse(torch.autograd.Function):
    """Identity, whose gradient has the other sign."""

    @staticmethod
    def forward(_, x):
        return x.view_as(x)

    @staticmethod
    def backward(_, gradient):
        return -gradient


class Generator(nn.Module):
    """Both auto-encoders and the domain classifier."""

    def __init__(self, c):
        super().__init__()
        side, filters, widths = c["image_size"] // 16, c["encoder_filters"], c["decoder_filters"]
        domains = ("a", "b")
        self.front = nn.ModuleDict(
            {d: nn.Sequential(*convolutions(3, filters[:2], norm=True, slope=0.0)) for d in domains}
        )
        self.trunk = nn.Sequential(
            *convolutions(filters[1], filters[2:], norm=True, slope=0.0),
            nn.Flatten(),
            *perceptron(side * side * filters[3], (c["hidden_dim"], c["embedding_dim"])),
        )
        self.stem = nn.Sequential(
            nn.Linear(c["embedding_dim"], side * side * widths[0], bias=False),
            nn.Unflatten(1, (widths[0], side, side)),
            nn.GroupNorm(8 if widths[0] % 8 == 0 else 1, widths[0]),
            nn.ReLU(inplace=True),
            *transposed(widths[0], widths[1:2]),
        )
        self.head = nn.ModuleDict(
            {
                d: nn.Sequential(
                    *transposed(widths[1], widths[2:]), nn.ConvTranspose2d(widths[3], 3, 4, 2, padding=1), nn.Tanh()
                )
                for d in domains
            }
        )
        self.classifier = nn.Sequential(*perceptron(c["embedding_dim"], (*c["domain_hidden"], 1)))

    def encode(self, a, b):
        hidden = torch.cat([self.front["a"](a), self.front["b"](b)])
        return F.normalize(self.trunk(hidden), dim=1).chunk(2)


class XGAN:
    """The generator, a discriminator of domain b, two optimizers; `step(a, b)` trains once on NCHW tensors."""

    def __init__(self, config):
        c = config
        assert list(c["adversarial_targets"]) == ["b"] and c["reconstruction"] == "l2" and c["sharing"] == "partial"
        self.generator = Generator(c)
        side = c["image_size"] // 16
        self.judge = nn.Sequential(
            *convolutions(3, c["discriminator_filters"], norm=False, slope=0.2),
            nn.Flatten(),
            nn.Linear(side * side * c["discriminator_filters"][-1], 1),
        )
        self.weights, self.gate, self.decay = c["weights"], c["accuracy_gate"], c["ema"]
        self.averages, self.updates = [], 0
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), c["learning_rate"], betas=(0.5, 0.999), eps=1e-8)
            for name, network in (("generator", self.generator), ("discriminator_b", self.judge))
        }

    @property
    def networks(self):
        return {"generator": self.generator, "judge": self.judge}

    def compile(self):
        """Both players' losses by torch.compile; optimizers and average stay as they are."""
        self.generator_loss = torch.compile(self.generator_loss)
        self.discriminator_loss = torch.compile(self.discriminator_loss)

    def generator_loss(self, a, b):
        g, w = self.generator, self.weights
        z_a, z_b = g.encode(a, b)
        hidden = g.stem(torch.cat([z_a, z_b]))
        a_from_a, a_from_b = g.head["a"](hidden).chunk(2)
        b_from_a, b_from_b = g.head["b"](hidden).chunk(2)
        rebuilt = (a_from_a - a).flatten(1).norm(dim=1) + (b_from_b - b).flatten(1).norm(dim=1)
        z_ba, z_ab = g.encode(a_from_b, b_from_a)
        moved = (z_a - z_ab).abs().sum(1) + (z_b - z_ba).abs().sum(1)
        of_a, of_b = g.classifier(Reverse.apply(torch.cat([z_a, z_b]))).chunk(2)
        told = F.binary_cross_entropy_with_logits(of_a, torch.ones_like(of_a))
        told = (told + F.binary_cross_entropy_with_logits(of_b, torch.zeros_like(of_b))) / 2
        of_made = self.judge(b_from_a)
        fooling = F.binary_cross_entropy_with_logits(of_made, torch.ones_like(of_made))
        total = w["reconstruction"] * rebuilt.mean() + w["semantic"] * moved.mean()
        return total + w["domain"] * told + w["adversarial"] * fooling, b_from_a.detach()

    def discriminator_loss(self, real, made):
        of_real, of_made = self.judge(torch.cat([real, made])).chunk(2)
        loss = F.binary_cross_entropy_with_logits(of_real, torch.ones_like(of_real))
        loss = loss + F.binary_cross_entropy_with_logits(of_made, torch.zeros_like(of_made))
        accuracy = ((of_real > 0).float().mean() + (of_made <= 0).float().mean()) / 2
        return self.weights["adversarial"] * loss, accuracy

    def step(self, a, b):
        if not self.averages:
            self.averages = [parameter.detach().clone() for parameter in self.generator.parameters()]
        self.judge.requires_grad_(False)
        total, made = self.generator_loss(a, b)
        self.optimizers["generator"].zero_grad(set_to_none=True)
        total.backward()
        self.judge.requires_grad_(True)
        loss, accuracy = self.discriminator_loss(b, made)
        self.optimizers["discriminator_b"].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers["generator"].step()
        self.average()
        if accuracy < self.gate:
            self.optimizers["discriminator_b"].step()
        return total.detach(), loss.detach()

    @torch.no_grad()
    def average(self):
        """Moves the averages one step towards the generator's weights."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self.averages, list(self.generator.parameters()), 1 - decay)
        self.updates += 1
