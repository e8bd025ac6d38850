#!/usr/bin/env python3
"""Run minimum-norm attacks of foolbox, torchattacks and adversarial-library on one network; one line of JSON per attack.

    python bench/minnorm_peer.py --network resnet_2b --norm l2 --n 50 --advlib FOLDER
    python bench/minnorm_peer.py --list

Every attack is set so that a sample costs at most 1000 forwards and 1000 backwards; `forwards` and `backwards` say what it did cost, counted where
the images enter the network. An example counts only if the network, asked again, gives another class and every value lies in 0..1; images
that are right and have no example count as infinitely far. FOLDER holds adversarial-library's package `adv_lib`.
"""
import argparse
import contextlib
import importlib.util
import json
import math
import sys
import time
import types
import warnings

import torch

from networks import NETWORKS
from torch_network import Counted, tools


def foolbox_attack(name, **settings):
    def run(network, x, y):
        import foolbox
        model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
        return getattr(foolbox.attacks, name)(**settings)(model, x, y, epsilons=None)[1]
    return run


def torchattack(name, **settings):
    def run(network, x, y):
        import torchattacks
        return getattr(torchattacks, name)(network, **settings)(x, y)
    return run


def advlib(name, **settings):
    def run(network, x, y):
        from adv_lib.attacks import auto_pgd, sigma_zero, superdeepfool
        import adv_lib.attacks as attacks
        found = next(getattr(module, name) for module in (attacks, auto_pgd, sigma_zero, superdeepfool) if hasattr(module, name))
        return found(network, x, y, **settings)
    return run


INF = math.inf
PEERS = {
    "l2": {
        "foolbox:DDN": foolbox_attack("DDNAttack", steps=1000),
        "foolbox:FMN": foolbox_attack("L2FMNAttack", steps=1000),
        "foolbox:CW": foolbox_attack("L2CarliniWagnerAttack", binary_search_steps=9, steps=111),
        "foolbox:DeepFool": foolbox_attack("L2DeepFoolAttack"),
        "foolbox:BrendelBethge": foolbox_attack("L2BrendelBethgeAttack", steps=900),
        "torchattacks:CW": torchattack("CW", steps=1000),
        "torchattacks:DeepFool": torchattack("DeepFool"),
        "torchattacks:FAB": torchattack("FAB", norm="L2", eps=1e9, steps=100),
        "adv_lib:DDN": advlib("ddn", steps=1000, levels=None),
        "adv_lib:FMN": advlib("fmn", norm=2, steps=1000),
        "adv_lib:PDGD": advlib("pdgd", num_steps=1000),
        "adv_lib:PDPGD": advlib("pdpgd", norm=2, num_steps=1000),
        "adv_lib:ALMA": advlib("alma", num_steps=1000, distance="l2"),
        "adv_lib:CW": advlib("carlini_wagner_l2", binary_search_steps=9, max_iterations=111),
        "adv_lib:FAB": advlib("fab", norm=2, n_iter=110),
        "adv_lib:FAB-T": advlib("fab", norm=2, n_iter=55, targeted_restarts=True),
        "adv_lib:SDF": advlib("sdf", steps=20),
        "adv_lib:APGD-min": advlib("minimal_apgd", norm=2, max_eps=5.0, binary_search_steps=10, n_iter=99),
    },
    "linf": {
        "foolbox:FMN": foolbox_attack("LInfFMNAttack", steps=1000),
        "foolbox:DeepFool": foolbox_attack("LinfDeepFoolAttack"),
        "foolbox:BrendelBethge": foolbox_attack("LinfinityBrendelBethgeAttack", steps=900),
        "torchattacks:FAB": torchattack("FAB", norm="Linf", eps=1e9, steps=100),
        "adv_lib:FMN": advlib("fmn", norm=INF, steps=1000),
        "adv_lib:PDPGD": advlib("pdpgd", norm=INF, num_steps=1000),
        "adv_lib:FAB": advlib("fab", norm=INF, n_iter=110),
        "adv_lib:FAB-T": advlib("fab", norm=INF, n_iter=55, targeted_restarts=True),
        "adv_lib:APGD-min": advlib("minimal_apgd", norm=INF, max_eps=0.3, binary_search_steps=10, n_iter=99),
    },
    "l1": {
        "foolbox:FMN": foolbox_attack("L1FMNAttack", steps=1000),
        "foolbox:EAD": foolbox_attack("EADAttack", binary_search_steps=9, steps=55, decision_rule="L1"),
        "foolbox:BrendelBethge": foolbox_attack("L1BrendelBethgeAttack", steps=900),
        "torchattacks:EADL1": torchattack("EADL1", binary_search_steps=9, max_iterations=55),
        "torchattacks:EADEN": torchattack("EADEN", binary_search_steps=9, max_iterations=55),
        "adv_lib:FMN": advlib("fmn", norm=1, steps=1000),
        "adv_lib:PDPGD": advlib("pdpgd", norm=1, num_steps=1000),
        "adv_lib:ALMA": advlib("alma", num_steps=1000, distance="l1", lr_init=0.5),
        "adv_lib:FAB": advlib("fab", norm=1, n_iter=110),
        "adv_lib:FAB-T": advlib("fab", norm=1, n_iter=55, targeted_restarts=True),
        "adv_lib:APGD-min": advlib("minimal_apgd", norm=1, max_eps=30.0, binary_search_steps=10, n_iter=99),
    },
    "l0": {
        "foolbox:FMN": foolbox_attack("L0FMNAttack", steps=1000),
        "foolbox:BrendelBethge": foolbox_attack("L0BrendelBethgeAttack", steps=900),
        "adv_lib:FMN": advlib("fmn", norm=0, steps=1000),
        "adv_lib:PDPGD": advlib("pdpgd", norm=0, num_steps=1000),
        "adv_lib:PDPGD-2/3": advlib("pdpgd", norm=0, num_steps=1000, proximal_operator=23),
        "adv_lib:sigma-zero": advlib("sigma_zero", num_steps=1000),
    },
}


def distances(norm, x, x_adv):
    delta = (x_adv.double() - x.double()).flatten(1)
    return {"l2": delta.norm(dim=1), "linf": delta.abs().amax(1), "l1": delta.abs().sum(1), "l0": (delta != 0).sum(1).double()}[norm]


def measured(network, run, norm, x, y, rows):
    """Distance of every image's example, infinite where there is none, with cost and time."""
    torch.manual_seed(0)
    network.forwards = network.backwards = 0
    start = time.perf_counter()
    x_adv = torch.cat([run(network, a, b).detach() for a, b in zip(x.split(rows), y.split(rows))])
    seconds = time.perf_counter() - start
    forwards, backwards = network.forwards / len(x), network.backwards / len(x)
    with torch.no_grad():
        fooled = torch.cat([network(a).argmax(1) != b for a, b in zip(x_adv.split(256), y.split(256))])
    inside = ((x_adv >= 0) & (x_adv <= 1)).flatten(1).all(1)
    far = torch.where(fooled & inside, distances(norm, x, x_adv), INF)
    return dict(norms=[None if v == INF else v for v in far.tolist()], forwards=forwards, backwards=backwards, seconds=round(seconds, 2),
                outside=int((~inside).sum()))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--network", choices=[k for k, v in NETWORKS.items() if v.peers])
    p.add_argument("--norm", choices=list(PEERS))
    p.add_argument("--attacks", default="", help="some of those that --list names; all by default")
    p.add_argument("--n", type=int, default=50)
    p.add_argument("--batch", type=int, default=100)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--advlib", default=".")
    p.add_argument("--list", action="store_true")
    a = p.parse_args()
    if a.list:
        print("\n".join(f"{norm:5} {name}" for norm, attacks in PEERS.items() for name in attacks))
        return
    if not (a.network and a.norm):
        p.error("--network and --norm are needed")
    sys.path.insert(0, a.advlib)
    if importlib.util.find_spec("visdom") is None:
        # adversarial-library imports it to draw progress, which nobody asks for here.
        sys.modules["visdom"] = types.ModuleType("visdom")
        sys.modules["visdom"].Visdom = None
    warnings.filterwarnings("ignore")
    torch.set_num_threads(a.threads)
    helper = tools()
    network = Counted(helper.network(a.network)).eval()
    pixels, labels = helper.images(helper.MODELS[a.network][1], a.n)
    x, y = torch.tensor(pixels), torch.tensor(labels)
    with torch.no_grad():
        right = network(x).argmax(1) == y
    attacks = {name: run for name, run in PEERS[a.norm].items() if not a.attacks or name in a.attacks.split(",")}
    for name, run in attacks.items():
        line = dict(tool=name, network=a.network, norm=a.norm, n=len(y), clean_correct=int(right.sum()), threads=a.threads, torch=torch.__version__)
        # The libraries print remarks of their own.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                line |= measured(network, run, a.norm, x[right], y[right], a.batch)
            except Exception as error:
                line |= dict(failed=f"{type(error).__name__}: {error}"[:300])
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
