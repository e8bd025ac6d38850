#!/usr/bin/env python3
"""Hold other attack libraries to Brinell's contract: models whose smallest adversarial change is known in closed form.

    brinell selftest --write cases
    python bench/conformance/peers.py cases --json peers.jsonl        # foolbox, torchattacks, ART
    brinell selftest --json > brinell.json
    python bench/conformance/table.py brinell.json peers.jsonl        # one table

Per library, attack and norm it counts, on the same cases:

    above       an example is found within a radius 1 % above the optimum (5 % for attacks that see labels only)
    nearest     the nearest example is within 1 % (5 %) of the optimum
    invariant   the same with 100 taken from all logits, and with logits times 1000
    degenerate  constant models, NaN logits, odd shapes and samples that are wrong already: no exception, no example where none exists

An example counts if the model, in f64, gives it another class, it lies in [0, 1], and its distance from the clean input, in f64, is
within the radius (relative allowance 1e-6).
"""
import argparse, importlib.metadata, json, os, pathlib, signal, tempfile, warnings
import numpy as np

warnings.filterwarnings("ignore")
NORMS = {"linf": np.inf, "l2": 2, "l1": 1}


def distance(a, b, norm):
    d = np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).ravel()
    return float((d != 0).sum()) if norm == "l0" else float(np.linalg.norm(d, NORMS[norm]))


def layers(path):
    """Weights and biases of the case's linear layers, in order."""
    import onnx
    from onnx import numpy_helper
    graph = onnx.load(path).graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    gemms = [n for n in graph.node if n.op_type == "Gemm"]
    return [(constants[n.input[1]], constants[n.input[2]]) for n in gemms]


def build(weights, shift=0.0, scale=1.0, dtype=None):
    import torch

    class Flatten(torch.nn.Flatten):
        """Takes inputs of any float type, since ART's HopSkipJump sends doubles to every network."""
        def forward(self, x):
            return super().forward(x.to(dtype or torch.float32))
    parts = [Flatten()]
    for k, (w, b) in enumerate(weights):
        last = k == len(weights) - 1
        layer = torch.nn.Linear(w.shape[1], w.shape[0])
        layer.weight.data = torch.tensor(w * (scale if last else 1.0))
        layer.bias.data = torch.tensor(b * (scale if last else 1.0) + (shift if last else 0.0))
        parts += [layer] if last else [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*parts).requires_grad_(False).eval().to(dtype or torch.float32)


def margin(weights, x, label):
    """How far the point is past the label's class, in f64."""
    import torch
    z = build(weights, dtype=torch.float64)(torch.tensor(np.asarray(x, np.float64))[None])[0].numpy()
    return np.max(np.delete(z, label)) - z[label]


class Timeout(Exception):
    pass


def limited(call, seconds):
    def ring(*_):
        raise Timeout(f"more than {seconds} s")
    # The processor's seconds, so that a busy machine stops no attack early.
    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return call()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def foolbox_attacks():
    import foolbox as fb, torch
    a = fb.attacks

    def run(make, fixed):
        def attack(net, x, y, eps):
            model = fb.PyTorchModel(net, bounds=(0, 1), device="cpu")
            _, clipped, _ = make()(model, torch.tensor(x)[None], torch.tensor([y]), epsilons=eps if fixed else None)
            return clipped[0].numpy()
        return attack
    fixed = [("linf", "LinfPGD", lambda: a.LinfPGD(rel_stepsize=0.1, steps=100)), ("l2", "L2PGD", lambda: a.L2PGD(rel_stepsize=0.1, steps=100)),
             ("linf", "LinfFastGradient", a.LinfFastGradientAttack), ("l1", "SparseL1Descent", lambda: a.SparseL1DescentAttack(rel_stepsize=0.1, steps=100))]
    minimum = [("l2", "L2DeepFool", a.L2DeepFoolAttack), ("linf", "LinfDeepFool", a.LinfDeepFoolAttack), ("l2", "L2CarliniWagner", lambda: a.L2CarliniWagnerAttack(steps=1000)),
               ("l2", "DDN", lambda: a.DDNAttack(steps=1000)), ("l2", "L2FMN", lambda: a.L2FMNAttack(steps=1000)), ("linf", "LInfFMN", lambda: a.LInfFMNAttack(steps=1000)),
               ("l1", "L1FMN", lambda: a.L1FMNAttack(steps=1000)), ("l0", "L0FMN", lambda: a.L0FMNAttack(steps=1000)), ("l1", "EAD", lambda: a.EADAttack(steps=1000))]
    labels = [("l2", "Boundary", lambda: a.BoundaryAttack(steps=5000)), ("l2", "HopSkipJump", lambda: a.HopSkipJumpAttack(steps=30))]
    for norm, name, make in fixed:
        yield norm, name, "fixed", 0.01, run(make, True)
    for norm, name, make in minimum:
        yield norm, name, "minimum", 0.01, run(make, False)
    for norm, name, make in labels:
        yield norm, name, "minimum", 0.05, run(make, False)


def torchattacks_attacks():
    import torch, torchattacks as t

    def run(make):
        def attack(net, x, y, eps):
            return make(net, eps)(torch.tensor(x)[None], torch.tensor([y]))[0].detach().numpy()
        return attack
    for norm, name, kind, make in [
        ("linf", "FGSM", "fixed", lambda n, e: t.FGSM(n, eps=e)), ("linf", "PGD", "fixed", lambda n, e: t.PGD(n, eps=e, alpha=e / 10, steps=100)),
        ("l2", "PGDL2", "fixed", lambda n, e: t.PGDL2(n, eps=e, alpha=e / 10, steps=100)),
        ("linf", "APGD-ce", "fixed", lambda n, e: t.APGD(n, norm="Linf", eps=e, steps=100)), ("l2", "APGD-ce", "fixed", lambda n, e: t.APGD(n, norm="L2", eps=e, steps=100)),
        ("linf", "FAB", "fixed", lambda n, e: t.FAB(n, norm="Linf", eps=e, steps=100, n_classes=n[-1].out_features)),
        ("l2", "FAB", "fixed", lambda n, e: t.FAB(n, norm="L2", eps=e, steps=100, n_classes=n[-1].out_features)),
        ("linf", "Square", "fixed", lambda n, e: t.Square(n, norm="Linf", eps=e, n_queries=5000)), ("l2", "Square", "fixed", lambda n, e: t.Square(n, norm="L2", eps=e, n_queries=5000)),
        ("l2", "CW", "minimum", lambda n, e: t.CW(n, c=10, steps=1000, lr=0.01)), ("l2", "DeepFool", "minimum", lambda n, e: t.DeepFool(n)),
    ]:
        yield norm, name, kind, 0.01, run(make)


def art_attacks():
    import torch
    from art.attacks import evasion as e
    # Its GeoDA was written for numpy 1.
    np.mat = np.asmatrix
    from art.estimators.classification import PyTorchClassifier

    def run(make):
        def attack(net, x, y, eps):
            shape = x.shape
            model = PyTorchClassifier(net, loss=torch.nn.CrossEntropyLoss(), input_shape=shape, nb_classes=net[-1].out_features, clip_values=(0, 1))
            return make(model, eps).generate(x[None], np.array([y]))[0]
        return attack
    q = dict(verbose=False)
    for norm, name, kind, tolerance, make in [
        ("linf", "PGD", "fixed", 0.01, lambda m, eps: e.ProjectedGradientDescent(m, norm=np.inf, eps=eps, eps_step=eps / 10, max_iter=100, **q)),
        ("l2", "PGD", "fixed", 0.01, lambda m, eps: e.ProjectedGradientDescent(m, norm=2, eps=eps, eps_step=eps / 10, max_iter=100, **q)),
        ("linf", "AutoPGD", "fixed", 0.01, lambda m, eps: e.AutoProjectedGradientDescent(m, norm=np.inf, eps=eps, eps_step=2 * eps, max_iter=100, nb_random_init=1, **q)),
        ("l2", "AutoPGD", "fixed", 0.01, lambda m, eps: e.AutoProjectedGradientDescent(m, norm=2, eps=eps, eps_step=2 * eps, max_iter=100, nb_random_init=1, **q)),
        ("l2", "DeepFool", "minimum", 0.01, lambda m, eps: e.DeepFool(m, **q)),
        ("l2", "CarliniL2", "minimum", 0.01, lambda m, eps: e.CarliniL2Method(m, max_iter=100, binary_search_steps=10, **q)),
        ("l1", "ElasticNet", "minimum", 0.01, lambda m, eps: e.ElasticNet(m, max_iter=100, **q)),
        ("l2", "HopSkipJump", "minimum", 0.05, lambda m, eps: e.HopSkipJump(m, norm=2, max_iter=30, **q)),
        ("l2", "GeoDA", "minimum", 0.05, lambda m, eps: e.GeoDA(m, norm=2, max_iter=4000, **q)),
    ]:
        yield norm, name, kind, tolerance, run(make)


LIBRARIES = {"foolbox": foolbox_attacks, "torchattacks": torchattacks_attacks, "adversarial-robustness-toolbox": art_attacks}


def examine(case, weights, norm, kind, tolerance, attack, limit, shift=0.0, scale=1.0):
    """(passed, ratio or None, what went wrong) of one attack on one case."""
    import torch
    optimum = case["optimum"][norm]
    x = np.array(case["x"], np.float32).reshape(case["shape"])
    eps = (optimum if optimum is not None else 0.1) * (1 + tolerance)
    if norm == "l0" and optimum is not None:
        eps = max(np.ceil(eps), optimum + 1)
    torch.manual_seed(0); np.random.seed(0)
    try:
        found = limited(lambda: attack(build(weights, shift, scale), x, case["label"], float(eps)), limit)
    except Exception as error:
        return False, None, f"{type(error).__name__}: {error}"[:120]
    finite = np.isfinite(found).all()
    inside = finite and (found >= 0).all() and (found <= 1).all()
    flipped = finite and margin(weights, found, case["label"]) > 0
    far = distance(found, x, norm) if finite else np.nan
    if optimum is None:
        return bool(finite and not flipped), None, "" if finite else "not finite"
    ratio = far / optimum if flipped and inside else None
    within = flipped and inside and far <= eps * (1 + 1e-6)
    return bool(within), ratio if kind == "minimum" else None, "" if within else f"flipped {bool(flipped)}, in the box {bool(inside)}, distance over optimum {far / optimum:.4f}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("cases", type=pathlib.Path)
    p.add_argument("--json", type=pathlib.Path, required=True)
    p.add_argument("--library", choices=LIBRARIES, action="append")
    p.add_argument("--attack", action="append", help="only this one, by its name in the table; may be repeated")
    p.add_argument("--limit", type=int, default=30, help="seconds of the processor for one case; what takes longer has not passed")
    a = p.parse_args()
    import torch
    torch.set_num_threads(1)
    a.cases, a.json = a.cases.resolve(), a.json.resolve()
    # ART's GeoDA leaves its basis in the current folder.
    os.chdir(tempfile.mkdtemp())
    cases = json.loads((a.cases / "cases.json").read_text())
    exact = [c for c in cases if "linear" in c["name"] or "ReLU" in c["name"]]
    odd = [c for c in cases if c not in exact]
    with a.json.open("a") as out:
        for library in a.library or LIBRARIES:
            version = importlib.metadata.version(library)
            for norm, name, kind, tolerance, attack in LIBRARIES[library]():
                if a.attack and name not in a.attack:
                    continue
                runs = [("nearest" if kind == "minimum" else "above", c, 0.0, 1.0) for c in exact]
                runs += [("invariant", exact[0], -100.0, 1.0), ("invariant", exact[0], 0.0, 1000.0)]
                runs += [("degenerate", c, 0.0, 1.0) for c in odd]
                for check, case, shift, scale in runs:
                    passed, ratio, why = examine(case, layers(a.cases / case["model"]), norm, kind, tolerance, attack, a.limit, shift, scale)
                    line = dict(library=library, version=version, attack=name, norm=norm, check=check, case=case["name"], shift=shift, scale=scale, passed=passed, ratio=ratio, why=why)
                    out.write(json.dumps(line) + "\n"); out.flush()


if __name__ == "__main__":
    main()
