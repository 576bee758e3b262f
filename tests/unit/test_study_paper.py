"""config/paper.yaml is the paper's grid."""

from pathlib import Path

from ivvit.config import load_config

SIZES = {"Tiny-ImageNet": 16, "CIFAR100": 16, "UCF101": 4, "Kinetics200": 4}


def test_paper_configuration() -> None:
    config = load_config(Path(__file__).parents[2] / "config" / "paper.yaml")
    experiments = [config.experiment(name) for name in config.entries]
    assert {(e.model.name, e.pretrain) for e in experiments} == {
        (model, weights)
        for model in ("IV-ViT", "TokenShift", "MSCA", "polyvit")
        for weights in ("Kinetics400", "ImageNet-21k", "ImageNet-1k")
    }
    for experiment in experiments:
        assert experiment.iterations == 14_000 and experiment.precision == "bf16"
        assert experiment.num_frames == (32 if experiment.model.name == "polyvit" else 16)
        sizes = {name: use.batch_size for name, use in experiment.datasets.items()}
        assert len(sizes) in (1, 4) and sizes.items() <= SIZES.items()  # joint, or the same on one data set alone
        assert {(o.name, o.lr, o.weight_decay) for o in experiment.optimizer.values()} == {("AdamW", 1e-5, 5e-5)}
        assert {schedule.name for schedule in experiment.lr_schedule.values()} == {"cosine"}
    assert {tuple(entry.seeds) for entry in config.entries.values()} == {(0, 1, 2)}
    assert config.file.results.baseline in config.entries
    alone = [next(iter(e.datasets)) for e in experiments if len(e.datasets) == 1]
    assert sorted(alone) == sorted(SIZES), "joint against single: each data set by itself"
    assert config.trial("paper", {}).validation.holdout.share == 0.1
    assert {e.evaluation.split for e in experiments} == {"test"}
    assert {e.model.shift for e in experiments if e.model.name == "MSCA"} == {"qk"}
    space = config.file.studies["paper"].space
    assert set(space["optimizer.name"].choices) == {"SGD", "Adam", "AdamW"}
    assert (space["optimizer.lr"].low, space["optimizer.lr"].high, space["optimizer.lr"].log) == (1e-6, 1e-2, True)
    decay = space["optimizer.weight_decay"]
    assert (decay.low, decay.high, decay.log) == (5e-6, 5e-4, True)
    assert set(space["lr_schedule.name"].choices) == {"MultiStepLR", "cosine"}
    trial = config.trial("paper", {"optimizer.name": "SGD", "optimizer.lr": 1e-3, "lr_schedule.name": "MultiStepLR"})
    assert {(o.name, o.lr) for o in trial.optimizer.values()} == {("SGD", 1e-3)}
    assert {schedule.name for schedule in trial.lr_schedule.values()} == {"MultiStepLR"}
