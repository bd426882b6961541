"""The network of `_task_steps` in PyTorch alone, trained by its libraries."""

import itertools
import sys
import types

from benchmarks._task_steps import batch

PLAIN_TORCH = "plain sum, bare PyTorch"


class TorchNetwork:
    """The same network and its step in PyTorch alone."""

    def __init__(self, num_tasks, batch_size, width):
        import torch
        from torch import nn

        sizes = [128] + [width] * 4
        layers = [
            part
            for a, b in itertools.pairwise(sizes)
            for part in (nn.Linear(a, b), nn.ReLU())
        ]
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1))
            for _ in range(num_tasks)
        )
        self.optimizer = torch.optim.Adam(
            [*self.trunk.parameters(), *self.heads.parameters()]
        )
        x, y = batch(batch_size, num_tasks)
        self.x, self.y = torch.tensor(x), [torch.tensor(each) for each in y]

    def step(self, backward):
        """One step; `backward(h, copies, losses)` leaves the gradients."""
        from torch import nn

        self.optimizer.zero_grad()
        h = self.trunk(self.x)
        copies = [h.detach().requires_grad_() for _ in self.heads]
        inputs = copies if getattr(backward, "takes_copies", False) else None
        losses = [
            nn.functional.mse_loss(head(copy), y)
            for head, copy, y in zip(
                self.heads, inputs or [h] * len(copies), self.y, strict=True
            )
        ]
        backward(h, copies, losses)
        self.optimizer.step()


def peer_steps(num_tasks, batch_size, width):
    """Steps in PyTorch alone, and reasons where a peer cannot be run."""

    def step_of(make):
        network = TorchNetwork(num_tasks, batch_size, width)
        backward = make(network)
        return lambda: network.step(backward)

    steps = {
        PLAIN_TORCH: step_of(lambda _: lambda h, copies, ls: sum(ls).backward())
    }
    missing = {}
    for name, make in (
        ("TorchJD, MGDA", torchjd_backward),
        ("LibMTL, MGDA", lambda n: libmtl_backward(n, False)),
        ("LibMTL, MGDA on features", lambda n: libmtl_backward(n, True)),
        ("pytorch_optimizer, PCGrad", pytorch_optimizer_backward),
    ):
        try:
            steps[name] = step_of(make)
        except ImportError as error:
            missing[name] = f"{name.split(',')[0]} does not import: {error}"
    return steps, missing


def torchjd_backward(network):
    from torchjd.aggregation import MGDA
    from torchjd.autojac import jac_to_grad
    from torchjd.autojac import mtl_backward

    aggregator = MGDA()

    def backward(h, copies, losses):
        mtl_backward(losses, features=h)
        jac_to_grad(network.trunk.parameters(), aggregator)

    return backward


def libmtl_backward(network, of_features):
    """LibMTL's MGDA, in a network that is not of its own making.

    Its trainer asks for CUDA, and one of its models for a module that
    torchvision has no more; the weighting needs neither.
    """
    names = ("torchvision", "torchvision.models", "torchvision.models.utils")
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        sys.modules[name] = types.ModuleType(name)
    sys.modules[names[-1]].load_state_dict_from_url = None
    try:
        from LibMTL.weighting import MGDA
    finally:
        for name in absent:  # Others ask whether torchvision is there.
            del sys.modules[name]

    class Weighting(MGDA):
        def __init__(self):
            super().__init__()
            self.rep_grad = of_features
            self.device = "cpu"
            self.task_num = len(network.heads)
            self.task_name = list(range(self.task_num))

        def get_share_params(self):
            return network.trunk.parameters()

        def zero_grad_share_params(self):
            network.trunk.zero_grad(set_to_none=False)

    weighting = Weighting()

    def backward(h, copies, losses):
        weighting.rep, weighting.rep_tasks = h, copies
        weighting.backward(losses, mgda_gn="none")

    backward.takes_copies = of_features
    return backward


def pytorch_optimizer_backward(network):
    from pytorch_optimizer import PCGrad

    combined = PCGrad(network.optimizer, "sum")

    def backward(h, copies, losses):
        combined.pc_backward(losses)

    return backward
