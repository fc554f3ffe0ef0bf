"""CycleGAN's training step in plain PyTorch: the networks, losses and optimizers of `keras_i2i.CycleGAN`, which is held
equal to it, and timed against it.

Written as one writes it: the discriminators' weights want no gradient while the generators step, and a translation is
computed once for both players.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3, bias=False),
            nn.InstanceNorm2d(width),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3, bias=False),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x):
        return x + self.body(x)


def generator(filters, blocks):
    def normalised(*layers, width):
        return [*layers, nn.InstanceNorm2d(width), nn.ReLU(inplace=True)]

    f = filters
    layers = normalised(nn.ReflectionPad2d(3), nn.Conv2d(3, f, 7, bias=False), width=f)
    for width in (2 * f, 4 * f):
        layers += normalised(nn.Conv2d(width // 2, width, 3, 2, padding=1, bias=False), width=width)
    layers += [Residual(4 * f) for _ in range(blocks)]
    for width in (2 * f, f):
        layers += normalised(nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1, bias=False), width=width)
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(f, 3, 7), nn.Tanh())


def discriminator(filters, strided):
    layers, before = [], 3
    for index in range(strided + 1):
        width = filters * min(2**index, 8)
        layers.append(nn.Conv2d(before, width, 4, 2 if index < strided else 1, padding=1, bias=not index))
        if index:
            layers.append(nn.InstanceNorm2d(width))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        before = width
    return nn.Sequential(*layers, nn.Conv2d(before, 1, 4, padding=1))


class Pool:
    """The memory of translations that a discriminator also sees, on the device."""

    def __init__(self, size):
        self.size, self.images, self.count = size, None, 0

    def __call__(self, x):
        if not self.size:
            return x
        if self.images is None:
            self.images = torch.zeros((self.size, *x.shape[1:]))
        shown = x.clone()
        for index in range(len(x)):
            if self.count < self.size:
                self.images[self.count] = x[index]
                self.count += 1
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                shown[index] = self.images[place]
                self.images[place] = x[index]
        return shown


class CycleGAN:
    """Two generators, two discriminators, three optimizers; `step(a, b)` trains once on NCHW tensors."""

    def __init__(self, config):
        c = config
        self.to_b, self.to_a = (generator(c["filters"], c["blocks"]) for _ in range(2))
        self.judge_a, self.judge_b = (
            discriminator(c["discriminator_filters"], c["discriminator_strided"]) for _ in range(2)
        )
        self.pools = Pool(c["pool_size"]), Pool(c["pool_size"])
        self.weights = c["weights"]
        self.optimizers = {}
        rate = c["learning_rate"]
        for name, networks in {
            "generator": (self.to_b, self.to_a),
            "discriminator_a": (self.judge_a,),
            "discriminator_b": (self.judge_b,),
        }.items():
            parameters = [parameter for network in networks for parameter in network.parameters()]
            self.optimizers[name] = torch.optim.Adam(parameters, rate, betas=(0.5, 0.999), eps=1e-8)

    @property
    def networks(self):
        return {"to_b": self.to_b, "to_a": self.to_a, "judge_a": self.judge_a, "judge_b": self.judge_b}

    def compile(self):
        """Both players' losses by torch.compile; its pools and optimizers stay as they are."""
        self.generator_loss = torch.compile(self.generator_loss)
        self.discriminator_loss = torch.compile(self.discriminator_loss)

    def generator_loss(self, a, b):
        fake_b, fake_a = self.to_b(a), self.to_a(b)
        cycle = F.l1_loss(self.to_a(fake_b), a) + F.l1_loss(self.to_b(fake_a), b)
        of_a, of_b = self.judge_a(fake_a), self.judge_b(fake_b)
        fooling = F.mse_loss(of_a, torch.ones_like(of_a)) + F.mse_loss(of_b, torch.ones_like(of_b))
        total = self.weights["cycle"] * cycle + self.weights["adversarial"] * fooling
        if self.weights["identity"]:
            same = F.l1_loss(self.to_a(a), a) + F.l1_loss(self.to_b(b), b)
            total = total + self.weights["identity"] * same
        return total, fake_a.detach(), fake_b.detach()

    def discriminator_loss(self, judge, real, shown):
        of_real, of_shown = judge(real), judge(shown)
        telling = F.mse_loss(of_real, torch.ones_like(of_real)) + F.mse_loss(of_shown, torch.zeros_like(of_shown))
        return self.weights["adversarial"] * telling / 2

    def step(self, a, b):
        judges = (self.judge_a, self.judge_b)
        for judge in judges:
            judge.requires_grad_(False)
        total, fake_a, fake_b = self.generator_loss(a, b)
        self.optimizers["generator"].zero_grad(set_to_none=True)
        total.backward()
        for judge in judges:
            judge.requires_grad_(True)
        losses = [total.detach()]
        for name, judge, real, fake, pool in (
            ("discriminator_a", self.judge_a, a, fake_a, self.pools[0]),
            ("discriminator_b", self.judge_b, b, fake_b, self.pools[1]),
        ):
            loss = self.discriminator_loss(judge, real, pool(fake))
            self.optimizers[name].zero_grad(set_to_none=True)
            loss.backward()
            losses.append(loss.detach())
        for optimizer in self.optimizers.values():
            optimizer.step()
        return losses
